"""How long a run waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to wait for a campaign: at most `deadline_s`; it counts as over once it is done and nothing has
    changed for `quiet_s`, which leaves time for replies."""

    deadline_s: float = 60.0
    quiet_s: float = 2.0
