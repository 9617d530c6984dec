"""Which column is what: by its name in many languages, else by its values; always with the reason."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel, Field

from overture_core.errors import InvalidInput
from overture_core.leads.countries import country_code
from overture_core.leads.dates import is_date
from overture_core.leads.header_names import (
    CONSENTS,
    FIELDS,
    PREFIX,
    REFUSALS,
    field_of,
    has_others_addresses,
    header_key,
    is_of_ours,
    is_prefixed,
    without_number,
)
from overture_core.leads.telling import Reads, telling
from overture_core.text import clean, quantity, quoted

__all__ = [
    "CUSTOM",
    "FIELDS",
    "IGNORE",
    "SEVERAL",
    "UNREAD",
    "ColumnRead",
    "NoAddressColumn",
    "Proposal",
    "checked",
    "columns_are",
    "columns_named",
    "propose",
]

CUSTOM, UNREAD, IGNORE = "custom", "unread", "ignore"
"""What a mapping says of a column that is no field: keep it as a custom field, keep it as one that is not read for
refusals (telling.py), or leave it out."""
SEVERAL = REFUSALS | CONSENTS | {CUSTOM, UNREAD, IGNORE}
"""What a mapping may say of several columns."""
MOST = 0.6  # of the sampled values have to look like it
ENOUGH = 25  # values that tell dates, which take time to read
SHOWN = 80
SHOWN_COLUMNS = 20
_INSIDE = re.compile(r"\w\.\w")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# Digits alone may be anything, a customer's number or a time, and with dots between them a price. A phone number shows
# itself by what it begins with, or by North America's groups.
_PHONE = re.compile(
    r"(?:\+|00 ?[1-9]|\()[\d\s().\-/]{6,20}|0\d+[\s()./-][\d\s().\-/]{5,17}|(?:1[-. ])?\d{3}[-. ]\d{3}[-. ]\d{4}"
)
_LINKEDIN = re.compile(r"(https?://)?([\w-]+\.)?linkedin\.com/in/\S+", re.IGNORECASE)
_KEYS = frozenset({"email", "phone", "external_id", "linkedin_url"})
# Names of a given name or family name that, without the other, mean the whole name.
_WHOLE_NAMES = frozenset(
    map(header_key, ("nom", "nombre", "nome", "jméno", "имя", "ім'я", "ad", "isim", "이름", "名字"))
)
# Names that may mean something else, such as Mr and Dr, or an account's number. Any other of their field comes first.
_VAGUE = frozenset(
    map(
        header_key,
        (
            *("title", "titel", "tittel", "titteli", "role", "position", "job"),
            *("contact", "person", "display name", "account", "staat", "linkedin"),
            *("last activity", "last activity date", "letzte aktivität"),
        ),
    )
)


class ColumnRead(BaseModel):
    """What a column was taken for (None: kept as a custom field; `unread`: so, and not read for refusals), and why."""

    column: str
    field: str | None
    why: str
    sample: str | None = Field(default=None, description="Its first value.")


class Proposal(NamedTuple):
    """What columns are taken for, {column: field}, and the reason for each, of columns that are no field too."""

    mapping: dict[str, str]
    why: dict[str, str]


class NoAddressColumn(InvalidInput):
    """No column of a file was recognised as e-mail or phone."""

    def __init__(self, columns: Sequence[str], too_wide: Sequence[str] = ()) -> None:
        self.example = columns[0] if columns else "E-post"
        self.what = f"No column was recognised as e-mail or phone; {columns_are(columns)}"
        if too_wide:
            self.what += (
                f" What stands inside {', '.join(map(quoted, too_wide[:5]))} would make too many columns and was not "
                "looked at: if the addresses are there, leave out the fields that you do not need."
            )
        super().__init__(f'{self.what} Say which one it is with a mapping such as {{"{self.example}": "email"}}.')


def propose(
    columns: Sequence[str], sample: Sequence[Mapping[str, str]], taken: Mapping[str, str] | None = None
) -> Proposal:
    """Propose a field for each column that has one; every field but `SEVERAL` once: to the column whose name tells it
    best, the leftmost of several. Names of what stands inside objects (`company.name`) come last.

    `taken` are columns whose field is settled, {column: field}; nothing is proposed for them.
    """
    held = {field: column for column, field in (taken or {}).items()}
    mapping: dict[str, str] = {}
    why: dict[str, str] = {}
    free = [column for column in columns if column not in (taken or {})]
    for column in sorted(free, key=_vagueness):
        if column.startswith(PREFIX):
            why[column] = "its name says so"
            continue
        field = field_of(column)
        if field is None:
            continue
        if field in SEVERAL or field not in held:
            mapping[column], why[column] = field, "its name"
            held[field] = column
        else:
            why[column] = f"its name says {field} too, which {quoted(held[field])} already is"
    _settle_names(mapping, why, held)
    looked_at = [column for column in free if not has_others_addresses(column)]
    _settle_by_values(mapping, why, held, looked_at, sample)
    if _KEYS.isdisjoint(held):  # a list of partners has their addresses alone
        _settle_by_values(mapping, why, held, [column for column in free if not is_of_ours(column)], sample)
    for column in free:
        if column not in why and (share := _share(is_date, column, sample[:ENOUGH])) is not None:
            why[column] = f"dates: {share}; map it to last_contact_at if that is what they tell"
    return Proposal(mapping, why)


def _vagueness(column: str) -> int:
    if is_prefixed(column) or _INSIDE.search(column):
        return 2
    return int(header_key(without_number(column)) in _VAGUE)


def _settle_by_values(
    mapping: dict[str, str],
    why: dict[str, str],
    held: dict[str, str],
    columns: Sequence[str],
    sample: Sequence[Mapping[str, str]],
) -> None:
    """Take columns for the fields that most of their values look like, the leftmost first."""
    for field, looks in _LOOKS.items():
        for column in [] if field in held else columns:
            if column not in why and (share := _share(looks, column, sample)) is not None:
                mapping[column], why[column] = field, f"its values: {share}"
                held[field] = column
                break


def _settle_names(mapping: dict[str, str], why: dict[str, str], held: dict[str, str]) -> None:
    """A column called Name is the family name beside one for the given name, and `Nome` alone is the whole name."""
    first, last, full = (held.get(name) for name in ("first_name", "last_name", "full_name"))
    if first and full and not last and header_key(full) in {"name", "navn", "namn", "naam"} and full in mapping:
        mapping[full], why[full] = "last_name", f"its name, beside {quoted(first)}"
        return
    alone = first if not last else last if not first else None
    if alone and not full and alone in mapping and header_key(alone) in _WHOLE_NAMES:
        mapping[alone], why[alone] = "full_name", "its name; there is no other column for names"


def columns_named(columns: Sequence[str], names: Iterable[str]) -> dict[str, str]:
    """Return the column that each name of a mapping means, {name: column}, if the file has one.

    One of exactly this name counts first; else the only one that differs in case and blanks alone, if no other name
    means it too.
    """
    names = list(names)
    found = {name: name for name in names if name in columns}
    alike: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for name in names:
        if name not in found:
            alike[_loosely(name)][0].append(name)
    for column in columns:
        if column not in found:
            alike[_loosely(column)][1].append(column)
    for meaning, meant in alike.values():
        if len(meaning) == len(meant) == 1:
            found[meaning[0]] = meant[0]
    return found


def _loosely(name: str) -> str:
    return " ".join(name.casefold().split())


def checked(columns: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return a mapping that a person gave, by the file's own names for its columns, if it can be used.

    Raises:
        InvalidInput: it names a column or field that does not exist, or a field twice.
    """
    found = columns_named(columns, mapping)
    for name in mapping:
        if name not in found:
            msg = f"The mapping names the column {quoted(name)}; {columns_are(columns)}"
            raise InvalidInput(msg)
    check_fields(mapping)
    return {found[name]: field for name, field in mapping.items()}


def columns_are(columns: Sequence[str]) -> str:
    """Return the end of a sentence that names a file's columns, the first of them if they are many."""
    if not columns:
        return "the file has no columns."
    more = f" and {len(columns) - SHOWN_COLUMNS} more" if len(columns) > SHOWN_COLUMNS else ""
    return f"the columns are: {', '.join(columns[:SHOWN_COLUMNS])}{more}".removesuffix(".") + "."


def check_fields(mapping: Mapping[str, str]) -> None:
    """Make sure that a mapping names fields that there are, each once.

    Raises:
        InvalidInput: it does not.
    """
    for field in mapping.values():
        if field not in {*FIELDS, *SEVERAL}:
            known = ", ".join((*FIELDS, CUSTOM, UNREAD, IGNORE))
            msg = f"The mapping names the field {quoted(field)}; the fields are: {known}."
            raise InvalidInput(msg)
    single = [field for field in mapping.values() if field not in SEVERAL]
    if len(set(single)) < len(single):
        msg = "The mapping gives the same field to two columns; choose one of them."
        raise InvalidInput(msg)


def require_address(columns: Sequence[str], mapping: Mapping[str, str], too_wide: Sequence[str] = ()) -> None:
    """Make sure that leads could be reached at all, or that those who are known could refuse; `too_wide` as a table has
    them (tables.py).

    Raises:
        NoAddressColumn: no column is an e-mail address or a phone number, nor do a key and a refusal stand together.
    """
    fields = set(mapping.values())
    refusing = fields & {"external_id", "linkedin_url"} and fields & (REFUSALS | CONSENTS)
    if not refusing and not {"email", "phone"} & fields:
        raise NoAddressColumn(columns, too_wide)


def described(
    columns: Sequence[str], mapping: Mapping[str, str], why: Mapping[str, str], sample: Sequence[Mapping[str, str]]
) -> Iterator[ColumnRead]:
    """Say of each column what it was taken for, and why, with the first value that it has."""
    for column in columns:
        value = next((value for row in sample if (value := row.get(column, "").strip())), None)
        yield ColumnRead(
            column=column,
            field=mapping.get(column),
            why=why.get(column) or _why_custom(column),
            sample=None if value is None else clean(value, limit=SHOWN),
        )


def with_refusals(columns: Sequence[ColumnRead], refusing: Mapping[str, int]) -> list[ColumnRead]:
    """Return columns with what was said of them once all rows were read: how many rows those refused that are no field
    of consent, by {column: rows}."""
    return [
        each.model_copy(update={"why": f"{each.why}; what it says refuses {quantity(refusing[each.column], 'row')}"})
        if each.column in refusing and each.field not in CONSENTS | REFUSALS
        else each
        for each in columns
    ]


def _why_custom(column: str) -> str:
    reads = telling(column).reads
    if reads in (Reads.LABELS, Reads.NOTHING):
        return "no field has such a name or such values"
    what = "a status, which" if reads is Reads.STATUS else "a consent or refusal by its name, which"
    return f"{what} stays a custom field and is read for refusals"


def is_phone(value: str) -> bool:
    """Say whether a text shows itself to be a phone number, by more than its digits."""
    return _PHONE.fullmatch(value) is not None and not is_date(value)


def _is_country(value: str) -> bool:
    return len(value) > 3 and country_code(value) is not None  # CA is California too, and DE Delaware


_LOOKS: dict[str, Callable[[str], bool]] = {
    "email": lambda value: _EMAIL.fullmatch(value) is not None,
    "phone": is_phone,
    "linkedin_url": lambda value: _LINKEDIN.fullmatch(value) is not None,
    "country": _is_country,
}


def _share(looks: Callable[[str], bool], column: str, sample: Sequence[Mapping[str, str]]) -> str | None:
    """Say how many of a column's values look like something, if most of them do."""
    values = [value for row in sample if (value := row.get(column, "").strip())]
    found = sum(looks(value) for value in values)
    return f"{found} of {len(values)} look like it" if values and found >= MOST * len(values) else None
