"""What each part of a score weighs, and where the tiers begin.

A score is the weighted mean of its parts, from 0 to 100. The weights are a rule of ours and a setting
(`OVERTURE_SCORE_WEIGHTS`): how long somebody was silent and what they did with earlier messages count most, since both
say something about the person; what a list says of them counts less, since anybody may have written it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

MOST_WEIGHT = 1_000


class Part(StrEnum):
    """What a score is made of (parts.py has the rules)."""

    RECENCY = "recency"
    ENGAGEMENT = "engagement"
    SIGNALS = "signals"
    FIT = "fit"
    ROLE = "role"
    COMPLETENESS = "completeness"


DEFAULTS: dict[Part, int] = {
    Part.RECENCY: 25,
    Part.ENGAGEMENT: 25,
    Part.SIGNALS: 15,
    Part.FIT: 15,
    Part.ROLE: 10,
    Part.COMPLETENESS: 10,
}


class Tier(StrEnum):
    """How a score is called, the best first."""

    HOT = "hot"
    WARM = "warm"
    COOL = "cool"
    COLD = "cold"


# The least score of each tier.
FROM: dict[Tier, int] = {Tier.HOT: 70, Tier.WARM: 50, Tier.COOL: 30, Tier.COLD: 0}


def tier_of(score: int) -> Tier:
    """Return the tier of a score."""
    return next(tier for tier, least in FROM.items() if score >= least)


def scores_of(tier: Tier) -> tuple[int, int]:
    """Return the lowest and the highest score of a tier."""
    above = [least for least in FROM.values() if least > FROM[tier]]
    return FROM[tier], min(above, default=101) - 1


def read(given: Mapping[str, int]) -> dict[Part, int]:
    """Return the weight of each part; those that are not given have the default.

    Raises:
        ValueError: there is no such part, a weight is not from 0 to 1,000, or all of them are 0.
    """
    unknown = sorted(set(given) - set(Part))
    if unknown:
        msg = f"there is no part {unknown[0]!r}; the parts are {', '.join(Part)}"
        raise ValueError(msg)
    weights = {part: given.get(part, DEFAULTS[part]) for part in Part}
    if not all(0 <= weight <= MOST_WEIGHT for weight in weights.values()):
        msg = f"a weight is a whole number from 0 to {MOST_WEIGHT}"
        raise ValueError(msg)
    if not any(weights.values()):
        msg = "at least one weight has to be above 0"
        raise ValueError(msg)
    return weights
