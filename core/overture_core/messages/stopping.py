"""What ends the conversation ends it everywhere: pending messages of a lead are cancelled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from overture_core.messages.channels import BY_HAND, BY_PHONE, Channel
from overture_core.messages.states import NO_LEASE, PENDING, State, change
from overture_core.storage.among import among
from overture_core.storage.schema import LeadIdentity, Message, Suppression
from overture_core.storage.store import Work
from overture_core.suppressions import service as suppressions

UNSUBSCRIBED = "unsubscribe"
IDS_A_STATEMENT = 500  # bound parameters stay far below every database's limit
_KIND: dict[Channel, suppressions.Kind] = {
    channel: "phone" if channel in BY_PHONE else "email" for channel in Channel if channel not in BY_HAND
}


@dataclass(frozen=True, slots=True)
class Stop:
    """What is pending for a lead is to be cancelled, on one channel or on all."""

    lead_id: str
    cause: str
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An address that is never to be written to again.

    With `lead_id` it is that person who said no: what is pending to them ends on every channel, and one who
    unsubscribed is suppressed as a person, since the page behind the link promises that. Without, only the address is
    of no use.
    """

    channel: Channel
    address: str
    reason: str
    origin: str
    lead_id: str | None = None


def stop_lead(work: Work, lead_id: str, *, cause: str, channel: Channel | None = None) -> int:
    """Cancel every pending message of a lead, on one channel or on all; returns how many.

    What is already handed to a provider cannot be called back.
    """
    return stop_leads(work, [Stop(lead_id, cause, channel)])


def stop_leads(work: Work, stops: Sequence[Stop]) -> int:
    """Cancel what is pending for many leads; a message ends for the first stop that covers it.

    Whoever is stopped on all channels gets no follow-up of what they have either.
    """
    of_lead: dict[str, list[Stop]] = defaultdict(list)
    for stop in stops:
        of_lead[stop.lead_id].append(stop)
    cancelled: dict[tuple[str, str], list[str]] = defaultdict(list)
    over: set[str] = set()
    for part in _parts(sorted(of_lead)):
        pending = (
            select(Message.id, Message.lead_id, Message.channel, Message.state, Message.next_step)
            .where(Message.workspace_id == work.workspace, among(Message.lead_id, part))
            .where(Message.state.in_(PENDING) | Message.next_step.is_not(None))
            .order_by(Message.id)
            .with_for_update()
        )
        for row in work.session.execute(pending):
            if row.next_step is not None and any(stop.channel is None for stop in of_lead[row.lead_id]):
                over.add(row.id)
            if row.state not in PENDING:
                continue
            causes = (stop.cause for stop in of_lead[row.lead_id] if stop.channel in {None, row.channel})
            if (cause := next(causes, None)) is not None:
                cancelled[row.state, cause].append(row.id)
    for (state, cause), ids in cancelled.items():
        for part in _parts(ids):
            mine = among(Message.id, part)
            change(work, State(state), State.CANCELLED, mine, cause=cause, values={**NO_LEASE, "reason": cause})
    for part in _parts(sorted(over)):
        ended = update(Message).where(among(Message.id, part)).values(next_step=None)
        work.session.connection().execute(ended)
    return sum(len(ids) for ids in cancelled.values())


def suppress_address(work: Work, channel: Channel, address: str, *, reason: str, origin: str) -> None:
    """Never write to an address again, and cancel what is pending to it.

    Raises:
        InvalidInput: it is no address of this channel.
    """
    refuse(work, [Refusal(channel, address, reason, origin)])


def suppress(work: Work, kind: suppressions.Kind, value: str, *, reason: str, origin: str) -> Suppression:
    """Suppress an address, a domain or a person, and cancel what is pending to them.

    Raises:
        InvalidInput: it is no value of this kind.
        NotFound: it is the id of no lead.
    """
    stored = suppressions.add(work, kind, value, reason, origin)
    if kind == "person":
        stop_lead(work, stored.value, cause=reason)
    elif kind == "domain":
        stop_leads(work, [Stop(lead_id, reason, Channel.EMAIL) for lead_id in _of_domain(work, stored.value)])
    else:
        channel = Channel.EMAIL if kind == "email" else Channel.SMS
        suppress_address(work, channel, stored.value, reason=reason, origin=origin)
    return stored


def _of_domain(work: Work, domain: str) -> list[str]:
    value = LeadIdentity.value
    below = value.endswith(f"@{domain}", autoescape=True) | value.endswith(f".{domain}", autoescape=True)
    leads = select(LeadIdentity.lead_id).where(
        LeadIdentity.workspace_id == work.workspace, LeadIdentity.kind == "email", below
    )
    return list(work.session.scalars(leads))


def refuse(work: Work, refusals: Sequence[Refusal]) -> None:
    """Suppress the addresses of refusals, and who unsubscribed, and cancel what is pending to them or to who said no.

    Raises:
        InvalidInput: one of them is no address of its channel.
    """
    wanted = [suppressions.Wanted(_KIND[each.channel], each.address, each.reason, each.origin) for each in refusals]
    people = [
        suppressions.Wanted("person", each.lead_id, each.reason, each.origin)
        for each in refusals
        if each.lead_id is not None and each.reason == UNSUBSCRIBED
    ]
    keys = suppressions.add_all(work, [*wanted, *people])[: len(wanted)]
    owners = _owners(work, keys)
    stops: list[Stop] = []
    for each, key in zip(refusals, keys, strict=True):
        if (owner := owners.get((_KIND[each.channel], key))) is not None:
            stops.append(Stop(owner, each.reason, each.channel))
        if each.lead_id is not None:
            stops.append(Stop(each.lead_id, each.reason))
    stop_leads(work, stops)


def _owners(work: Work, values: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return the leads that the addresses (normalised) belong to, by kind and address."""
    found: dict[tuple[str, str], str] = {}
    for part in _parts(sorted(set(values))):
        known = select(LeadIdentity.kind, LeadIdentity.value, LeadIdentity.lead_id).where(
            LeadIdentity.workspace_id == work.workspace,
            LeadIdentity.kind.in_(_KIND.values()),
            among(LeadIdentity.value, part),
        )
        found |= {(row.kind, row.value): row.lead_id for row in work.session.execute(known)}
    return found


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + IDS_A_STATEMENT] for start in range(0, len(ids), IDS_A_STATEMENT)]
