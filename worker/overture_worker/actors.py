"""The actors: one for each queue and kind of job. A job carries ids only; the database has the rest.

None of them is retried by Dramatiq: what was not done is still in the database, and the pump or the
next nudge takes it up again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import dramatiq
import structlog
from anyio.from_thread import BlockingPortal
from dramatiq.middleware import CurrentMessage
from opentelemetry.trace import SpanKind

from overture_core import telemetry
from overture_core.errors import InvalidInput, UserError
from overture_core.messages import intake
from overture_core.storage.store import Store
from overture_providers import operations
from overture_queue import jobs
from overture_queue.dispatch import dispatch_due
from overture_worker.delivery import Delivery

# Far above any chunk's time; a provider call has a limit of its own, which the job's cannot interrupt.
TIME_LIMIT_MS = 30 * 60 * 1000

log = structlog.get_logger(__name__)


def register(broker: dramatiq.Broker, *, store: Store, delivery: Delivery, portal: BlockingPortal, owner: str) -> None:
    """Declare the actors on `broker`; coroutines run on the portal's event loop."""

    def deliver(payload: dict[str, Any]) -> None:
        job = jobs.decode(payload)
        if not isinstance(job, jobs.DeliverChunk):
            msg = f"The delivery queue holds a {job.kind!r} job; it was left out."
            raise InvalidInput(msg)
        about = {"workspace": job.workspace, "channel": job.channel, "chunk": job.chunk}
        with telemetry.span("deliver", SpanKind.CONSUMER, **about), telemetry.about(**about):
            portal.call(delivery.deliver, job)
        # A place is free: the next chunk is claimed now, not when the pump comes by.
        dispatch_due(store, broker, owner=owner, channel=job.channel)

    def process_events(payload: dict[str, Any]) -> None:
        jobs.decode(payload)
        with telemetry.span("process events", SpanKind.CONSUMER):
            while intake.process(store):
                pass

    def dispatch(payload: dict[str, Any]) -> None:
        jobs.decode(payload)
        with telemetry.span("dispatch", SpanKind.CONSUMER):
            dispatch_due(store, broker, owner=owner)

    def run_operation(payload: dict[str, Any]) -> None:
        job = jobs.decode(payload)
        if not isinstance(job, jobs.RunOperation):
            msg = f"The operations queue holds a {job.kind!r} job; it was left out."
            raise InvalidInput(msg)
        about = {"workspace": job.workspace, "operation": job.operation}
        try:
            with telemetry.span("run operation", SpanKind.CONSUMER, **about), telemetry.about(**about):
                portal.call(partial(operations.run, store, job.workspace, job.operation, actor=owner))
        except UserError as error:  # somebody else ran it, cancelled it or stopped everything meanwhile
            log.info("operation_left", operation=job.operation, detail=error.message)

    for queue, actor, handler in (
        *((each.queue, each.actor, deliver) for each in jobs.DELIVERY.values()),
        (jobs.QUEUE_EVENTS, jobs.ACTOR_PROCESS_EVENTS, process_events),
        (jobs.QUEUE_CONTROL, jobs.ACTOR_DISPATCH, dispatch),
        (jobs.QUEUE_OPERATIONS, jobs.ACTOR_RUN_OPERATION, run_operation),
    ):
        declare = dramatiq.actor(
            broker=broker, queue_name=queue, actor_name=actor, max_retries=0, time_limit=TIME_LIMIT_MS
        )
        declare(_traced(handler))


def _traced(handler: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Go on with the trace of whoever queued the job."""

    def run(payload: dict[str, Any]) -> None:
        message = CurrentMessage.get_current_message()
        about: dict[str, Any] = message.options if message is not None else {}
        with telemetry.continued(about.get("trace")), telemetry.about(campaign=about.get("campaign")):
            handler(payload)

    return run
