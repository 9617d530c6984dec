"""The weights of a score as they may be set, and tiers that leave no score out."""

from __future__ import annotations

import pytest

from overture_core.scoring.weights import DEFAULTS, Part, Tier, read, scores_of, tier_of


def test_what_is_not_given_has_its_default() -> None:
    assert read({}) == DEFAULTS
    assert read({"role": 0}) == {**DEFAULTS, Part.ROLE: 0}


@pytest.mark.parametrize(
    ("given", "said"),
    [({"luck": 1}, "no part 'luck'"), ({"role": -1}, "0 to 1000"), (dict.fromkeys(Part, 0), "at least one weight")],
)
def test_weights_that_cannot_be_are_refused(given: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(given)


def test_every_score_has_one_tier() -> None:
    for score in range(101):
        fitting = [tier for tier in Tier if scores_of(tier)[0] <= score <= scores_of(tier)[1]]
        assert fitting == [tier_of(score)]
