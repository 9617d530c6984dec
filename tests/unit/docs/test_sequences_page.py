"""The example of docs/sequences.md is a request that planning takes."""

from __future__ import annotations

import json
from pathlib import Path

from overture_core.campaigns.models import Condition, PlanRequest

PAGE = Path(__file__).parents[3] / "docs" / "sequences.md"


def test_the_example_is_understood_as_the_page_explains_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    example = text.partition("```json\n")[2].partition("```")[0]
    request = PlanRequest.model_validate(json.loads(example))
    assert [(each.wait_before, each.only_if) for each in request.follow_ups] == [
        ("3 business days", Condition.NOT_OPENED),
        ("2 days", Condition.NOT_DELIVERED),
    ]
    assert all(f"`{condition}`" in text for condition in Condition)
