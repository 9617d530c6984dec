"""Joins the ledger's messages to the providers' clients, one transport a channel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import anyio

from overture_core.clock import Clock
from overture_core.messages.channels import Channel
from overture_core.messages.outcomes import Outcome, Refused
from overture_core.settings import Settings
from overture_providers.email.client import EmailBatch, EmailRecipient, SendGridClient, halve
from overture_providers.endpoints import (
    SENDGRID,
    TWILIO,
    TWILIO_CALL_ANSWER_PATH,
    TWILIO_CALL_STATUS_PATH,
    TWILIO_STATUS_PATH,
    TWILIO_VOICE,
    TWILIO_WHATSAPP,
    WHATSAPP_PREFIX,
    email_endpoint,
    sms_endpoint,
    twilio_callback,
)
from overture_providers.sms.client import SmsMessage, TwilioClient
from overture_providers.transport import make_http
from overture_providers.voice import calls
from overture_providers.voice.calls import VoiceCall
from overture_worker.delivery import Transport
from overture_worker.preparing import Outgoing

SINGLES_AT_ONCE = 20
_FAULTY_CONTENT = frozenset({"400", "413", "unencodable"})


class EmailTransport:
    """Sends up to a whole wave of e-mail in one request. A message in flight is one of its recipients."""

    provider = SENDGRID

    def __init__(self, client: SendGridClient, *, wave_size: int) -> None:
        self._client = client
        self.wave_size = wave_size

    async def send(self, wave: Sequence[Outgoing]) -> Sequence[tuple[str, Outcome]]:
        results: list[tuple[str, Outcome]] = []
        by_sender: dict[tuple[str, str], list[EmailRecipient]] = defaultdict(list)
        for message in wave:
            by_sender[message.sender, message.sender_name].append(_recipient(message))
        together: list[EmailBatch] = []
        alone: list[EmailBatch] = []
        for (address, name), recipients in by_sender.items():
            for batch in self._client.batches(recipients, from_address=address, from_name=name):
                (alone if batch.literal else together).append(batch)
        for batch in together:
            results += await self._send_batch(batch)
        if alone:
            results += await self._send_singles(alone)
        return results

    async def _send_singles(self, batches: Sequence[EmailBatch]) -> list[tuple[str, Outcome]]:
        """Send mails that are too long to travel together, such as long HTML, by concurrent requests."""
        results: list[tuple[str, Outcome]] = []
        at_once = anyio.CapacityLimiter(SINGLES_AT_ONCE)

        async def send_one(batch: EmailBatch) -> None:
            async with at_once:
                results.extend(await self._send_batch(batch))

        async with anyio.create_task_group() as tasks:
            for batch in batches:
                tasks.start_soon(send_one, batch)
        return results

    async def _send_batch(self, batch: EmailBatch) -> list[tuple[str, Outcome]]:
        outcome = await self._client.send(batch)
        if isinstance(outcome, Refused) and outcome.code in _FAULTY_CONTENT and len(batch.recipients) > 1:
            # SendGrid refuses the request for one faulty recipient: the others must not suffer for it.
            first, second = halve(batch)
            return [*await self._send_batch(first), *await self._send_batch(second)]
        return [(recipient.message_id, outcome) for recipient in batch.recipients]


class SmsTransport:
    """Sends a wave of SMS, or with `prefix` of WhatsApp messages, by concurrent requests."""

    def __init__(self, client: TwilioClient, settings: Settings, *, provider: str = TWILIO, prefix: str = "") -> None:
        self._client = client
        self.provider = provider
        self._prefix = prefix
        self._settings = settings
        self.wave_size = settings.wave_size

    async def send(self, wave: Sequence[Outgoing]) -> Sequence[tuple[str, Outcome]]:
        results: list[tuple[str, Outcome]] = []

        async def send_one(message: Outgoing) -> None:
            about = {"workspace": message.workspace, "message_id": message.id}
            callback = twilio_callback(self._settings, TWILIO_STATUS_PATH, **about)
            sender, to, content = self._prefix + message.sender, self._prefix + message.to, message.content
            sms = SmsMessage(
                *(message.id, message.workspace, sender, to, content.body, callback),
                content_sid=content.content_sid,
                variables=content.variables,
            )
            results.append((message.id, await self._client.send(sms)))

        async with anyio.create_task_group() as tasks:
            for message in wave:
                tasks.start_soon(send_one, message)
        return results


class VoiceTransport:
    """Begins a wave of calls by concurrent requests. What they say is asked for when somebody picks up."""

    provider = TWILIO_VOICE

    def __init__(self, client: TwilioClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self.wave_size = settings.wave_size

    async def send(self, wave: Sequence[Outgoing]) -> Sequence[tuple[str, Outcome]]:
        results: list[tuple[str, Outcome]] = []

        async def call_one(message: Outgoing) -> None:
            about = {"workspace": message.workspace, "message_id": message.id}
            answer = twilio_callback(self._settings, TWILIO_CALL_ANSWER_PATH, **about)
            status = twilio_callback(self._settings, TWILIO_CALL_STATUS_PATH, **about)
            outcome = await calls.begin(self._client, VoiceCall(message.sender, message.to, answer, status))
            results.append((message.id, outcome))

        async with anyio.create_task_group() as tasks:
            for message in wave:
                tasks.start_soon(call_one, message)
        return results


@dataclass(frozen=True, slots=True)
class Transports:
    """One transport a channel, and where SMS of unknown outcome are looked up."""

    by_channel: dict[Channel, Transport]
    sms_lookup: TwilioClient


@asynccontextmanager
async def open_transports(settings: Settings, clock: Clock) -> AsyncIterator[Transports]:
    """Open the transports that the settings name, each with connections of its own: one that hangs takes nobody else's.

    Raises:
        ConfigurationError: a provider's settings do not fit together.
    """
    timeout_s = settings.provider_timeout_s
    async with AsyncExitStack() as stack:

        async def pool() -> aiohttp.ClientSession:
            return await stack.enter_async_context(make_http(timeout_s, connections=settings.wave_size))

        async def twilio() -> TwilioClient:
            return TwilioClient(await pool(), sms_endpoint(settings), timeout_s=timeout_s, clock=clock)

        mail = SendGridClient(await pool(), email_endpoint(settings), timeout_s=timeout_s, clock=clock)
        sms = await twilio()
        whatsapp = SmsTransport(await twilio(), settings, provider=TWILIO_WHATSAPP, prefix=WHATSAPP_PREFIX)
        by_channel: dict[Channel, Transport] = {
            Channel.EMAIL: EmailTransport(mail, wave_size=settings.email_batch_size),
            Channel.SMS: SmsTransport(sms, settings),
            Channel.WHATSAPP: whatsapp,
            Channel.VOICE: VoiceTransport(await twilio(), settings),
        }
        yield Transports(by_channel, sms)


def _recipient(message: Outgoing) -> EmailRecipient:
    content = message.content
    headers = {}
    if content.unsubscribe_url is not None:
        # RFC 2369 and RFC 8058: one click, by POST, without a page in between.
        headers["List-Unsubscribe"] = f"<{content.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return EmailRecipient(
        message_id=message.id,
        workspace=message.workspace,
        to=message.to,
        subject=content.subject or "",
        text=content.body,
        html=content.html,
        headers=headers,
    )
