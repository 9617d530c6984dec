"""Who is suppressed on which channel, for any number of leads in a few queries.

E-mail, SMS, WhatsApp and calls go by the address that a message would be sent to. On LinkedIn, where nobody asks a
provider, any address that a lead is known by counts: who is written to no more by machine is not written to by hand
either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from sqlalchemy import select

from overture_core.leads.normalise import email_key
from overture_core.messages.channels import BY_HAND, BY_PHONE, Addressed, Channel
from overture_core.storage.among import among
from overture_core.storage.schema import LeadIdentity
from overture_core.storage.store import Work
from overture_core.suppressions.service import Kind, domains_of, kinds_in_use, suppressed

_CHANNELS: dict[Kind, frozenset[Channel]] = {"email": frozenset({Channel.EMAIL}), "phone": BY_PHONE}
_Known = dict[Kind, list[tuple[str, str]]]  # addresses as they compare, with whose they are


class Known(Addressed, Protocol):
    """A lead, or its id and addresses."""

    @property
    def id(self) -> str: ...


def suppressed_on(work: Work, leads: Sequence[Known], channels: Collection[Channel]) -> dict[str, set[Channel]]:
    """Return on which of `channels` leads are suppressed, by their ids; at most 10,000 leads a call."""
    wide = kinds_in_use(work)
    by_hand = BY_HAND.intersection(channels)
    further = _further(work, [lead.id for lead in leads if lead.linkedin_url]) if by_hand else {}
    found: dict[str, set[Channel]] = defaultdict(set)
    for kind, own in _own(leads).items():
        asked = _CHANNELS[kind].intersection(channels) | by_hand
        others = further.get(kind, [])
        if not asked:
            continue
        gone = _gone(work, kind, [address for address, _ in (*own, *others)], wide)
        if not gone:
            continue
        for blocked, addresses in ((asked, own), (by_hand, others)):
            for address, lead_id in addresses:
                if address in gone:
                    found[lead_id].update(blocked)
    for lead_id in suppressed(work, "person", [lead.id for lead in leads] if "person" in wide else []):
        found[lead_id].update(channels)
    return found


def suppressed_anywhere(work: Work, leads: Sequence[Known]) -> set[str]:
    """Return the ids of those who are suppressed by their id, or by any address that they are known by."""
    wide, ids = kinds_in_use(work), [lead.id for lead in leads]
    found = suppressed(work, "person", ids) if "person" in wide else set()
    further = _further(work, ids)
    for kind, own in _own(leads).items():
        addresses = [*own, *further[kind]]
        gone = _gone(work, kind, [address for address, _ in addresses], wide)
        found |= {lead_id for address, lead_id in addresses if address in gone}
    return found


def counted_addresses(work: Work, lead: Known, channel: Channel) -> list[tuple[Kind, str]]:
    """Return the addresses of a lead, as they compare, by which they may be suppressed on a channel."""
    own = [(kind, address) for kind, addresses in _own([lead]).items() for address, _ in addresses]
    if channel in BY_HAND:
        known = _further(work, [lead.id]).items()
        return sorted({*own, *((kind, address) for kind, addresses in known for address, _ in addresses)})
    return [(kind, address) for kind, address in own if channel in _CHANNELS[kind]]


def _own(leads: Iterable[Known]) -> _Known:
    return {
        "email": [(email_key(lead.email), lead.id) for lead in leads if lead.email],
        "phone": [(lead.phone, lead.id) for lead in leads if lead.phone],
    }


def _further(work: Work, lead_ids: Sequence[str]) -> _Known:
    """Return all addresses that leads are known by: those that a merge added stand in no field."""
    rows = select(LeadIdentity.kind, LeadIdentity.value, LeadIdentity.lead_id).where(
        LeadIdentity.workspace_id == work.workspace, among(LeadIdentity.lead_id, lead_ids)
    )
    found: _Known = {"email": [], "phone": []}
    for kind, value, lead_id in work.session.execute(rows) if lead_ids else ():
        if kind in found:
            found[kind].append((value, lead_id))
    return found


def _gone(work: Work, kind: Kind, addresses: Sequence[str], wide: Collection[Kind]) -> set[str]:
    gone = suppressed(work, kind, addresses)
    if kind == "email" and "domain" in wide:
        within = {domain: domains_of(domain) for domain in {each.rpartition("@")[2] for each in addresses}}
        shut = suppressed(work, "domain", sorted({each for domains in within.values() for each in domains}))
        gone |= {each for each in addresses if not shut.isdisjoint(within[each.rpartition("@")[2]])}
    return gone
