"""Delivers one chunk: prepare it, then wave by wave mark, call, write down.

Waves bound what a crash leaves `unknown`. One transaction writes down what became of a wave and marks
the next. A provider in trouble ends the chunk: what has not left goes back and waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog
from anyio import to_thread
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from overture_core import telemetry
from overture_core.contactability.rules import Reason
from overture_core.errors import DatabaseUnavailable
from overture_core.messages import breaker, by_hand, ledger, settling, warming
from overture_core.messages.channels import BY_HAND, Channel
from overture_core.messages.outcomes import Accepted, Outcome, Unknown
from overture_core.storage.store import Store, Work
from overture_queue.jobs import DeliverChunk
from overture_worker import preparing
from overture_worker.preparing import Outgoing, Prepared

log = structlog.get_logger(__name__)

_Result = TypeVar("_Result")
RATES_REST = timedelta(seconds=2)
MOST_NAMED = 20  # messages in a line of the log


class Transport(Protocol):
    """Hands messages of one channel to its provider."""

    provider: str
    wave_size: int  # messages that may be in flight together

    async def send(self, wave: Sequence[Outgoing]) -> Sequence[tuple[str, Outcome]]:
        """Send one wave; never raises for what a provider or the network does."""
        ...


class Permits(Protocol):
    """Says how many messages of a sender may leave now, at most `wanted`; zero means: not for some seconds."""

    async def permits(self, channel: Channel, sender: str, wanted: int) -> int: ...


@dataclass(slots=True)
class _Turn:
    """A chunk on its way: what is still to be sent, and what is still to be written down."""

    job: DeliverChunk
    transport: Transport
    prepared: Prepared
    gate_written: bool = False
    results: Sequence[tuple[str, Outcome]] = ()
    waiting: list[Outgoing] = field(default_factory=list)
    accepted: int = 0


class Delivery:
    """Runs delivery jobs. One per worker process; `stopping` is asked between waves."""

    def __init__(
        self,
        store: Store,
        transports: dict[Channel, Transport],
        *,
        rates: Permits,
        owner: str,
        stopping: Callable[[], bool],
    ) -> None:
        self._store = store
        self._transports = transports
        self._rates = rates
        self._owner = owner
        self._stopping = stopping

    async def deliver(self, job: DeliverChunk) -> int:
        """Deliver a chunk; returns how many messages the provider took.

        A job whose chunk is no longer held (done already, lease lost) finds nothing and does nothing.
        """
        prepared = await to_thread.run_sync(self._prepare, job)
        if job.channel in BY_HAND:
            return await to_thread.run_sync(self._hand_over, job, prepared)
        transport = self._transports[job.channel]
        turn = _Turn(job, transport, prepared, waiting=prepared.ready)
        cause, later = "chunk_done", None
        while turn.waiting:
            if self._stopping():
                cause = "worker_stopping"
                break
            size = await self._rates.permits(job.channel, turn.waiting[0].sender, transport.wave_size)
            if not size:
                cause, later = "sender_rate", self._store.clock.now() + RATES_REST
                break
            later, cause, cleared = await to_thread.run_sync(self._step, turn, size)
            if later is not None:
                break
            if cleared:
                with telemetry.span("send wave", provider=transport.provider, messages=len(cleared)):
                    turn.results = await transport.send(cleared)
        await to_thread.run_sync(self._end, turn, cause, later)
        log.info("chunk_delivered", accepted=turn.accepted)
        return turn.accepted

    def _prepare(self, job: DeliverChunk) -> Prepared:
        with self._store.read(job.workspace, actor=self._owner) as work:
            return preparing.prepare(work, job)

    def _hand_over(self, job: DeliverChunk, prepared: Prepared) -> int:
        """Leave the chunk's messages to a person, in one transaction: nothing leaves, so nothing can get lost."""

        def hand_over(work: Work) -> int:
            preparing.write_down(work, job, prepared)
            handed = [by_hand.Handed(each.id, each.content.body, each.to) for each in prepared.ready]
            left = by_hand.hand_over(work, job.chunk, handed)
            ledger.finish(work, job.chunk, cause="chunk_done")
            return left

        left = self._persistently(job, hand_over)
        log.info("chunk_handed_over", tasks=left)
        return left

    def _step(self, turn: _Turn, size: int) -> tuple[datetime | None, str, list[Outgoing]]:
        """Write down the last wave and mark the next, of up to `size`, as `sending`, in one transaction.

        Returns until when the rest is to wait, if it is, with the cause, and the messages that may leave.
        """
        job, sender = turn.job, turn.waiting[0].sender

        def step(work: Work) -> tuple[datetime | None, str, int, list[str]]:
            rest = self._write_down(work, turn) or breaker.resting_until(work, turn.transport.provider)
            if rest is not None:
                return rest, "provider_trouble", 0, []
            wanted = min(size, len(turn.waiting))
            granted = warming.take(work, job.channel, sender, wanted)
            if not granted:
                return warming.next_day(work.now()), Reason.SENDER_WARMS_UP, 0, []
            ids = [each.id for each in turn.waiting[:granted]]
            leaving = ledger.start_sending(work, job.chunk, ids, owner=self._owner)
            warming.give_back(work, job.channel, sender, granted - len(leaving))
            return None, "chunk_done", granted, leaving

        rest, cause, granted, mine = self._persistently(job, step)
        self._written(turn)
        wave, turn.waiting = turn.waiting[:granted], turn.waiting[granted:]
        free = set(mine)
        return rest, cause, [each for each in wave if each.id in free]

    def _end(self, turn: _Turn, cause: str, later: datetime | None) -> None:
        def end(work: Work) -> None:
            rest = self._write_down(work, turn) or later
            if cause == Reason.SENDER_WARMS_UP and later is not None:
                ledger.hold(work, turn.job.chunk, [each.id for each in turn.waiting], reason=cause, until=later)
            ledger.finish(work, turn.job.chunk, cause=cause, due_at=rest)

        self._persistently(turn.job, end)
        self._written(turn)

    def _write_down(self, work: Work, turn: _Turn) -> datetime | None:
        """Write what the gate decided, and what the provider said of the last wave."""
        if not turn.gate_written:
            preparing.write_down(work, turn.job, turn.prepared)
        if not turn.results:
            return None
        provider = turn.transport.provider
        settling.settle(work, turn.job.chunk, provider, turn.results)
        unknown = [id_ for id_, outcome in turn.results if isinstance(outcome, Unknown)]
        if unknown:
            log.warning("messages_unknown", provider=provider, messages=unknown[:MOST_NAMED], count=len(unknown))
        why = breaker.trouble([outcome for _, outcome in turn.results])
        if why is not None:
            until = breaker.opened(work, provider, why)
            log.warning("provider_rests", provider=provider, reason=why.reason, detail=why.detail, until=str(until))
            return until
        if any(isinstance(outcome, Accepted) for _, outcome in turn.results) and breaker.closed(work, provider):
            log.info("provider_is_back", provider=provider)
        return None

    def _written(self, turn: _Turn) -> None:
        turn.gate_written = True
        turn.accepted += sum(isinstance(outcome, Accepted) for _, outcome in turn.results)
        turn.results = ()

    def _persistently(self, job: DeliverChunk, step: Callable[[Work], _Result]) -> _Result:
        """Run a step in a transaction; while the lease may still hold, a database that is away is asked again.

        What a provider said is known here alone until it is written.
        """
        for attempt in Retrying(
            retry=retry_if_exception_type(DatabaseUnavailable),
            stop=stop_after_delay(self._store.settings.lease_s),
            wait=wait_exponential_jitter(multiplier=0.1, max=2.0),
            reraise=True,
        ):
            with attempt, self._store.begin(job.workspace, actor=self._owner) as work:
                return step(work)
        raise AssertionError  # the loop returns or raises
