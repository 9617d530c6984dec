"""LinkedIn's sandbox as a process, and a person who grants access in its pages."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.clock import ManualClock
from overture_core.linkedin.accounts import AccountView
from overture_core.linkedin.scopes import SCOPES
from overture_core.operations import service as operations
from overture_core.operations.models import OperationView, Proposal
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_providers import operations as running
from overture_providers.linkedin.session import invite, welcome
from overture_servers.linkedin import callback, webhooks
from overture_servers.messaging.webhooks import Webhooks
from overture_servers.runtime import Runtime
from tests.sandbox_process import running_sandbox

DEADLINE_S = 30.0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture
def clock() -> ManualClock:
    """Beginning now, which is also the sandbox's time."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    ports = {"sandbox_url": f"http://127.0.0.1:{free_port()}", "http_port": free_port()}
    return settings.model_copy(update={**ports, "linkedin_scopes": list(SCOPES), "provider_timeout_s": 5.0})


class _Fields(HTMLParser):
    """The hidden fields of a page's form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input":
            self.found[str(given["name"])] = given["value"] or ""


@dataclass
class LinkedIn:
    """The sandbox's LinkedIn, and the workspace that uses it."""

    store: Store
    settings: Settings

    @property
    def url(self) -> str:
        return self.settings.sandbox_url

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Tell the sandbox something."""
        answer = httpx.post(f"{self.url}{path}", json=body, trust_env=False)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def fail(self, kind: str, **fault: Any) -> None:
        self.post("/sandbox/faults", provider="linkedin", kind=kind, **fault)

    def published(self) -> list[str]:
        """The texts of all posts that LinkedIn took, newest first, as their commentary has them."""
        found = httpx.get(f"{self.url}/sandbox/inbox.json", params={"channel": "linkedin"}, trust_env=False).json()
        return [each["body"] for each in found["messages"]]

    def decide(self, url: str, decision: str = "allow") -> dict[str, str]:
        """Open LinkedIn's page, press a button, and return what the browser would bring back."""
        with httpx.Client(trust_env=False) as browser:
            page = browser.get(url)
            assert page.status_code == 200, page.text
            form = {**_Fields(page.text).found, "decision": decision}
            back = browser.post(url.partition("?")[0], data=form)
        assert back.status_code == 303, back.text
        return {name: values[0] for name, values in parse_qs(urlsplit(back.headers["location"]).query).items()}

    async def connect(
        self, *, grant: list[str] | None = None, workspace: str | None = None, **orders: Any
    ) -> AccountView:
        """Connect the workspace with the scopes that LinkedIn grants."""
        self.post("/sandbox/linkedin", grant=grant, **orders)
        with self.store.begin(workspace or self.settings.workspace, actor="cli:ada") as work:
            url = invite(work, self.settings).url
        back = self.decide(url)
        return await welcome(self.store, self.settings, back["state"], back["code"], None)

    def propose(self, proposal: Proposal) -> OperationView:
        with self.store.begin("default", actor="mcp:crew") as work:
            return operations.propose(work, proposal)

    def approve(self, operation: OperationView) -> None:
        assert operation.approval_id is not None
        with self.store.begin("default", actor="cli:ada") as work:
            approvals.decide(work, operation.approval_id, approve=True, by="ada", via=Via.CLI)

    async def run(self, operation: OperationView) -> OperationView:
        return await running.run(self.store, "default", operation.id, actor="worker")

    async def approved(self, proposal: Proposal) -> OperationView:
        """Propose, approve and run."""
        asked = self.propose(proposal)
        self.approve(asked)
        return await self.run(asked)


@pytest.fixture
def linkedin(settings: Settings, sqlite_store: Store, warm_programs: Path) -> Iterator[LinkedIn]:
    """A running sandbox, and a store."""
    port = urlsplit(settings.sandbox_url).port or 0
    receiver = f"http://127.0.0.1:{settings.http_port}"
    program = [str(warm_programs / "sandbox")]
    with running_sandbox(settings.data_dir, program=program, port=port, speed=100, webhook_url=receiver):
        yield LinkedIn(sqlite_store, settings)


@pytest.fixture
def serve(settings: Settings, sqlite_store: Store) -> Iterator[Callable[[], str]]:
    """Starts the routes that LinkedIn and browsers call; returns their base URL."""
    runtime = Runtime(settings, sqlite_store)
    app = Starlette(routes=[*callback.routes(runtime), *webhooks.routes(runtime, Webhooks(runtime))])
    config = uvicorn.Config(app, port=settings.http_port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)

    def start() -> str:
        thread.start()
        until = time.monotonic() + DEADLINE_S
        while not server.started:
            assert time.monotonic() < until
            threading.Event().wait(0.02)
        return f"http://127.0.0.1:{settings.http_port}"

    yield start
    server.should_exit = True
    if thread.ident is not None:
        thread.join()
