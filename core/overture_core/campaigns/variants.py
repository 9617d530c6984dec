"""Which variant of a step does better, and when that may be said.

The rule: variants are compared by the share of recipients who answered (without those who only asked to stop).
The best one is the winner if at least `ENOUGH` messages of each variant were accepted and a two-sided
two-proportion z-test against every other one is below `SIGNIFICANT`, divided by the number of comparisons
(Bonferroni). Until then there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

from pydantic import BaseModel, Field

from overture_core.messages.channels import Channel

ENOUGH = 100  # messages: below it the normal approximation says little
SIGNIFICANT = 0.05


class VariantStatus(BaseModel):
    """One template of a step, and what came of it."""

    channel: Channel
    template: str
    version: int
    accepted: int
    opened: int
    clicked: int
    replied: int
    winner: bool = Field(default=False, description="Its share of answers beats every other variant's, by a z-test.")


def winner(variants: Sequence[VariantStatus]) -> VariantStatus | None:
    """Return the variant of one step and channel that won, if one did."""
    if len(variants) < 2 or any(each.accepted < ENOUGH for each in variants):
        return None
    best = max(variants, key=lambda each: each.replied / each.accepted)
    others = [each for each in variants if each is not best]
    level = SIGNIFICANT / len(others)
    return best if all(p_value(best, each) < level for each in others) else None


def p_value(one: VariantStatus, other: VariantStatus) -> float:
    """Return the two-sided p-value of equal shares of answers (two-proportion z-test, pooled variance)."""
    pooled = (one.replied + other.replied) / (one.accepted + other.accepted)
    spread = sqrt(pooled * (1 - pooled) * (1 / one.accepted + 1 / other.accepted))
    if not spread:
        return 1.0
    z = (one.replied / one.accepted - other.replied / other.accepted) / spread
    return 2 * (1 - NormalDist().cdf(abs(z)))
