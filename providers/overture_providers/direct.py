"""Running a direct message: it becomes a row of the ledger, and the worker does the rest."""

from __future__ import annotations

from typing import Any

from anyio import to_thread

from overture_core.campaigns import world
from overture_core.messages import direct
from overture_core.messages.channels import BY_HAND, Channel
from overture_core.operations.claims import Claim
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_providers.operations import Done, Outcome, Provider


async def _enqueue(store: Store, claim: Claim) -> Outcome:
    def write() -> dict[str, Any]:
        with store.begin(claim.workspace, actor=direct.KIND) as work:
            return direct.enqueue(work, claim).model_dump(mode="json")

    # Broken off after this, it is run again and finds the row that it made.
    return Done(await to_thread.run_sync(write))


def _of(channel: Channel) -> Provider:
    def sandboxed(settings: Settings) -> bool:
        return world.sandboxed(settings, channel)

    return Provider({f"{channel}.{direct.KIND}": _enqueue}, sandboxed)


PROVIDERS = {channel.value: _of(channel) for channel in Channel if channel not in BY_HAND}
