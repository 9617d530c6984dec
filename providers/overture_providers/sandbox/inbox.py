"""What the sandbox keeps, in SQLite so that a killed sandbox goes on where it stopped.

Every accepted message is a row of its own, also if it carries an id that came before: the inbox is what
tests ask whether anybody was written to twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

FILE_NAME = "sandbox.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
  n INTEGER PRIMARY KEY, provider_id TEXT NOT NULL, channel TEXT NOT NULL, message_id TEXT, workspace TEXT,
  recipient TEXT NOT NULL, sender TEXT NOT NULL, subject TEXT, body TEXT NOT NULL, status TEXT NOT NULL,
  error_code INTEGER, accepted_at REAL NOT NULL, html TEXT, headers TEXT
);
CREATE INDEX IF NOT EXISTS messages_by_message_id ON messages (message_id);
CREATE INDEX IF NOT EXISTS messages_by_provider_id ON messages (provider_id);
CREATE INDEX IF NOT EXISTS messages_by_recipient ON messages (channel, recipient);
CREATE TABLE IF NOT EXISTS outbox (
  n INTEGER PRIMARY KEY, due_at REAL NOT NULL, kind TEXT NOT NULL, url TEXT NOT NULL, payload TEXT NOT NULL,
  provider_id TEXT, status TEXT, tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting'
);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (due_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS outbox_replies ON outbox (json_extract(payload, '$.From'), due_at)
  WHERE kind = 'sms_reply';
CREATE TABLE IF NOT EXISTS suppressions (
  list TEXT NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL, created_at REAL NOT NULL,
  PRIMARY KEY (list, address)
);
CREATE TABLE IF NOT EXISTS stripe_objects (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS stripe_objects_by_kind ON stripe_objects (kind, n);
CREATE TABLE IF NOT EXISTS stripe_keys (
  key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that the sandbox took. `message_id` is ours, as the request carried it; times are Unix seconds."""

    provider_id: str
    channel: str
    message_id: str | None
    workspace: str | None
    recipient: str
    sender: str
    subject: str | None
    body: str
    status: str
    accepted_at: float
    error_code: int | None = None
    html: str | None = None
    headers: str | None = None  # JSON


@dataclass(frozen=True, slots=True)
class Webhook:
    """Something to tell the receiver at `due_at`. `kind`: event, email_reply, sms_status, sms_reply,
    call_answer, call_key, call_status, stripe_event, linkedin_lead.

    Once told, the message `provider_id` has the status `status`, where one is given.
    """

    due_at: float
    kind: str
    url: str
    payload: dict[str, Any]
    provider_id: str | None = None
    status: str | None = None
    n: int = 0
    tries: int = 0


class Inbox:
    """One connection behind a lock; every method is one short transaction and may run in any thread."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = Lock()
        self._db = sqlite3.connect(data_dir / FILE_NAME, timeout=15, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")  # survives a killed process, which is what is asked for
        self._db.executescript(_SCHEMA)
        known = {column["name"] for column in self._db.execute("PRAGMA table_info(messages)")}
        for name in ("html", "headers"):
            if name not in known:  # an inbox from before there was HTML
                self._db.execute(f"ALTER TABLE messages ADD COLUMN {name} TEXT")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, for whoever keeps more here than messages."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _rows(self, sql: str, values: Sequence[object] | dict[str, object] = ()) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._db.execute(sql, values)]

    def record(self, messages: Sequence[Accepted], webhooks: Sequence[Webhook]) -> None:
        """Keep accepted messages together with all that will be told about them."""
        with self.write() as db:
            db.executemany(
                "INSERT INTO messages (provider_id, channel, message_id, workspace, recipient, sender, subject, body,"
                " status, error_code, accepted_at, html, headers) VALUES (:provider_id, :channel, :message_id,"
                " :workspace, :recipient, :sender, :subject, :body, :status, :error_code, :accepted_at, :html,"
                " :headers)",
                [asdict(message) for message in messages],
            )
            queue(db, webhooks)

    def due(self, now: float, limit: int = 1_000) -> list[Webhook]:
        """Return what is to be told by now, oldest first."""
        rows = self._rows(
            "SELECT n, due_at, kind, url, payload, provider_id, status, tries FROM outbox"
            " WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at, n LIMIT ?",
            (now, limit),
        )
        return [Webhook(**{**row, "payload": json.loads(row["payload"])}) for row in rows]

    def next_due(self) -> float | None:
        """Return when the next webhook is due."""
        found = self._rows("SELECT min(due_at) AS due_at FROM outbox WHERE state = 'waiting'")[0]["due_at"]
        return None if found is None else float(found)

    def wrote_at(self, sender: str, now: float) -> float | None:
        """Return when somebody last wrote to one of our numbers."""
        found = self._rows(
            "SELECT max(due_at) AS at FROM outbox WHERE kind = 'sms_reply' AND json_extract(payload, '$.From') = ?"
            " AND due_at <= ?",
            (sender, now),
        )[0]["at"]
        return None if found is None else float(found)

    def told(self, webhooks: Sequence[Webhook]) -> None:
        """The receiver took these."""
        with self.write() as db:
            db.executemany("UPDATE outbox SET state = 'told' WHERE n = ?", [(w.n,) for w in webhooks])
            db.executemany(
                "UPDATE messages SET status = ?, error_code = ? WHERE provider_id = ?",
                [(w.status, w.payload.get("ErrorCode"), w.provider_id) for w in webhooks if w.status],
            )

    def heard(self, provider_id: str, said: str, webhooks: Sequence[Webhook]) -> None:
        """Keep what a call said, and what whoever heard it will do."""
        with self.write() as db:
            db.execute("UPDATE messages SET body = ? WHERE provider_id = ?", (said, provider_id))
            queue(db, webhooks)

    def not_told(self, webhooks: Sequence[Webhook], *, again_at: float | None) -> None:
        """The receiver did not take these; try again then, or never."""
        state = "waiting" if again_at is not None else "given_up"
        with self.write() as db:
            db.executemany(
                "UPDATE outbox SET state = ?, tries = tries + 1, due_at = coalesce(?, due_at) WHERE n = ?",
                [(state, again_at, w.n) for w in webhooks],
            )

    def messages(
        self,
        *,
        channel: str | None = None,
        message_id: str | None = None,
        provider_id: str | None = None,
        recipient: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """Return accepted messages, newest first, that fit every filter given."""
        return self._rows(
            "SELECT * FROM messages WHERE (:channel IS NULL OR channel = :channel)"
            " AND (:message_id IS NULL OR message_id = :message_id)"
            " AND (:provider_id IS NULL OR provider_id = :provider_id)"
            " AND (:recipient IS NULL OR recipient = :recipient) ORDER BY n DESC LIMIT :limit OFFSET :offset",
            {
                "channel": channel,
                "message_id": message_id,
                "provider_id": provider_id,
                "recipient": recipient,
                "limit": limit,
                "offset": offset,
            },
        )

    def summary(self) -> dict[str, Any]:
        """Return how many messages were accepted, under how many ids, and the ids accepted more than once."""
        counts = self._rows("SELECT count(*) AS accepted, count(DISTINCT message_id) AS unique_ids FROM messages")[0]
        twice = self._rows(
            "SELECT message_id FROM messages GROUP BY message_id HAVING count(*) > 1 AND message_id"
            " IS NOT NULL ORDER BY message_id"
        )
        channels = self._rows("SELECT channel, count(*) AS accepted FROM messages GROUP BY channel ORDER BY channel")
        webhooks = self._rows("SELECT state, count(*) AS webhooks FROM outbox GROUP BY state ORDER BY state")
        return {
            "accepted": counts["accepted"],
            "unique_message_ids": counts["unique_ids"],
            "accepted_twice": [row["message_id"] for row in twice],
            "by_channel": {row["channel"]: row["accepted"] for row in channels},
            "webhooks": {row["state"]: row["webhooks"] for row in webhooks},
        }

    def suppress(self, name: str, address: str, reason: str, now: float) -> None:
        """Put an address on one of the provider's own lists."""
        with self.write() as db:
            db.execute("INSERT OR IGNORE INTO suppressions VALUES (?, ?, ?, ?)", (name, address, reason, now))

    def unsuppress(self, name: str, address: str) -> None:
        """Take an address off a list."""
        with self.write() as db:
            db.execute("DELETE FROM suppressions WHERE list = ? AND address = ?", (name, address))

    def suppressed(self, addresses: Sequence[str]) -> dict[str, str]:
        """Return the list that each suppressed address among these is on."""
        rows = self._rows(
            "SELECT address, list FROM suppressions WHERE address IN (SELECT value FROM json_each(?))",
            (json.dumps(list(addresses)),),
        )
        return {row["address"]: row["list"] for row in rows}

    def suppression_list(self, name: str) -> list[dict[str, Any]]:
        """Return one list: address, reason, created_at."""
        return self._rows(
            "SELECT address, reason, created_at FROM suppressions WHERE list = ? ORDER BY address", (name,)
        )


def queue(db: sqlite3.Connection, webhooks: Sequence[Webhook]) -> None:
    """Have these told, once the transaction is committed."""
    db.executemany(
        "INSERT INTO outbox (due_at, kind, url, payload, provider_id, status) VALUES (?, ?, ?, ?, ?, ?)",
        [(w.due_at, w.kind, w.url, json.dumps(w.payload), w.provider_id, w.status) for w in webhooks],
    )
