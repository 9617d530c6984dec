"""Charts as what an SVG needs: parts of one bar, from 0 to 100."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overture_core.messages.states import REFUSED, State

WIDTH = 100.0
_PARTS = (
    ("delivered", (State.DELIVERED,)),
    ("accepted", (State.ACCEPTED,)),
    ("sending", (State.CLAIMED, State.SENDING)),
    ("waiting", (State.DRAFT, State.DUE, State.HELD)),
    ("refused", REFUSED),
    ("unknown", (State.UNKNOWN,)),
    ("cancelled", (State.CANCELLED,)),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar; `name` is its class and its word in the legend."""

    name: str
    number: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar whose parts are as wide as their numbers; `text` says the same in words."""

    parts: list[Part]
    total: int

    @property
    def text(self) -> str:
        return ", ".join(f"{each.number} {each.name}" for each in self.parts) or "nothing"


def progress(counts: Mapping[State, int]) -> Bar:
    """Return how far a campaign's messages are; leads who are never written to count for nothing."""
    return bar([(name, sum(counts.get(state, 0) for state in states)) for name, states in _PARTS])


def bar(numbers: Sequence[tuple[str, int]]) -> Bar:
    """Return a bar of numbers; those that are 0 have no part."""
    total = sum(number for _, number in numbers)
    parts: list[Part] = []
    start = 0.0
    for name, number in numbers:
        if number:
            width = round(WIDTH * number / total, 3)
            parts.append(Part(name, number, round(start, 3), width))
            start += width
    return Bar(parts, total)


def share(number: float, whole: float) -> float:
    """Return how wide a bar is where `whole` fills it; what is nothing or less has none."""
    return round(WIDTH * max(0.0, number) / whole, 3) if whole > 0 else 0.0
