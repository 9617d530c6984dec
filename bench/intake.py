"""Webhooks at scale: events a second, from SendGrid's signed call to the ledger's new states.

    uv run python -m bench.intake

Accepted messages are inserted first, which is not timed. Then signed calls, as SendGrid would make them,
tell of each message that it was processed, delivered and opened. `verify` checks the signature on the raw
body and reads the events, `store` keeps and deduplicates them, `repeat` stores the same again, `apply`
takes all of them into the ledger. What others pay at the least stands below: JSON read and inserted raw.
"""

from __future__ import annotations

import base64
import json
import random
import time
from collections import defaultdict
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from sqlalchemy import insert, select, text, update

from bench import stage
from bench.measuring import Report, arguments, median, number, package_versions
from bench.places import DATABASES, Place, open_store, place
from overture_core.ids import new_id
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.storage.schema import Message, WebhookEvent
from overture_core.storage.store import Store
from overture_providers.email.events import SIGNATURE_HEADER, TIMESTAMP_HEADER, verify_and_parse
from overture_providers.sandbox.keys import SandboxKeys, load_or_create

KINDS = ("processed", "delivered", "open")
RAW = "raw"
PARTS = ("verify", "store", "repeat", "apply", RAW)

Call = tuple[bytes, dict[str, str]]


def accepted_messages(store: Store, number: int) -> list[tuple[str, str]]:
    """Insert messages that a provider has accepted; returns their ids and addresses."""
    stage.prepare(store)
    stage.add_leads(store, number)
    stage.add_due_messages(store, Channel.EMAIL)
    with store.begin(stage.WORKSPACE, actor=stage.ACTOR) as work:
        taken = {"state": State.ACCEPTED, "provider": "sendgrid", "provider_id": "sg1", "accepted_at": work.now()}
        work.session.execute(update(Message).values(taken))
        rows = work.session.execute(select(Message.id, Message.address).order_by(Message.id))
        return [(row.id, row.address) for row in rows]


def signed_calls(messages: list[tuple[str, str]], keys: SandboxKeys, size: int) -> list[Call]:
    """Return the webhook calls of `size` events each, in SendGrid's shape, kinds in an order of their own."""
    now = int(time.time())
    events = [
        {
            "email": address,
            "timestamp": now,
            "event": kind,
            "sg_event_id": f"{message}.{kind}",
            "sg_message_id": "sg1.filter0001",
            "message_id": message,
            "workspace": stage.WORKSPACE,
            "smtp-id": f"<{message}@example.com>",
            "category": ["bench"],
        }
        for kind in KINDS
        for message, address in messages
    ]
    random.Random(1).shuffle(events)
    key = load_der_private_key(base64.b64decode(keys.event_private_key), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    calls = []
    for start in range(0, len(events), size):
        raw = json.dumps(events[start : start + size]).encode()
        signature = base64.b64encode(key.sign(str(now).encode() + raw, ec.ECDSA(hashes.SHA256()))).decode()
        calls.append((raw, {SIGNATURE_HEADER: signature, TIMESTAMP_HEADER: str(now)}))
    return calls


def measure(at: Place, database: str, messages: int, size: int) -> dict[str, float]:
    """Return the seconds of each part on a fresh database."""
    settings = at.case(database)
    with open_store(settings) as store:
        keys = load_or_create(settings.data_dir)
        calls = signed_calls(accepted_messages(store, messages), keys, size)
        total = messages * len(KINDS)
        _raw(store, calls[:1])  # so that neither pays for the first use of a statement
        spent: dict[str, float] = {RAW: _raw(store, calls)}
        began = time.perf_counter()
        parsed = [verify_and_parse(raw, headers, keys.event_public_key) for raw, headers in calls]
        spent["verify"] = time.perf_counter() - began
        began = time.perf_counter()
        stored = sum(intake.store_events(store, events) for events in parsed)
        spent["store"] = time.perf_counter() - began
        began = time.perf_counter()
        again = sum(intake.store_events(store, events) for events in parsed)
        spent["repeat"] = time.perf_counter() - began
        began = time.perf_counter()
        applied = 0
        while taken := intake.process(store):
            applied += taken
        spent["apply"] = time.perf_counter() - began
        outcome = (stored, again, applied, stage.states(store))
        if outcome != (total, 0, total, {"delivered": messages}):
            msg = f"of {total} events: stored, stored again, applied, states = {outcome}"
            raise RuntimeError(msg)
        return spent


def _raw(store: Store, calls: list[Call]) -> float:
    """The least that keeping events can cost here: read the JSON, insert it as it is, one commit a call."""
    table: Any = WebhookEvent.__table__
    began = time.perf_counter()
    for raw, _ in calls:
        rows = [
            {
                "id": new_id("raw"),
                "provider": "raw",
                "dedupe_key": event["sg_event_id"],
                "event": event,
                "received_at": store.clock.now(),
            }
            for event in json.loads(raw)
        ]
        with store.begin(stage.WORKSPACE, actor=stage.ACTOR) as work:
            work.session.execute(insert(table), rows)
    spent = time.perf_counter() - began
    with store.begin(stage.WORKSPACE, actor=stage.ACTOR) as work:
        work.session.execute(text("DELETE FROM webhook_events"))
    return spent


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--messages", type=int, default=5_000, help="each has three events")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 1_000], help="events of one call")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    found: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
    with place() as at:
        for _ in range(given.rounds):
            for size in given.sizes:
                for database in given.databases:
                    found[database, size].append(measure(at, database, given.messages, size))
        versions = {**package_versions(["overture-outreach", "sqlalchemy", "psycopg"]), **at.server_versions()}
    events = given.messages * len(KINDS)
    rows = []
    for (database, size), results in found.items():
        seconds = {part: median([each[part] for each in results]) for part in PARTS}
        intake_s = seconds["verify"] + seconds["store"]
        row = [f"{database}, {size:,} a call", *(number(events / seconds[part]) for part in PARTS)]
        rows.append([*row, number(events / intake_s), f"{intake_s / seconds[RAW]:.2f}"])
    Report(
        title=f"Webhook events a second, {events:,} events, medians of {given.rounds} interleaved rounds",
        columns=["database, events", *PARTS, "verify + store", "its time to raw"],
        rows=rows,
        measured={f"{database}, {size}": results for (database, size), results in found.items()},
        versions=versions,
    ).show(given.json)


if __name__ == "__main__":
    main()
