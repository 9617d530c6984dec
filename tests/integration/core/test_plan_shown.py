"""What a person is shown of a plan before they decide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from overture_core.approvals import policy
from overture_core.approvals import service as approvals
from overture_core.approvals.policy import PreApproval
from overture_core.approvals.service import ApprovalState, Via
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanView
from overture_core.campaigns.showing import MAX_SAMPLE, described
from overture_core.campaigns.status import status
from overture_core.clock import ManualClock
from overture_core.errors import Conflict
from overture_core.messages.channels import Channel
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.templates import service as templates
from overture_core.templates.preview import preview

WORKSPACE = "default"


def launch_now(store: Store, planned: PlanView) -> None:
    with store.begin(WORKSPACE, actor="model") as work:
        launch(work, planned.plan_id)


def test_it_names_numbers_time_cost_reasons_and_a_sample_of_each_channel(scene: Any, clock: ManualClock) -> None:
    for number in range(4):
        scene.add_lead(email=f"ada{number}@example.com")
    by_phone = scene.add_lead("Ben", phone="+12125550101")
    scene.consent(by_phone, Channel.SMS)
    asleep = scene.add_lead("Cleo", phone="+61491570156", country="AU", time_zone="Australia/Sydney")
    scene.consent(asleep, Channel.SMS)
    scene.add_lead("Dan", phone="+12125550102")
    scene.add_lead("Eve", phone="+12125550103")
    scene.add_lead("", email="nameless@example.com")
    planned = scene.plan(send_at=clock.now() + timedelta(hours=1))
    mail, message = planned.samples[0], planned.samples[-1]
    assert described(planned) == [
        "Recipients: 6 of segment 'everyone' (4 by email, 2 by sms).",
        "Through the sandbox: nobody outside is contacted.",
        "When: from 2026-11-23 17:30 UTC on.",
        "Later: 1.",
        "- 1 lead: is outside the hours for SMS and calls in their own time zone (8:00 to 21:00, or narrower)",
        "Left out: 3.",
        "- 2 leads: gave no consent, which this channel or country needs first",
        "- 1 lead: has no first_name, which the template needs",
        "To pay for: 4 e-mails, 2 SMS segments; nothing is billed, it is the sandbox "
        "(for real about 0.1083 USD for SMS).",
        f"Content {planned.content_hash[:16]}.",
        "For example, by email to 'ada0@example.com':",
        "> Subject: Hi Ada",
        "> ",
        *(f"> {line}" for line in mail.body.split("\n")),
        "For example, by sms to '+12125550101':",
        "> Hi Ben, still interested?",
        "> Reply STOP to opt out.",
    ]
    assert message.channel is Channel.SMS


def test_a_long_text_is_cut_and_says_where_the_rest_is(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    with store.begin(WORKSPACE, actor="model") as work:
        templates.save(work, "hello", Channel.EMAIL, "x" * 9_000, "Hi")
    planned = scene.plan()
    lines = described(planned)
    assert sum(len(line) for line in lines if line.startswith("> ")) <= MAX_SAMPLE + 6
    assert lines[-1].startswith("(6")
    assert lines[-1].endswith(f" more characters; `overture approvals show {planned.approval.id}` shows all.)")


def test_a_channel_that_reaches_real_people_is_named(scene: Any, store: Store, settings: Settings) -> None:
    scene.add_lead(email="ada@example.com")
    by_phone = scene.add_lead("Ben", phone="+12125550101")
    scene.consent(by_phone, Channel.SMS)
    real = settings.model_copy(
        update={
            "database_url": store.settings.database_url,
            "sandbox_only": False,
            "sendgrid_api_key": SecretStr("SG.key"),
        }
    )
    scene.store = Store(real, store.clock)
    planned = scene.plan()
    scene.store.close()
    assert planned.goes_to == {Channel.EMAIL: "SendGrid", Channel.SMS: "sandbox"}
    assert described(planned)[1] == (
        "Through REAL providers (email by SendGrid): these people will be written to. Only sms goes to the sandbox."
    )


def test_a_channel_by_hand_is_no_provider(scene: Any) -> None:
    scene.add_lead(email="ada@example.com")
    goes_to = {Channel.EMAIL: "sandbox", Channel.LINKEDIN: "a person"}
    planned = scene.plan().model_copy(update={"sandbox": False, "goes_to": goes_to})
    assert described(planned)[1] == "A person writes on linkedin, by tasks. Only email goes to the sandbox."


def test_a_plan_that_reaches_nobody_can_be_neither_approved_nor_launched(scene: Any, store: Store) -> None:
    scene.add_lead(phone="+12125550102")
    with store.begin(WORKSPACE, actor="ada") as work:
        caps: dict[str, Any] = {"channels": list(Channel), "max_recipients_per_plan": 10, "max_recipients_per_day": 10}
        policy.write(work, PreApproval(note="small", written_by="ada", written_at=work.now(), **caps))
    planned = scene.plan()
    assert (planned.recipients, planned.approval.state) == (0, ApprovalState.VOID)
    with (
        pytest.raises(Conflict, match=r"is already void \(the plan reaches nobody\); plan the campaign again"),
        store.begin(WORKSPACE, actor="ada") as work,
    ):
        approvals.decide(work, planned.approval.id, approve=True, by="ada", via=Via.CLI)
    with pytest.raises(Conflict) as refused:
        launch_now(store, planned)
    assert refused.value.message == (
        "There is nothing to launch: everybody in the segment is left out (1 lead: gave no consent, which this channel "
        "or country needs first); mend that or choose another segment, then plan again."
    )
    with store.read(WORKSPACE) as work:
        assert approvals.list_(work, ApprovalState.PENDING) == []


def test_who_was_left_out_of_an_empty_plan_is_planned_once_what_left_them_out_is_mended(scene: Any) -> None:
    lead = scene.add_lead(phone="+12125550102")
    assert scene.plan().recipients == 0
    scene.consent(lead, Channel.SMS)
    assert (scene.plan().recipients, scene.plan().excluded) == (1, {})


def test_a_plan_that_adds_nobody_does_not_hide_the_approval_of_a_running_campaign(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    launched = scene.launched()
    empty = scene.plan()
    assert empty.excluded == {"already_in_campaign": 1}
    with pytest.raises(Conflict, match="in this campaign already; add leads to it, or plan under another name"):
        launch_now(store, empty)
    with store.read(WORKSPACE) as work:
        found = status(work, "Spring")
    assert found.approval is not None
    assert (found.plan_id, found.approval.state) == (launched.plan_id, ApprovalState.USED)


def test_a_link_in_a_name_and_a_domain_of_mixed_alphabets_are_told(scene: Any, store: Store) -> None:
    scene.add_lead("https://p\u0430ypal.com/login", email="ada@example.com")
    scene.add_lead("Ben", email="ben@p\u0430ypal.com")
    scene.add_lead("Cleo", email="cleo@example.com")
    planned = scene.plan()
    assert planned.hints == [
        "1 lead with a link that mixes alphabets, as one that imitates another does, in first_name; it is put in with "
        "spaces for its dots, such as 'https://p\u0430ypal.com/login'",
        "1 lead with an address whose domain mixes alphabets, as one that imitates another does, such as "
        "'ben@p\u0430ypal.com'",
    ]
    assert planned.samples[0].subject == "Hi https p\u0430ypal com login"
    with store.read(WORKSPACE) as work:
        assert preview(work, "hello").hints == planned.hints
