"""Evidence from providers: stored first (verified, deduplicated), applied later by a worker.

A webhook's route calls `store_events` and answers; `process` applies what is stored, in any order,
late or twice. An event for a message that we do not know is kept, marked `unmatched`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError

from overture_core.errors import UserError
from overture_core.ids import new_id
from overture_core.messages import inbound
from overture_core.messages.apply import apply_delivery
from overture_core.messages.evidence import DeliveryEvent, Evidence
from overture_core.storage.schema import WebhookEvent
from overture_core.storage.store import Store, Work

BATCH = 500
_EVIDENCE: TypeAdapter[Evidence] = TypeAdapter(Evidence)


def store_events(store: Store, events: Sequence[Evidence]) -> int:
    """Keep verified events; returns how many were new. A repeated one changes nothing."""
    if not events:
        return 0
    insert = sqlite.insert if store.engine.dialect.name == "sqlite" else postgresql.insert
    rows = [
        {
            "id": new_id("evt"),
            "provider": event.provider,
            "dedupe_key": event.dedupe_key,
            "event": event.model_dump(mode="json"),
            "received_at": store.clock.now(),
        }
        for event in events
    ]
    fresh = 0
    with store.begin(store.settings.workspace, actor="webhook") as work:
        for start in range(0, len(rows), BATCH):
            statement = insert(WebhookEvent).values(rows[start : start + BATCH]).on_conflict_do_nothing()
            fresh += len(work.session.execute(statement.returning(WebhookEvent.id)).all())
    return fresh


def waiting(store: Store) -> int:
    """Count the stored events that nobody has applied yet."""
    with store.read(store.settings.workspace) as work:
        counted = select(func.count()).where(WebhookEvent.processed_at.is_(None))
        return work.session.scalar(counted) or 0


def process(store: Store, limit: int = BATCH) -> int:
    """Apply up to `limit` stored events, oldest first, in one transaction; returns how many."""
    with store.begin(store.settings.workspace, actor="webhook") as work:
        rows = work.session.scalars(
            select(WebhookEvent)
            .where(WebhookEvent.processed_at.is_(None))
            .order_by(WebhookEvent.received_at, WebhookEvent.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.outcome = _apply(work, row)
            row.processed_at = work.now()
        return len(rows)


def _apply(work: Work, row: WebhookEvent) -> str:
    """Apply one event by itself; one that cannot be applied is kept with the reason and holds up no other."""
    try:
        with work.session.begin_nested():
            event = _EVIDENCE.validate_python(row.event)
            if isinstance(event, DeliveryEvent):
                applied = apply_delivery(work, event)
            else:
                applied = inbound.apply_inbound(work, event)
    except UserError as error:
        return f"failed:{error.code}"[:40]
    except (DataError, IntegrityError, ValidationError) as error:
        return f"failed:{type(error).__name__}"[:40]
    return "applied" if applied else "unmatched"
