"""What is asked of an operation, and how one is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from overture_core.approvals.service import ApprovalState
from overture_core.operations.states import OperationState
from overture_core.storage.store import Work


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor units (cents, or yen), with its three letters in upper case."""

    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """One call that changes something at a provider.

    `kind` names the call (`stripe.refund`), `params` are all that decides what it does, frozen as they stand.
    `told` are the lines that a person reads before they approve: written by us, with text from outside only
    between quotation marks. `why` says why a person has to approve; empty, nobody has to. `repeatable` says that
    the provider keeps an idempotency key, so that a call that broke off may be made again under the same key.
    `reference` tells apart two operations that are meant to be alike. `guard` adds reasons that hang on the operations
    that are stored already, such as caps: it is asked while no other operation of the workspace can be stored.
    `over` tells of what the same operation made that it serves no more (a link that was paid): another is made then.
    `replaces` names parameters: an operation of the same kind, lead and reference that is alike in these and has not
    begun is the same one with another text, and is cancelled with its approval.
    """

    kind: str
    params: dict[str, Any]
    told: list[str]
    sandbox: bool
    repeatable: bool
    why: list[str] = field(default_factory=list)
    lead_id: str | None = None
    money: Money | None = None
    run_at: datetime | None = None
    reference: str = ""
    guard: Callable[[Work], list[str]] | None = None
    over: Callable[[Work, dict[str, Any]], bool] | None = None
    replaces: tuple[str, ...] = ()


class OperationView(BaseModel):
    """An operation as shown to callers. `result` is what the provider made, once it is `done`."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: str
    state: OperationState
    told: list[str]
    why: list[str] = Field(description="Why a person has to approve; empty: nobody has to.")
    lead_id: str | None
    run_at: datetime | None
    result: dict[str, Any] | None
    error: str | None
    sandbox: bool
    created_by: str
    created_at: datetime
    updated_at: datetime
    approval_id: str | None = None
    approval_state: ApprovalState | None = Field(default=None, description="Where its approval stands.")

    @property
    def title(self) -> str:
        """Say what it is in a few words, without a full stop."""
        return self.told[0].rstrip(".:")
