"""The parts of a score as SQL, the same on SQLite and PostgreSQL: whole numbers from 0 to 1,000 over a lead and what
is known of them. One lead and a million are scored by the same statement.

The rules are ours; docs/scoring.md tells them with their reasons. Texts of leads are only compared here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import CTE, ColumnElement, Integer, Select, case, func, literal, null, or_, select

from overture_core.replies.intent import AUTOMATIC, Intent
from overture_core.scoring.outcomes import WANTING, in_this_world, size_of
from overture_core.scoring.profile import Profile
from overture_core.scoring.roles import band_of, words_of, worth_of
from overture_core.scoring.signals import FADING, STRENGTHS, WHOLE
from overture_core.scoring.weights import Part
from overture_core.storage.schema import Lead, LeadSignal, LeadTag, Message, Payment, Reply
from overture_core.storage.store import Work

# Up to how many days of silence are worth how much. In touch: nothing to revive. Three months to a year: they
# remember us, and have had time to miss something. Then they forget, and addresses go stale.
SILENCE: tuple[tuple[int, int], ...] = ((14, 100), (30, 400), (90, 800), (365, 1_000), (730, 700), (1_825, 400))
SILENT_LONGER, SILENCE_UNKNOWN = 150, 300

# Past engagement: the best of these that holds.
PAID, ASKED, CLICKED, ANSWERED, NEVER_SENT, OPENED, OPENED_ALL, IGNORED, IGNORED_OFTEN = (
    *(1_000, 900, 700, 600, 400),
    *(300, 200, 150, 50),
)
OFTEN = 3
_ANSWERING = (Intent.NOT_NOW, Intent.OTHER)

FIELDS = (Lead.email, Lead.phone, Lead.first_name, Lead.last_name, Lead.company, Lead.title, Lead.country)

# Company fit without a profile: a company that is named, and an address of its own.
NAMED, OWN_ADDRESS = 500, 500
SHARED_MAIL = (
    *("gmail.%", "googlemail.%", "yahoo.%", "hotmail.%", "outlook.%", "live.%", "msn.com", "icloud.com", "me.com"),
    *("aol.%", "gmx.%", "web.de", "t-online.de", "proton.me", "protonmail.%", "mail.ru", "qq.com", "163.com"),
)


class Scoring:
    """The statement that scores the leads that meet `conditions`."""

    def __init__(
        self, work: Work, weights: dict[Part, int], profile: Profile, conditions: list[ColumnElement[bool]]
    ) -> None:
        self._work = work
        size = size_of(work).label("size")
        self._lead = (
            select(Lead.id, *FIELDS, Lead.last_contact_at, size, words_of(Lead.title).label("words"))
            .where(*conditions)
            .cte("chosen")
        )
        self._sent, self._heard = self._messages(), self._replies()
        self._paid, self._signals = self._payments(), self._strongest()
        self._tags = self._tagged(profile)
        self._total = sum(weights.values())
        lead, sent, heard = self._lead.c, self._sent.c, self._heard.c
        last = _later(_later(lead.last_contact_at, sent.last_at), heard.last_at)
        band = band_of(lead.words)
        filled: ColumnElement[int] = sum(
            (case((lead[field.key].is_not(None), 1), else_=0) for field in FIELDS), start=literal(0)
        )
        paid = func.coalesce(self._paid.c.number, 0)
        known, learned = self._learned(profile, band)
        self.facts: dict[str, ColumnElement[Any]] = {
            "last_at": last,
            "sent": func.coalesce(sent.number, 0),
            "opened": func.coalesce(sent.opened, 0),
            "clicked": func.coalesce(sent.clicked, 0),
            "answer": func.coalesce(heard.best, 0),
            "paid": paid,
            "band": band,
            "filled": filled,
            "named": lead.company.is_not(None),
            "own_address": self._own_address(),
            "known": known,
        }
        every: dict[Part, ColumnElement[int]] = {
            Part.RECENCY: self._recency(last),
            Part.ENGAGEMENT: self._engagement(),
            Part.SIGNALS: func.coalesce(self._signals.c.best, 0),
            Part.FIT: case((known > 0, learned // func.nullif(known, 0, type_=Integer)), else_=self._plain_fit()),
            Part.ROLE: worth_of(band),
            Part.COMPLETENESS: filled * WHOLE // len(FIELDS),
        }
        # A part that weighs nothing is not looked at.
        self.parts = {part: every[part] for part, weight in weights.items() if weight}
        weighed: ColumnElement[int] = sum((part * weights[name] for name, part in self.parts.items()), start=literal(0))
        # Rounded to the nearest whole number, in whole numbers: both databases do the same.
        self.score = (2 * weighed + 10 * self._total) // (20 * self._total)

    def scores(self) -> Select[Any]:
        """Return the statement of ids and scores."""
        return self._joined(self._lead.c.id, self.score.label("score"))

    def rows(self) -> Select[Any]:
        """Return the statement of ids, facts, parts and scores."""
        columns = [each.label(name) for name, each in self.facts.items()]
        columns += [each.label(f"part_{name}") for name, each in self.parts.items()]
        lead = self._lead.c
        return self._joined(lead.id, lead.first_name, lead.last_name, *columns, self.score.label("score"))

    def _joined(self, *columns: Any) -> Select[Any]:
        joined: Any = self._lead
        for each in (self._sent, self._heard, self._paid, self._signals, self._tags):
            joined = joined.outerjoin(each, each.c.lead_id == self._lead.c.id)
        return select(*columns).select_from(joined)

    def _of_chosen(self, table: Any, *columns: Any) -> Select[Any]:
        """One row for each chosen lead that `table` has something about."""
        mine = (table.workspace_id == self._work.workspace, table.lead_id.in_(select(self._lead.c.id)))
        return select(table.lead_id, *columns).where(*mine).group_by(table.lead_id)

    def _messages(self) -> CTE:
        counted = self._of_chosen(
            Message,
            func.count().label("number"),
            func.count(Message.opened_at).label("opened"),
            func.count(Message.clicked_at).label("clicked"),
            func.max(Message.accepted_at).label("last_at"),
        )
        return counted.where(Message.accepted_at.is_not(None), in_this_world(self._work.settings)).cte("sent")

    def _replies(self) -> CTE:
        rank = case((Reply.intent.in_(WANTING), 2), (Reply.intent.in_(_ANSWERING), 1), else_=0)
        heard = self._of_chosen(Reply, func.max(rank).label("best"), func.max(Reply.received_at).label("last_at"))
        # An answer to nothing that we know of came from a person; one to a message counts where the message does.
        heard = heard.outerjoin(Message, Message.id == Reply.message_id)
        counts = or_(Message.id.is_(None), in_this_world(self._work.settings))
        return heard.where(Reply.intent.not_in(sorted(AUTOMATIC)), counts).cte("heard")

    def _payments(self) -> CTE:
        return self._of_chosen(Payment, func.count().label("number")).cte("paid")

    def _strongest(self) -> CTE:
        now = self._work.now()
        ages = [(LeadSignal.observed_at > now - timedelta(days=days), share) for days, share in FADING]
        worth = case(STRENGTHS, value=LeadSignal.kind, else_=0) * case(*ages, else_=0) // 100
        return self._of_chosen(LeadSignal, func.max(worth).label("best")).cte("signalled")

    def _tagged(self, profile: Profile) -> CTE:
        worths = profile.worths("tag")
        worth = func.max(case(worths, value=LeadTag.tag)) if worths else null()
        return self._of_chosen(LeadTag, worth.label("worth")).where(LeadTag.tag.in_(worths)).cte("tagged")

    def _recency(self, last: ColumnElement[Any]) -> ColumnElement[int]:
        now = self._work.now()
        bands = [(last > now - timedelta(days=days), worth) for days, worth in SILENCE]
        return case((last.is_(None), SILENCE_UNKNOWN), *bands, else_=SILENT_LONGER)

    def _engagement(self) -> ColumnElement[int]:
        facts = self.facts
        sent, opened = facts["sent"], facts["opened"]
        return case(
            (facts["paid"] > 0, PAID),
            (facts["answer"] == 2, ASKED),
            (facts["clicked"] > 0, CLICKED),
            (facts["answer"] == 1, ANSWERED),
            (opened > 0, OPENED + OPENED_ALL * opened // func.nullif(sent, 0, type_=Integer)),
            (sent == 0, NEVER_SENT),
            (sent < OFTEN, IGNORED),
            else_=IGNORED_OFTEN,
        )

    def _learned(self, profile: Profile, band: ColumnElement[str]) -> tuple[ColumnElement[int], ColumnElement[int]]:
        """How many of a lead's values the profile knows, and the sum of their worths."""
        lead = self._lead.c
        sources: dict[str, ColumnElement[Any]] = {"country": lead.country, "role": band, "size": lead.size}
        worths: list[ColumnElement[Any]] = [
            case(known, value=column) for name, column in sources.items() if (known := profile.worths(name))
        ]
        worths += [self._tags.c.worth] if profile.worths("tag") else []
        number: ColumnElement[int] = sum((case((each.is_not(None), 1), else_=0) for each in worths), start=literal(0))
        together: ColumnElement[int] = sum((func.coalesce(each, 0) for each in worths), start=literal(0))
        return number, together

    def _own_address(self) -> ColumnElement[bool]:
        mail = func.lower(self._lead.c.email)
        shared = or_(*(mail.like(f"%@{domain}") for domain in SHARED_MAIL))
        return case((mail.is_(None), 0), (shared, 0), else_=1) == 1

    def _plain_fit(self) -> ColumnElement[int]:
        named = case((self.facts["named"], NAMED), else_=0)
        return named + case((self.facts["own_address"], OWN_ADDRESS), else_=0)


def _later(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """The later of two times that may be unknown."""
    return case((one.is_(None), other), (other.is_(None), one), (one >= other, one), else_=other)
