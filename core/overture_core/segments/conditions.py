"""From a filter's tree to SQL: the fields that there are, what each can be compared with, and segments in segments."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import ge, gt, le, lt
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import SQLCoreOperations

from overture_core.leads.normalise import email_key
from overture_core.messages.channels import Channel
from overture_core.scoring import keeping
from overture_core.scoring.weights import Tier, scores_of
from overture_core.segments.filter import LeadFilter, where
from overture_core.segments.fulltext import Part, has_words
from overture_core.segments.language import Condition, FilterError, Node, Not, near, parse
from overture_core.storage.schema import Consent, Lead, LeadTag, Segment, SegmentMember
from overture_core.storage.store import Work

_TEXTS: dict[str, InstrumentedAttribute[Any]] = {
    "first_name": Lead.first_name,
    "last_name": Lead.last_name,
    "email": Lead.email,
    "phone": Lead.phone,
    "company": Lead.company,
    "title": Lead.title,
    "country": Lead.country,
    "language": Lead.language,
    "time_zone": Lead.time_zone,
    "linkedin": Lead.linkedin_url,
    "external_id": Lead.external_id,
    "notes": Lead.notes,
    "import": Lead.import_id,
}
_TIMES = {"last_contact": Lead.last_contact_at, "created": Lead.created_at, "updated": Lead.updated_at}
_INDEXED: dict[str, Part] = {"company": "company", "title": "title"}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
# The lowest and the highest score that a comparison allows.
_SCORES: dict[str, Callable[[int], tuple[int, int]]] = {
    "<": lambda value: (0, value - 1),
    "<=": lambda value: (0, value),
    "=": lambda value: (value, value),
    ">=": lambda value: (value, 100),
    ">": lambda value: (value + 1, 100),
}
_ANSWERS = {"yes": True, "no": False, "unknown": None}
FIELDS = sorted([*_TEXTS, *_TIMES, "text", "tag", "dormant_days", "consent", "custom", "segment", "score", "tier"])
MAX_NESTED = 5
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def condition(work: Work, text: str, around: tuple[str, ...] = ()) -> ColumnElement[bool]:
    """Return the SQL condition on `Lead` that a filter says. `around` are the segments whose filter it is.

    Raises:
        FilterError: it cannot be read, or names a field, value or segment that there is not.
    """
    return _Maker(work, text, around).of(parse(text))


def check(text: str) -> None:
    """Make sure that a filter can be read, as far as that can be told without the database.

    Raises:
        FilterError: it cannot.
    """
    _Maker(None, text, ()).of(parse(text))


class _Maker:
    """Makes the conditions of one filter. Without `work` it only checks."""

    def __init__(self, work: Work | None, text: str, around: tuple[str, ...]) -> None:
        self._work = work
        self._text = text
        self._around = around

    def of(self, node: Node) -> ColumnElement[bool]:
        if isinstance(node, Condition):
            return self._condition(node)
        if isinstance(node, Not):
            # Unknown values: who has no company is not in `company = x`, and is in `not company = x`.
            return not_(func.coalesce(self.of(node.inner), false()))
        inner = [self.of(each) for each in node.inner]
        return and_(*inner) if node.every else or_(*inner)

    def _condition(self, asked: Condition) -> ColumnElement[bool]:
        field = asked.field
        if asked.detail is not None and field not in {"consent", "custom"}:
            raise self._error(asked, f"{field} has no parts; write {field} alone.")
        if field in _TEXTS:
            return self._of_text(asked, _TEXTS[field])
        if field in _TIMES:
            return self._of_time(asked, _TIMES[field])
        makers = {
            "text": self._words,
            "tag": self._tag,
            "dormant_days": self._dormant,
            "consent": self._consent,
            "custom": self._custom,
            "segment": self._segment,
            "score": self._score,
            "tier": self._tier,
        }
        if field not in makers:
            raise self._error(asked, f"there is no such field; {near(field, FIELDS)}")
        return makers[field](asked)

    def _of_text(self, asked: Condition, column: SQLCoreOperations[Any]) -> ColumnElement[bool]:
        if asked.operator in {"known", "unknown"}:
            return column.is_not(None) if asked.operator == "known" else column.is_(None)
        values = [self._value(asked, each) for each in asked.values]
        if asked.operator == "~":
            part = _INDEXED.get(asked.field)
            if part is None:
                return column.icontains(values[0], autoescape=True)
            return self._has_words(asked, part)
        own = func.lower(column) if asked.field == "email" else column
        if asked.operator == "!=":
            return or_(own != values[0], column.is_(None))
        return own.in_(values) if asked.operator in {"=", "in"} else self._refuse(asked, "=, !=, ~, in, is known")

    def _value(self, asked: Condition, value: str) -> str:
        if asked.field == "country":
            if asked.operator != "~" and not _COUNTRY.fullmatch(value):
                raise self._error(asked, f"{value!r} is not a two-letter country code such as US or DE.")
            return value.upper()
        return email_key(value) if asked.field == "email" else value

    def _of_time(self, asked: Condition, column: SQLCoreOperations[Any]) -> ColumnElement[bool]:
        if asked.operator in {"known", "unknown"}:
            return column.is_not(None) if asked.operator == "known" else column.is_(None)
        if asked.operator not in {*_COMPARE, "="}:
            return self._refuse(asked, "<, <=, =, >=, > and a date, is known")
        day = self._day(asked)
        after = day + timedelta(days=1)
        if asked.operator == "=":
            return and_(column >= day, column < after)
        # A day is all of it: what is later than it begins with the next one.
        edge = after if asked.operator in {"<=", ">"} else day
        return column < edge if asked.operator in {"<", "<="} else column >= edge

    def _day(self, asked: Condition) -> datetime:
        value = asked.values[0]
        try:
            if not _DATE.fullmatch(value):
                raise ValueError
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        except ValueError as error:
            raise self._error(asked, f"{asked.field} is compared with a day such as 2025-12-31.") from error

    def _words(self, asked: Condition) -> ColumnElement[bool]:
        if asked.operator != "~":
            return self._refuse(asked, "~")
        return self._has_words(asked)

    def _has_words(self, asked: Condition, part: Part | None = None) -> ColumnElement[bool]:
        found = has_words(self._work, asked.values[0], part)
        if found is None:
            raise self._error(asked, "there is no word to look for.")
        return found

    def _tag(self, asked: Condition) -> ColumnElement[bool]:
        tagged = exists().where(LeadTag.lead_id == Lead.id)
        if asked.operator in {"known", "unknown"}:
            return tagged if asked.operator == "known" else ~tagged
        if asked.operator not in {"=", "!=", "in"}:
            return self._refuse(asked, "=, !=, in, is known")
        found = tagged.where(LeadTag.tag.in_(asked.values))
        return ~found if asked.operator == "!=" else found

    def _dormant(self, asked: Condition) -> ColumnElement[bool]:
        if asked.operator not in _COMPARE or not asked.values[0].isdecimal() or len(asked.values[0]) > 6:
            raise self._error(asked, "dormant_days is compared by <, <=, > or >= with a number of days, such as 90.")
        now = datetime.now(UTC) if self._work is None else self._work.now()
        since = now - timedelta(days=min(int(asked.values[0]), 365_000))
        silent = {">=": Lead.last_contact_at <= since, ">": Lead.last_contact_at < since}
        if asked.operator in silent:  # nobody knows of a contact: an import that says nothing is a list of the silent
            return or_(silent[asked.operator], Lead.last_contact_at.is_(None))
        return Lead.last_contact_at > since if asked.operator == "<" else Lead.last_contact_at >= since

    def _score(self, asked: Condition) -> ColumnElement[bool]:
        if asked.operator in {"known", "unknown"}:
            return self._scored(asked, 0, 100)
        value = int(asked.values[0]) if asked.operator in _SCORES and asked.values[0].isdecimal() else 101
        if value > 100:
            raise self._error(asked, "score is compared by <, <=, =, >= or > with a number from 0 to 100.")
        return self._scored(asked, *_SCORES[asked.operator](value))

    def _tier(self, asked: Condition) -> ColumnElement[bool]:
        if asked.operator in {"known", "unknown"}:
            return self._scored(asked, 0, 100)
        if asked.operator not in {"=", "!=", "in"}:
            return self._refuse(asked, "=, !=, in, is known")
        tiers = [each.lower() for each in asked.values]
        strange = next((each for each in tiers if each not in set(Tier)), None)
        if strange is not None:
            raise self._error(asked, f"there is no such tier; {near(strange, [*Tier])}")
        found = or_(*(self._scored(asked, *scores_of(Tier(each))) for each in tiers))
        return not_(found) if asked.operator == "!=" else found

    def _scored(self, asked: Condition, lowest: int, highest: int) -> ColumnElement[bool]:
        if self._work is None:
            return true()
        if not keeping.are_there(self._work):
            raise self._error(asked, keeping.MISSING)
        found = keeping.within(self._work, lowest, highest)
        return not_(found) if asked.operator == "unknown" else found

    def _consent(self, asked: Condition) -> ColumnElement[bool]:
        channels = [each.value for each in Channel]
        if asked.detail not in channels:
            raise self._error(asked, f"write consent and a channel, such as consent.email; {near('', channels)}")
        wanted = asked.values[0].lower() if asked.operator == "=" else ""
        if asked.operator in {"known", "unknown"}:
            wanted = asked.operator
        if wanted not in {*_ANSWERS, "known"}:
            raise self._error(asked, f"consent.{asked.detail} = yes, no or unknown.")
        newest = (
            select(Consent.granted)
            .where(Consent.lead_id == Lead.id, Consent.channel == asked.detail)
            .order_by(Consent.recorded_at.desc(), Consent.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        if wanted == "known":
            return newest.is_not(None)
        return newest.is_(_ANSWERS[wanted]) if wanted == "unknown" else newest == _ANSWERS[wanted]

    def _custom(self, asked: Condition) -> ColumnElement[bool]:
        if not asked.detail or '"' in asked.detail:
            raise self._error(asked, 'write custom and a column of the file, such as custom."Company size".')
        return self._of_text(asked, Lead.custom[asked.detail].as_string())

    def _segment(self, asked: Condition) -> ColumnElement[bool]:
        if asked.operator not in {"=", "!=", "in"}:
            return self._refuse(asked, "=, != or in")
        if self._work is None:
            return true()
        found = or_(*(self._of_segment(asked, name) for name in asked.values))
        return not_(func.coalesce(found, false())) if asked.operator == "!=" else found

    def _of_segment(self, asked: Condition, name: str) -> ColumnElement[bool]:
        assert self._work is not None
        if name in self._around or len(self._around) >= MAX_NESTED:
            raise self._error(asked, f"the segment {name!r} would contain itself, or is nested too deep.")
        own = (Segment.workspace_id == self._work.workspace, Segment.name == name)
        row = self._work.session.scalar(select(Segment).where(*own))
        if row is None:
            raise self._error(asked, f"there is no segment {name!r}; leads_list_segments lists them.")
        return members(self._work, row, (*self._around, name))

    def _refuse(self, asked: Condition, operators: str) -> ColumnElement[bool]:
        raise self._error(asked, f"{asked.field} takes {operators}, not {asked.operator}.")

    def _error(self, asked: Condition, why: str) -> FilterError:
        return FilterError(self._text, asked.column, why)


def members(work: Work, segment: Segment, around: tuple[str, ...] = ()) -> ColumnElement[bool]:
    """Return the condition that a lead is in a segment: its filter's, or for a frozen one that it was in it then.

    Raises:
        FilterError: its filter names a segment that is gone, or itself.
    """
    if segment.frozen_at is not None:
        return Lead.id.in_(select(SegmentMember.lead_id).where(SegmentMember.segment_id == segment.id))
    return and_(*where(work, LeadFilter.model_validate(segment.filter), around))
