"""An argument that a tool does not have is refused, not dropped."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio


async def test_a_dry_run_that_is_misspelt_imports_nothing(desk: Any) -> None:
    async with desk.leads() as client:
        text = await desk.refused(client, "leads_import_file", content="E-mail\nada@northwind.example\n", dryrun=True)
        assert text == "leads_import_file has no argument 'dryrun'; did you mean 'dry_run'?"
        assert (await desk.call(client, "leads_search"))["total"] == 0


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("leads_search", {"limits": 5}, "leads_search has no argument 'limits'; did you mean 'limit'?"),
        (
            "leads_search",
            {"filter": "US"},
            "leads_search has no argument 'filter'; it takes where, sort, limit, cursor.",
        ),
        ("leads_list_segments", {"x": 1}, "leads_list_segments has no argument 'x'; it takes none."),
        ("leads_get_lead", {"lead_id": "x", "ctx": {}}, "leads_get_lead has no argument 'ctx'; it takes lead_id."),
        (
            "leads_save_segment",
            {"name": "x", "wher": "country = US"},
            "leads_save_segment has no argument 'wher'; did you mean 'where'?",
        ),
        ("leads_get_lead", {"a\nb\u202e": 1}, "leads_get_lead has no argument 'a b'; it takes lead_id."),
    ],
)
async def test_leads_names_it_and_what_may_have_been_meant(
    desk: Any, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async with desk.leads() as client:
        assert await desk.refused(client, tool, **arguments) == said


async def test_messaging_names_it_and_what_may_have_been_meant(desk: Any) -> None:
    await desk.filled()
    plan = {"name": "Spring", "segment": "dormant", "templates": {"email": "hello"}, "sendat": "2026-12-01T09:00:00Z"}
    async with desk.messaging() as client:
        text = await desk.refused(client, "messaging_plan_campaign", **plan)
        assert text == "messaging_plan_campaign has no argument 'sendat'; did you mean 'send_at'?"
        assert await desk.call(client, "messaging_list_campaigns") == {"campaigns": []}
