"""What the sandbox's Stripe keeps: its objects, its events, and its answers by idempotency key."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Callable
from typing import Any

from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.inbox import Webhook, queue
from overture_providers.sandbox.stripe.forms import ApiError
from overture_providers.sandbox.stripe.shapes import Json, blank, page

EVENT_AFTER_S = 0.1
STRIPE_EVENT = "stripe_event"
MOST = 100
_CLAUSE = re.compile(
    r"""\s*(-)?(?:metadata\[["'](\w+)["']\]|(\w+))\s*(:|~|>=|<=|>|<)\s*(?:"([^"]*)"|'([^']*)'|(\S+))\s*"""
)


class State:
    """The objects as one request sees them, in one transaction. `base` is the address of the sandbox."""

    def __init__(self, db: sqlite3.Connection, sandbox: Sandbox, base: str, key: str | None) -> None:
        self._db = db
        self._sandbox = sandbox
        self._key = key
        self.base = base.rstrip("/")
        self.now = int(sandbox.now())
        self.api_version = ""

    def new(self, kind: str, prefix: str, **values: Any) -> Json:
        """Make an object and keep it."""
        made = blank(kind)
        values.setdefault("id", f"{prefix}_{secrets.token_hex(12)}")
        if "created" in made:  # an item of an invoice has a date
            made["created"] = self.now
        made |= {"object": kind, **values}
        if "livemode" in made:
            made["livemode"] = False
        self._db.execute(
            "INSERT INTO stripe_objects (id, kind, body) VALUES (?, ?, ?)", (made["id"], kind, json.dumps(made))
        )
        return made

    def save(self, changed: Json) -> Json:
        """Keep a changed object."""
        self._db.execute("UPDATE stripe_objects SET body = ? WHERE id = ?", (json.dumps(changed), changed["id"]))
        return changed

    def remove(self, gone: Json) -> Json:
        """Take an object away."""
        self._db.execute("DELETE FROM stripe_objects WHERE id = ?", (gone["id"],))
        return {"id": gone["id"], "object": gone["object"], "deleted": True}

    def get(self, kind: str, id_: str, param: str = "id") -> Json:
        """Return an object.

        Raises:
            ApiError: there is none.
        """
        row = self._db.execute("SELECT body FROM stripe_objects WHERE kind = ? AND id = ?", (kind, id_)).fetchone()
        if row is None:
            name = kind.replace("_", " ")
            raise ApiError(f"No such {name}: '{id_}'", status=404, code="resource_missing", param=param)
        found: Json = json.loads(row["body"])
        return found

    def all(self, kind: str, fits: Callable[[Json], bool] = lambda _: True) -> list[Json]:
        """Return the objects of a kind, newest first."""
        rows = self._db.execute("SELECT body FROM stripe_objects WHERE kind = ? ORDER BY n DESC", (kind,))
        return [each for each in (json.loads(row["body"]) for row in rows) if fits(each)]

    def listed(self, kind: str, given: Json, url: str) -> Json:
        """Answer a list call: `limit`, `starting_after`, and any field that has to be as given."""
        limit, after = min(int(given.pop("limit", 10)), MOST), given.pop("starting_after", None)
        found = self.all(kind, lambda each: all(_same(each.get(name), value) for name, value in given.items()))
        if after is not None:
            known = [each["id"] for each in found]
            found = found[known.index(after) + 1 :] if after in known else []
        return page(found[:limit], url, more=len(found) > limit)

    def searched(self, kind: str, given: Json, url: str) -> Json:
        """Answer a search: clauses joined by AND, or by OR, on fields and metadata."""
        query, limit = str(given.get("query", "")), min(int(given.get("limit", 10)), MOST)
        joined, parts = (any, re.split(r"\bOR\b", query)) if " OR " in query else (all, re.split(r"\bAND\b", query))
        clauses = [_CLAUSE.fullmatch(part) for part in parts]
        if None in clauses:
            raise ApiError(f"We were unable to parse your search query: {query}", param="query")
        found = self.all(kind, lambda each: joined(_meets(each, clause) for clause in clauses if clause))
        return {
            **page(found[:limit], url, more=len(found) > limit),
            "object": "search_result",
            "next_page": None,
            "total_count": len(found),
        }

    def tell(self, kind: str, about: Json) -> None:
        """Keep an event and send it."""
        event = self.new(
            "event",
            "evt",
            type=kind,
            api_version=self.api_version,
            data={"object": about},
            pending_webhooks=1,
            request={"id": f"req_{secrets.token_hex(7)}", "idempotency_key": self._key},
        )
        queue(self._db, [Webhook(self._sandbox.after(EVENT_AFTER_S), STRIPE_EVENT, "", event)])

    def answered(self, key: str) -> sqlite3.Row | None:
        """Return what was answered under an idempotency key."""
        row: sqlite3.Row | None = self._db.execute("SELECT * FROM stripe_keys WHERE key = ?", (key,)).fetchone()
        return row

    def remember(self, key: str, request: str, status: int, body: str) -> None:
        """Keep an answer under its idempotency key."""
        self._db.execute("INSERT INTO stripe_keys VALUES (?, ?, ?, ?)", (key, request, status, body))


def _same(value: Any, given: str) -> bool:
    return str(value).lower() == given.lower() if isinstance(value, bool) else value == given


def _meets(each: Json, clause: re.Match[str]) -> bool:
    negated, metadata, field, operator, *values = clause.groups()
    wanted = next((value for value in values if value is not None), "")
    value = (each.get("metadata") or {}).get(metadata) if metadata else each.get(field)
    if operator == ":":
        met = value is not None and _text(value) == wanted.lower()
    elif operator == "~":
        met = value is not None and wanted.lower() in _text(value)
    else:
        met = isinstance(value, int) and wanted.isdigit() and _compared(operator, value, int(wanted))
    return met is not bool(negated)


def _text(value: Any) -> str:
    return str(value).lower()


def _compared(operator: str, value: int, wanted: int) -> bool:
    return {">": value > wanted, "<": value < wanted, ">=": value >= wanted, "<=": value <= wanted}[operator]
