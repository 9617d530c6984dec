"""The tools as clients see them: reviewed schemas, hints, names, and what the list costs every client.

A changed tool fails here until its snapshot is written anew and reviewed:
`UPDATE_TOOLSNAPS=1 pytest tests/unit/servers/test_tool_list.py`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import Tool

from overture_core.settings import Settings
from overture_servers.registry import NAMES, creator
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
SNAPS = Path(__file__).parents[2] / "toolsnaps"
SERVERS = {name: creator(name) for name in NAMES}
# Characters of each, and of all four together.
LIMITS = {"leads": 16_250, "messaging": 14_750, "linkedin": 9_000, "stripe": 10_750}
TOGETHER = 48_000
KEPT = ("name", "title", "description", "annotations", "inputSchema", "outputSchema", "_meta")
HOW = "look at the change, then write it with UPDATE_TOOLSNAPS=1"


@pytest.fixture
def runtime(settings: Settings) -> Iterator[Runtime]:
    opened = Runtime(settings)
    yield opened
    opened.close()


@pytest.fixture
async def tools(runtime: Runtime) -> dict[str, list[Tool]]:
    found = {}
    for name, create in SERVERS.items():
        async with Client(create(runtime)) as client:
            found[name] = list((await client.list_tools()).tools)
    return found


def shown(tool: Tool) -> dict[str, Any]:
    dumped = tool.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {key: dumped[key] for key in KEPT if key in dumped}


async def test_every_tool_is_as_it_was_reviewed(tools: dict[str, list[Tool]]) -> None:
    texts = {
        tool.name: json.dumps(shown(tool), indent=1, ensure_ascii=False) + "\n"
        for each in tools.values()
        for tool in each
    }
    if os.environ.get("UPDATE_TOOLSNAPS") == "1":
        for old in SNAPS.glob("*.json"):
            old.unlink()
        for name, text in texts.items():
            (SNAPS / f"{name}.json").write_text(text, encoding="utf-8")
    snaps = {path.stem: path.read_text(encoding="utf-8") for path in SNAPS.glob("*.json")}
    assert sorted(snaps) == sorted(texts), f"tools came or went; {HOW}"
    changed = [name for name, text in texts.items() if snaps[name] != text]
    assert changed == [], f"these tools changed; {HOW}"


async def test_every_tool_has_a_title_all_hints_and_a_prefixed_name(tools: dict[str, list[Tool]]) -> None:
    for server, each in tools.items():
        for tool in each:
            assert re.fullmatch(rf"{server}_[a-z_]{{1,40}}", tool.name)
            assert tool.title
            assert tool.description
            assert tool.annotations is not None
            hints = tool.annotations.model_dump(exclude={"title"}, exclude_none=True)
            assert len(hints) == 4, tool.name
            assert not (hints["read_only_hint"] and hints["destructive_hint"]), tool.name


async def test_only_launching_and_what_calls_a_provider_reaches_outside(tools: dict[str, list[Tool]]) -> None:
    outside = {
        server: [tool.name for tool in each if tool.annotations and tool.annotations.open_world_hint]
        for server, each in tools.items()
    }
    ours = {"linkedin_connect", "linkedin_get_capabilities", "linkedin_prepare_task"}
    assert outside == {
        "leads": [],
        "messaging": ["messaging_launch_campaign", "messaging_send_message"],
        "linkedin": [tool.name for tool in tools["linkedin"] if tool.name not in ours],
        "stripe": [
            "stripe_ensure_customer",
            "stripe_request_payment",
            "stripe_change",
            "stripe_create_price",
            "stripe_create_discount",
            "stripe_refund",
            "stripe_report_fee",
            "stripe_run_approved",
        ],
    }


async def test_no_tool_takes_an_argument_that_approves(tools: dict[str, list[Tool]]) -> None:
    for tool in (tool for each in tools.values() for tool in each):
        names = re.findall(r'"([a-z_]+)":', json.dumps(tool.input_schema))
        assert not [name for name in names if re.search("approv|confirm|force|person|consent_given", name)], tool.name
    launching = next(tool for tool in tools["messaging"] if tool.name == "messaging_launch_campaign")
    assert list(launching.input_schema["properties"]) == ["plan_id"]


async def test_the_lists_stay_small(
    tools: dict[str, list[Tool]], record_property: Callable[[str, object], None]
) -> None:
    sizes = {
        server: len(json.dumps({"tools": [shown(tool) for tool in each]}, separators=(",", ":")))
        for server, each in tools.items()
    }
    together = sum(sizes.values())
    record_property("figure", f"tools/list: {together:,} characters of {TOGETHER:,} together: {sizes}")
    over = {server: size for server, size in sizes.items() if size > LIMITS[server]}
    assert over == {}, f"these lists have more characters than {LIMITS}; shorten the schemas"
    assert together <= TOGETHER


async def test_the_list_is_the_same_for_every_client_and_era(runtime: Runtime, tools: dict[str, list[Tool]]) -> None:
    for name, create in SERVERS.items():
        async with Client(create(runtime), mode="legacy") as client:
            assert [shown(tool) for tool in (await client.list_tools()).tools] == [shown(t) for t in tools[name]]
