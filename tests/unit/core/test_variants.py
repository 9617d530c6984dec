"""When a variant may be called the winner."""

from __future__ import annotations

import pytest

from overture_core.campaigns.sequence import variant_of
from overture_core.campaigns.variants import VariantStatus, p_value, winner
from overture_core.messages.channels import Channel


def variant(name: str, accepted: int, replied: int) -> VariantStatus:
    return VariantStatus(
        channel=Channel.EMAIL, template=name, version=1, accepted=accepted, opened=0, clicked=0, replied=replied
    )


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([(1_000, 80), (1_000, 40)], "v0"),
        ([(1_000, 40), (1_000, 80)], "v1"),
        ([(1_000, 45), (1_000, 40)], None),
        ([(99, 50), (1_000, 1)], None),
        ([(1_000, 0), (1_000, 0)], None),
        ([(1_000, 80)], None),
        ([(1_000, 80), (1_000, 40), (1_000, 78)], None),
        ([(1_000, 80), (1_000, 59)], None),
        ([(1_000, 80), (1_000, 40), (1_000, 42)], "v0"),
    ],
)
def test_the_winner_beats_every_other_clearly(shares: list[tuple[int, int]], expected: str | None) -> None:
    found = winner([variant(f"v{index}", *each) for index, each in enumerate(shares)])
    assert (found.template if found else None) == expected


def test_the_p_value_is_the_textbooks() -> None:
    # Pooled two-proportion z-test of 80/1000 against 59/1000: z = 1.8469, p = 0.0648.
    assert p_value(variant("a", 1_000, 80), variant("b", 1_000, 59)) == pytest.approx(0.0648, abs=5e-4)


def test_assignment_is_even_and_depends_on_all_three() -> None:
    counts = [0, 0, 0]
    for number in range(3_000):
        counts[variant_of("cmp_1", f"lead_{number}", 1, 3)] += 1
    assert all(900 < each < 1_100 for each in counts)
    assert any(variant_of("cmp_1", f"lead_{n}", 1, 2) != variant_of("cmp_1", f"lead_{n}", 2, 2) for n in range(20))
