"""Sequences as they are planned: variants shared out, every step shown, and steps that make no sense refused."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from overture_core.approvals import policy
from overture_core.approvals.policy import PreApproval
from overture_core.campaigns.models import PlanView
from overture_core.campaigns.showing import cost, one_a_line
from overture_core.errors import InvalidInput
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Message, Template
from overture_core.storage.store import Store
from overture_core.templates import service as templates

WORKSPACE = "default"
SECOND: dict[str, object] = {"wait_before": "3 days", "templates": {"email": "again"}}
BY_SMS: dict[str, object] = {"wait_before": "1 day", "templates": {"sms": "hello-sms"}, "only_if": "not_delivered"}


@pytest.fixture(autouse=True)
def _second_template(scene: Any, store: Store) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        templates.save(work, "again", Channel.EMAIL, "Hello again, {{ first_name }}.", "Once more")


def test_variants_are_shared_out_and_the_same_when_planned_again(scene: Any, store: Store) -> None:
    for number in range(40):
        scene.add_lead(email=f"lead{number}@example.com")

    def assigned() -> dict[str, str]:
        planned = scene.plan(templates={"email": ["hello", "again"]})
        with store.read(WORKSPACE) as work:
            found = select(Message.lead_id, Template.name).join(Template, Template.id == Message.template_id)
            return {row[0]: row[1] for row in work.session.execute(found.where(Message.plan_id == planned.plan_id))}

    first = assigned()
    assert min(Counter(first.values()).values()) >= 8, "each variant is as likely"
    assert assigned() == first


def test_the_person_who_decides_sees_every_step_and_variant(scene: Any) -> None:
    scene.add_lead(email="ada@example.com")
    scene.add_lead(email="bob@example.com")
    planned: PlanView = scene.plan(templates={"email": "hello"}, follow_ups=[SECOND, BY_SMS])
    assert [(each.step, each.wait_before, each.only_if, each.at_most) for each in planned.follow_ups] == [
        (2, "3 days", "no_reply", {"email": 2}),
        (3, "1 day", "not_delivered", {}),
    ]
    assert [(sample.step, sample.template, sample.to) for sample in one_a_line(planned.samples)] == [
        (1, "hello", "ada@example.com"),
        (2, "again", "ada@example.com"),
        (3, "hello-sms", None),
    ]


def test_a_field_that_only_a_later_step_lacks_leaves_the_lead_out_beforehand(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    with store.begin(WORKSPACE, actor="test") as work:
        templates.save(work, "again", Channel.EMAIL, "Is {{ company }} still there?", "Once more")
    planned: PlanView = scene.plan(templates={"email": "hello"}, follow_ups=[SECOND])
    assert (planned.recipients, planned.excluded) == (0, {"missing_field:company": 1})


@pytest.mark.parametrize(
    "wrong", [{"wait_before": "soon"}, {"templates": {}}, {"only_if": "raining"}, {"wait_before": "500 days"}]
)
def test_a_step_that_makes_no_sense_is_refused(scene: Any, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        scene.plan(follow_ups=[{**SECOND, **wrong}])


def test_a_step_without_a_template_for_its_channels_is_refused(scene: Any) -> None:
    with pytest.raises(InvalidInput, match="channel_order of step 2"):
        scene.plan(follow_ups=[{**SECOND, "channel_order": ["sms"]}])


def test_what_a_later_step_may_use_is_part_of_what_is_approved(scene: Any, store: Store) -> None:
    lead = scene.add_lead(email="ada@example.com", phone="+12125550101")
    scene.consent(lead, Channel.SMS)
    with store.begin(WORKSPACE, actor="test") as work:
        policy.write(
            work,
            PreApproval(
                note="SMS alone",
                written_by="ada",
                written_at=work.now(),
                channels=[Channel.SMS],
                max_recipients_per_plan=10,
                max_recipients_per_day=10,
                max_messages_per_recipient=2,
            ),
        )
    # The lead would get an SMS now; were it refused by then, the step would fall back to e-mail.
    fallback = {"wait_before": "1 day", "templates": {"sms": "hello-sms", "email": "again"}}
    by_sms: dict[str, Any] = {"templates": {"sms": "hello-sms"}, "channel_order": ["sms"]}
    planned: PlanView = scene.plan(**by_sms, follow_ups=[{**fallback, "channel_order": ["sms", "email"]}])
    assert (set(planned.goes_to), planned.approval.state) == ({Channel.SMS, Channel.EMAIL}, "pending")
    planned = scene.plan(**by_sms, follow_ups=[BY_SMS])
    assert (set(planned.goes_to), planned.approval.state) == ({Channel.SMS}, "approved")


def test_what_a_later_step_costs_at_most_counts_the_channels_that_it_may_fall_back_to(scene: Any) -> None:
    scene.add_lead(email="ada@example.com", phone="+12125550101")
    scene.add_lead(email="bob@example.com")
    either = {"wait_before": "1 day", "templates": {"email": "again", "sms": "hello-sms"}}
    planned: PlanView = scene.plan(
        templates={"email": "hello"}, follow_ups=[{**either, "channel_order": ["email", "sms"]}]
    )
    assert planned.follow_ups[0].at_most == {Channel.EMAIL: 2, Channel.SMS: 1}
    assert (planned.sms_segments, planned.sms_cost is not None) == (1, True)
    assert cost(planned).startswith("at most 4 e-mails, 1 SMS segment;")


def test_a_plan_that_may_fall_back_to_a_real_provider_is_not_the_sandboxs() -> None:
    real = {"sandbox": {"sms": True, "email": False}, "follow_ups": [{"channel_order": ["sms", "email"]}]}
    size = policy.sized({"recipients": 1, "by_channel": {"sms": 1}}, {**real, "channel_order": ["sms"]})
    assert (set(size.channels), size.sandbox) == ({Channel.SMS, Channel.EMAIL}, False)
