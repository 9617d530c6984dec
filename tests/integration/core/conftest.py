"""Leads, templates and launched campaigns to work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest, PlanView
from overture_core.campaigns.planning import plan
from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Consent, Lead, LeadIdentity
from overture_core.storage.store import Store
from overture_core.templates import service as templates

WORKSPACE = "default"


@dataclass
class Scene:
    """A workspace with templates and the segment `everyone`."""

    store: Store

    def add_lead(self, first_name: str = "Ada", *, workspace: str = WORKSPACE, **values: object) -> str:
        with self.store.begin(workspace, actor="test") as work:
            lead = Lead(
                id=new_id("lead"),
                workspace_id=workspace,
                first_name=first_name,
                custom={},
                created_at=work.now(),
                updated_at=work.now(),
                **{"country": "US", "time_zone": "America/New_York", **values},
            )
            work.session.add(lead)
            work.session.flush()
            for kind, value in (("email", (lead.email or "").lower()), ("phone", lead.phone)):
                if value:
                    work.session.add(
                        LeadIdentity(id=new_id("idn"), workspace_id=workspace, lead_id=lead.id, kind=kind, value=value)
                    )
            return lead.id

    def consent(self, lead_id: str, channel: Channel, *, granted: bool = True) -> None:
        with self.store.begin(WORKSPACE, actor="test") as work:
            work.session.add(
                Consent(
                    id=new_id("cns"),
                    workspace_id=WORKSPACE,
                    lead_id=lead_id,
                    channel=channel,
                    granted=granted,
                    source="test",
                    recorded_at=work.now(),
                )
            )

    def plan(self, name: str = "Spring", **changes: object) -> PlanView:
        request = {"name": name, "segment": "everyone", "templates": {"email": "hello", "sms": "hello-sms"}, **changes}
        with self.store.begin(WORKSPACE, actor="model") as work:
            return plan(work, PlanRequest.model_validate(request))

    def approve(self, planned: PlanView) -> None:
        with self.store.begin(WORKSPACE, actor="ada") as work:
            approvals.decide(work, planned.approval.id, approve=True, by="ada", via=Via.CLI)

    def launched(self, name: str = "Spring") -> PlanView:
        planned = self.plan(name)
        self.approve(planned)
        with self.store.begin(WORKSPACE, actor="model") as work:
            launch(work, planned.plan_id)
        return planned


@pytest.fixture
def make_scene() -> Callable[[Store], Scene]:
    def make(store: Store) -> Scene:
        with store.begin(WORKSPACE, actor="test") as work:
            templates.save(
                work, "hello", Channel.EMAIL, "Hi {{ first_name }}, long time no see.", "Hi {{ first_name }}"
            )
            templates.save(work, "hello-sms", Channel.SMS, "Hi {{ first_name }}, still interested?")
            segments.save(work, "everyone", LeadFilter())
        return Scene(store)

    return make


@pytest.fixture
def scene(store: Store, make_scene: Callable[[Store], Scene]) -> Scene:
    return make_scene(store)
