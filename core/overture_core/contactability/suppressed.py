"""Who is suppressed on which channel, for any number of leads in a few queries.

E-mail, SMS, WhatsApp and calls go by the address that a message would be sent to. On LinkedIn, where nobody asks a
provider, any address that a lead is known by counts: who is written to no more by machine is not written to by hand
either. Whoever has the external id of somebody who was erased is that person, on every channel.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from sqlalchemy import func, select

from overture_core.leads.normalise import email_key
from overture_core.messages.channels import BY_HAND, BY_PHONE, Addressed, Channel
from overture_core.storage.among import among
from overture_core.storage.schema import LeadIdentity
from overture_core.storage.store import Work
from overture_core.suppressions.service import Kind, any_erased, domains_of, erased, kinds_in_use, suppressed

_CHANNELS: dict[Kind, frozenset[Channel]] = {"email": frozenset({Channel.EMAIL}), "phone": BY_PHONE}
_Known = dict[Kind, list[tuple[str, str]]]  # addresses as they compare, with whose they are


class Known(Addressed, Protocol):
    """A lead, or its id and addresses."""

    @property
    def id(self) -> str: ...


def suppressed_on(work: Work, leads: Sequence[Known], channels: Collection[Channel]) -> dict[str, set[Channel]]:
    """Return on which of `channels` leads are suppressed, by their ids; at most 10,000 leads a call."""
    wide, own = kinds_in_use(work), _own(leads)
    by_hand = BY_HAND.intersection(channels)
    further = _further(work, [lead.id for lead in leads if lead.linkedin_url], own) if by_hand else {}
    found: dict[str, set[Channel]] = defaultdict(set)
    for kind, addresses in own.items():
        others = further.get(kind, [])
        asked = _CHANNELS[kind].intersection(channels) | by_hand
        if not asked:
            continue
        gone = _gone(work, kind, [address for address, _ in (*addresses, *others)], wide)
        for blocked, of_leads in ((asked, addresses), (by_hand, others)) if gone else ():
            for address, lead_id in of_leads:
                if address in gone:
                    found[lead_id].update(blocked)
    if by_hand and (pages := erased(work, "linkedin", [lead.linkedin_url for lead in leads if lead.linkedin_url])):
        for lead in leads:
            if lead.linkedin_url in pages:
                found[lead.id].update(by_hand)
    for lead_id in _as_persons(work, [lead.id for lead in leads], wide):
        found[lead_id].update(channels)
    return found


def suppressed_anywhere(work: Work, leads: Sequence[Known]) -> set[str]:
    """Return the ids of those who are suppressed by their id, or by any address that they are known by."""
    wide, own, ids = kinds_in_use(work), _own(leads), [lead.id for lead in leads]
    found = _as_persons(work, ids, wide)
    further = _further(work, ids, own)
    for kind, others in further.items():
        addresses = [*own[kind], *others]
        gone = _gone(work, kind, [address for address, _ in addresses], wide)
        found |= {lead_id for address, lead_id in addresses if address in gone}
    return found


def counted_addresses(work: Work, lead: Known, channel: Channel) -> list[tuple[Kind, str]]:
    """Return the addresses of a lead, as they compare, by which they may be suppressed on a channel."""
    own, by_hand = _own([lead]), channel in BY_HAND
    further = _further(work, [lead.id], own) if by_hand else {}
    return [
        (kind, address)
        for kind, addresses in own.items()
        if by_hand or channel in _CHANNELS[kind]
        for address, _ in (*addresses, *further.get(kind, ()))
    ]


def _own(leads: Iterable[Known]) -> _Known:
    return {
        "email": [(email_key(lead.email), lead.id) for lead in leads if lead.email],
        "phone": [(lead.phone, lead.id) for lead in leads if lead.phone],
    }


def _further(work: Work, lead_ids: Sequence[str], own: _Known) -> _Known:
    """Return the addresses that leads are known by besides their own, such as those that a merge added."""
    # The workspace stands in a function, so that no database takes its index and reads every address there is.
    rows = select(LeadIdentity.kind, LeadIdentity.value, LeadIdentity.lead_id).where(
        func.coalesce(LeadIdentity.workspace_id, "") == work.workspace,
        LeadIdentity.kind.in_(own),
        among(LeadIdentity.lead_id, lead_ids),
    )
    fields = {kind: set(addresses) for kind, addresses in own.items()}
    found: _Known = {"email": [], "phone": []}
    for each, value, lead_id in work.session.execute(rows) if lead_ids else ():
        kind: Kind = "phone" if each == "phone" else "email"
        if (value, lead_id) not in fields[kind]:
            found[kind].append((value, lead_id))
    return found


def _as_persons(work: Work, lead_ids: Sequence[str], wide: Collection[Kind]) -> set[str]:
    """Return who of the leads is suppressed by their id, or has an external id of somebody who was erased."""
    found = suppressed(work, "person", lead_ids) if "person" in wide else set()
    if not any_erased(work, "external"):
        return found
    rows = select(LeadIdentity.value, LeadIdentity.lead_id).where(
        func.coalesce(LeadIdentity.workspace_id, "") == work.workspace,
        LeadIdentity.kind == "external",
        among(LeadIdentity.lead_id, lead_ids),
    )
    owners = work.session.execute(rows).all()
    gone = erased(work, "external", {value for value, _ in owners})
    return found | {lead_id for value, lead_id in owners if value in gone}


def _gone(work: Work, kind: Kind, addresses: Sequence[str], wide: Collection[Kind]) -> set[str]:
    gone = suppressed(work, kind, addresses)
    if kind == "email" and "domain" in wide:
        within = {domain: domains_of(domain) for domain in {each.rpartition("@")[2] for each in addresses}}
        shut = suppressed(work, "domain", sorted({each for domains in within.values() for each in domains}))
        gone |= {each for each in addresses if not shut.isdisjoint(within[each.rpartition("@")[2]])}
    return gone
