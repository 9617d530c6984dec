"""Tells the receiver what happened, signed as the providers sign, until it listens."""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import structlog
from anyio import to_thread
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from overture_providers.email.events import SIGNATURE_HEADER, TIMESTAMP_HEADER
from overture_providers.endpoints import (
    SENDGRID_EVENTS_PATH,
    SENDGRID_INBOUND_PATH,
    STRIPE_EVENTS_PATH,
    TWILIO_INBOUND_PATH,
)
from overture_providers.sandbox import calls, linkedin_leads
from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.inbox import Webhook
from overture_providers.sandbox.sendgrid import LISTS
from overture_providers.sandbox.stripe.state import STRIPE_EVENT
from overture_providers.sandbox.twilio import STOP_LIST
from overture_providers.sms.signature import HEADER, sign
from overture_providers.stripe import signature as stripe_signature

PATIENCE_S = 1.0  # the longest that the sender sleeps without looking
REST_S, MAX_REST_S = 1.0, 30.0  # between rounds while the receiver is away; doubles every five rounds
MAX_ROUNDS = 500
AT_ONCE = 8
TIMEOUT_S = 15.0

log = structlog.get_logger(__name__)


class _NotTaken(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")


class WebhookSender:
    """Runs until it is cancelled; what was not told by then is in the database and goes out next time."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        key = load_der_private_key(base64.b64decode(sandbox.keys.event_private_key), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            msg = "the event key is not an elliptic-curve key"
            raise TypeError(msg)
        self._key = key

    async def run(self) -> None:
        """Tell what is due, forever."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as http:
            while True:
                due = await to_thread.run_sync(self._sandbox.inbox.due, self._sandbox.now())
                if due:
                    await self._tell_all(http, due)
                else:
                    await self._wait()

    async def _wait(self) -> None:
        self._sandbox.news = anyio.Event()
        coming = await to_thread.run_sync(self._sandbox.inbox.next_due)
        pause = PATIENCE_S if coming is None else min(max(coming - self._sandbox.now(), 0.0), PATIENCE_S)
        with anyio.move_on_after(pause):
            await self._sandbox.news.wait()

    async def _tell_all(self, http: httpx.AsyncClient, due: Sequence[Webhook]) -> None:
        """One call for all of SendGrid's events; Twilio and Inbound Parse make one for each."""
        events = [webhook for webhook in due if webhook.kind == "event"]
        groups = [events] if events else []
        groups += [[webhook] for webhook in due if webhook.kind != "event"]
        limiter = anyio.CapacityLimiter(AT_ONCE)

        away = False

        async def tell(group: Sequence[Webhook]) -> None:
            nonlocal away
            async with limiter:
                if away:  # one that found nobody there speaks for the round
                    await self._postpone(group)
                else:
                    away = not await self._tell(http, group)

        async with anyio.create_task_group() as tasks:
            for group in groups:
                tasks.start_soon(tell, group)

    async def _postpone(self, group: Sequence[Webhook]) -> None:
        tries = group[0].tries
        rest = min(REST_S * 2 ** min(tries // 5, 10), MAX_REST_S)
        again = self._sandbox.now() + rest if tries < MAX_ROUNDS else None
        await to_thread.run_sync(partial(self._sandbox.inbox.not_told, group, again_at=again))

    async def _tell(self, http: httpx.AsyncClient, group: Sequence[Webhook]) -> bool:
        """Tell one call's worth; returns whether anybody was there to hear it."""
        await to_thread.run_sync(self._take_effect, group)
        request = self._request(group)
        if request is None:
            await to_thread.run_sync(partial(self._sandbox.inbox.not_told, group, again_at=None))
            return True
        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(4),
                wait=wait_exponential_jitter(multiplier=0.1, max=2.0, jitter=0.1),
                retry=retry_if_exception_type((httpx.HTTPError, _NotTaken)),
            ):
                with attempt:
                    response = await http.post(**request)
                    if not response.is_success:
                        raise _NotTaken(response.status_code)
        except RetryError as error:
            await self._postpone(group)
            problem = error.last_attempt.exception()
            log.warning("webhook_not_taken", kind=group[0].kind, webhooks=len(group), reason=str(problem))
            return not isinstance(problem, httpx.ConnectError)
        await to_thread.run_sync(self._sandbox.inbox.told, group)
        if group[0].kind == "call_answer":
            await to_thread.run_sync(calls.hear, self._sandbox.inbox, group[0], response.text)
        return True

    def _take_effect(self, group: Sequence[Webhook]) -> None:
        """Bounces, complaints and opt-outs also enter the providers' own lists, as they do there."""
        inbox, now = self._sandbox.inbox, self._sandbox.now()
        for webhook in group:
            payload = webhook.payload
            if webhook.kind == "event" and payload["event"] in LISTS:
                inbox.suppress(LISTS[payload["event"]], payload["email"].lower(), payload.get("reason", ""), now)
            elif webhook.kind == "sms_reply" and payload.get("OptOutType") == "STOP":
                inbox.suppress(STOP_LIST, payload["From"], "STOP", now)
            elif webhook.kind == "sms_reply" and payload.get("OptOutType") == "START":
                inbox.unsuppress(STOP_LIST, payload["From"])

    def _request(self, group: Sequence[Webhook]) -> dict[str, Any] | None:
        base, first = self._sandbox.webhook_url, group[0]
        if first.kind == "event":
            raw = (json.dumps([w.payload for w in group], ensure_ascii=False) + "\r\n").encode()
            stamp = str(int(self._sandbox.now()))
            signature = base64.b64encode(self._key.sign(stamp.encode() + raw, ec.ECDSA(hashes.SHA256()))).decode()
            headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature, TIMESTAMP_HEADER: stamp}
            return {"url": base + SENDGRID_EVENTS_PATH, "content": raw, "headers": headers}
        if first.kind == "email_reply":
            url = f"{base}{SENDGRID_INBOUND_PATH}/{self._sandbox.keys.sendgrid_inbound_secret}"
            return {"url": url, "files": {name: (None, value) for name, value in first.payload.items()}}
        if first.kind == STRIPE_EVENT:
            raw = json.dumps(first.payload, ensure_ascii=False, indent=2).encode()
            given = stripe_signature.sign(raw, self._sandbox.keys.stripe_webhook_secret, int(self._sandbox.now()))
            headers = {"Content-Type": "application/json; charset=utf-8", stripe_signature.HEADER: given}
            return {"url": base + STRIPE_EVENTS_PATH, "content": raw, "headers": headers}
        url = first.url or base + TWILIO_INBOUND_PATH
        if not self._is_ours(url):
            log.warning("webhook_refused", reason="the callback is neither on this machine nor the receiver", url=url)
            return None
        if first.kind == "linkedin_lead":
            body = json.dumps(first.payload).encode()
            signed = linkedin_leads.sign(body, self._sandbox.keys.linkedin_client_secret)
            headers = {"Content-Type": "application/json", linkedin_leads.SIGNATURE_HEADER: signed}
            return {"url": url, "content": body, "headers": headers}
        signature = sign(url, first.payload.items(), self._sandbox.keys.twilio_auth_token)
        return {"url": url, "data": first.payload, "headers": {HEADER: signature}}

    def _is_ours(self, url: str) -> bool:
        """The sandbox contacts nobody outside: a callback goes to this machine or to the receiver."""
        try:
            parts, own = urlsplit(url), urlsplit(self._sandbox.webhook_url)
            if parts.netloc == own.netloc or parts.hostname == "localhost":
                return True
            return ipaddress.ip_address(parts.hostname or "").is_loopback
        except ValueError:
            return False
