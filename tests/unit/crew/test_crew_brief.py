"""Briefs: what is refused, and what they stand for."""

from __future__ import annotations

from typing import Any

import pytest

from overture_crew.brief import Brief, default_brief, parse_brief
from overture_crew.errors import InvalidBrief

GIVEN: dict[str, Any] = {"campaign": "Spring & Co", "goal": "talk", "offer": "news", "sender_name": "Ann"}


def test_a_short_brief_gets_defaults() -> None:
    brief = parse_brief(GIVEN, "b.yaml")
    assert brief == Brief(**GIVEN)
    assert (brief.audience.dormant_days_min, brief.channels, brief.tone) == (90, ["email", "sms"], "friendly")
    assert brief.slug == "spring-co"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"goal": ""}, "goal: "),
        ({"channels": ["fax"]}, "channels.0: "),
        ({"offer": "{{ email }}"}, "without template braces"),
        ({"audiance": {}}, "audiance: there is no such field; `overture crew example`"),
        ({"limits": {"max_recipients": 0}}, "limits.max_recipients: "),
        ({"schedule": {"send_at": "2026-12-01T09:00:00"}}, "schedule.send_at: write it with its time zone, such as"),
        ({"audience": {"countries": ["Germany"]}}, "'Germany' is no country code; write two letters"),
        ({"sender_name": "Ann\nBcc: all"}, "sender_name: write it on one line"),
        ({"channels": ["email", "email"]}, "channels: name each channel once"),
        ({"follow_ups": [{"wait_before": "soon"}]}, "follow_ups.0.wait_before: "),
        (
            {"replies": {"booking_link": "http://a.example"}},
            "replies.booking_link: write a link that begins with https://",
        ),
        ({"replies": {"booking_link": "https://a.example", "price": "price_1"}}, "replies: give .* not both"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidBrief, match=complaint):
        parse_brief({**GIVEN, **change}, "b.yaml")


def test_something_that_is_no_brief_is_refused() -> None:
    with pytest.raises(InvalidBrief, match="it has to be fields with values"):
        parse_brief(["a list"], "b.yaml")


def test_the_default_brief_is_complete() -> None:
    assert parse_brief(default_brief().model_dump(), "default") == default_brief()


def test_campaigns_whose_names_are_in_another_script_do_not_share_their_templates() -> None:
    spring, autumn = (Brief(**{**GIVEN, "campaign": name}).slug for name in ("Весна", "Осень"))
    assert spring != autumn
    assert spring.startswith("campaign-")
