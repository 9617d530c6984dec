"""The crews by name: what each does, and what it needs. Imports nothing heavy, so that they can be listed at once."""

from __future__ import annotations

from dataclasses import dataclass

from overture_crew.brief import Brief
from overture_crew.errors import InvalidBrief, NoSuchCrew
from overture_crew.steps import LEADS, MESSAGING, STRIPE


@dataclass(frozen=True, slots=True)
class Crew:
    """A crew that can be run. `writes` says what it may change, with a person's approval where messages leave."""

    name: str
    does: str
    agents: str
    writes: str
    servers: tuple[str, ...] = (LEADS, MESSAGING)

    def check(self, brief: Brief) -> None:
        """Make sure that the brief has what this crew works on.

        Raises:
            InvalidBrief: it does not; says what to add.
        """
        if self is FULL_CAMPAIGN and not brief.follow_ups and len(brief.channels) < 2:
            msg = "The full campaign needs several channels or follow_ups in the brief; reactivation does with one."
            raise InvalidBrief(msg)
        if self is REACTIVATION and brief.follow_ups:
            msg = "Reactivation writes to each lead once; take follow_ups out of the brief, or run full-campaign."
            raise InvalidBrief(msg)

    def servers_for(self, brief: Brief) -> tuple[str, ...]:
        """Return the servers that a run with this brief calls."""
        return (*self.servers, STRIPE) if brief.replies.price and MESSAGING in self.servers else self.servers


REACTIVATION = Crew(
    "reactivation",
    "Writes to dormant leads once, by the first channel that each may be reached on, and sees what comes back.",
    "strategist, copywriter, reviewer, reply reader, reply writer",
    "a segment, templates, a plan; launches it once it is approved; answers that wait for approval",
)
FULL_CAMPAIGN = Crew(
    "full-campaign",
    "The same over several channels, with follow-ups, variants and a schedule, until somebody answers.",
    "strategist, copywriter, reviewer, reply reader, reply writer",
    "a segment, templates, a plan with its steps; launches it once it is approved; answers that wait for approval",
)
REPLIES = Crew(
    "replies",
    "Labels the replies to a campaign and does what the brief says: booking, payment link, answer, refusal.",
    "reply reader, reply writer",
    "answers that wait for approval, payment links of the allow-list, refusals",
)
IDEAL_CUSTOMER = Crew(
    "ideal-customer",
    "Learns who revives from outcomes, and saves a segment of dormant leads like them.",
    "outcome analyst",
    "a segment",
    servers=(LEADS,),
)
CREWS = {crew.name: crew for crew in (REACTIVATION, FULL_CAMPAIGN, REPLIES, IDEAL_CUSTOMER)}


def named(name: str) -> Crew:
    """Return a crew by its name.

    Raises:
        NoSuchCrew: there is none.
    """
    if name not in CREWS:
        msg = f"There is no crew {name!r}; the crews are: {', '.join(CREWS)}."
        raise NoSuchCrew(msg)
    return CREWS[name]
