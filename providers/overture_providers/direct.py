"""Running a direct message: it becomes a row of the ledger, and the worker does the rest."""

from __future__ import annotations

from overture_core.campaigns import world
from overture_core.messages import direct
from overture_core.messages.channels import BY_HAND, Channel
from overture_core.operations.claims import Claim
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_providers.operations import Done, Outcome, Provider


async def _enqueue(_store: Store, claim: Claim) -> Outcome:
    message_id = direct.new_message_id()
    return Done({"message_id": message_id}, store=lambda work: direct.enqueue(work, claim, message_id))


def _of(channel: Channel) -> Provider:
    def sandboxed(settings: Settings) -> bool:
        return world.sandboxed(settings, channel)

    return Provider({f"{channel}.{direct.KIND}": _enqueue}, sandboxed)


PROVIDERS = {channel.value: _of(channel) for channel in Channel if channel not in BY_HAND}
