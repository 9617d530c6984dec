"""The ledger: claim, then call, then write down.

A claim gives a chunk of due rows to one lease token. The worker commits `sending` before the first
byte leaves, and every write-back names the token: a job that runs twice, or wakes up late, finds no
row of its own and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.messages.states import NO_LEASE, State, change, held_by, is_in
from overture_core.storage.among import among
from overture_core.storage.schema import Campaign, Lease, Message, Workspace
from overture_core.storage.store import Store, Work
from overture_core.workspaces import emergency

_CLAIM_LOCK = 7_226_002  # beside the migrations' lock

_CAMPAIGN_RUNS = or_(
    Message.campaign_id.is_(None),
    Message.campaign_id.in_(select(Campaign.id).where(Campaign.state == "running")),
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep moved, in rows."""

    released: int
    unknown: int
    woken: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Something with rows due: a channel of one campaign, or, without one, of direct messages."""

    workspace: str
    channel: Channel
    campaign_id: str | None
    trace: str | None = None  # of the call that launched it


class Claimed(NamedTuple):
    """A message of a chunk, as the worker needs it. `merge` holds its template's frozen values."""

    id: str
    workspace_id: str
    lead_id: str
    address: str
    sandbox: bool
    sender_id: str | None
    template_id: str
    plan_id: str | None
    merge: dict[str, Any]


_CLAIMED = select(*(getattr(Message, name) for name in Claimed._fields))


def backlog(store: Store) -> list[Backlog]:
    """Return what has a row due now, direct messages first; nothing of a workspace whose sending is stopped. Crosses
    workspaces: it serves dispatch.

    Asks for one row of each running campaign and channel by the index of waiting rows, so that its cost
    grows with the campaigns that run and not with their messages.
    """
    now = store.clock.now()
    with store.look() as connection:
        running = (
            select(Campaign.workspace_id, Campaign.id, Campaign.trace)
            .where(Campaign.state == "running")
            .order_by(Campaign.id)
        )
        sending = set(connection.execute(select(Workspace.id).where(Workspace.stopped_at.is_(None))).scalars())
        sources: list[tuple[str, str | None, str | None]] = [(each, None, None) for each in sorted(sending)]
        sources += [(row.workspace_id, row.id, row.trace) for row in connection.execute(running) if row[0] in sending]
        found = (Backlog(workspace, channel, *campaign) for workspace, *campaign in sources for channel in Channel)
        return [each for each in found if connection.execute(_first_due(each, now)).first()]


def workspaces(store: Store) -> list[str]:
    """Return every workspace's id, for the sweep."""
    with store.look() as connection:
        return _workspaces(connection)


def waiting_chunks(work: Work, channel: Channel) -> int:
    """Count the chunks of a channel that are claimed and not yet finished."""
    held = select(func.count()).where(Lease.workspace_id == work.workspace, Lease.channel == channel)
    return work.session.scalar(held) or 0


def claim(work: Work, channel: Channel, *, campaign_id: str | None, owner: str, limit: int) -> str | None:
    """Claim up to `limit` due rows of a campaign (None: direct messages) under a new lease token.

    Returns None when nothing can be claimed. A lead who is in the hands of some worker already is left
    for later: what two campaigns send to one person is sent one after the other, so that the second
    asks the gate when the first is written down.
    """
    if emergency.is_stopped(work):
        return None
    _one_claim_at_a_time(work)
    token = new_id("chk")
    claimed = change(
        work,
        State.DUE,
        State.CLAIMED,
        is_in(State.DUE),
        _of_campaign(campaign_id),
        _CAMPAIGN_RUNS,
        Message.channel == channel,
        Message.due_at <= work.now(),
        ~_in_other_hands(),
        cause="dispatch",
        limit=limit,
        values={"lease_token": token},
    )
    if not claimed:
        return None
    held = {"token": token, "workspace_id": work.workspace, "channel": channel, "campaign_id": campaign_id}
    lease = insert(Lease).values(**held, owner=owner, until=_lease_end(work))
    work.session.connection().execute(lease)
    return token


def claimed(work: Work, token: str) -> list[Claimed]:
    """Return what a lease still holds that has not begun to leave; nothing if the lease is gone."""
    mine = (Message.workspace_id == work.workspace, Message.lease_token == token, is_in(State.CLAIMED))
    rows = work.session.connection().execute(_CLAIMED.where(*mine).order_by(Message.id))
    return [Claimed._make(row) for row in rows.all()]


def renew(work: Work, token: str, *, owner: str) -> bool:
    """Prolong a lease, also for the process that works on it now; false if it is gone."""
    mine = (Lease.token == token, Lease.workspace_id == work.workspace)
    renewed = update(Lease).where(*mine).values(until=_lease_end(work), owner=owner)
    return work.session.connection().execute(renewed.returning(Lease.token)).first() is not None


def start_sending(work: Work, token: str, ids: Sequence[str], *, owner: str) -> list[str]:
    """Mark rows as about to leave, for the process that will send them; renews the lease.

    Commit before the first byte is sent. Returns those that may leave: not a row whose lease was lost, or
    whose campaign no longer runs; none while all sending is stopped.
    """
    if not ids or emergency.is_stopped(work) or not renew(work, token, owner=owner):
        return []
    return change(
        work,
        State.CLAIMED,
        State.SENDING,
        held_by(token),
        among(Message.id, ids),
        _CAMPAIGN_RUNS,
        cause="worker",
        values={"attempt": Message.attempt + 1},
    )


def finish(work: Work, token: str, *, cause: str, due_at: datetime | None = None) -> int:
    """End a chunk: what is still claimed is due again (from `due_at` on); returns the number of rows."""
    values = {**NO_LEASE, "due_at": due_at} if due_at else NO_LEASE
    released = change(work, State.CLAIMED, State.DUE, Message.lease_token == token, cause=cause, values=values)
    left = exists().where(Message.lease_token == token)
    work.session.connection().execute(delete(Lease).where(Lease.token == token, ~left))
    return len(released)


def hold(work: Work, token: str, ids: Sequence[str], *, reason: str, until: datetime) -> None:
    """The gate said not now: put claimed rows aside until a time."""
    _leave(work, token, ids, State.HELD, reason=reason, due_at=until)


def skip(work: Work, token: str, ids: Sequence[str], *, reason: str) -> None:
    """The gate said never: end claimed rows with the reason."""
    _leave(work, token, ids, State.SKIPPED, reason=reason)


def sweep(work: Work) -> Swept:
    """Return rows whose lease ran out, and wake those whose time has come."""
    now = work.now()
    released, unknown = _end_leases(work, Lease.until < now, cause="lease_expired")
    # Given back by a worker after its campaign was cancelled: it waits for nothing.
    for state in (State.DUE, State.HELD):
        for campaign_id in _campaigns_with(work, state, "cancelled"):
            left = (is_in(state), Message.campaign_id == campaign_id)
            values = {"reason": "campaign_cancelled"}
            change(work, state, State.CANCELLED, *left, cause="campaign_cancelled", values=values)
    woken = 0
    for source in (None, *_campaigns_with(work, State.HELD, "running", "paused", until=now)):
        ready = (is_in(State.HELD), _of_campaign(source), Message.due_at <= now)
        woken += len(change(work, State.HELD, State.DUE, *ready, cause="time_came", values={"reason": None}))
    return Swept(released, unknown, woken)


def abandon(work: Work, owner: str) -> Swept:
    """Return at once what a process held that is known to be dead."""
    released, unknown = _end_leases(work, Lease.owner == owner, cause="worker_died")
    return Swept(released, unknown, 0)


def _end_leases(work: Work, ended: ColumnElement[bool], *, cause: str) -> tuple[int, int]:
    """End leases whose holder is gone. What was `claimed` goes back to `due`: nothing had left. What was
    being sent goes to `unknown`: nobody can say."""
    mine = select(Lease.token).where(Lease.workspace_id == work.workspace, ended)
    tokens = list(work.session.scalars(mine.order_by(Lease.token).with_for_update(skip_locked=True)))
    if not tokens:
        return 0, 0
    held = among(Message.lease_token, tokens)
    released = change(work, State.CLAIMED, State.DUE, held, cause=cause, values=NO_LEASE)
    lost = {"reason": "no_answer_recorded", "due_at": work.now(), **NO_LEASE}
    unknown = change(work, State.SENDING, State.UNKNOWN, held, cause=cause, values=lost)
    work.session.connection().execute(delete(Lease).where(among(Lease.token, tokens)))
    return len(released), len(unknown)


def _leave(work: Work, token: str, ids: Sequence[str], target: State, *, reason: str, **values: datetime) -> None:
    if ids:
        mine = (held_by(token), among(Message.id, ids))
        change(work, State.CLAIMED, target, *mine, cause="gate", values={"reason": reason, **NO_LEASE, **values})


def _workspaces(connection: Connection) -> list[str]:
    return list(connection.execute(select(Workspace.id).order_by(Workspace.id)).scalars())


def _first_due(source: Backlog, now: datetime) -> Select[str]:
    return (
        select(Message.id)
        .where(
            Message.workspace_id == source.workspace,
            _of_campaign(source.campaign_id),
            Message.channel == source.channel,
            is_in(State.DUE),
            Message.due_at <= now,
        )
        .order_by(Message.due_at)  # as the index has it: else a table that is said to be full of such rows is searched
        .limit(1)
    )


def has(state: State, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a campaign has a message in `state`, due or held: one look into that state's index.

    The order and the offset keep PostgreSQL from reading the whole table instead, whatever its statistics say.
    """
    of_campaign = (Message.workspace_id == Campaign.workspace_id, Message.campaign_id == Campaign.id)
    order = (Message.channel, Message.due_at) if state is State.DUE else (Message.due_at,)
    found = select(Message.id).where(*of_campaign, is_in(state), *conditions).order_by(*order).limit(1).offset(0)
    return found.correlate(Campaign).exists()


def _campaigns_with(work: Work, state: State, *campaign_states: str, until: datetime | None = None) -> list[str]:
    """Return the campaigns in some states of their own that have messages in `state`, from before `until`."""
    conditions = [Message.due_at <= until] if until else []
    found = select(Campaign.id).where(
        Campaign.workspace_id == work.workspace, Campaign.state.in_(campaign_states), has(state, *conditions)
    )
    return list(work.session.scalars(found))


def _in_other_hands() -> ColumnElement[bool]:
    """The lead has another message in some worker's hands. Asked of each row by its lead: the offset and the function
    keep PostgreSQL from comparing every row with every lease."""
    busy = aliased(Message)
    leased = func.coalesce(busy.lease_token, "") != ""
    return select(busy.id).where(busy.lead_id == Message.lead_id, leased).offset(0).correlate(Message).exists()


def _of_campaign(campaign_id: str | None) -> ColumnElement[bool]:
    return Message.campaign_id.is_(None) if campaign_id is None else Message.campaign_id == campaign_id


def _one_claim_at_a_time(work: Work) -> None:
    """On PostgreSQL two claims of one workspace would not see each other's rows; SQLite has one writer anyway."""
    connection = work.session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_CLAIM_LOCK, func.hashtext(work.workspace))))


def _lease_end(work: Work) -> datetime:
    return work.now() + timedelta(seconds=work.settings.lease_s)
