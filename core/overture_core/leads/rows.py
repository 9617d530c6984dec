"""One row of a file, normalised: the fields of a lead, or the reasons why it cannot be one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from typing import NamedTuple
from zoneinfo import available_timezones

from overture_core.errors import InvalidInput
from overture_core.leads.countries import country_code
from overture_core.leads.dates import Order, parse_date
from overture_core.leads.header_names import CONSENTS, PREFIX, REFUSALS
from overture_core.leads.labels import LONGEST, SEPARATORS
from overture_core.leads.mapping import FIELDS, SEVERAL
from overture_core.leads.normalise import e164, email_key, says_no_country, time_zone_for, valid_email
from overture_core.leads.row_consent import ConsentColumns, Stated, addresses_in
from overture_core.text import MAX_FIELD, clean, quoted

_LONGEST_PAGE = 250  # with room for letters that are percent-encoded
_PLAIN = ("company", "title", "language")
_EVIDENCE = frozenset({"consent_text", "consent_at", "consent_source"})
_SHAPES = {dict: "an object", list: "a list", bool: "true or false"}
_REMEMBERED = 40  # characters of a date that is kept with what it was read as: long cells would fill the memory
_LIMITS = {"language": 20, "title": 300, "company": 300}
_LONGEST_ID = 200
_NULS = "values that were stripped of NUL characters, which no text has"
# A JSON object may have names that no object before it had: the report names so many columns, and no more.
_MOST_CUT = 50
_MOST_NAMED = 10


class RowRejected(InvalidInput):
    """The row cannot become a lead."""

    code = "row_rejected"

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = list(reasons)


class ConsentEvidence(NamedTuple):
    """What a row says of how its consents were given: where, by which words, and when."""

    source: str = ""
    wording: str = ""
    given_at: datetime | None = None


NO_EVIDENCE = ConsentEvidence()


@dataclass(slots=True)
class LeadRow:
    """A row that can become a lead. `identities` are (kind, value) pairs, the strongest first.

    Of a row that refuses, `others` are its further addresses; and one that can only be joined to a lead, since it has
    no valid address, has the `reasons` for which it is rejected if there is none.
    """

    values: dict[str, object]
    identities: list[tuple[str, str]]
    custom: dict[str, str]
    tags: list[str] = field(default_factory=list)
    stated: Stated = field(default_factory=Stated)
    evidence: ConsentEvidence = NO_EVIDENCE
    others: list[tuple[str, str]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class RowReader:
    """Normalises rows by one file's mapping; `notes` counts what was changed or left out on the way.

    Custom fields that are `about_else` are not read for refusals.
    """

    def __init__(
        self,
        mapping: Mapping[str, str],
        *,
        default_country: str | None,
        date_orders: Mapping[str, Order],
        about_else: Collection[str] = (),
    ) -> None:
        columns = {field_name: column for column, field_name in mapping.items()}
        self._fields = [(name, columns[name]) for name in FIELDS if name in columns and name not in SEVERAL]
        self._mapping, self._mapped = mapping, frozenset(mapping)
        self._consent = ConsentColumns(mapping, about_else)
        self.reads_consent = not (CONSENTS | REFUSALS).isdisjoint(mapping.values())
        self._default_country = default_country
        # Lists have far fewer days than rows.
        self._parse = {
            name: lru_cache(maxsize=20_000)(partial(parse_date, order=order)) for name, order in date_orders.items()
        }
        self.notes: Counter[str] = Counter()
        self.warnings: list[str] = []
        self._names_cut: set[str] = set()

    @property
    def answering(self) -> list[str]:
        """The columns that may tell of consent by what they hold, once all was read."""
        return self._consent.answering

    def of_answers(self) -> list[str]:
        """Name them; of many the first, since the report marks each among its columns."""
        columns = self.answering
        if not columns:
            return []
        told = ", ".join(map(quoted, columns[:_MOST_NAMED]))
        more = len(columns) - _MOST_NAMED
        rest = f" and {more} more, which the list of columns marks" if more > 0 else ""
        return [
            f"Not read for consent, though they hold yes and no: {told}{rest}. If people agree or refuse in one, map "
            "it to a field such as email_opt_in or opt_out."
        ]

    def taken_notes(self) -> Counter[str]:
        """Return what was noted since the last call."""
        noted, self.notes = self.notes, Counter()
        return noted

    def read(self, cells: Mapping[str, str], shapes: Mapping[str, type] | None = None) -> LeadRow:
        """Return the row as a lead; `shapes` says which cells were no text in JSON (tables.py).

        Raises:
            RowRejected: nothing in it can be written to; with every reason.
        """
        raw = self._filled(cells, shapes)
        country = self._country(raw.get("country", ""))
        stated = self._consent.read(cells)
        email, phone, reasons = self._addresses(raw, country, required=not stated.refused)
        first, last = self._names(raw)
        values: dict[str, object] = {
            "email": email,
            "phone": phone,
            "first_name": first,
            "last_name": last,
            "country": country,
            "time_zone": self._zone(raw.get("time_zone", ""), phone, country),
        }
        for name in _PLAIN:
            if name in raw:
                values[name] = self._cut(raw[name], name, _LIMITS[name])
        if "external_id" in raw:
            values["external_id"] = _external_id(raw["external_id"])
        if "linkedin_url" in raw:
            values["linkedin_url"] = linkedin_page(raw["linkedin_url"])
        if "notes" in raw:
            values["notes"] = self._cut(raw["notes"], "notes", 10_000, keep_lines=True)
        if "last_contact_at" in raw:
            values["last_contact_at"] = self._date(raw, "last_contact_at", "last contact")
        kept = {name: value for name, value in values.items() if value}
        # By the row's own columns: a JSON object may have some that no object before it had.
        unmapped = (
            (
                self._custom_name(column, cells) if column.startswith(PREFIX) else column,
                clean(value) if len(value) <= MAX_FIELD else self._cut(value, quoted(column), MAX_FIELD),
            )
            for column, value in cells.items()
            if column not in self._mapped and value
        )
        custom = {name: text for name, text in unmapped if text}
        found = LeadRow(kept, _identities(kept), custom, stated=stated, reasons=reasons)
        if stated.refused:
            found.others = self._others([cells], country, found.identities)
        if "tags" in raw:
            parts = SEPARATORS.split(raw["tags"])
            found.tags = [tag for part in parts if (tag := self._cut(part, "tags", LONGEST))]
        if not raw.keys().isdisjoint(_EVIDENCE):
            found.evidence = self._evidence(raw)
        self._count_nuls(cells)
        return found

    def _evidence(self, raw: Mapping[str, str]) -> ConsentEvidence:
        return ConsentEvidence(
            self._cut(raw.get("consent_source", ""), "consent_source", 200),
            self._cut(raw.get("consent_text", ""), "consent_text", 1_000),
            self._date(raw, "consent_at", "consent"),
        )

    def refusing(self, either: Sequence[Mapping[str, str]], problem: str) -> LeadRow | None:
        """Return a row whose cells may be of two columns each for what it refuses alone, if it does."""
        refused = {channel for cells in either for channel in self._consent.read(cells, doubtful=True).refused}
        if not refused:
            return None
        others = self._others(either, None, [])
        return LeadRow(
            {}, [], {}, stated=Stated(dict.fromkeys(sorted(refused), False)), others=others, reasons=[problem]
        )

    def _others(
        self, rows: Sequence[Mapping[str, str]], country: str | None, own: Sequence[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        found = (
            each for cells in rows for each in addresses_in(cells, self._mapping, country or self._default_country)
        )
        return [each for each in dict.fromkeys(found) if each not in own]

    def _custom_name(self, column: str, cells: Mapping[str, str]) -> str:
        """Return the name of the field that `custom.NAME` is: NAME, unless another column of the row is."""
        name = column.removeprefix(PREFIX)
        return name if name and (name not in cells or name in self._mapped) else column

    def _count_nuls(self, cells: Mapping[str, str]) -> None:
        """Note what was stripped: JSON can carry NULs, while a line of any other text with one is no row at all."""
        if "\x00" in "".join(cells.values()):
            self.notes[_NULS] += sum("\x00" in text for text in cells.values())

    def _filled(self, cells: Mapping[str, str], shapes: Mapping[str, type] | None) -> dict[str, str]:
        """Return the texts of the fields, without what is empty, as most are, and without what is no single value."""
        raw = {name: text for name, column in self._fields if (text := cells.get(column, "").strip())}
        if not shapes:
            return raw
        for name, column in self._fields:
            shape = shapes.get(column)
            if shape is None or name not in raw or (name == "tags" and shape is list):
                continue
            del raw[name]  # the text of an object is nobody's name
            self.notes[f"values of {name} left out: {_SHAPES[shape]} where a text belongs"] += 1
        return raw

    def _addresses(
        self, raw: Mapping[str, str], country: str | None, *, required: bool
    ) -> tuple[str | None, str | None, list[str]]:
        """Return the e-mail address and the number, or the reasons why there is neither if none is `required`."""
        reasons = []
        email = phone = None
        if raw.get("email"):
            try:
                email = valid_email(raw["email"])
            except InvalidInput as error:
                reasons.append(f"e-mail: {error.message}")
        if raw.get("phone"):
            unknown = country is None and not says_no_country(raw.get("country", ""))
            try:
                phone = e164(raw["phone"], None if unknown else country or self._default_country)
            except InvalidInput as error:
                reasons.append(f"phone: {error.message}")
                if unknown:
                    reasons.append(f"country: {quoted(raw['country'], limit=40)} is not known")
        if email is None and phone is None:
            reasons = reasons or ["it has neither an e-mail address nor a phone number"]
            if required:
                raise RowRejected(*reasons)
            return None, None, reasons
        if reasons:
            self.notes["rows kept without one of their addresses, which was not valid"] += 1
        return email, phone, []

    def _cut(self, text: str, name: str, limit: int, *, keep_lines: bool = False) -> str:
        """Return a text, cleaned; one that is longer than its limit is cut, and that is counted."""
        found = clean(text, limit=limit + 1, keep_lines=keep_lines)
        if len(found) <= limit:
            return found
        if name not in self._names_cut and len(self._names_cut) == _MOST_CUT:
            name = "further columns"
        else:
            self._names_cut.add(name)
        self.notes[f"values of {name} cut at {limit:,} characters"] += 1
        return found[:limit]

    def _country(self, text: str) -> str | None:
        if says_no_country(text):
            return None
        code = country_code(text)
        if code is None:
            self.notes["countries that were not recognised, left out"] += 1
        return code

    def _names(self, raw: Mapping[str, str]) -> tuple[str, str]:
        first = self._cut(raw.get("first_name", ""), "first_name", 200)
        last = self._cut(raw.get("last_name", ""), "last_name", 200)
        full = self._cut(raw["full_name"], "full_name", 400) if "full_name" in raw else ""
        if not full or first or last:
            return first, last
        if "," in full:
            last, _, first = (part.strip() for part in full.partition(","))
        else:
            first, _, last = full.partition(" ")
        if first and last:
            self.notes["full names split into first and last name"] += 1
        return self._cut(first, "first_name", 200), self._cut(last, "last_name", 200)

    def _zone(self, text: str, phone: str | None, country: str | None) -> str | None:
        if text:
            if text in _time_zones():
                return text
            self.notes["time zones that were not recognised, left out"] += 1
        return time_zone_for(phone, country)

    def _date(self, raw: Mapping[str, str], name: str, what: str) -> datetime | None:
        text = raw.get(name, "")
        if not text:
            return None
        parse = self._parse[name]
        moment = parse(text) if len(text) <= _REMEMBERED else parse.__wrapped__(text)
        if moment is None:
            self.notes[f"dates of {what} that could not be read, left out"] += 1
        return moment


def _external_id(text: str) -> str:
    found = clean(text, limit=_LONGEST_ID + 1)
    if len(found) > _LONGEST_ID:
        # Cut, two of them could be the same, and two people one.
        raise RowRejected(f"its external id has more than {_LONGEST_ID} characters")
    return found


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())  # which looks at every file of the time zone database


def linkedin_page(text: str) -> str | None:
    """Return the address of a person's page on LinkedIn in the form in which it is kept, if there is one in a text."""
    found = re.search(r"linkedin\.com/in/([^/?#\s]+)", clean(text), re.IGNORECASE)
    # Names there have at most 100 characters; a longer one is no page.
    return f"https://www.linkedin.com/in/{found[1].lower()}" if found and len(found[1]) <= _LONGEST_PAGE else None


def _identities(values: Mapping[str, object]) -> list[tuple[str, str]]:
    found = []
    if external := values.get("external_id"):
        found.append(("external", str(external)))
    if email := values.get("email"):
        found.append(("email", email_key(str(email))))
    if phone := values.get("phone"):
        found.append(("phone", str(phone)))
    if linkedin := values.get("linkedin_url"):
        found.append(("linkedin", str(linkedin)))
    return found
