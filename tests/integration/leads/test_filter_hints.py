"""Who asks for a custom field that no lead has is told so, with the one that was meant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from overture_core.leads.imports import ImportReport
from overture_core.segments.filter import filter_of
from overture_core.segments.hints import LOOKED_AT, hints
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]


def told(store: Store, expression: str | None, workspace: str = "default") -> list[str]:
    with store.read(workspace) as work:
        return hints(work, filter_of(expression))


@pytest.mark.parametrize(
    ("expression", "sentences"),
    [
        ("custom.size = 1", ["No lead has a custom field 'size'; did you mean custom.\"Size\"?"]),
        (
            'country = US or not (custom."Company sise" ~ x and custom.Size = 1)',
            ["No lead has a custom field 'Company sise'; did you mean custom.\"Company size\"?"],
        ),
        ("custom.zebra is known", ["No lead has a custom field 'zebra'; there are 'Company size', 'Size'."]),
        ("custom.Size = nothing", []),
        ("country = US", []),
        (None, []),
    ],
)
def test_a_custom_field_that_no_lead_has_is_told_with_the_nearest(
    store: Store, take: Import, expression: str | None, sentences: list[str]
) -> None:
    take("email,Size,Company size\nada@x.example,1,\nbo@x.example,,20\n")
    assert told(store, expression) == sentences


def test_leads_of_another_workspace_lend_no_names(store: Store, other: str, take: Import) -> None:
    take("email,Size\nada@x.example,1\n")
    assert told(store, "custom.size = 1", other) == ["No lead has a custom field 'size'; they have none."]


def test_of_many_leads_the_newest_are_looked_at_and_that_is_said(store: Store, take: Import) -> None:
    take("email,Old\nada@x.example,1\n")
    take("email,New\n" + "".join(f"p{number}@x.example,1\n" for number in range(LOOKED_AT)))
    assert told(store, "custom.Old = 2") == [
        "None of the 1,000 newest leads has a custom field 'Old'; there are 'New'."
    ]
