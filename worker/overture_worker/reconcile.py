"""Asks Twilio what became of SMS and WhatsApp messages whose outcome is unknown. It reads there, and never sends.

E-mail needs no such question: every event of SendGrid's carries our own id, and settles its message
whenever it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import anyio
import structlog
from anyio import to_thread

from overture_core.errors import SystemFault
from overture_core.messages import intake, ledger, reconciling
from overture_core.messages.channels import PROVIDERS, Channel
from overture_core.messages.evidence import DeliveryEvent, Kind
from overture_core.messages.reconciling import Found, Unsettled
from overture_core.storage.store import Store
from overture_providers.endpoints import WHATSAPP_PREFIX
from overture_providers.sms.client import FoundSms
from overture_providers.sms.events import OPTED_OUT

MOST_A_TURN = 100
AT_ONCE = 5
# What Twilio has before the numbers of each.
CHANNELS = {Channel.SMS: "", Channel.WHATSAPP: WHATSAPP_PREFIX}

# What says more than that Twilio took the message.
_FURTHER = {
    "delivered": Kind.DELIVERED,
    "read": Kind.DELIVERED,
    "undelivered": Kind.FAILED,
    "failed": Kind.FAILED,
}

log = structlog.get_logger(__name__)


class Lookup(Protocol):
    """Finds messages at the provider: `TwilioClient`."""

    async def find(self, to: str, body: str, since: datetime) -> Sequence[FoundSms]: ...


class Reconciler:
    """Settles unknown SMS, a bounded number a turn. Several processes may do so at once."""

    def __init__(
        self, store: Store, lookup: Lookup, *, owner: str, most: int = MOST_A_TURN, at_once: int = AT_ONCE
    ) -> None:
        self._store = store
        self._lookup = lookup
        self._owner = owner
        self._most = most
        self._at_once = at_once

    async def turn(self) -> int:
        """Do one round; returns how many messages were settled.

        A provider or a database that is away costs one line in the log; what was not asked comes again.
        """
        settled = 0
        try:
            left = self._most
            for workspace in await to_thread.run_sync(ledger.workspaces, self._store):
                for channel in CHANNELS:
                    taken = await to_thread.run_sync(self._take, workspace, channel, left)
                    left -= len(taken)
                    settled += await self._settle_all(workspace, channel, taken)
                if not left:
                    break
        except SystemFault as error:
            log.warning("reconciling_stopped", error=error.code, detail=error.message)
        return settled

    async def _settle_all(self, workspace: str, channel: Channel, taken: Sequence[Unsettled]) -> int:
        waiting = list(reversed(taken))
        settled: list[str] = []
        trouble: list[SystemFault] = []

        async def ask_on() -> None:
            while waiting and not trouble:
                message = waiting.pop()
                try:
                    found = await self._lookup.find(CHANNELS[channel] + message.address, message.body, message.since)
                    if await to_thread.run_sync(self._apply, workspace, channel, message, found):
                        settled.append(message.id)
                except SystemFault as error:
                    trouble.append(error)

        async with anyio.create_task_group() as tasks:
            for _ in range(min(self._at_once, len(taken))):
                tasks.start_soon(ask_on)
        if settled:
            log.info("unknown_settled", workspace=workspace, messages=len(settled), asked=len(taken))
        if trouble:
            raise trouble[0]
        return len(settled)

    def _take(self, workspace: str, channel: Channel, limit: int) -> list[Unsettled]:
        with self._store.begin(workspace, actor=self._owner) as work:
            return reconciling.take_for_lookup(work, channel, limit=limit) if limit else []

    def _apply(self, workspace: str, channel: Channel, message: Unsettled, found: Sequence[FoundSms]) -> bool:
        known = [Found(sms.sid, sms.created_at) for sms in found]
        with self._store.begin(workspace, actor=self._owner) as work:
            used = reconciling.apply_lookup(work, message.id, known, provider=PROVIDERS[channel])
        if used is None:
            return False
        # What became of it since is evidence like a webhook's, which may have come or not.
        sms = next(sms for sms in found if sms.sid == used.provider_id)
        intake.store_events(self._store, _further(channel, message.id, sms, self._store.clock.now()))
        return True


def _further(channel: Channel, message_id: str, sms: FoundSms, now: datetime) -> list[DeliveryEvent]:
    kind = _FURTHER.get(sms.status)
    if kind is None:
        return []
    code = str(sms.error_code) if sms.error_code else None
    event = DeliveryEvent(
        provider=PROVIDERS[channel],
        dedupe_key=f"{sms.sid}:{sms.status}:lookup",
        kind=Kind.UNSUBSCRIBED if code == OPTED_OUT else kind,
        at=now,
        channel=channel,
        message_id=message_id,
        provider_id=sms.sid,
        address=sms.to.removeprefix(WHATSAPP_PREFIX),
        code=code,
    )
    return [event]
