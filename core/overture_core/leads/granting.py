"""Which of a file's grants of consent count: none for somebody else's address, and none over a suppression.

docs/consent.md has the rule for people. Refusals always count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from overture_core.leads.normalise import email_key
from overture_core.leads.rows import LeadRow
from overture_core.messages.channels import BY_PHONE, Channel
from overture_core.storage.store import Work
from overture_core.suppressions.service import domains_of, kinds_in_use, suppressed

ELSEWHERE = "consents whose row does not have the lead's own address of that channel, left out"
SHUT = "consents of people who are suppressed, left out; a person records one by `overture consent record`"
_ADDRESS_OF = {
    Channel.EMAIL: "email",
    Channel.LINKEDIN: "linkedin_url",
    **dict.fromkeys(BY_PHONE, "phone"),
}


class Grants:
    """The grants of one chunk, with what is suppressed among its leads looked up at once."""

    def __init__(
        self,
        work: Work,
        rows: Iterable[LeadRow],
        named: Mapping[str, set[str]],
        known: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """`named` are the identities of all rows, by their kind, and `known` the values of the leads that they may
        belong to, by their ids."""
        self._people: set[str] = set()
        self._phones: set[str] = set()
        self._emails: set[str] = set()
        if not any(granted for row in rows for granted in row.stated.consents.values()):
            return
        emails = named.get("email", set()).union(
            email_key(address) for values in known.values() if (address := values.get("email"))
        )
        self._emails = suppressed(work, "email", sorted(emails))
        self._phones = suppressed(work, "phone", sorted(named.get("phone", ())))
        wide = kinds_in_use(work)
        if "person" in wide:
            self._people = suppressed(work, "person", sorted(known))
        if "domain" in wide:
            above = {domain: domains_of(domain) for domain in {email.rpartition("@")[2] for email in emails}}
            shut = suppressed(work, "domain", sorted({each for domains in above.values() for each in domains}))
            self._emails |= {email for email in emails if not shut.isdisjoint(above[email.rpartition("@")[2]])}

    def left_out(self, lead_id: str, values: Mapping[str, Any], row: LeadRow, channel: Channel) -> str | None:
        """Return why a row's grant does not count for a lead of these values; None if it does."""
        name = _ADDRESS_OF[channel]
        said, own = row.values.get(name), values.get(name)
        if not said or (said != own and (name != "email" or email_key(str(said)) != email_key(own or ""))):
            return ELSEWHERE
        if lead_id in self._people:
            return SHUT
        if channel in BY_PHONE:
            return SHUT if own in self._phones else None
        email = values.get("email")
        return SHUT if self._emails and email and email_key(email) in self._emails else None
