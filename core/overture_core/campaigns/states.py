"""The states of campaigns and plans."""

from __future__ import annotations

from enum import StrEnum


class CampaignState(StrEnum):
    """A campaign sends only while it is `running`; new leads can be planned into it at any time."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class PlanState(StrEnum):
    """A plan is launched once, or replaced by a newer one. One that reaches nobody is empty: it is neither
    approved nor launched."""

    EMPTY = "empty"
    PROPOSED = "proposed"
    LAUNCHED = "launched"
    REPLACED = "replaced"
