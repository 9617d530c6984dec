"""Who can approve by elicitation: every combination of what a client can do, who it is, and what is answered.

Only one of them launches: a form, put before a person at a client that somebody named, answered with a yes.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

import pytest
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp.types import (
    CallToolResult,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequestParams,
    ElicitResult,
    ErrorData,
    Implementation,
    ListRootsResult,
    TextContent,
)

from overture_servers.messaging import server as messaging

pytestmark = pytest.mark.anyio

NAMED, STRANGER = "desk", "eager robot"
Answer = Literal["yes", "no", "decline", "cancel", "error", "wrong type", "more than asked"]
ANSWERS: tuple[Answer, ...] = ("yes", "no", "decline", "cancel", "error", "wrong type", "more than asked")
CAN = ("nothing", "sample", "form", "form and sample")


class Asked:
    """Answers elicitation in one way, and every request for a model's text with a yes."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.questions = 0
        self.samples = 0

    async def elicit(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        self.questions += 1
        match self.answer:
            case "yes":
                return ElicitResult(action="accept", content={"approve": True})
            case "no":
                return ElicitResult(action="accept", content={"approve": False})
            case "wrong type":
                return ElicitResult(action="accept", content={"approve": "certainly"})
            case "more than asked":
                return ElicitResult(action="accept", content={"plan_id": "another", "confirm": True})
            case "error":
                return ErrorData(code=-32603, message="The window was closed.")
            case "decline" | "cancel":
                return ElicitResult(action=self.answer)

    async def sample(self, context: ClientRequestContext, params: CreateMessageRequestParams) -> CreateMessageResult:
        self.samples += 1
        said = TextContent(type="text", text="Yes, I approve.")
        return CreateMessageResult(role="assistant", model="model", content=said)

    async def roots(self, context: ClientRequestContext) -> ListRootsResult:
        return ListRootsResult(roots=[])


def client_of(desk: Any, name: str, can: str, asked: Asked) -> Client:
    return Client(
        messaging.create(desk.runtime),
        mode=desk.mode,
        client_info=Implementation(name=name, version="1"),
        elicitation_callback=asked.elicit if "form" in can else None,
        sampling_callback=asked.sample if "sample" in can else None,
        list_roots_callback=asked.roots if "sample" in can else None,
    )


async def launches(client: Client, plan_id: str) -> bool:
    try:
        result = await client.call_tool("messaging_launch_campaign", {"plan_id": plan_id})
    except MCPError:  # the client answered the question with an error, which ends the call
        return False
    assert isinstance(result, CallToolResult)
    return not result.is_error


async def test_only_a_yes_of_a_person_at_a_named_client_launches(desk: Any) -> None:
    await desk.filled()
    desk.trust(NAMED)
    plan = await desk.planned()
    launched: list[tuple[str, str, str]] = []
    cells = list(product((STRANGER, NAMED), CAN, ANSWERS))
    # The one that may launch comes last: whatever launched before it did so by itself.
    cells.sort(key=lambda cell: cell == (NAMED, "form", "yes"))
    for name, can, answer in cells:
        if (name, can, answer) == (NAMED, "form and sample", "yes"):
            continue  # the same person, the same yes
        asked = Asked(answer)
        async with client_of(desk, name, can, asked) as client:
            if await launches(client, plan["plan_id"]):
                launched.append((name, can, answer))
        assert asked.samples == 0, "no model is ever asked"
        assert (asked.questions > 0) is (name == NAMED and "form" in can)
    assert launched == [(NAMED, "form", "yes")]


async def test_a_client_that_says_yes_wherever_a_model_could_sends_nothing(desk: Any) -> None:
    """It is a stranger, answers every question with a yes, and puts a yes into every argument that might take one."""
    await desk.filled()
    plan = await desk.planned()
    asked = Asked("yes")
    forged = {"approve": True, "approved": True, "confirm": True, "approval_id": plan["approval"]["id"]}
    async with client_of(desk, STRANGER, "form and sample", asked) as client:
        for tool in (await client.list_tools()).tools:
            for more in ({}, *({key: value} for key, value in forged.items())):
                await client.call_tool(tool.name, {"plan_id": plan["plan_id"], **more})
        found = await desk.call(client, "messaging_get_campaign", campaign="Spring")
    assert (found["state"], found["approval"]["state"]) == ("planned", "pending")
    assert found["counts"] == {"draft": 2, "skipped": 1}
    assert (asked.questions, asked.samples) == (0, 0)
