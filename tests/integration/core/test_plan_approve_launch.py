"""From plan to launch: what is frozen, who may let it out, and what voids that."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from overture_core.approvals import policy
from overture_core.approvals import service as approvals
from overture_core.approvals.policy import PreApproval
from overture_core.approvals.service import Via
from overture_core.approvals.subjects import listed, subject
from overture_core.campaigns.launching import get_plan, launch
from overture_core.campaigns.models import PlanView
from overture_core.campaigns.planning import view
from overture_core.campaigns.status import status
from overture_core.clock import ManualClock
from overture_core.errors import ApprovalRequired, Conflict, InvalidInput, NotFound
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress
from overture_core.payments import service as payments
from overture_core.storage.schema import Message
from overture_core.storage.store import Store
from overture_core.suppressions import service as suppressions
from overture_core.templates import service as templates

WORKSPACE = "default"


def start(store: Store, planned: PlanView) -> Any:
    with store.begin(WORKSPACE, actor="model") as work:
        return launch(work, planned.plan_id)


def rows(store: Store) -> list[tuple[str, str | None, str]]:
    with store.read(WORKSPACE) as work:
        found = work.session.scalars(select(Message).order_by(Message.lead_id)).all()
        return [(row.channel, row.reason, row.state) for row in found]


def write_policy(store: Store, **changes: Any) -> None:
    with store.begin(WORKSPACE, actor="ada") as work:
        values: dict[str, Any] = {
            "note": "small tests",
            "written_by": "ada",
            "written_at": work.now(),
            "channels": list(Channel),
            "max_recipients_per_plan": 10,
            "max_recipients_per_day": 10,
            **changes,
        }
        policy.write(work, PreApproval(**values))


def test_each_lead_is_planned_on_the_first_channel_that_the_gate_allows(scene: Any, store: Store) -> None:
    both = scene.add_lead(email="both@example.com", phone="+12125550101")
    scene.consent(both, Channel.SMS)
    phone_only = scene.add_lead(phone="+12125550102")
    scene.consent(phone_only, Channel.SMS)
    scene.add_lead(phone="+12125550103")
    asleep = scene.add_lead(phone="+61491570156", country="AU", time_zone="Australia/Sydney")
    scene.consent(asleep, Channel.SMS)
    gone = scene.add_lead(email="gone@example.com")
    with store.begin(WORKSPACE, actor="ada") as work:
        suppressions.add(work, "email", "Gone@example.com", "manual", "test")
    planned = scene.plan()
    assert (planned.recipients, planned.by_channel) == (3, {Channel.EMAIL: 1, Channel.SMS: 2})
    assert planned.excluded == {"consent_missing": 1, "suppressed": 1}
    assert planned.held == {"quiet_hours": 1}
    assert planned.sandbox
    assert [sample.to for sample in planned.samples] == ["both@example.com", "+12125550102", "+61491570156"]
    assert "Unsubscribe: http" in planned.samples[0].body
    assert planned.samples[1].body.endswith("Reply STOP to opt out.")
    assert gone


def test_a_lead_without_a_field_that_the_template_uses_is_left_out_with_its_name(scene: Any) -> None:
    scene.add_lead("", email="nameless@example.com")
    assert scene.plan().excluded == {"missing_field:first_name": 1}


def test_launching_without_approval_fails_closed_and_says_what_to_do(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.plan()
    with pytest.raises(ApprovalRequired, match=f"overture approvals approve {planned.approval.id}"):
        start(store, planned)
    assert rows(store) == [("email", None, "draft")]


def test_an_approved_plan_launches_once_and_says_the_same_again(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.plan()
    scene.approve(planned)
    first = start(store, planned)
    assert (first.queued, first.held, first.approved_by, first.approved_via) == (1, 0, "ada", Via.CLI)
    assert start(store, planned) == first
    assert rows(store) == [("email", None, "due")]


def test_a_rejected_plan_does_not_launch(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.plan()
    with store.begin(WORKSPACE, actor="ada") as work:
        approvals.decide(work, planned.approval.id, approve=False, by="ada", via=Via.CLI, reason="too pushy")
    with pytest.raises(ApprovalRequired, match="ada rejected this plan: too pushy"):
        start(store, planned)


def test_an_expired_approval_does_not_launch(scene: Any, store: Store, clock: ManualClock) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.plan()
    scene.approve(planned)
    clock.advance(timedelta(days=8))
    with pytest.raises(ApprovalRequired, match=r"expired at 2026-11-30 16:30 UTC; plan the campaign again"):
        start(store, planned)


def test_a_draft_changed_after_approval_does_not_launch(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.plan()
    scene.approve(planned)
    with store.begin(WORKSPACE, actor="intruder") as work:
        work.session.execute(update(Message).values(address="eve@example.com"))
    with pytest.raises(Conflict, match="changed after it was made"):
        start(store, planned)


@pytest.mark.parametrize("what", ["stop", "payment"])
def test_who_asked_to_stop_or_paid_after_the_approval_is_left_out_and_the_others_are_written_to(
    scene: Any, store: Store, what: str
) -> None:
    gone = scene.add_lead(email="ada@example.com")
    scene.add_lead(email="ben@example.com")
    planned = scene.plan()
    scene.approve(planned)
    with store.begin(WORKSPACE, actor="worker") as work:
        if what == "stop":
            suppress(work, "email", "ada@example.com", reason="stop", origin="reply")
        else:
            payments.record(work, gone, amount=Decimal(5), currency="EUR", reference="INV-1")
        (asked,) = listed(work)
        about = subject(work, asked.id)
    told = (
        "1 recipient of 2 answered, paid or refused since it was made and gets nothing of it; "
        "plan again to see what would go out."
    )
    assert (about.note, about.lines[-1], about.obstacle) == (told, told, None)
    assert (start(store, planned).queued, start(store, planned).queued) == (1, 1)
    why = {"stop": "stop", "payment": "paid"}[what]
    assert rows(store) == [("email", why, "cancelled"), ("email", None, "due")]
    with store.read(WORKSPACE) as work:
        assert status(work, planned.campaign).cancelled == {why: 1}


def test_saving_a_template_anew_makes_the_approval_of_the_old_text_worthless(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.plan(follow_ups=[{"wait_before": "2 days", "templates": {"sms": "hello-sms"}}])
    scene.approve(planned)
    with store.begin(WORKSPACE, actor="model") as work:
        templates.save(work, "hello-sms", Channel.SMS, "Corrected, {{ first_name }}.")
        shown = view(work, get_plan(work, planned.plan_id))
        (asked,) = listed(work)
        asked_about = subject(work, asked.id)
    why = (
        "It CANNOT be launched. The text of 'hello-sms' was changed after this plan was made, which makes its approval "
    )
    assert (asked.state, asked.obstacle) == ("approved", f"{why}worthless; plan again and have a person approve it.")
    assert asked_about.lines[-1] == asked.obstacle
    assert shown.hints[0].startswith("'hello-sms': its text was changed after this plan was made")
    with pytest.raises(Conflict, match=r"The text of 'hello-sms' was changed after this plan was made"):
        start(store, planned)
    again = scene.plan()
    scene.approve(again)
    assert start(store, again).queued == 1
    with store.read(WORKSPACE) as work:
        assert [each.obstacle for each in listed(work)] == [None, None]


@pytest.mark.parametrize("name", ["   ", "a\nb", "Spring\u202e", "Spr\u200bing", "Spring  2"])
def test_a_campaign_has_a_name_that_people_can_see_and_open(scene: Any, name: str) -> None:
    scene.add_lead(email="ada@example.com")
    with pytest.raises(InvalidInput, match=r"A campaign('s name is one line| needs a name)"):
        scene.plan(name=name)


@pytest.mark.parametrize("where", ["first", "later"])
def test_hours_in_which_a_channel_may_never_be_used_are_refused_when_planning(scene: Any, where: str) -> None:
    night = {"start": "22:00", "until": "23:00"}
    later = [{"wait_before": "2 days", "templates": {"sms": "hello-sms"}}]
    steps = {"templates": {"sms": "hello-sms"}} if where == "first" else {"templates": {"email": "hello"}}
    with pytest.raises(
        InvalidInput, match=r"has no hour in which SMS, WhatsApp and calls may arrive \(08:00 to 21:00\)"
    ):
        scene.plan(send_window=night, **steps, **({"follow_ups": later} if where == "later" else {}))


def test_who_has_no_hour_in_common_with_the_campaign_is_left_out(scene: Any) -> None:
    late = {"start": "20:00", "until": "21:00"}
    for phone in ("+13055550100", "+12125550101"):  # Florida's hours end at 20:00
        scene.consent(scene.add_lead(phone=phone), Channel.SMS)
    planned = scene.plan(templates={"sms": "hello-sms"}, send_window=late)
    assert (planned.recipients, planned.excluded) == (1, {"no_common_hours": 1})


def test_planning_again_voids_the_plan_before_and_its_approval(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    old = scene.plan()
    scene.approve(old)
    new = scene.plan()
    with pytest.raises(Conflict, match="replaced by a newer one"):
        start(store, old)
    with pytest.raises(ApprovalRequired):
        start(store, new)
    assert rows(store) == [("email", None, "draft")]


def test_planning_a_running_campaign_again_adds_only_new_leads(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    scene.launched()
    scene.add_lead(email="ben@example.com")
    again = scene.plan()
    assert (again.recipients, again.excluded) == (1, {"already_in_campaign": 1})
    scene.approve(again)
    start(store, again)
    assert rows(store) == [("email", None, "due")] * 2


def test_a_written_policy_approves_a_plan_within_its_caps(scene: Any, store: Store) -> None:
    scene.add_lead(email="ada@example.com")
    write_policy(store)
    planned = scene.plan()
    assert (planned.approval.state, planned.approval.decided_via) == ("approved", Via.POLICY)
    assert start(store, planned).approved_by == "ada (policy)"


@pytest.mark.parametrize(
    "caps", [{"max_recipients_per_plan": 1}, {"max_recipients_per_day": 1}, {"channels": [Channel.SMS]}]
)
def test_a_plan_beyond_any_cap_needs_a_person(scene: Any, store: Store, caps: dict[str, Any]) -> None:
    scene.add_lead(email="ada@example.com")
    scene.add_lead(email="ben@example.com")
    write_policy(store, **caps)
    assert scene.plan().approval.state == "pending"


def test_a_policys_daily_cap_counts_what_it_let_out_before(scene: Any, store: Store, clock: ManualClock) -> None:
    write_policy(store, max_recipients_per_day=1)
    scene.add_lead(email="ada@example.com")
    start(store, scene.plan("One"))
    scene.add_lead(email="ben@example.com")
    assert scene.plan("One").approval.state == "pending"
    clock.advance(timedelta(days=1, minutes=1))
    assert scene.plan("One").approval.state == "approved"


def test_unknown_names_list_those_that_exist(scene: Any) -> None:
    with pytest.raises(NotFound, match="everyone"):
        scene.plan(segment="nobody")
    with pytest.raises(NotFound, match="hello, hello-sms"):
        scene.plan(templates={"email": "missing"})
    with pytest.raises(InvalidInput, match="is for email, not for sms"):
        scene.plan(templates={"sms": "hello"})


def test_a_policy_that_was_used_up_or_removed_since_no_longer_launches(scene: Any, store: Store) -> None:
    write_policy(store, max_recipients_per_day=1)
    scene.add_lead(email="ada@example.com")
    one, two = scene.plan("One"), scene.plan("Two")
    assert (one.approval.state, two.approval.state) == ("approved", "approved")
    start(store, one)
    with pytest.raises(ApprovalRequired, match="no longer covers"):
        start(store, two)
    write_policy(store)
    assert start(store, two).queued == 1
    three = scene.plan("Three")
    with store.begin(WORKSPACE, actor="ada") as work:
        policy.remove(work)
    with pytest.raises(ApprovalRequired, match="no longer covers"):
        start(store, three)
