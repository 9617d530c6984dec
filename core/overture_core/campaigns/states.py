"""The states of campaigns and plans."""

from __future__ import annotations

from enum import StrEnum


class CampaignState(StrEnum):
    """A campaign sends only while it is `running`. It is `finished` once no launched message is left to send; what
    providers tell of its messages still counts then, and launching a new plan for more leads makes it run again."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class PlanState(StrEnum):
    """A plan is launched once, or replaced by a newer one. One that reaches nobody is empty: it is neither
    approved nor launched. While its messages are still written it is `preparing`, which nobody can approve; while
    they become due, page by page, it is `launching`."""

    PREPARING = "preparing"
    EMPTY = "empty"
    PROPOSED = "proposed"
    LAUNCHING = "launching"
    LAUNCHED = "launched"
    REPLACED = "replaced"


REPLACEABLE = (PlanState.PREPARING, PlanState.PROPOSED, PlanState.EMPTY)
