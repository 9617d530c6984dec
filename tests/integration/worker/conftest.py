"""A launched campaign, a real sandbox process, and the delivery that a worker would run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages import ledger
from overture_core.messages.channels import Channel
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.settings import Settings
from overture_core.storage.schema import Message
from overture_core.storage.store import Store
from overture_core.templates import service as templates
from overture_queue.jobs import DeliverChunk
from overture_worker.delivery import Delivery
from overture_worker.rates import Rates
from overture_worker.transports import open_transports
from tests.sandbox_process import running_sandbox

WORKSPACE = "default"
OWNER = "worker-1"


class Sandbox:
    """The sandbox process, seen from outside."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fault(self, **fault: Any) -> None:
        httpx.post(f"{self.url}/sandbox/faults", json=fault).raise_for_status()

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/sandbox/summary.json").raise_for_status().json()
        return found

    def inbox(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/sandbox/inbox.json").raise_for_status().json()["messages"]
        return found


@pytest.fixture
def sandbox(settings: Settings, warm_programs: Path) -> Iterator[Sandbox]:
    with running_sandbox(settings.data_dir, program=[str(warm_programs / "sandbox")]) as url:
        yield Sandbox(url)


class Scene:
    """Leads and campaigns in a store whose providers are the sandbox."""

    def __init__(self, store: Store, sandbox: Sandbox) -> None:
        self.store = Store(store.settings.model_copy(update={"sandbox_url": sandbox.url}), store.clock)
        self.stopping = False

    def configure(self, **values: Any) -> None:
        """Go on with other settings."""
        self.store.close()
        self.store = Store(self.store.settings.model_copy(update=values), self.store.clock)

    def launched(
        self,
        leads: str,
        *,
        body: str = "Hi {{ first_name | default('there') }}.",
        html: str | None = None,
        name: str = "Spring",
        **more: Any,
    ) -> None:
        source = Source.from_text("First Name,E-mail,Phone,Country,Consent\n" + leads, "leads.csv")
        import_leads(self.store, source, ImportOptions(), workspace=WORKSPACE, actor="test")
        with self.store.begin(WORKSPACE, actor="test") as work:
            segments.save(work, "all", LeadFilter())
            subject = "Hi {{ first_name | default('there') }}"
            templates.save(work, "mail", Channel.EMAIL, body, subject, body_html=html)
            templates.save(work, "text", Channel.SMS, body)
            asked = PlanRequest.model_validate(
                {"name": name, "segment": "all", "templates": {"email": "mail", "sms": "text"}, **more}
            )
            planned = plan(work, asked)
            approvals.decide(work, planned.approval.id, approve=True, by="test", via=Via.CLI)
            launch(work, planned.plan_id)

    def claim(self, channel: Channel = Channel.EMAIL) -> DeliverChunk:
        waiting = next((each for each in ledger.backlog(self.store) if each.channel is channel), None)
        assert waiting is not None
        with self.store.begin(WORKSPACE, actor=OWNER) as work:
            token = ledger.claim(work, channel, campaign_id=waiting.campaign_id, owner=OWNER, limit=500)
        assert token is not None
        return DeliverChunk(workspace=WORKSPACE, channel=channel, chunk=token)

    @asynccontextmanager
    async def delivery(self) -> AsyncIterator[Delivery]:
        async with (
            open_transports(self.store.settings, self.store.clock) as transports,
            Rates(self.store.settings, "redis://127.0.0.1:9") as rates,  # asked only where a test sets a limit
        ):
            yield Delivery(
                self.store,
                transports.by_channel,
                rates=rates,
                owner=OWNER,
                stopping=lambda: self.stopping,
            )

    async def deliver(self, channel: Channel = Channel.EMAIL) -> int:
        job = self.claim(channel)
        async with self.delivery() as delivery:
            return await delivery.deliver(job)

    def rows(self) -> list[Message]:
        with self.store.read(WORKSPACE) as work:
            return list(work.session.scalars(select(Message).order_by(Message.id)))

    def states(self) -> list[str]:
        return [row.state for row in self.rows()]


@pytest.fixture
def scene(store: Store, sandbox: Sandbox) -> Iterator[Scene]:
    made = Scene(store, sandbox)
    yield made
    made.store.close()
