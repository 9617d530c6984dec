"""Runs operations: claims one, lets its provider's executor make the call, and writes down what came of it.

A provider registers itself below by the module that has its executors. Servers, the command line and the worker
run operations by this one way, whoever comes first.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anyio import to_thread

from overture_core.errors import ConfigurationError, InvalidInput, OutcomeUnknown, OvertureError
from overture_core.operations import claims
from overture_core.operations import service as operations
from overture_core.operations.claims import Claim
from overture_core.operations.models import OperationView
from overture_core.settings import Settings
from overture_core.storage.store import Store, Work
from overture_core.text import quoted


@dataclass(frozen=True, slots=True)
class Done:
    """The provider did it. `store` keeps what else follows from it, in the transaction that writes it down."""

    result: dict[str, Any]
    store: Callable[[Work], None] | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will not do this; `detail` is one sentence that says what to do."""

    detail: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """Proof that nothing was done (no connection, 429); `retry_at` is the provider's own time, if it gave one."""

    detail: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody can say whether it was done: a time-out after bytes left, a 5xx answer."""

    detail: str


Outcome = Done | Refused | NotYet | Unclear
Executor = Callable[[Store, Claim], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider's executors by kind (`stripe.refund`), and whether its calls go to the sandbox by these settings."""

    executors: Mapping[str, Executor]
    sandboxed: Callable[[Settings], bool]


# The part of a kind before the dot, and the module whose PROVIDER runs it, or which of its PROVIDERS.
MODULES: Mapping[str, str] = {
    "linkedin": "overture_providers.linkedin.operations",
    "stripe": "overture_providers.stripe.operations",
    **{each: f"overture_providers.direct:{each}" for each in ("email", "sms", "whatsapp", "voice")},
}
Find = Callable[[str], Provider]


def provider_of(kind: str) -> Provider:
    """Return the provider of a kind; its module is loaded when it is first needed.

    Raises:
        InvalidInput: there is none.
    """
    name = MODULES.get(kind.partition(".")[0])
    if name is None:
        msg = f"This release cannot run operations of the kind {quoted(kind)}; upgrade it."
        raise InvalidInput(msg)
    module, _, channel = name.partition(":")
    found = importlib.import_module(module)
    provider: Provider = found.PROVIDERS[channel] if channel else found.PROVIDER
    return provider


async def run(
    store: Store, workspace: str, operation_id: str, *, actor: str, find: Find = provider_of
) -> OperationView:
    """Run an operation once and return it as it stands then; one that is done already is returned as it is.

    Raises:
        NotFound: there is none by that id.
        ApprovalRequired: a person has to approve it first.
        Conflict: it cannot be run as it stands.
        InvalidInput: this release has no executor for it.
    """

    def begin() -> tuple[Claim | None, OperationView]:
        with store.begin(workspace, actor=actor) as work:
            shown = operations.get(work, operation_id)
            sandbox = find(shown.kind).sandboxed(store.settings)
            return claims.begin(work, operation_id, sandbox=sandbox), shown

    claim, shown = await to_thread.run_sync(begin)
    if claim is None:
        return shown
    outcome = await _outcome(store, claim, find(claim.kind))

    def end() -> OperationView:
        with store.begin(workspace, actor=actor) as work:
            return _written(work, claim, outcome)

    return await to_thread.run_sync(end)


async def _outcome(store: Store, claim: Claim, provider: Provider) -> Outcome:
    executor = provider.executors.get(claim.kind)
    if executor is None:
        return NotYet(f"This release cannot run operations of the kind {claim.kind}; upgrade it.")
    try:
        return await executor(store, claim)
    except ConfigurationError as error:
        return NotYet(error.message)  # nothing left: the settings are read before the call
    except OutcomeUnknown as error:
        return Unclear(error.message)
    except OvertureError as error:
        return Refused(error.message)


def _written(work: Work, claim: Claim, outcome: Outcome) -> OperationView:
    match outcome:
        case Done():
            if outcome.store is not None:
                outcome.store(work)
            return claims.finish(work, claim, outcome.result)
        case Refused():
            return claims.fail(work, claim, outcome.detail)
        case NotYet():
            return claims.give_back(work, claim, outcome.detail, not_before=outcome.retry_at)
        case Unclear():
            return claims.lose(work, claim, outcome.detail)
