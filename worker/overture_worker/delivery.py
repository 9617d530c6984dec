"""Delivers one chunk: adopt it, ask the gate again, render, then wave by wave mark, call, write down.

Waves bound what a crash leaves `unknown`. A provider that refuses for now, or answers nothing clear,
ends the chunk: what has not left goes back and waits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from anyio import to_thread
from sqlalchemy import select

from overture_core.campaigns import world
from overture_core.contactability.gate import contactabilities
from overture_core.contactability.rules import Reason, Verdict
from overture_core.errors import TemplateError
from overture_core.messages import ledger
from overture_core.messages.channels import Channel
from overture_core.messages.content import Content, compose
from overture_core.messages.outcomes import Outcome, Retryable, Unknown
from overture_core.storage.schema import Lead, Message, Plan, Sender, Template
from overture_core.storage.store import Store, Work
from overture_queue.jobs import DeliverChunk

PAUSE_AFTER_TROUBLE = timedelta(seconds=5)
SAME_LEAD_REST = timedelta(days=1)
WORLD_REST = timedelta(hours=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that is ready to leave."""

    id: str
    workspace: str
    to: str
    sender: str
    sender_name: str
    content: Content


class Transport(Protocol):
    """Hands messages of one channel to its provider."""

    provider: str

    def waves(self, messages: Sequence[Outgoing]) -> Sequence[Sequence[Outgoing]]:
        """Split into what may be in flight together."""
        ...

    async def send(self, wave: Sequence[Outgoing]) -> Sequence[tuple[str, Outcome]]:
        """Send one wave; never raises for what a provider or the network does."""
        ...


class Delivery:
    """Runs delivery jobs. One per worker process; `stopping` is asked between waves."""

    def __init__(
        self, store: Store, transports: dict[Channel, Transport], *, owner: str, stopping: Callable[[], bool]
    ) -> None:
        self._store = store
        self._transports = transports
        self._owner = owner
        self._stopping = stopping

    async def deliver(self, job: DeliverChunk) -> int:
        """Deliver a chunk; returns how many messages were handed to the provider.

        A job whose chunk is no longer held (done already, lease lost) finds nothing and does nothing.
        """
        ready = await to_thread.run_sync(self._prepare, job)
        transport = self._transports[job.channel]
        sent = 0
        for wave in transport.waves(ready):
            if self._stopping():
                await to_thread.run_sync(self._give_back, job, "worker_stopping", None)
                break
            cleared = await to_thread.run_sync(self._clear, job, wave)
            if not cleared:
                continue
            results = await transport.send(cleared)
            await to_thread.run_sync(self._settle, job, transport.provider, results)
            sent += len(results)
            trouble = _trouble(results)
            if trouble is not None:
                until = trouble.retry_at if isinstance(trouble, Retryable) else None
                later = until or self._store.clock.now() + PAUSE_AFTER_TROUBLE
                await to_thread.run_sync(self._give_back, job, "provider_trouble", later)
                log.warning("provider_trouble", provider=transport.provider, outcome=trouble, until=later.isoformat())
                break
        log.info("chunk_delivered", workspace=job.workspace, channel=job.channel, chunk=job.chunk, messages=sent)
        return sent

    def _prepare(self, job: DeliverChunk) -> list[Outgoing]:
        with self._store.begin(job.workspace, actor=self._owner) as work:
            rows = ledger.adopt(work, job.chunk, owner=self._owner)
            rows = _in_their_world(work, job, rows)
            rows = _pass_gate(work, job, rows)
            return _compose_all(work, job, rows)

    def _clear(self, job: DeliverChunk, wave: Sequence[Outgoing]) -> list[Outgoing]:
        """Commit `sending` for a wave; returns the messages that may leave."""
        with self._store.begin(job.workspace, actor=self._owner) as work:
            ledger.renew(work, job.chunk)
            mine = set(ledger.start_sending(work, job.chunk, [each.id for each in wave]))
        return [each for each in wave if each.id in mine]

    def _settle(self, job: DeliverChunk, provider: str, results: Sequence[tuple[str, Outcome]]) -> None:
        with self._store.begin(job.workspace, actor=self._owner) as work:
            ledger.settle(work, job.chunk, provider, results)

    def _give_back(self, job: DeliverChunk, cause: str, due_at: datetime | None) -> None:
        with self._store.begin(job.workspace, actor=self._owner) as work:
            ledger.release(work, job.chunk, cause=cause, due_at=due_at)


def _trouble(results: Sequence[tuple[str, Outcome]]) -> Retryable | Unknown | None:
    return next((outcome for _, outcome in results if isinstance(outcome, Retryable | Unknown)), None)


def _in_their_world(work: Work, job: DeliverChunk, rows: Sequence[Message]) -> list[Message]:
    """Hold what was approved for the sandbox while providers are real, and the other way round."""
    plans = {row.plan_id: work.session.get(Plan, row.plan_id) for row in rows if row.plan_id}
    strangers = [
        row.id
        for row in rows
        if (plan := plans.get(row.plan_id or "")) is None or not world.holds(work.settings, plan, job.channel)
    ]
    ledger.hold(work, job.chunk, strangers, reason="approved_for_other_providers", until=work.now() + WORLD_REST)
    return [row for row in rows if row.id not in set(strangers)]


def _pass_gate(work: Work, job: DeliverChunk, rows: Sequence[Message]) -> list[Message]:
    """Ask the gate for every row just before sending; returns those that may leave now."""
    found = {lead.id: lead for lead in _leads(work, rows)}
    decisions = contactabilities(work, list(found.values()), [job.channel])
    passed: list[Message] = []
    held: dict[tuple[str, datetime], list[str]] = defaultdict(list)
    skipped: dict[str, list[str]] = defaultdict(list)
    served: set[str] = set()
    for row in rows:
        decision = decisions[row.lead_id][job.channel]
        if decision.verdict is Verdict.NEVER:
            skipped[str(decision.reason)].append(row.id)
        elif decision.verdict is Verdict.LATER and decision.not_before is not None:
            held[str(decision.reason), decision.not_before].append(row.id)
        elif row.lead_id in served:  # two campaigns, one chunk: the cap counts the first one already
            held[Reason.FREQUENCY_CAP, work.now() + SAME_LEAD_REST].append(row.id)
        else:
            served.add(row.lead_id)
            passed.append(row)
    for (reason, until), ids in held.items():
        ledger.hold(work, job.chunk, ids, reason=reason, until=until)
    for reason, ids in skipped.items():
        ledger.skip(work, job.chunk, ids, reason=reason)
    return passed


def _leads(work: Work, rows: Sequence[Message]) -> Sequence[Lead]:
    ids = {row.lead_id for row in rows}
    return work.session.scalars(select(Lead).where(Lead.workspace_id == work.workspace, Lead.id.in_(ids))).all()


def _compose_all(work: Work, job: DeliverChunk, rows: Sequence[Message]) -> list[Outgoing]:
    ready: list[Outgoing] = []
    for row in rows:
        template = work.session.get_one(Template, row.template_id)
        sender = work.session.get_one(Sender, row.sender_id)
        try:
            content = compose(work.settings, template, row.id, row.merge)
        except TemplateError as error:
            ledger.skip(work, job.chunk, [row.id], reason=error.code)
            continue
        ready.append(Outgoing(row.id, row.workspace_id, row.address, sender.address, sender.name, content))
    return ready
