"""Webhooks while the database is locked: an answer within seconds, and nothing lost or taken twice."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
import httpx
import pytest
from sqlalchemy import select, text

from overture_core.settings import Settings
from overture_core.storage.schema import WebhookEvent
from overture_core.storage.store import Store
from overture_providers.sandbox.keys import load_or_create
from overture_providers.sms.signature import HEADER, sign
from overture_queue.broker import RedisHandle
from overture_servers.http.app import create_app
from overture_servers.messaging.webhooks import ANSWER_WITHIN_S, STORING_AT_ONCE
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
BASE = "http://127.0.0.1:8765"
STATUS = "/messaging/webhooks/twilio/status"
CALLS = STORING_AT_ONCE + 2


@dataclass
class Twilio:
    """Calls back for messages by their number; `answers` has what it was told, and after how many seconds."""

    http: httpx.AsyncClient
    store: Store
    token: str

    async def calls(self, *numbers: int) -> list[tuple[int, float]]:
        answers: list[tuple[int, float]] = []

        async def call(number: int) -> None:
            form = {"MessageSid": f"SM{number:032}", "MessageStatus": "delivered"}
            began = time.monotonic()
            signed = {HEADER: sign(BASE + STATUS, form.items(), self.token)}
            response = await self.http.post(STATUS, data=form, headers=signed)
            answers.append((response.status_code, time.monotonic() - began))

        async with anyio.create_task_group() as group:
            for number in numbers:
                group.start_soon(call, number)
        return answers

    def stored(self) -> list[str]:
        with self.store.read("default") as work:
            return sorted(work.session.scalars(select(WebhookEvent.dedupe_key)))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another process has the database for itself."""
        with self.store.begin("default", actor="test") as work:
            if self.store.engine.dialect.name == "postgresql":
                work.session.execute(text("LOCK TABLE webhook_events"))
            yield


@pytest.fixture
async def twilio(store: Store, settings: Settings, redis_handle: RedisHandle) -> AsyncIterator[Twilio]:
    runtime = Runtime(settings.model_copy(update={"redis_url": redis_handle.url}), store)
    transport = httpx.ASGITransport(create_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, timeout=60) as http:
        yield Twilio(http, store, load_or_create(settings.data_dir).twilio_auth_token)
    runtime.close()


async def test_a_locked_database_is_answered_with_503_within_seconds_and_what_comes_again_is_stored_once(
    twilio: Twilio,
) -> None:
    assert [status for status, _ in await twilio.calls(0)] == [204]
    with twilio.locked():
        answers = await twilio.calls(*range(CALLS))
        assert [status for status, _ in answers] == [503] * CALLS
        assert max(seconds for _, seconds in answers) < ANSWER_WITHIN_S + 2
    assert [status for status, _ in await twilio.calls(*range(CALLS))] == [204] * CALLS
    assert twilio.stored() == [f"SM{number:032}:delivered" for number in range(CALLS)]


async def test_what_needs_no_storing_is_answered_at_once_while_the_database_is_locked(twilio: Twilio) -> None:
    answered: list[float] = []

    async def forged() -> None:
        began = time.monotonic()
        response = await twilio.http.post(STATUS, data={"MessageSid": "SM1"}, headers={HEADER: "bm8="})
        assert response.status_code == 403
        answered.append(time.monotonic() - began)

    with twilio.locked():
        async with anyio.create_task_group() as group:
            group.start_soon(twilio.calls, *range(STORING_AT_ONCE))
            for _ in range(5):
                await forged()
    assert [status for status, _ in await twilio.calls(*range(STORING_AT_ONCE))] == [204] * STORING_AT_ONCE
    assert max(answered) < ANSWER_WITHIN_S / 2
