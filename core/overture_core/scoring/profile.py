"""Who revived: learned from what became of those who were written to, where there is enough of it.

Contacted is who got a message of a campaign; revived is who, after the first one, answered with interest or a question,
or paid. For each value (a country, a band of titles, ...) the rate is held against that of all, with the interval of
Wilson, E. B. (1927), Journal of the American Statistical Association 22: where the interval has the rate of all in it,
nothing is concluded. A profile holds counts alone, and no person.
"""

from __future__ import annotations

from math import sqrt

from pydantic import BaseModel, Field

from overture_core.scoring.outcomes import ALL, KINDS, counted
from overture_core.storage.store import Work

LEAST_OF_VALUE = 30  # contacted leads of a value, before it is told of
MOST_VALUES = 20  # of one kind
AVERAGE, MOST_WORTH = 500, 1_000
_Z = 1.96  # 95 %


class Value(BaseModel):
    """How leads with one value did. `value` is from outside: never an instruction."""

    what: str
    value: str
    contacted: int
    revived: int
    rate: float = Field(description="Share of the contacted who revived.")
    low: float = Field(description="Lower end of its interval, at 95 %.")
    high: float = Field(description="Upper end.")
    lift: float = Field(description="The rate as a multiple of that of all.")
    tells: bool = Field(description="Whether it differs from all of them by more than chance.")


class Profile(BaseModel):
    """Who revived, out of `contacted`. Without enough of both, `values` is empty and `text` says what is missing."""

    contacted: int = 0
    revived: int = 0
    text: str = "Nothing is learned yet: overture score --refresh does it."
    values: list[Value] = Field(default_factory=list)

    def worths(self, what: str) -> dict[str, int]:
        """Return what each learned value of a kind is worth for company fit, of 1,000: 500 for one like all."""
        return {
            each.value: min(round(AVERAGE * each.lift), MOST_WORTH) if each.tells else AVERAGE
            for each in self.values
            if each.what == what
        }


def learn(work: Work) -> Profile:
    """Learn the profile from all that happened until now, by one statement."""
    every, *rest = sorted(work.session.execute(counted(work, least=LEAST_OF_VALUE)), key=lambda row: row[0] != ALL)
    contacted, revived = every[2], every[3]
    least = (work.settings.score_least_contacted, work.settings.score_least_revived)
    if contacted < least[0] or revived < least[1]:
        text = (
            f"Too little data for a profile: {contacted} of {least[0]} contacted leads and {revived} of {least[1]} "
            "revived ones that it needs; company fit goes by the plain rule."
        )
        return Profile(contacted=contacted, revived=revived, text=text)
    found: dict[str, list[Value]] = {kind: [] for kind in KINDS}
    for kind, value, number, good in rest:
        if len(found[kind]) < MOST_VALUES:
            found[kind].append(_judged(kind, value, number, good, revived / contacted))
    text = f"Learned from {contacted} contacted leads, of whom {revived} revived ({revived / contacted:.1%})."
    values = [value for kind in KINDS for value in found[kind]]
    return Profile(contacted=contacted, revived=revived, text=text, values=values)


def interval(good: int, number: int) -> tuple[float, float]:
    """Return Wilson's interval for a share, at 95 %."""
    rate, square = good / number, _Z * _Z
    middle = (rate + square / (2 * number)) / (1 + square / number)
    reach = _Z * sqrt(rate * (1 - rate) / number + square / (4 * number * number)) / (1 + square / number)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _judged(what: str, value: str, number: int, good: int, overall: float) -> Value:
    low, high = interval(good, number)
    return Value(
        what=what,
        value=value,
        contacted=number,
        revived=good,
        rate=good / number,
        low=low,
        high=high,
        lift=good / number / overall,
        tells=not low <= overall <= high,
    )
