"""What the plain rules find in drafts, whoever wrote them."""

from __future__ import annotations

import itertools
from typing import Literal

import pytest

from overture_crew.brief import Brief, FollowUp, Tone, default_brief
from overture_crew.compliance import problems
from overture_crew.report import Template
from overture_crew.slots import slots
from overture_crew.wordings import draft

BRIEF = Brief(campaign="C", goal="talk", offer="20% off until May", sender_name="Ann", channels=["sms"])
EMAIL_BRIEF = BRIEF.model_copy(update={"channels": ["email"]})
FOOT = "\n{{ sender_name }} {{ postal_address }} {{ unsubscribe_url }}"


@pytest.mark.parametrize(("tone", "channel"), list(itertools.product(["friendly", "formal"], ["email", "sms"])))
def test_the_rules_own_drafts_pass(tone: Tone, channel: Literal["email", "sms"]) -> None:
    changes = {"tone": tone, "channels": [channel], "variants": 2, "facts": ["We open on 1 May."]}
    brief = default_brief().model_copy(update={**changes, "follow_ups": [FollowUp(wait_before="3 days")]})
    assert problems([draft(brief, slot) for slot in slots(brief)], brief) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("Ann: 20% off. Reply STOP", []),
        ("Ann: 20% off.", ["it does not say 'Reply STOP'"]),
        ("20% off. Reply STOP", ["it does not name the sender"]),
        ("Ann: 30% off. Reply STOP", ["it states '30%', which the brief does not"]),
        ("Ann: see https://evil.example Reply STOP", ["it states 'https://evil.example', which the brief does not"]),
        ("Ann to [NAME]. Reply STOP", ["it holds a gap that nobody would fill"]),
        ("Ann to {{ email }}. Reply STOP", ["it uses the field 'email', which is not allowed"]),
        ("Ann {{ title | upper }} Reply STOP", ["the field 'title' has an unknown filter"]),
        ("Ann {% for x in y %} Reply STOP", ["it holds template code other than fields"]),
        ("Ann " + "x" * 300 + " Reply STOP", ["it is longer than 300 characters"]),
    ],
)
def test_what_is_wrong_with_an_sms_is_said(body: str, found: list[str]) -> None:
    assert problems([Template(channel="sms", name="t", body=body)], BRIEF) == [f"t: {text}" for text in found]


@pytest.mark.parametrize(
    ("subject", "body", "found"),
    [
        ("Hello", "Hello" + FOOT, []),
        (None, "Hello" + FOOT, ["it has no subject"]),
        ("Hello", "Hello Ann", ["it has no {{ unsubscribe_url }}", "it has no {{ postal_address }}"]),
        ("Only £5", "Hello" + FOOT, ["it states '£5', which the brief does not"]),
    ],
)
def test_what_is_wrong_with_an_email_is_said(subject: str | None, body: str, found: list[str]) -> None:
    template = Template(channel="email", name="t", subject=subject, body=body)
    assert problems([template], EMAIL_BRIEF) == [f"t: {text}" for text in found]


def test_a_missing_channel_is_said() -> None:
    assert problems([], BRIEF) == ["there must be one draft for each of the first message by sms, variant 1"]
