"""A world of its own for a simulation: a copy of the workspace, a sandbox on a free port, a clock that is moved.

Nothing in it can reach a provider: whichever one a plan is meant for, its address is the sandbox's.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from anyio import to_thread
from pydantic import SecretStr

from overture_core import secrets
from overture_core.clock import ManualClock
from overture_core.messages import calling, intake
from overture_core.messages.evidence import Evidence
from overture_core.settings import Settings
from overture_core.storage.copying import copy_workspace
from overture_core.storage.store import Store
from overture_providers.email import events as email_events
from overture_providers.email.inbound import parse_inbound
from overture_providers.sandbox import calls
from overture_providers.sandbox.app import create_app
from overture_providers.sandbox.inbox import Inbox, Webhook
from overture_providers.sandbox.keys import SandboxKeys, load_or_create
from overture_providers.sms.events import verify_and_parse_inbound, verify_and_parse_status
from overture_providers.sms.signature import sign
from overture_providers.voice import twiml
from overture_providers.voice.events import (
    verify_and_parse_answer,
    verify_and_parse_key,
)
from overture_providers.voice.events import verify_and_parse_status as verify_and_parse_call

_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class World:
    """The copy, its clock, and what its sandbox has to tell."""

    store: Store
    clock: ManualClock
    inbox: Inbox
    keys: SandboxKeys

    def hear(self) -> int:
        """Store what the sandbox has to tell by now, as the webhooks' routes do; returns the number of events."""
        told = self.inbox.due(self.clock.now().timestamp())
        intake.store_events(self.store, [event for webhook in told for event in self._events(webhook)])
        self.inbox.told(told)
        return len(told)

    def _events(self, webhook: Webhook) -> list[Evidence]:
        now, payload, token = self.clock.now(), webhook.payload, self.keys.twilio_auth_token
        if webhook.kind == "event":
            return [*email_events.parse(json.dumps([payload]).encode())]
        if webhook.kind == "email_reply":
            return [parse_inbound(payload, now=now)]
        form = list(payload.items())
        signature = sign(webhook.url, form, token)
        if webhook.kind == "call_answer":
            picked_up = verify_and_parse_answer(webhook.url, form, signature, token, now=now)
            speech = twiml.answer(self.store.settings, picked_up, calling.words(self.store, picked_up.message_id))
            calls.hear(self.inbox, webhook, speech or twiml.hang_up())
            return [picked_up.event] if speech else []
        if webhook.kind == "call_key":
            return [*verify_and_parse_key(webhook.url, form, signature, token, now=now)]
        if webhook.kind == "call_status":
            return [*verify_and_parse_call(webhook.url, form, signature, token, now=now)]
        if webhook.kind == "sms_status":
            return [*verify_and_parse_status(webhook.url, form, signature, token, now=now)]
        return [verify_and_parse_inbound(webhook.url, form, signature, token, now=now)]


@asynccontextmanager
async def copied_world(original: Store, workspace: str, *, seed: int) -> AsyncIterator[World]:
    """Copy a workspace into a world that is gone at the end.

    Raises:
        NotFound: there is no such workspace.
        DatabaseUnavailable: the database cannot be reached.
    """
    with TemporaryDirectory(prefix="overture-simulation-") as folder, socket.socket() as listener:
        listener.bind((_HOST, 0))
        listener.listen()  # from now on a connection waits until the sandbox is up
        url = f"http://{_HOST}:{listener.getsockname()[1]}"
        keys = load_or_create(Path(folder))
        secrets.share_key(original.settings, Path(folder))  # who was erased is known by it
        clock = ManualClock(original.clock.now())
        store = Store(_settings(original.settings, Path(folder), url, keys), clock)
        try:
            await to_thread.run_sync(copy_workspace, original, store, workspace)
            with _serving(store.settings, clock, listener, seed):
                inbox = Inbox(store.settings.data_dir)
                try:
                    yield World(store, clock, inbox, keys)
                finally:
                    inbox.close()
        finally:
            store.close()


def _settings(original: Settings, folder: Path, url: str, keys: SandboxKeys) -> Settings:
    """Whether each channel is sandboxed stays as it was, for that is part of what was approved."""
    ours: dict[str, Any] = {
        "data_dir": folder,
        "database_url": None,
        "redis_url": None,
        "clock_offset_s": 0.0,
        "sandbox_url": url,
        "sendgrid_base_url": url,
        "twilio_base_url": url,
    }
    if not original.email_sandboxed:
        ours["sendgrid_api_key"] = SecretStr(keys.sendgrid_api_key)
    if not original.sms_sandboxed:
        ours |= {"twilio_account_sid": keys.twilio_account_sid, "twilio_auth_token": SecretStr(keys.twilio_auth_token)}
    return original.model_copy(update=ours)


@contextmanager
def _serving(settings: Settings, clock: ManualClock, listener: socket.socket, seed: int) -> Iterator[None]:
    app = create_app(settings, clock=clock, webhook_url=None, seed=seed)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_keep_alive=75))
    # In a thread, where uvicorn leaves signals alone.
    thread = threading.Thread(target=server.run, args=([listener],), name="simulated-sandbox")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
