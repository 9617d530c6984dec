"""What programs put before the name of a column to say whose it is: `Person - Email`, `Account: Account Name`."""

from __future__ import annotations

import re

_PREFIXED = re.compile(r"\s*(\w+)(?:\s+-\s+|\s*[:>]\s*)(.*\S)\s*")
_PEOPLE = frozenset(
    (
        *("person", "people", "contact", "lead", "kontakt", "ansprechpartner", "interessent", "personne", "persona"),
        *("contacto", "contatto", "contato", "pessoa", "persoon", "osoba", "контакт"),
    )
)
_COMPANIES = frozenset(
    (
        *("organization", "organisation", "account", "company", "firma", "unternehmen", "société", "entreprise"),
        *("empresa", "azienda", "organisatie", "bedrijf", "компания"),
    )
)


def without_person(name: str) -> str | None:
    """Return what follows in a column's name where it begins with a word for the lead: `Email` of `Person - Email`."""
    return _following(name, _PEOPLE)


def without_company(name: str) -> str | None:
    """Return what follows in a column's name where it begins with a word for the lead's company."""
    return _following(name, _COMPANIES)


def _following(name: str, beginnings: frozenset[str]) -> str | None:
    found = _PREFIXED.fullmatch(name)
    return found[2] if found and found[1].casefold() in beginnings else None
