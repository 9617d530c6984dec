"""Rows that one mark alone joins to a lead who is somebody else by name and address.

A number may be a switchboard's: such a row is joined, and told. An id may be of another system, which counted from 1
too: such a row is another person, who keeps the id as a custom field. docs/duplicates.md has the rule for people.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import count
from typing import Any

from pydantic import BaseModel, Field

from overture_core.leads.header_names import header_key
from overture_core.leads.normalise import email_key
from overture_core.leads.rows import LeadRow

KEPT_AS = "external_id"
"""The custom field that somebody else's external id becomes, with a number if there is one of that name."""
_ADDRESSES = ("email", "phone", "linkedin_url")
_BETWEEN_WORDS = re.compile(r"[\s\-‐‑–]+")  # noqa: RUF001 (dashes that stand in names)
_INITIAL = 1  # letters of a word that says too little of a name


def is_another(lead: Mapping[str, Any], row: Mapping[str, Any], addresses: Sequence[str] = _ADDRESSES) -> bool:
    """Say whether a lead and a row look like two people: both have a name, both an address of a kind, and all that can
    be compared differs. Names that have a word in common may be one person's, who married or is written otherwise."""
    one, other = _name(lead), _name(row)
    if one <= other or other <= one or any(len(word) > _INITIAL for word in one & other):
        return False
    return _differ(lead, row, addresses)


def may_be_another(lead: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Say whether a lead and a row have e-mail addresses that differ, and no names by which to tell them apart."""
    return not (_name(lead) and _name(row)) and _differ(lead, row, ("email",))


def _differ(lead: Mapping[str, Any], row: Mapping[str, Any], addresses: Sequence[str]) -> bool:
    told = [(lead[kind], row[kind]) for kind in addresses if lead.get(kind) and row.get(kind)]
    return bool(told) and all(email_key(held) != email_key(said) for held, said in told)


def has_strangers_id(row: LeadRow, owners: Sequence[str], first: Mapping[str, Any]) -> bool:
    """Say whether the external id of a row is another person's; `owners` are the leads that the row's identities have,
    the external id's before all, and `first` that one's values. A row that could be no lead by itself is no person."""
    return owners[0] not in owners[1:] and not row.reasons and is_another(first, row.values)


def without_id(row: LeadRow, custom: Mapping[str, str]) -> LeadRow:
    """Return a row with its external id as a custom field alone; `custom` are those of the lead who gets the row."""
    (_, id_), *identities = row.identities
    names = (KEPT_AS if number == 1 else f"{KEPT_AS} ({number})" for number in count(1))
    name = next(each for each in names if all(held.get(each, id_) == id_ for held in (row.custom, custom)))
    values = {kind: value for kind, value in row.values.items() if kind != "external_id"}
    return replace(row, values=values, identities=identities, custom={**row.custom, name: id_})


class By(StrEnum):
    """What makes a row one that a person should look at: its number or its id alone joined it to a lead of another
    address, or its id is another person's; and of the latter, that it refuses something."""

    PHONE = "phone"
    ID_ALONE = "id_alone"
    ID = "id"
    ID_REFUSING = "id_refusing"


class Joins(BaseModel):
    """How many rows of each kind there were so far, and the line of the first."""

    rows: dict[By, int] = Field(default_factory=dict)
    first: dict[By, int] = Field(default_factory=dict)

    def with_lines(self, lines: Mapping[By, Sequence[int]]) -> Joins:
        """Return these counts with those of further rows, {kind: their lines}."""
        rows = Counter(self.rows) + Counter({by: len(each) for by, each in lines.items()})
        return Joins(rows=dict(rows), first={**{by: each[0] for by, each in lines.items()}, **self.first})

    def warnings(self) -> Iterator[str]:
        """Say what a person should know of them."""
        if rows := self.rows.get(By.PHONE):
            yield (
                f"{_were(rows)} joined by phone alone to a lead of another name and e-mail address, such as line "
                f"{self.first[By.PHONE]}; if they are other people who share a number, undo the import and leave it out"
            )
        if rows := self.rows.get(By.ID_ALONE):
            yield (
                f"{_were(rows)} joined by external id alone to a lead of another e-mail address, such as line "
                f"{self.first[By.ID_ALONE]}, with no name to compare; if they are other people, since two systems "
                "number their own, undo the import and put a prefix before the ids of one, or map its column to custom"
            )
        if rows := self.rows.get(By.ID):
            have, became = (
                ("1 row has", "was taken for another person")
                if rows == 1
                else (f"{rows:,} rows have", "were taken for other people")
            )
            yield (
                f"{have} the external id of a lead of another name and address, such as line {self.first[By.ID]}, and "
                f"{became}, with the id kept as the custom field {KEPT_AS}; if two systems number their own, put a "
                f"prefix before the ids of one, or map its column to custom{self._refusing()}"
            )

    def _refusing(self) -> str:
        refusing = self.rows.get(By.ID_REFUSING, 0)
        if not refusing:
            return ""
        what = (
            "it refuses"
            if self.rows[By.ID] == 1
            else f"{refusing:,} of them {'refuses' if refusing == 1 else 'refuse'}"
        )
        leads = "lead with this id" if refusing == 1 else "leads with these ids"
        return f"; what {what} was recorded for the {leads} too, and stays"


def _were(rows: int) -> str:
    return "1 row was" if rows == 1 else f"{rows:,} rows were"


def _name(values: Mapping[str, Any]) -> set[str]:
    """Return the words of a name, as they are compared."""
    words = _BETWEEN_WORDS.split(f"{values.get('first_name') or ''} {values.get('last_name') or ''}")
    return {key for word in words if (key := header_key(word))}
