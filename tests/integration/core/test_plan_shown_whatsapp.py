"""What a person reads of a plan with WhatsApp: the approved template that leaves, with what it is filled with."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from overture_core.approvals.subjects import subject
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanView, Sample
from overture_core.campaigns.showing import MAX_SAMPLE, described
from overture_core.errors import Conflict
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Template
from overture_core.storage.store import Store
from overture_core.templates import service as templates

WORKSPACE = "default"
NEWS, OFFER = "HX" + "0a" * 16, "HX" + "0b" * 16
VARIABLES = {"1": "{{ first_name }}", "2": "{{ company | default('your company') }}"}
BY_WHATSAPP: dict[str, object] = {
    "wait_before": "3 days",
    "templates": {"email": "hello", "whatsapp": "news"},
    "channel_order": ["email", "whatsapp"],
}


@pytest.fixture(autouse=True)
def _templates(scene: Any, store: Store) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        for name, sid in (("news", NEWS), ("offer", OFFER)):
            body = f"Hi {{{{ first_name }}}}, our {name}."
            templates.save(work, name, Channel.WHATSAPP, body, content_sid=sid, content_variables=VARIABLES)


def add_lead(scene: Any, name: str, **values: object) -> None:
    lead = scene.add_lead(name, **values)
    scene.consent(lead, Channel.WHATSAPP)


def filled(sample: Sample) -> tuple[str | None, str | None, dict[str, str] | None]:
    return sample.to, sample.content_sid, sample.variables


def template_line(sid: str) -> str:
    return f"WhatsApp sends its approved template {sid} in place of this text, with these variables:"


def test_each_sample_has_the_template_that_leaves_and_its_values(scene: Any, store: Store) -> None:
    add_lead(scene, "Ada", phone="+12125550101", company="Northwind")
    add_lead(scene, "Ben", phone="+12125550102")
    planned = scene.plan(templates={"whatsapp": "news"})
    assert [filled(sample) for sample in planned.samples] == [
        ("+12125550101", NEWS, {"1": "Ada", "2": "Northwind"}),
        ("+12125550102", NEWS, {"1": "Ben", "2": "your company"}),
    ]
    with store.read(WORKSPACE) as work:
        lines = subject(work, planned.approval.id, longest=None).lines
    assert (
        lines[-5:]
        == described(planned)[-5:]
        == [
            "For example, by whatsapp to '+12125550101':",
            "> Hi Ada, our news.",
            template_line(NEWS),
            "> 1: Ada",
            "> 2: Northwind",
        ]
    )


def test_every_variant_is_shown_with_its_own_template(scene: Any) -> None:
    for number in range(20):
        add_lead(scene, f"Ada{number}", phone=f"+121255501{number:02}")
    lines = described(scene.plan(templates={"whatsapp": ["news", "offer"]}))
    for sid in (NEWS, OFFER):
        assert lines[lines.index(template_line(sid)) + 1].startswith("> 1: Ada")


def test_the_channel_that_a_first_step_falls_back_to_is_shown(scene: Any) -> None:
    scene.add_lead("Ada", email="ada@example.com")
    add_lead(scene, "Ben", phone="+12125550102")
    planned = scene.plan(templates={"email": "hello", "whatsapp": "news"}, channel_order=["email", "whatsapp"])
    assert planned.by_channel == {Channel.EMAIL: 1, Channel.WHATSAPP: 1}
    assert described(planned)[-3:] == [template_line(NEWS), "> 1: Ben", "> 2: your company"]


def test_a_channel_that_a_later_step_may_take_instead_is_shown_though_nobody_would_get_it_now(scene: Any) -> None:
    add_lead(scene, "Ada", email="ada@example.com", phone="+12125550101")
    planned = scene.plan(templates={"email": "hello"}, follow_ups=[BY_WHATSAPP])
    lines = described(planned)
    assert (
        "Step 2: 3 days after step 1, to who did not answer (at most 1 by email, 1 by whatsapp); each by the first of "
        "email, whatsapp that may be used then."
    ) in lines
    assert lines[-5:] == [
        "For example, step 2, by whatsapp to '+12125550101':",
        "> Hi Ada, our news.",
        template_line(NEWS),
        "> 1: Ada",
        "> 2: your company",
    ]


def test_a_template_that_no_lead_has_an_address_for_stands_as_it_is_written(scene: Any) -> None:
    scene.add_lead("Ada", email="ada@example.com")
    planned = scene.plan(templates={"email": "hello"}, follow_ups=[BY_WHATSAPP])
    assert filled(planned.samples[-1]) == (None, NEWS, VARIABLES)
    assert described(planned)[-5:] == [
        "Nobody would get step 2 by whatsapp as it is written, but may by then:",
        "> Hi {{ first_name }}, our news.",
        template_line(NEWS),
        "> 1: {{ first_name }}",
        "> 2: {{ company | default('your company') }}",
    ]


def test_long_variables_are_cut_and_say_where_the_rest_is(scene: Any) -> None:
    variables = dict.fromkeys(("1", "2", "3"), "x" * 1_500)
    with scene.store.begin(WORKSPACE, actor="test") as work:
        templates.save(work, "news", Channel.WHATSAPP, "Hi.", content_sid=NEWS, content_variables=variables)
    add_lead(scene, "Ada", phone="+12125550101")
    lines = described(scene.plan(templates={"whatsapp": "news"}))
    after = lines[lines.index(template_line(NEWS)) + 1 :]
    assert sum(len(line) - 2 for line in after[:-1]) <= MAX_SAMPLE
    assert after[-1].endswith("shows all.)")


@pytest.mark.parametrize("changed", [{"content_sid": OFFER}, {"content_variables": {**VARIABLES, "2": "free money"}}])
def test_the_approval_holds_for_this_template_and_these_variables_alone(
    scene: Any, store: Store, changed: dict[str, Any]
) -> None:
    add_lead(scene, "Ada", phone="+12125550101")
    planned: PlanView = scene.plan(templates={"whatsapp": "news"})
    scene.approve(planned)
    with store.begin(WORKSPACE, actor="somebody at the database") as work:
        work.session.execute(update(Template).where(Template.name == "news").values(**changed))
    with (
        pytest.raises(Conflict, match="The text of 'news' was changed after this plan was made"),
        store.begin(WORKSPACE, actor="model") as work,
    ):
        launch(work, planned.plan_id)
