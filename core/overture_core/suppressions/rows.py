"""What a row of a suppression list asks for: every value of its cells, normalised, and why others cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from overture_core.errors import InvalidInput
from overture_core.leads.answers import is_blank, is_refusal
from overture_core.leads.header_names import REFUSALS, field_of
from overture_core.leads.normalise import phone_region, says_no_country, unwrapped
from overture_core.leads.public_mail import everybodys, public_domains
from overture_core.leads.reading import Row
from overture_core.suppressions.columns import ADDRESSES, Columns, addresses_among, is_number
from overture_core.suppressions.service import EVERYBODY_AT, Kind, suppressible
from overture_core.text import clean, quoted

KINDS: tuple[Kind, ...] = ("email", "phone", "domain", "person")
_ABOUT = {"kind", "reason", "country"}  # columns that say something of their row
Asked = tuple[Kind, str, str]  # with the reason
_SEPARATORS = re.compile(r"[;,|、\r\n\t]")  # between the values of one cell
_SEVERAL = re.compile(r"[;,|、/\s<>()\[\]]")  # what also stands between or around its e-mail addresses
_MAY_COUNT = re.compile(r"\d|\w\.\w")  # in a number, in a domain


class Default(NamedTuple):
    """What counts for a row that does not say it."""

    reason: str
    country: str | None


@dataclass(slots=True)
class Wanted:
    """What a row asks to suppress, why its other values cannot be, and the columns that it was in; `passed_over` are
    those with an address that was not read, `aside` those with a domain that only says where an address is, `denying`
    those of refusals that say no."""

    asked: list[Asked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    columns: dict[str, Kind] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    denying: list[str] = field(default_factory=list)


class _Value(NamedTuple):
    column: str
    kind: Kind
    text: str


def wanted_in(row: Row, columns: Columns, default: Default) -> Wanted:
    """Return what a row asks for.

    A domain counts in a row without an address alone: beside one it says where the address is, which may be Gmail.
    """
    wanted = Wanted()
    read = columns.cells_of(row)
    if read is None:
        wanted.problems.append(row.problem or "it cannot be read")
        return wanted
    cells = {column: text for column, cell in read.items() if (text := cell.strip())}
    about = {
        role: cell
        for column, cell in cells.items()
        if (role := columns.roles.get(column)) in _ABOUT and not columns.kind_in(column, cell)
    }
    said_kind, said_country = about.get("kind", ""), about.get("country", "")
    given = _kind(said_kind)
    country = default.country if says_no_country(said_country) else phone_region(said_country)
    values = _values(cells, columns, given, country, wanted)
    reason = clean(about.get("reason", ""), limit=40) or default.reason
    for column, kind, text in values:
        try:
            key = _key(kind, text, country, said_country)
        except InvalidInput as error:
            wanted.problems.append(error.message)
            continue
        if kind == "domain" and key in public_domains() and given != "domain" and not columns.means_domains(column):
            wanted.problems.append(everybodys(key))  # more likely what is left of an address
            continue
        wanted.asked.append((kind, key, reason))
        wanted.columns[column] = kind
    if wanted.asked:
        wanted.denying += [column for column, cell in cells.items() if _denies(column, cell)]
    if said_kind and given is None and not wanted.asked:
        wanted.problems.insert(0, f"{quoted(said_kind)} is no kind; the kinds are {', '.join(KINDS)}.")
    if not values and not wanted.problems:
        wanted.problems.append("it holds no address, number or domain")
    return wanted


def _denies(column: str, cell: str) -> bool:
    return field_of(column) in REFUSALS and not is_blank(cell) and not is_refusal(cell)


def _values(
    cells: Mapping[str, str], columns: Columns, given: Kind | None, country: str | None, wanted: Wanted
) -> list[_Value]:
    values: list[_Value] = []
    for column, cell in cells.items():
        for kind, text in _several(column, cell, columns, given, country):
            if kind is not None:
                values.append(_Value(column, kind, text))
            elif columns.passes_over(text):
                wanted.passed_over.append(column)
    return _without_domains_aside(values, columns, wanted)


def _kind(said: str) -> Kind | None:
    """Return the kind that a row gives, in whatever letters, or as imports name e-mail and phone."""
    names = {said.casefold(), field_of(said)}
    return next((kind for kind in KINDS if kind in names), None)


def _several(
    column: str, cell: str, columns: Columns, given: Kind | None, country: str | None
) -> Iterator[tuple[Kind | None, str]]:
    """The parts of a cell, each with its kind, if it is a value: itself alone, if it is one or a text about the row."""
    whole = columns.kind_in(column, cell, given)
    if whole is None and columns.roles.get(column) in _ABOUT:
        yield whole, cell
        return
    cell = unwrapped(cell) or cell
    parted = (_SEVERAL if "@" in cell else _SEPARATORS).search(cell)
    if not parted or _is_one(whole, cell, country):
        yield whole, cell
        return
    for part in [part for each in _SEPARATORS.split(cell) if (part := unwrapped(each))] or [cell]:
        kind = columns.kind_in(column, part, given)
        found, beside = addresses_among(part) if kind == "email" else ([], "")
        if not found or _is_one(kind, part, country):
            yield kind, part
            continue
        yield from ((columns.kind_in(column, each, given), each) for each in found)
        if is_number(beside):
            yield "phone", beside
        elif _MAY_COUNT.search(beside):
            yield columns.kind_in(column, beside, given), beside


def _is_one(kind: Kind | None, cell: str, country: str | None) -> bool:
    if kind is None:
        return False
    try:
        suppressible(kind, cell, country)
    except InvalidInput:
        return False
    return True


def _without_domains_aside(values: list[_Value], columns: Columns, wanted: Wanted) -> list[_Value]:
    aside = [
        each
        for each in values
        if each.kind == "domain"
        and columns.roles.get(each.column) not in ADDRESSES
        and not each.text.startswith(EVERYBODY_AT)
    ]
    if len(aside) == len(values):
        return values
    wanted.aside += [each.column for each in aside]
    return [each for each in values if each not in aside]


def _key(kind: Kind, value: str, country: str | None, said_country: str) -> str:
    try:
        return suppressible(kind, value, country)
    except InvalidInput as error:
        if kind == "phone" and country is None and not says_no_country(said_country):
            msg = f"{error.message} The country {quoted(said_country, limit=40)} is not known."
            raise InvalidInput(msg) from error
        raise
