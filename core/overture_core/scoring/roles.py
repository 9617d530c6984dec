"""What a job title says about who decides: bands by words, a rule of ours. The first band that fits counts."""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, func, literal, or_
from sqlalchemy.sql.elements import SQLCoreOperations


class Band(NamedTuple):
    """Titles that count alike: their worth of 1,000, and the words of which one stands in them."""

    name: str
    worth: int
    words: tuple[str, ...]


# Who helps a chief is none, and a vice president is no president: hence the order.
BANDS = (
    Band("junior", 150, ("assistant", "intern", "trainee", "student", "junior", "apprentice")),
    Band("director", 900, ("vice president", "vp", "svp", "evp")),
    Band(
        "chief",
        1_000,
        (
            *("chief", "ceo", "cto", "cfo", "coo", "cmo", "cio", "president", "owner", "founder", "cofounder"),
            *("partner", "managing director", "geschäftsführer", "inhaber", "gérant"),
        ),
    ),
    Band("director", 900, ("director", "direktor", "directeur", "directora")),
    Band("head", 800, ("head", "lead", "leiter", "leiterin", "responsable")),
    Band("manager", 600, ("manager",)),
)
OTHER, UNKNOWN = "other", "unknown"
WORTHS = {**{band.name: band.worth for band in BANDS}, OTHER: 400, UNKNOWN: 300}
_SEPARATORS = ",/-.&()"


def words_of(title: SQLCoreOperations[Any]) -> ColumnElement[str]:
    """Return a title's words in lower case with a space around each, for `band_of`: made once a lead, and not once
    for each word that is looked for."""
    spaced = reduce(lambda text, sign: func.replace(text, sign, " "), _SEPARATORS, func.lower(title))
    return literal(" ").concat(spaced).concat(" ")


def band_of(words: ColumnElement[str]) -> ColumnElement[str]:
    """Return the name of the band of a title with these words."""
    fits = [(or_(*(words.like(f"% {word} %") for word in band.words)), literal(band.name)) for band in BANDS]
    return case((words.is_(None), literal(UNKNOWN)), *fits, else_=literal(OTHER))


def worth_of(band: ColumnElement[str]) -> ColumnElement[int]:
    """Return what a band is worth, of 1,000."""
    return case(WORTHS, value=band, else_=WORTHS[OTHER])
