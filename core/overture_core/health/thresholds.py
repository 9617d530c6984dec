"""The rates that mailbox providers put up with, and what to do beyond them.

Complaints: Gmail asks bulk senders to stay below 0.1 % and never to reach 0.3 %, Yahoo to stay below 0.3 %
(support.google.com/a/answer/81126, senders.yahooinc.com/best-practices). Neither gives a figure for
bounces; 2 % and 5 % are what sending providers commonly warn at and suspend at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

WINDOW = timedelta(days=7)
LEAST_EVENTS = 2  # one person alone, who may have slipped, stops nothing


class Level(StrEnum):
    """How a sender or campaign stands."""

    OK = "ok"
    TOO_FEW = "too_few"
    WARNING = "warning"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Threshold:
    """Shares of the accepted messages at which a person is warned, and at which sending stops."""

    what: str
    warn: float
    stop: float
    remedy: str


BOUNCES = Threshold(
    "bounces",
    0.02,
    0.05,
    "Check where the addresses come from, leave out the oldest leads, and plan a smaller segment first.",
)
COMPLAINTS = Threshold(
    "complaints",
    0.001,
    0.003,
    "Write only to leads who agreed to hear from you, say in the first line why you write, and write less often.",
)


def level(threshold: Threshold, events: int, accepted: int, *, least: int) -> Level:
    """Say how `events` among `accepted` messages stand. Below `least` messages a rate says nothing."""
    if accepted < least:
        return Level.TOO_FEW
    rate = events / accepted
    if rate >= threshold.stop and events >= LEAST_EVENTS:
        return Level.OVER
    return Level.WARNING if rate >= threshold.warn else Level.OK


def sentence(threshold: Threshold, events: int, accepted: int, reached: Level) -> str:
    """Say what was found and what to do next; only for a rate that is at a threshold."""
    bound = threshold.stop if reached is Level.OVER else threshold.warn
    rate = f"{threshold.what} are {percent(events, accepted)} of {accepted} messages in {WINDOW.days} days"
    return f"{rate.capitalize()}, at or over {bound:.1%}. {threshold.remedy}"


def percent(events: int, accepted: int) -> str:
    """Write a share as a percentage, rounded down: none that is below a limit reads as if it had reached it."""
    return f"{events * 100_000 // accepted / 1_000:.3f}%"
