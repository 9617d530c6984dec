"""An agent may narrow the brief's audience, never widen it; and its nulls go nowhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from overture_crew.answers import Proposal
from overture_crew.audience import widest_filter, within
from overture_crew.brief import Audience, Brief
from overture_crew.client import without_nulls
from overture_crew.rules import Finish, UseTool, strategist

BOUNDS = 'dormant_days >= 90 and country in ("DE", "FR") and email is known'
BRIEF = Brief(
    campaign="C",
    goal="talk",
    offer="news",
    sender_name="Ann",
    channels=["email"],
    audience=Audience(countries=["DE", "FR"]),
)


@pytest.mark.parametrize(
    ("proposed", "kept"),
    [
        ("", BOUNDS),
        (BOUNDS, BOUNDS),
        ("country = US or tag = vip", f"{BOUNDS} and (country = US or tag = vip)"),
    ],
)
def test_a_proposal_stays_inside_the_brief(proposed: str, kept: str) -> None:
    assert within(proposed, BOUNDS) == kept


def test_a_value_of_the_brief_is_no_part_of_the_language() -> None:
    tricky = BRIEF.model_copy(update={"audience": Audience(tags=['a") or email is known or tag in ("b\\'])})
    assert widest_filter(tricky) == (
        'dormant_days >= 90 and tag in ("a\\") or email is known or tag in (\\"b\\\\") and email is known'
    )


def test_the_strategists_rules_look_before_they_propose() -> None:
    decide = strategist(BRIEF)
    bounds = widest_filter(BRIEF)
    assert bounds == BOUNDS
    assert decide([]) == UseTool("leads_list_segments", {})
    assert decide(["{}"]) == UseTool("leads_preview_segment", {"where": bounds})
    reason = "12 leads have been quiet for 90 days or more and fit the brief"
    assert decide(["{}", '{"count": 12}']) == Finish(Proposal(where=bounds, reason=reason))


def test_nulls_are_left_out_at_every_depth() -> None:
    assert without_nulls({"a": None, "b": {"c": None, "d": 0}, "e": [None]}) == {"b": {"d": 0}, "e": [None]}


def test_importing_the_crews_interfaces_does_not_import_crewai() -> None:
    code = (
        "import sys, overture_crew.client, overture_crew.report, overture_crew.run, overture_crew.crews;"
        "sys.exit(any(name.split('.')[0].startswith('crewai') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
