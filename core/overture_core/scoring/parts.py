"""The parts of a score as SQL, the same on SQLite and PostgreSQL: whole numbers from 0 to 1,000 over a lead and what
is known of them. One lead and a million are scored by the same statement.

The rules are ours; docs/scoring.md tells them with their reasons. Texts of leads are only compared here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, String, case, cast, func, literal, null, or_, select, union_all

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


# What is known of a lead, and as what: these are added up, of the others the highest counts.
_SUMMED = ("sent", "opened", "clicked", "paid", "filled", "named", "own_address", "known", "learned")
_COLUMNS: dict[str, Any] = {
    "last_at": Lead.last_contact_at.type,
    "band": String,
    "answer": Integer,
    "signal": Integer,
    "tag": Integer,
    **dict.fromkeys(_SUMMED, Integer),
}
_HIGHEST = tuple(name for name in _COLUMNS if name not in _SUMMED)


class Scoring:
    """The statement that scores the leads that meet `conditions`.

    What is known of them is stacked, a row for each lead, message, reply, payment, signal and tag, and summed up by
    lead. Joins of tables counted one by one have SQLite's planner compare every row of one with every row of the other
    as soon as it takes the chosen leads for few. `ids`, a first one left out and a last one, says among which ids the
    leads are: of a page of a large list, no other lead's past is then looked at.
    """

    def __init__(
        self,
        work: Work,
        weights: dict[Part, int],
        profile: Profile,
        conditions: list[ColumnElement[bool]],
        *,
        ids: tuple[str, str] | None = None,
    ) -> None:
        self._work, self._profile, self._ids = work, profile, ids
        size = size_of(work).label("size")
        chosen = select(Lead.id, *FIELDS, Lead.last_contact_at, size, words_of(Lead.title).label("words"))
        self._lead = chosen.where(*conditions).cte("chosen")
        known = union_all(
            self._leads(), self._messages(), self._replies(), self._payments(), self._signals(), self._tags()
        ).subquery("known")
        of, self.facts = known.c, {}
        for name in (*_SUMMED, *_HIGHEST):
            self.facts[name] = func.sum(of[name]) if name in _SUMMED else func.max(of[name])
        summed = select(of.lead_id, *(each.label(name) for name, each in self.facts.items())).group_by(of.lead_id)
        self._facts = summed.subquery("facts")
        self._total = sum(weights.values())
        every = self._parts()
        # A part that weighs nothing is not looked at.
        self.parts = {part: every[part] for part, weight in weights.items() if weight}
        weighed: ColumnElement[int] = sum((part * weights[name] for name, part in self.parts.items()), start=literal(0))
        # Rounded to the nearest whole number, in whole numbers: both databases do the same.
        self.score = (2 * weighed + 10 * self._total) // (20 * self._total)

    def scores(self) -> Select[Any]:
        """Return the statement of ids and scores."""
        return select(self._facts.c.lead_id.label("id"), self.score.label("score"))

    def rows(self) -> Select[Any]:
        """Return the statement of ids, names, facts, parts and scores."""
        parts = [each.label(f"part_{name}") for name, each in self.parts.items()]
        names = (Lead.id, Lead.first_name, Lead.last_name)
        rows = select(*names, *self._facts.c, *parts, self.score.label("score"))
        return rows.join(Lead, Lead.id == self._facts.c.lead_id)

    def _known(self, lead_id: Any, **columns: Any) -> Select[Any]:
        """Rows of what is known; columns that they say nothing of are 0, or unknown."""
        empty = {name: literal(0) if name in _SUMMED else cast(null(), kind) for name, kind in _COLUMNS.items()}
        return select(lead_id.label("lead_id"), *(each.label(name) for name, each in (empty | columns).items()))

    def _leads(self) -> Select[Any]:
        lead = self._lead.c
        band = band_of(lead.words)
        values: dict[str, ColumnElement[Any]] = {"country": lead.country, "role": band, "size": lead.size}
        learned = [case(w, value=column) for name, column in values.items() if (w := self._profile.worths(name))]
        return self._known(
            lead.id,
            last_at=lead.last_contact_at,
            band=band,
            filled=_number(*(lead[field.key] for field in FIELDS)),
            named=_number(lead.company),
            own_address=self._own_address(),
            known=_number(*learned),
            learned=sum((func.coalesce(each, 0) for each in learned), start=literal(0)),
        )

    def _of_chosen(self, table: Any, **columns: Any) -> Select[Any]:
        mine = [table.workspace_id == self._work.workspace, table.lead_id.in_(select(self._lead.c.id))]
        if self._ids is not None:
            mine += [table.lead_id > self._ids[0], table.lead_id <= self._ids[1]]
        return self._known(table.lead_id, **columns).where(*mine)

    def _messages(self) -> Select[Any]:
        opened, clicked = _number(Message.opened_at), _number(Message.clicked_at)
        sent = self._of_chosen(Message, last_at=Message.accepted_at, sent=literal(1), opened=opened, clicked=clicked)
        return sent.where(Message.accepted_at.is_not(None), in_this_world(self._work.settings))

    def _replies(self) -> Select[Any]:
        rank = case((Reply.intent.in_(WANTING), 2), (Reply.intent.in_(_ANSWERING), 1), else_=0)
        heard = self._of_chosen(Reply, last_at=Reply.received_at, answer=rank)
        # An answer to nothing that we know of came from a person; one to a message counts where the message does.
        counts = or_(Message.id.is_(None), in_this_world(self._work.settings))
        heard = heard.outerjoin_from(Reply, Message, Message.id == Reply.message_id)
        return heard.where(Reply.intent.not_in(sorted(AUTOMATIC)), counts)

    def _payments(self) -> Select[Any]:
        return self._of_chosen(Payment, paid=literal(1))

    def _signals(self) -> Select[Any]:
        now = self._work.now()
        ages = [(LeadSignal.observed_at > now - timedelta(days=days), share) for days, share in FADING]
        worth = case(STRENGTHS, value=LeadSignal.kind, else_=0) * case(*ages, else_=0) // 100
        return self._of_chosen(LeadSignal, signal=worth)

    def _tags(self) -> Select[Any]:
        worths = self._profile.worths("tag")
        worth = case(worths, value=LeadTag.tag) if worths else cast(null(), Integer)
        return self._of_chosen(LeadTag, tag=worth).where(LeadTag.tag.in_(worths))

    def _parts(self) -> dict[Part, ColumnElement[int]]:
        facts = self._facts.c
        known = facts.known + _number(facts.tag)
        learned = (facts.learned + func.coalesce(facts.tag, 0)) // func.nullif(known, 0, type_=Integer)
        plain = NAMED * facts.named + OWN_ADDRESS * facts.own_address
        return {
            Part.RECENCY: self._recency(facts.last_at),
            Part.ENGAGEMENT: self._engagement(),
            Part.SIGNALS: func.coalesce(facts.signal, 0),
            Part.FIT: case((known > 0, learned), else_=plain),
            Part.ROLE: worth_of(facts.band),
            Part.COMPLETENESS: facts.filled * WHOLE // len(FIELDS),
        }

    def _recency(self, last: ColumnElement[Any]) -> ColumnElement[int]:
        now = self._work.now()
        bands = [(last > now - timedelta(days=days), worth) for days, worth in SILENCE]
        return case((last.is_(None), SILENCE_UNKNOWN), *bands, else_=SILENT_LONGER)

    def _engagement(self) -> ColumnElement[int]:
        facts = self._facts.c
        sent, opened, answer = facts.sent, facts.opened, func.coalesce(facts.answer, 0)
        return case(
            (facts.paid > 0, PAID),
            (answer == 2, ASKED),
            (facts.clicked > 0, CLICKED),
            (answer == 1, ANSWERED),
            (opened > 0, OPENED + OPENED_ALL * opened // func.nullif(sent, 0, type_=Integer)),
            (sent == 0, NEVER_SENT),
            (sent < OFTEN, IGNORED),
            else_=IGNORED_OFTEN,
        )

    def _own_address(self) -> ColumnElement[int]:
        mail = func.lower(self._lead.c.email)
        shared = or_(*(mail.like(f"%@{domain}") for domain in SHARED_MAIL))
        return case((mail.is_(None), 0), (shared, 0), else_=1)


def _number(*columns: Any) -> ColumnElement[int]:
    """How many of the columns are known."""
    return sum((case((each.is_not(None), 1), else_=0) for each in columns), start=literal(0))
