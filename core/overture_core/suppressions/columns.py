"""What the columns of a suppression list are, and what each of their cells is.

An address that is left out is one that goes on being written to. So every cell decides for itself: one that is an
e-mail address or a number with its country's code counts in whatever column, but in one about somebody of ours.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from overture_core.errors import InvalidInput
from overture_core.leads.consent_objects import objects_in
from overture_core.leads.header_names import field_of, is_of_ours, names_phone
from overture_core.leads.json_files import TEXTS
from overture_core.leads.mapping import is_phone, propose
from overture_core.leads.normalise import phone_region, unwrapped, valid_email
from overture_core.leads.reading import Row, Table
from overture_core.leads.tables import cell_text
from overture_core.suppressions.service import EVERYBODY_AT, Kind, normalised

ADDRESSES = {"email", "phone", "value"}
# Columns by name: letters and digits alone, lower case. Those of e-mail and phone are found as imports find them.
_DOMAINS = {"domain", "domains", "companydomain", "emaildomain", "blockeddomain"}
_ANY = {"value", "address", "recipient", "entry", "suppression", "to", "from", "number", "contact"}
_REASONS = {
    *("reason", "status", "event", "type", "bouncetype", "suppressionreason", "optoutreason", "unsubscribereason"),
    *(
        "grund",
        "abmeldegrund",
        "raison",
        "motif",
        "motivo",
        "causa",
        "reden",
        "powód",
        "důvod",
        "orsak",
        "årsag",
        "årsak",
    ),
    *("syy", "sebep", "причина", "理由", "原因", "사유"),
}
_AS_NAMED: Mapping[str, Kind] = {"email": "email", "phone": "phone", "domain": "domain"}
_LEAD = re.compile(r"lead_[0-9A-Za-z_-]+")
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_BETWEEN = re.compile(r"[<>()\[\]\"]")  # what parts words, beside white space
_BEHIND_ADDRESS = re.compile(r"(@[^\s/@]*)/")  # a slash that parts it from the next one
_REMARK = re.compile(r"\((?=[^()@+]*[^\W\d_])[^()@+]*\)")  # with a letter: (212) is part of a number
_EMAIL_INSIDE = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_ABROAD = re.compile(r"(?:[a-z]+:)?\s*\+[\d\s()./-]{7,}", re.IGNORECASE)  # Twilio's whatsapp:+14155550101 too
_NUMBER = re.compile(r"\+?[\d\s()./-]{7,}")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}.*|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}.*")
_DOMAIN = re.compile(r"(?:https?://)?(?:[\w-]+\.)+[^\W\d_]{2,}(?:/\S*)?", re.IGNORECASE)


def kind_of(value: str) -> Kind:
    """Return what a value is, by its looks: a lead's id, an e-mail address, a phone number, else a domain."""
    text = unwrapped(value)
    if _LEAD.fullmatch(text):
        return "person"
    if "@" in text.removeprefix("*").lstrip("@") and "://" not in text:
        return "email"
    if _ABROAD.fullmatch(text):
        return "phone"
    return "phone" if text[:1] in "+0123456789(" and not re.search(r"[A-Za-z]", text) else "domain"


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a list are. `roles` says email, phone, domain, value (of any kind), kind, reason or country
    of those that are known by name, or by most of their values; of further ones those that are called like phones
    have numbers to call, and those about somebody of ours nothing. `bare` says that there is no header: a cell is what
    it looks like.
    """

    roles: dict[str, str]
    bare: bool

    def kind_in(self, column: str, text: str, given: Kind | None = None) -> Kind | None:
        """Return as what a cell, or one of several values in it, is to be suppressed, if it is; `given` is the kind
        that its row gives. Whether the text is a good value of that kind is not said."""
        if column not in self.roles and is_of_ours(column):
            return None
        text = unwrapped(text)
        if text.startswith(EVERYBODY_AT):
            return "domain"
        if _is_email(text):
            return "email"
        if _ABROAD.fullmatch(text):
            return "phone"
        # Beside objects, a text by itself stands in a column that the table does not have.
        role = self.roles.get(column, "value" if column == TEXTS else None)
        if role == "value":
            return given or kind_of(text)
        if role is not None:
            return _AS_NAMED.get(role)
        if (self.bare or names_phone(column)) and is_number(text):
            return "phone"
        return "domain" if self.bare and _DOMAIN.fullmatch(text) else None

    def cells_of(self, row: Row) -> Mapping[str, str] | None:
        """Return the cells of a row, if it can be read: without a header, none has more or fewer than it should. What
        stands in a cell's objects of JSON has cells of its own, named by the way there."""
        cells = row.cells
        if self.bare and row.either:
            further = {f"column {number}": cell for number, cell in enumerate(row.beyond, len(row.either[0]) + 1)}
            cells = {**row.either[0], **further}
        if cells is None or not any(cell.startswith("{") for cell in cells.values()):
            return cells
        inside: dict[str, list[str]] = defaultdict(list)
        for column, cell in cells.items():
            for name, text in _inside(column, cell):
                inside[name].append(text)
        return {name: ";".join(texts) for name, texts in inside.items()}

    def passes_over(self, cell: str) -> bool:
        """Say whether a text that is nothing to suppress holds an address or a number all the same."""
        return ("@" in cell and _EMAIL_INSIDE.search(cell) is not None) or is_phone(cell)

    def means_domains(self, column: str) -> bool:
        """Say whether the list is one of domains, by the name of the column."""
        return self.roles.get(column) == "domain" and ADDRESSES.isdisjoint(self.roles.values())

    def of_any_value(self, rows: Iterable[Row]) -> bool:
        """Say whether a column is known to hold values, or one of the rows has one."""
        return not {*ADDRESSES, "domain"}.isdisjoint(self.roles.values()) or any(
            self.kind_in(column, cell) for row in rows for column, cell in (self.cells_of(row) or {}).items()
        )


def addresses_among(text: str) -> tuple[list[str], str]:
    """Return the words of a text that are meant as e-mail addresses, and the others without remarks in parentheses."""
    words = _BETWEEN.sub(" ", _BEHIND_ADDRESS.sub(r"\1 ", _REMARK.sub(" ", text))).split()
    return [word.lstrip("/") for word in words if "@" in word], " ".join(word for word in words if "@" not in word)


def is_number(text: str) -> bool:
    """Say whether a text may be a phone number, by its digits and what stands between them."""
    return _NUMBER.fullmatch(text) is not None and not _DATE.fullmatch(text)


def columns_of(table: Table, sample: list[Row], country: str | None) -> Columns:
    """Return what the columns are, by their names; where none is one of addresses, by the first rows as well."""
    found: dict[str, str] = {}
    for column in table.columns:
        key = "".join(each for each in column.casefold() if each.isalnum())
        for names, what in ((_DOMAINS, "domain"), (_ANY, "value"), (_REASONS, "reason"), ({"kind"}, "kind")):
            if key in names:
                found.setdefault(column, what)
    others = [column for column in table.columns if column not in found]
    cells = [row.cells for row in sample if row.cells is not None]
    found |= _addresses(others, [], {"email", "phone", "country"})
    alone = len(table.columns) == 1
    if ADDRESSES.isdisjoint(found.values()):  # by name first: a column of times looks like phone numbers
        looking = _addresses(others, cells, {"email"} if "domain" in found.values() else {"email", "phone"})
        # Of one value a line each is taken by its own looks, whatever most of them are.
        found |= dict.fromkeys(looking, "value") if alone else looking
    if alone and not found:
        (name,) = table.columns
        # Of a list without a header the first line may be taken for one, or for the first row.
        if any(
            kind_of(each) == "email" or _is_value(each, country) for each in (name, *(row[name] for row in cells[:1]))
        ):
            found[name] = "value"
    keyed = any(row.original.startswith("{") for row in sample)  # contact.phones is the key of an object, no domain
    bare = not table.named or any(_is_no_name(name, alone=alone and not keyed) for name in table.columns)
    if bare:
        further = [column for column in table.columns if column not in found]
        found |= {column: "country" for column in further if _is_of_countries(column, cells)}
    return Columns(roles=found, bare=bare)


def headless(table: Table, columns: Columns) -> Iterator[Row]:
    """The header itself, where it is a row like those below it."""
    if columns.bare and table.named:
        yield Row(1, (table.delimiter or ",").join(table.columns), {name: name for name in table.columns})


def _addresses(columns: list[str], cells: list[dict[str, str]], kinds: set[str]) -> dict[str, str]:
    return {column: what for column, what in propose(columns, cells).mapping.items() if what in kinds}


def _inside(column: str, cell: str) -> Iterable[tuple[str, str]]:
    """Return the texts in a cell's objects of JSON, each with its name; any other cell as it is."""
    if not cell.startswith("{"):
        return [(column, cell)]
    try:
        return [each for value in objects_in(cell) for each in _leaves(column, value)]
    except (ValueError, RecursionError):
        return [(column, cell)]


def _leaves(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(f"{name}.{key}", each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(name, each)
    else:
        yield name, cell_text(value)


def _is_of_countries(column: str, rows: Iterable[Mapping[str, str]]) -> bool:
    inside = [cell for row in rows if (cell := row.get(column, "").strip())]
    return bool(inside) and all(len(cell) <= 3 and phone_region(cell) for cell in inside)


def _is_value(text: str, country: str | None) -> bool:
    try:
        normalised(kind_of(text), text, country)
    except InvalidInput:
        return False
    return True


def _is_no_name(text: str, *, alone: bool) -> bool:
    """Say whether no list has this above a column: an address, a number or a link stands for itself, a domain does
    where it is alone."""
    text = unwrapped(text)
    return (
        _is_email(text)
        or is_number(text)
        or "://" in text
        or (alone and _EMAIL_INSIDE.search(text) is not None)
        or (alone and field_of(text.rpartition(".")[2]) is None and _is_value(text, None))
    )


def _is_email(text: str) -> bool:
    if "@" not in text or "://" in text:
        return False
    if _EMAIL.fullmatch(text):
        return True
    found, beside = addresses_among(text)
    if all(map(_EMAIL.fullmatch, found)) and (not any(map(str.isalnum, beside)) or is_number(beside)):
        return True
    try:
        valid_email(text)
    except InvalidInput:
        return False
    return True
