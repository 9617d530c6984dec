"""Every example of docs/leads.md, called in order by a client of each era."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[3] / "docs" / "leads.md").read_text(encoding="utf-8")


async def test_the_pages_examples_work_and_show_every_tool_and_resource(desk: Any) -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    examples = [json.loads(line) for line in "".join(blocks).splitlines()]
    results: dict[str, list[Any]] = {}
    async with desk.leads() as client:
        for each in examples:
            arguments = each["arguments"]
            for name in ("lead_id", "id"):
                if arguments.get(name) == "LEAD":
                    found = await desk.call(client, "leads_search", where='"Ada"')
                    arguments[name] = found["leads"][0]["id"]
            if arguments.get("id") == "IMPORT":
                arguments["id"] = results["leads_import_file"][1]["import_id"]
            results.setdefault(each["tool"], []).append(await desk.call(client, each["tool"], **arguments))
        tools = {tool.name for tool in (await client.list_tools()).tools}
        templates = {each.uri_template for each in (await client.list_resource_templates()).resource_templates}
        prompts = {each.name: each for each in (await client.list_prompts()).prompts}
    assert set(results) == tools
    assert [
        uri
        for uri in templates
        if f"`{uri.removesuffix('{?cursor}')}`" not in PAGE and not uri.endswith("/{after_line}")
    ] == []
    rows = {name: re.findall(r"`(\w+)`", rest) for name, rest in re.findall(r"^\| `([a-z-]+)` \|(.*)\|$", PAGE, re.M)}
    assert rows == {name: [each.name for each in prompt.arguments or []] for name, prompt in prompts.items()}
    assert [each["created"] for each in results["leads_import_file"]] == [2, 2, 1, 1]
    assert [len(each["records"]) for each in results["leads_list"]] == [2, 0, 0, 1, 0]
    assert [(each["removed"], each["stayed"]) for each in results["leads_undo"]] == [(1, {"they refused a channel": 1})]
    assert [each["changed"] for each in results["leads_tag"]] == [1, 1]
    assert [each["consent"]["granted"] for each in results["leads_record_consent"]] == [True, False]
    assert results["leads_export"][0]["leads"] == 3
    assert results["leads_erase"][0]["state"] == "waiting"
