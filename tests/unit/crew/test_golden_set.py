"""The golden set, judged by the plain rules."""

from __future__ import annotations

from typing import Any

import pytest

from overture_crew.brief import Brief
from overture_crew.compliance import problems
from overture_crew.report import Template
from overture_crew.slots import slots
from overture_crew.wordings import draft
from tests.golden import briefs, drafts, every_brief


@pytest.mark.parametrize("given", [pytest.param(each, id=each["about"]) for each in drafts()])
def test_a_draft_is_judged_as_expected(given: dict[str, Any]) -> None:
    brief = briefs()[given["brief"]].model_copy(update={"channels": [given["channel"]]})
    template = Template(name="t", channel=given["channel"], subject=given.get("subject"), body=given["body"])
    assert problems([template], brief) == [f"t: {each}" for each in given["found"]]


@pytest.mark.parametrize("brief", [pytest.param(brief, id=which) for which, brief in every_brief()])
def test_what_the_rules_draft_passes(brief: Brief) -> None:
    asked = slots(brief)
    assert len(asked) == len({slot.name(brief) for slot in asked})
    assert problems([draft(brief, slot) for slot in asked], brief) == []
