"""Evidence from providers: stored first (verified, deduplicated), applied later by a worker.

A webhook's route calls `store_events` and answers; `process` applies what is stored, in any order,
late or twice. An event whose message we do not know is put back in the line and looked at again: a
webhook can overtake the write-back that makes its message known. After the last look it is kept,
marked `unmatched`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from overture_core.errors import UserError
from overture_core.ids import new_id
from overture_core.messages import apply, inbound
from overture_core.messages.evidence import BillingEvent, DeliveryEvent, Evidence, InboundMessage
from overture_core.payments.applying import apply_billing
from overture_core.storage.schema import WebhookEvent
from overture_core.storage.store import Store, Work

BATCH = apply.MOST
# After each look that found no message; the last one is five to six hours after the event came.
LOOKS_AGAIN = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 300, 1800, 18_000))
STORE_WITHIN_S = 4.0
# Below PostgreSQL's deadlock_timeout (1 s): whoever else wants our rows in another order, we are the one to
# give way, and never a worker that writes down what a provider said.
WAIT_FOR_ROWS_S = 0.2

_APPLIED = "applied"
_UNMATCHED = "unmatched"
_GAVE_WAY = {"55P03", "40P01"}  # lock_not_available, deadlock_detected
_EVIDENCE: TypeAdapter[Evidence] = TypeAdapter(Evidence)


@dataclass(frozen=True, slots=True)
class _InLine:
    """A stored event whose turn has come; `looks` counts those that found no message."""

    id: str
    stored: dict[str, Any]
    looks: int


def store_events(store: Store, events: Sequence[Evidence]) -> int:
    """Keep verified events; returns how many were new. A repeated one changes nothing.

    Raises:
        DatabaseUnavailable: they are not stored; whoever sent them has to send them again.
    """
    if not events:
        return 0
    # Made in order, so that events that came together are applied in the order in which they came.
    ids = sorted(new_id("evt") for _ in events)
    now = store.clock.now()
    rows = [
        {
            "id": each,
            "provider": event.provider,
            "dedupe_key": event.dedupe_key,
            "event": event.model_dump(mode="json"),
            "received_at": now,
        }
        for each, event in zip(ids, events, strict=True)
    ]
    # Two calls with the same events store them in the same order: neither waits for ever.
    rows.sort(key=lambda row: (row["provider"], row["dedupe_key"]))
    with store.begin(store.settings.workspace, actor="webhook", check=False) as work:
        _limit_time(work, "statement_timeout", STORE_WITHIN_S)
        connection = work.session.connection()
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        statement = insert(WebhookEvent).on_conflict_do_nothing().returning(WebhookEvent.id)
        return len(connection.execute(statement, rows).all())


def waiting(store: Store) -> int:
    """Count the stored events that can be applied now, as far as one batch goes."""
    with store.read(store.settings.workspace) as work:
        return len(_line(work, BATCH, lock=False))


def process(store: Store, limit: int = BATCH) -> int:
    """Apply up to `limit` stored events, oldest first, in one transaction; returns how many.

    An event that cannot be applied is kept with the reason and holds up no other. Events whose
    messages another transaction holds for long stay in the line.

    Raises:
        DatabaseUnavailable: the database went away; what was not applied is still in the line.
    """
    with store.begin(store.settings.workspace, actor="webhook", check=False) as work:
        _limit_time(work, "lock_timeout", WAIT_FOR_ROWS_S)
        line = _line(work, min(limit, BATCH), lock=True)
        outcomes: dict[str, list[_InLine]] = defaultdict(list)
        readable: list[tuple[_InLine, Evidence]] = []
        for each in line:
            try:
                readable.append((each, _EVIDENCE.validate_python(each.stored)))
            except ValidationError as error:
                outcomes[_failed(type(error).__name__)].append(each)
        found = _attempt(work, [event for _, event in readable])
        for (each, _), outcome in zip(readable, found, strict=True):
            if outcome is not None:
                outcomes[outcome].append(each)
        for outcome, settled in outcomes.items():
            _mark(work, outcome, settled)
        return sum(len(settled) for settled in outcomes.values())


def _line(work: Work, limit: int, *, lock: bool) -> list[_InLine]:
    """The next events. Those to be looked at again stand behind all new ones, by the time of that look."""
    rows = (
        select(WebhookEvent.id, WebhookEvent.event, WebhookEvent.outcome, WebhookEvent.received_at)
        .where(WebhookEvent.processed_at.is_(None))
        .order_by(WebhookEvent.received_at, WebhookEvent.id)
        .limit(limit)
    )
    if lock:
        rows = rows.with_for_update(skip_locked=True)
    now = work.now()
    return [
        _InLine(row.id, row.event, int(row.outcome.partition(":")[2]) if row.outcome else 0)
        for row in work.session.execute(rows)
        if row.outcome is None or row.received_at <= now
    ]


def _attempt(work: Work, events: Sequence[Evidence]) -> list[str | None]:
    """Apply events in their order; returns each one's outcome, None for those that have to wait.

    If they cannot be applied together, each half is tried by itself, until the culprit stands alone.
    """
    try:
        with work.session.begin_nested():
            return [_APPLIED if known else _UNMATCHED for known in _apply(work, events)]
    except UserError as error:
        reason = error.code
    except (DataError, IntegrityError) as error:
        reason = type(error).__name__
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) not in _GAVE_WAY:
            raise
        return [None] * len(events)  # the next round finds them again
    if len(events) == 1:
        return [_failed(reason)]
    middle = len(events) // 2
    return _attempt(work, events[:middle]) + _attempt(work, events[middle:])


def _apply(work: Work, events: Sequence[Evidence]) -> list[bool]:
    known: list[bool] = []
    for _, run in groupby(events, key=type):
        alike = list(run)
        known += [inbound.apply_inbound(work, each) for each in alike if isinstance(each, InboundMessage)]
        known += [apply_billing(work, each) for each in alike if isinstance(each, BillingEvent)]
        if deliveries := [each for each in alike if isinstance(each, DeliveryEvent)]:
            known += apply.apply_deliveries(work, deliveries)
    return known


def _mark(work: Work, outcome: str, settled: Sequence[_InLine]) -> None:
    """Take events out of the line, or put those for nobody back for another look."""
    places: dict[int | None, list[str]] = defaultdict(list)
    for each in settled:
        again = outcome == _UNMATCHED and each.looks < len(LOOKS_AGAIN)
        places[each.looks if again else None].append(each.id)
    now = work.now()
    for looks, ids in places.items():
        values: dict[str, Any] = {"outcome": outcome, "processed_at": now}
        if looks is not None:
            values = {"outcome": f"{outcome}:{looks + 1}", "received_at": now + LOOKS_AGAIN[looks]}
        marked = update(WebhookEvent).where(WebhookEvent.id.in_(ids)).values(values)
        work.session.execute(marked, execution_options={"synchronize_session": False})


def _failed(reason: str) -> str:
    return f"failed:{reason}"[:40]


def _limit_time(work: Work, setting: str, seconds: float) -> None:
    """Bound what this transaction waits for on PostgreSQL; SQLite has one writer and its busy timeout."""
    if work.session.connection().dialect.name == "postgresql":
        work.session.execute(text(f"SET LOCAL {setting} = {int(seconds * 1000)}"))
