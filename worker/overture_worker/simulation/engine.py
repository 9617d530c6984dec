"""Runs a campaign in its copied world: the pump's turns and the worker's deliveries, from one moment to the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import dramatiq
from anyio import to_thread
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import func, select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, Via
from overture_core.campaigns import following, sealing
from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import launch_paged
from overture_core.campaigns.states import CampaignState, PlanState
from overture_core.campaigns.timeline import Timeline, timeline
from overture_core.errors import Conflict
from overture_core.health import senders
from overture_core.health import service as health
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.limits import limits_of
from overture_core.messages.states import State, is_in
from overture_core.storage.schema import Campaign, Message, Plan
from overture_core.storage.store import Store, Work
from overture_core.text import quoted
from overture_core.workspaces import emergency
from overture_queue import jobs
from overture_queue.jobs import DeliverChunk
from overture_worker.delivery import Delivery
from overture_worker.pump import Pump
from overture_worker.simulation.world import World, copied_world
from overture_worker.transports import open_transports

OWNER = "simulation"
LONGEST_DAYS = 365
_SECOND, _TICK = timedelta(seconds=1), timedelta(seconds=10)
_OVER = (CampaignState.FINISHED, CampaignState.CANCELLED, CampaignState.PAUSED)

Progress = Callable[[datetime], None]


async def simulate(
    original: Store, workspace: str, campaign: str, *, seed: int, days: int, most: int, progress: Progress
) -> Timeline:
    """Run a campaign in a copy of its workspace until nothing is left to do or `days` are over.

    A plan that waits for approval is taken as approved, a paused campaign as resumed. `progress` is told the
    simulated time; `most` bounds the timeline's entries. The original is only read.

    Raises:
        NotFound: there is no such campaign.
        Conflict: the campaign has nothing to send, or all sending is stopped.
    """
    await to_thread.run_sync(_require_something, original, workspace, campaign)
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(copied_world(original, workspace, seed=seed))
        begun = world.clock.now()
        campaign_id = await to_thread.run_sync(_set_going, world.store, workspace, campaign)
        transports = await stack.enter_async_context(open_transports(world.store.settings, world.clock))
        delivery = Delivery(
            world.store,
            transports.by_channel,
            rates=_Rates(world),
            owner=OWNER,
            stopping=lambda: False,
        )
        run = _Run(world, delivery)
        until = world.clock.now() + timedelta(days=days)
        while True:
            await run.settle()
            at = await to_thread.run_sync(run.next_moment, workspace, campaign_id)
            if at is None or at > until:
                break
            world.clock.advance(at - world.clock.now())
            progress(at)
        return await to_thread.run_sync(_told, world.store, workspace, campaign_id, begun, most)


class _Run:
    """The pump and its queue, which a list in memory stands for."""

    def __init__(self, world: World, delivery: Delivery) -> None:
        self._world = world
        self._delivery = delivery
        self._broker = StubBroker(middleware=[])
        for name in jobs.QUEUES:
            self._broker.declare_queue(name)
        self._pump = Pump(world.store, self._broker, owner=OWNER)

    async def settle(self) -> None:
        """Do all that can be done at this moment."""
        while True:
            heard = await to_thread.run_sync(self._world.hear)
            await to_thread.run_sync(self._pump.turn)
            waiting = self._jobs()
            for job in waiting:
                if isinstance(job, DeliverChunk):
                    await self._delivery.deliver(job)
                else:
                    await to_thread.run_sync(intake.process, self._world.store)
            if not heard and not waiting:
                return

    def next_moment(self, workspace: str, campaign_id: str) -> datetime | None:
        """Return when something can happen next, None where nothing will for this campaign."""
        now = self._world.clock.now()
        told_at = self._world.inbox.next_due()
        with self._world.store.read(workspace) as work:
            over = work.session.get_one(Campaign, campaign_id).state in _OVER
            if over and told_at is None:
                return None
            moments = [self._waiting_until(work), self._stalled_until(work, now)]
        moments.append(following.next_at(self._world.store))
        if told_at is not None:
            moments.append(datetime.fromtimestamp(told_at, tz=now.tzinfo))
        found = min((each for each in moments if each is not None), default=None)
        return None if found is None else max(found, now + _SECOND)

    def _jobs(self) -> list[jobs.Job]:
        found = []
        for queue in self._broker.queues.values():
            while not queue.empty():
                message: dramatiq.Message[None] = dramatiq.Message.decode(queue.get_nowait())
                found.append(jobs.decode(message.args[0]))
        return found

    @staticmethod
    def _waiting_until(work: Work) -> datetime | None:
        running = select(Campaign.id).where(Campaign.state == CampaignState.RUNNING)
        waiting = (is_in(State.DUE, State.HELD), Message.campaign_id.in_(running))
        return work.session.scalar(select(func.min(Message.due_at)).where(*waiting))

    @staticmethod
    def _stalled_until(work: Work, now: datetime) -> datetime | None:
        launching = select(Plan.id).where(Plan.state == PlanState.LAUNCHING).limit(1)
        return now + _TICK if work.session.scalar(launching) else None


class _Rates:
    """The rates of the settings, for one worker alone: waiting moves the clock."""

    def __init__(self, world: World) -> None:
        self._clock = world.clock
        self._limits = limits_of(world.store.settings)
        self._used: dict[tuple[Channel, str], tuple[datetime, int]] = {}

    async def permits(self, channel: Channel, sender: str, wanted: int) -> int:
        account, of_sender = self._limits[channel]
        if not account and not of_sender:
            return wanted
        granted = self._left(channel, sender, account, of_sender)
        if granted < 1:
            self._clock.advance(_SECOND)
            granted = self._left(channel, sender, account, of_sender)
        granted = min(granted, wanted)
        for key in ((channel, ""), (channel, sender)):
            second, used = self._second(key)
            self._used[key] = (second, used + granted)
        return granted

    def _left(self, channel: Channel, sender: str, account: int | None, of_sender: int | None) -> int:
        both = (((channel, ""), account), ((channel, sender), of_sender))
        return min(limit - self._second(key)[1] for key, limit in both if limit)

    def _second(self, key: tuple[Channel, str]) -> tuple[datetime, int]:
        second = self._clock.now().replace(microsecond=0)
        since, used = self._used.get(key, (second, 0))
        return (second, used if since == second else 0)


def _require_something(original: Store, workspace: str, name_or_id: str) -> None:
    with original.read(workspace, actor=OWNER) as work:
        if emergency.is_stopped(work):
            msg = "All sending is stopped, so nothing would be sent; lift that first with `overture stop --lift`."
            raise Conflict(msg)
        campaign = campaigns.get(work, name_or_id)
        if campaign.state == CampaignState.CANCELLED:
            msg = f"The campaign {quoted(campaign.name)} was cancelled; plan under another name."
            raise Conflict(msg)
        if campaign.state not in (CampaignState.RUNNING, CampaignState.PAUSED) and _open_plan(work, campaign) is None:
            msg = f"The campaign {quoted(campaign.name)} has nothing to send; plan it, then simulate it."
            raise Conflict(msg)


def _set_going(store: Store, workspace: str, name_or_id: str) -> str:
    """Approve and launch what waits for it in the copy; returns the campaign's id."""
    with store.begin(workspace, actor=OWNER) as work:
        campaign = campaigns.get(work, name_or_id)
        plan = _open_plan(work, campaign)
        if plan is not None:
            _approve(work, plan)
        for sender, _ in senders.over(work):
            senders.resume(work, sender.address, anyway=True)
        if campaign.state == CampaignState.PAUSED:
            health.resume(work, campaign.id, anyway=True)
    if plan is not None:
        launch_paged(store, workspace, plan.id, actor=OWNER)
    return campaign.id


def _open_plan(work: Work, campaign: Campaign) -> Plan | None:
    proposed = (Plan.campaign_id == campaign.id, Plan.state == PlanState.PROPOSED)
    return work.session.scalar(select(Plan).where(*proposed).order_by(Plan.created_at.desc()).limit(1))


def _approve(work: Work, plan: Plan) -> None:
    """Approve the copy of a plan, sealed as the copy's database writes its values."""
    found = [(page.until, sealing.find(work, plan, page)) for page in sealing.pages(plan)]
    sealed = [[until, len(messages), sealing.digest(messages)] for until, messages in found]
    plan.summary = {**plan.summary, "pages": sealed}
    plan.content_hash = sealing.content_hash(plan)
    row = approvals.for_subject(work, plan.id)
    row.content_hash, row.expires_at = plan.content_hash, work.now() + timedelta(days=1)
    if row.state != ApprovalState.APPROVED:
        row.state, row.decided_by, row.decided_via = ApprovalState.APPROVED, OWNER, Via.CLI


def _told(store: Store, workspace: str, campaign_id: str, begun: datetime, most: int) -> Timeline:
    with store.read(workspace) as work:
        return timeline(work, work.session.get_one(Campaign, campaign_id), most=most, since=begun)
