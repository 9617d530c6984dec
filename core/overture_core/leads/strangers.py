"""Rows that one mark alone joins to a lead who is somebody else by name and address.

A number may be a switchboard's: such a row is joined, and told. An id may be of another system, which counted from 1
too: such a row is another person, who keeps the id as a custom field. docs/duplicates.md has the rule for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from overture_core.leads.header_names import header_key
from overture_core.leads.normalise import email_key
from overture_core.leads.rows import LeadRow

KEPT_AS = "external_id"
"""The custom field that somebody else's external id becomes, with a number if there is one of that name."""
_ADDRESSES = ("email", "phone", "linkedin_url")


def is_another(lead: Mapping[str, Any], row: Mapping[str, Any], addresses: Sequence[str] = _ADDRESSES) -> bool:
    """Say whether a lead and a row look like two people: both have a name, both an address of a kind, and all that can
    be compared differs. A name that is a part of the other, or has its words in another order, is the same."""
    one, other = _name(lead), _name(row)
    if one <= other or other <= one:
        return False
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


def telling_by_phone(rows: int, line: int | None) -> list[str]:
    """Say of how many rows, such as that on `line`, were joined to somebody else by their number alone."""
    if not rows:
        return []
    were = "1 row was" if rows == 1 else f"{rows:,} rows were"
    return [
        f"{were} joined by phone alone to a lead of another name and e-mail address, such as line {line}; if they are "
        "other people who share a number, undo the import and leave it out"
    ]


def telling_by_id(rows: int, line: int | None) -> list[str]:
    """Say of how many rows, such as that on `line`, the external id is somebody else's."""
    if not rows:
        return []
    have, became = (
        ("1 row has", "was taken for another person")
        if rows == 1
        else (f"{rows:,} rows have", "were taken for other people")
    )
    return [
        f"{have} the external id of a lead of another name and address, such as line {line}, and {became}, with the id "
        f"kept as the custom field {KEPT_AS}; if two systems number their own, put a prefix before the ids of one, or "
        "map its column to custom"
    ]


def _name(values: Mapping[str, Any]) -> set[str]:
    """Return the words of a name, as they are compared."""
    words = f"{values.get('first_name') or ''} {values.get('last_name') or ''}".split()
    return {key for word in words if (key := header_key(word))}
