"""What the columns of a suppression list are, by their names and by what stands in them.

An address that is left out is one that goes on being written to. So every column that holds addresses of the people
listed counts, and a first line that holds one is a row and no header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from overture_core.errors import InvalidInput
from overture_core.leads.header_names import is_of_ours
from overture_core.leads.mapping import propose
from overture_core.leads.normalise import phone_region
from overture_core.leads.reading import Row, Table
from overture_core.suppressions.service import Kind, normalised

ADDRESSES = {"email", "phone", "value"}
# Columns by name: letters and digits alone, lower case. Those of e-mail and phone are found as imports find them.
_DOMAINS = {"domain", "domains", "companydomain", "emaildomain", "blockeddomain"}
_ANY = {"value", "address", "recipient", "entry", "suppression", "to", "from", "number", "contact"}
_REASONS = {"reason", "status", "event", "type", "bouncetype", "suppressionreason", "optoutreason"}
# Further columns of addresses, such as "Secondary Email" and "landline".
_OF_ADDRESSES = re.compile(r"mail|phone|mobile|cell|landline|telefon|handy|\btel\b", re.IGNORECASE)
_LEAD = re.compile(r"lead_[0-9A-Za-z_-]+")
_NUMBER = re.compile(r"\+?[\d\s()./-]{7,}")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}.*|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}.*")


def kind_of(value: str) -> Kind:
    """Return what a value is, by its looks: a lead's id, an e-mail address, a phone number, else a domain."""
    text = value.strip()
    if _LEAD.fullmatch(text):
        return "person"
    if "@" in text.removeprefix("*").lstrip("@"):
        return "email"
    return "phone" if text[:1] in "+0123456789(" and not re.search(r"[A-Za-z]", text) else "domain"


def columns_of(table: Table, sample: list[Row], country: str | None) -> dict[str, str]:
    """Return {column: email, phone, domain, value, kind, reason or country}; `value` may be any kind."""
    found: dict[str, str] = {}
    for column in table.columns:
        key = "".join(each for each in column.casefold() if each.isalnum())
        for names, what in ((_DOMAINS, "domain"), (_ANY, "value"), (_REASONS, "reason"), ({"kind"}, "kind")):
            if key in names:
                found.setdefault(column, what)
    others = [column for column in table.columns if column not in found]
    cells = [row.cells for row in sample if row.cells is not None]
    found |= _addresses(others, [], {"email", "phone", "country"})
    named = not ADDRESSES.isdisjoint(found.values())
    if not named:  # by name first: a column of times looks like phone numbers
        looking = _addresses(others, cells, {"email"} if "domain" in found.values() else {"email", "phone"})
        # Of one value a line each is taken by its own looks, whatever most of them are.
        found |= dict.fromkeys(looking, "value") if len(table.columns) == 1 else looking
    if len(table.columns) == 1 and not found:
        (name,) = table.columns
        # Of a list without a header the first line may be taken for one, or for the first row.
        if any(_is_value(each, country) for each in (name, *(row[name] for row in cells[:1]))):
            found[name] = "value"
    return found | _further(table, cells, found, named=named)


def headless(table: Table, columns: Mapping[str, str]) -> Iterator[Row]:
    """The header itself, where it is a row like those below it."""
    if any(_is_no_name(name) for name, what in columns.items() if what in ADDRESSES):
        yield Row(1, (table.delimiter or ",").join(table.columns), {name: name for name in table.columns})


def _addresses(columns: list[str], cells: list[dict[str, str]], kinds: set[str]) -> dict[str, str]:
    return {column: what for column, what in propose(columns, cells).mapping.items() if what in kinds}


def _further(
    table: Table, cells: Sequence[Mapping[str, str]], found: Mapping[str, str], *, named: bool
) -> dict[str, str]:
    """The columns that hold addresses besides those that were found; without a header also the country of numbers."""
    bare = any(_is_no_name(column) for column in table.columns)
    more: dict[str, str] = {}
    for column in table.columns:
        if column in found or is_of_ours(column):
            continue
        inside = [cell for row in cells if (cell := row.get(column, "").strip())]
        if bare:
            inside.append(column)
        if 2 * sum(map(_is_address, inside)) >= len(inside) > 0 and (not named or _OF_ADDRESSES.search(column)):
            more[column] = "value"
        elif bare and inside and all(len(cell) <= 3 and phone_region(cell) for cell in inside):
            more[column] = "country"
    return more


def _is_value(text: str, country: str | None) -> bool:
    try:
        normalised(kind_of(text), text, country)
    except InvalidInput:
        return False
    return True


def _is_no_name(text: str) -> bool:
    """Say whether no list has this above a column: an address, a number or a link stands for itself."""
    return _is_address(text) or "://" in text or _is_value(text, None)


def _is_address(text: str) -> bool:
    kind = kind_of(text)
    return kind == "email" or (kind == "phone" and bool(_NUMBER.fullmatch(text)) and not _DATE.fullmatch(text))
