"""What `overture campaigns NAME` says to a person of steps, variants and the winner."""

from __future__ import annotations

import re
from typing import Any

import pytest

from overture_cli.commands.campaigns import show_status
from overture_core.campaigns.states import CampaignState
from overture_core.campaigns.status import CampaignStatus, StepStatus
from overture_core.campaigns.variants import VariantStatus
from overture_core.messages.channels import Channel
from overture_core.messages.states import State


def variant(template: str, **more: Any) -> VariantStatus:
    counts = {"accepted": 120, "opened": 60, "clicked": 9, "replied": 3, **more}
    return VariantStatus(channel=Channel.EMAIL, template=template, version=2, **counts)


def campaign(*steps: StepStatus, follow_ups_left: bool = False) -> CampaignStatus:
    return CampaignStatus(
        campaign="Spring", campaign_id="cmp_1", state=CampaignState.RUNNING, plan_id=None, approval=None,
        counts={State.ACCEPTED: 240}, by_channel={Channel.EMAIL: {State.ACCEPTED: 240}}, skipped={}, held={},
        waiting={}, failed={}, cancelled={"reply": 7}, advice=[], providers=[], next_at=None,
        follow_ups_left=follow_ups_left, steps=list(steps), accepted=240, delivered=200, opened=120, clicked=18,
        replied=33, stopped=2, done=not follow_ups_left, sandbox=True,
    )  # fmt: skip


def said(capsys: pytest.CaptureFixture[str], found: CampaignStatus) -> list[str]:
    """The lines without what draws the tables."""
    show_status(found)
    return [" ".join(re.sub("[\u2500-\u257f]", " ", line).split()) for line in capsys.readouterr().out.splitlines()]


def test_each_step_and_variant_has_its_numbers_and_the_winner_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    first = StepStatus(
        step=1, accepted=240, replied=33, passed_over=4,
        variants=[variant("hello", replied=30, winner=True), variant("again")],
    )  # fmt: skip
    second = StepStatus(step=2, accepted=0, replied=0, passed_over=7, variants=[])
    lines = said(capsys, campaign(first, second, follow_ups_left=True))
    for line in (
        *("1 240 33 4", "2 0 0 7", "1 email hello v2 (winner) 120 60 9 30", "1 email again v2 120 60 9 3"),
        "Some who got a message may still get a follow-up.",
    ):
        assert line in lines


def test_a_campaign_of_one_step_and_template_has_its_numbers_alone(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, campaign())
    assert "Accepted 240, delivered 200, opened 120, clicked 18; 33 answered, 2 asked to stop." in lines
    assert lines[lines.index("Called off") :][:5].count("answered 7") == 1
    assert not [line for line in lines if " v2 " in line or "follow-up" in line]
