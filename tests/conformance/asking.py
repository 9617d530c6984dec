"""The suite's named fixtures that talk to the client on their way: progress, logs, questions, changes of lists."""

from __future__ import annotations

import json
from typing import Any

import anyio
from mcp.server import ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmptyResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field, JsonValue

MOMENT_S = 0.05  # between notifications, as the scenarios ask
NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
COLOR = {"type": "object", "properties": {"color": {"type": "string"}}, "required": ["color"]}
OK = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
CONTEXT = {"type": "object", "properties": {"context": {"type": "string"}}, "required": ["context"]}
Asking = str | InputRequiredResult


def add_asking(server: MCPServer[Any]) -> None:
    """Graft them onto a server."""
    for tool in (
        test_tool_with_logging,
        test_logging_tool,
        test_tool_with_progress,
        test_reconnection,
        test_sampling,
        test_elicitation,
        test_elicitation_sep1034_defaults,
        test_elicitation_sep1330_enums,
        test_trigger_tool_change,
        test_trigger_prompt_change,
        test_missing_capability,
        test_streaming_elicitation,
        test_input_required_result_elicitation,
        test_input_required_result_sampling,
        test_input_required_result_list_roots,
        test_input_required_result_request_state,
        test_input_required_result_multiple_inputs,
        test_input_required_result_multi_round,
        test_input_required_result_tampered_state,
        test_input_required_result_capabilities,
    ):
        server.add_tool(tool)
    server.prompt()(test_input_required_result_prompt)
    lowlevel = server._lowlevel_server
    if lowlevel.get_request_handler("completion/complete") is None:
        server.completion()(_complete)  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
    # What Overture has no use for, and 2026-07-28 has done away with.
    lowlevel.add_request_handler("logging/setLevel", SetLevelRequestParams, _accept)
    lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, _accept)
    lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, _accept)


async def _accept(_ctx: ServerRequestContext[Any, Any], _params: BaseModel) -> EmptyResult:
    return EmptyResult()


async def _complete(*_: object) -> Completion:
    return Completion(values=[])


# --- Notifications ---


async def test_tool_with_logging(ctx: Context[Any]) -> str:
    """Log three times."""
    await ctx.info("Tool execution started")
    await anyio.sleep(MOMENT_S)
    await ctx.info("Tool processing data")
    await anyio.sleep(MOMENT_S)
    await ctx.info("Tool execution completed")
    return "Logged three times."


async def test_logging_tool(ctx: Context[Any]) -> str:
    """Log once."""
    await ctx.info("Logged")
    return "Logged once."


async def test_tool_with_progress(ctx: Context[Any]) -> str:
    """Report progress three times."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100, f"{done} of 100")
        await anyio.sleep(MOMENT_S)
    return "Done."


async def test_reconnection(ctx: Context[Any]) -> str:
    """Close the stream before the answer, which the client has to fetch."""
    await anyio.sleep(MOMENT_S)  # the stream has to begin
    await ctx.close_sse_stream()
    await anyio.sleep(MOMENT_S)
    return "Fetched."


async def test_trigger_tool_change(ctx: Context[Any]) -> str:
    """Say that the list of tools changed."""
    await ctx.notify_tools_changed()
    return "Said so."


async def test_trigger_prompt_change(ctx: Context[Any]) -> str:
    """Say that the list of prompts changed."""
    await ctx.notify_prompts_changed()
    return "Said so."


# --- Requests within a request, which 2025-11-25 has ---


class _Person(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class _Defaults(BaseModel):
    name: str = Field(default="John Doe", description="User name")
    age: int = Field(default=30, description="User age")
    score: float = Field(default=95.5, description="User score")
    status: str = Field(default="active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = Field(default=True, description="Verification status")


def _titled(*options: str) -> list[JsonValue]:
    return [{"const": option, "title": f"Option {option}"} for option in options]


class _Choices(BaseModel):
    untitledSingle: str = Field(json_schema_extra={"enum": ["one", "two", "three"]})
    titledSingle: str = Field(json_schema_extra={"oneOf": _titled("one", "two")})
    legacyEnum: str = Field(json_schema_extra={"enum": ["one", "two"], "enumNames": ["Option one", "Option two"]})
    untitledMulti: list[str] = Field(json_schema_extra={"items": {"type": "string", "enum": ["one", "two"]}})
    titledMulti: list[str] = Field(json_schema_extra={"items": {"anyOf": _titled("one", "two")}})


async def test_sampling(prompt: str, ctx: Context[Any]) -> str:
    """Ask the client's model."""
    asked = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    answered = await ctx.session.create_message([asked], max_tokens=100)
    return f"LLM response: {getattr(answered.content, 'text', '')}"


async def test_elicitation(message: str, ctx: Context[Any]) -> str:
    """Ask the person for a name and an address."""
    return await _elicited(ctx, message, _Person)


async def test_elicitation_sep1034_defaults(ctx: Context[Any]) -> str:
    """Ask the person with values given beforehand."""
    return await _elicited(ctx, "Please provide user information", _Defaults)


async def test_elicitation_sep1330_enums(ctx: Context[Any]) -> str:
    """Ask the person to choose."""
    return await _elicited(ctx, "Please choose", _Choices)


async def _elicited(ctx: Context[Any], message: str, model: type[BaseModel]) -> str:
    answered = await ctx.elicit(message, model)
    content = answered.data.model_dump_json() if answered.action == "accept" else "{}"
    return f"Elicitation completed: action={answered.action}, content={content}"


# --- Answers that ask, which 2026-07-28 has ---


async def test_missing_capability(ctx: Context[Any]) -> str:
    """Work only for a client that has declared sampling."""
    if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
        msg = "This tool needs a client with sampling"
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, msg, {"requiredCapabilities": {"sampling": {}}})
    return "The client has it."


async def test_streaming_elicitation(ctx: Context[Any]) -> Asking:
    """Report progress, then ask."""
    await ctx.report_progress(0, 1)
    return await test_input_required_result_elicitation(ctx)


async def test_input_required_result_elicitation(ctx: Context[Any]) -> Asking:
    """Greet by a name that the person gives."""
    return f"Hello, {_given(ctx, 'user_name', 'name')}!" if _has(ctx, "user_name") else _ask(user_name=_name())


async def test_input_required_result_sampling(ctx: Context[Any]) -> Asking:
    """Tell what the client's model says."""
    if not _has(ctx, "capital_question"):
        return _ask(capital_question=_model("What is the capital of France?", 100))
    return f"It says: {_answers(ctx)['capital_question']}"


async def test_input_required_result_list_roots(ctx: Context[Any]) -> Asking:
    """Tell the client's roots."""
    return f"{_answers(ctx)['client_roots']}" if _has(ctx, "client_roots") else _ask(client_roots=ListRootsRequest())


async def test_input_required_result_request_state(ctx: Context[Any]) -> Asking:
    """Ask, and know one's own state again."""
    if _has(ctx, "confirm") and ctx.request_state == "round-1":
        return "state-ok: it came back as it went"
    return _ask("round-1", confirm=_form("Please confirm", OK))


async def test_input_required_result_tampered_state(ctx: Context[Any]) -> Asking:
    """The same; a state that was changed on its way does not get here."""
    return await test_input_required_result_request_state(ctx)


async def test_input_required_result_multiple_inputs(ctx: Context[Any]) -> Asking:
    """Ask three things at once."""
    if _has(ctx, "user_name", "greeting", "client_roots"):
        return "All answers are here."
    greeting = _model("Generate a greeting", 50)
    return _ask("asked", user_name=_name(), greeting=greeting, client_roots=ListRootsRequest())


async def test_input_required_result_multi_round(ctx: Context[Any]) -> Asking:
    """Ask two things one after the other."""
    state = json.loads(ctx.request_state or "{}")
    if "name" in state and _has(ctx, "step2"):
        return f"{state['name']} likes {_given(ctx, 'step2', 'color')}."
    if state and _has(ctx, "step1"):
        known = json.dumps({"name": _given(ctx, "step1", "name")})
        return _ask(known, step2=_form("Step 2: What is your favorite color?", COLOR))
    return _ask(json.dumps({"asked": 1}), step1=_form("Step 1: What is your name?", NAME))


async def test_input_required_result_capabilities(ctx: Context[Any]) -> Asking:
    """Ask only what the client has declared."""
    declared = ctx.client_capabilities
    asked: dict[str, InputRequest] = {}
    if declared is not None and declared.sampling is not None:
        asked["sample"] = _model("Say hello", 50)
    if declared is not None and declared.elicitation is not None:
        asked["ask"] = _name()
    return _ask("asked", **asked)


async def test_input_required_result_prompt(ctx: Context[Any]) -> list[UserMessage] | InputRequiredResult:
    """A prompt that asks first."""
    if not _has(ctx, "user_context"):
        return _ask(user_context=_form("What context should the prompt use?", CONTEXT))
    return [UserMessage(TextContent(type="text", text=f"Use this: {_given(ctx, 'user_context', 'context')}"))]


def _ask(state: str | None = None, /, **requests: InputRequest) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


def _form(message: str, schema: dict[str, Any]) -> ElicitRequest:
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _name() -> ElicitRequest:
    return _form("What is your name?", NAME)


def _model(text: str, most: int) -> CreateMessageRequest:
    asked = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[asked], max_tokens=most))


def _answers(ctx: Context[Any]) -> dict[str, Any]:
    return dict(ctx.input_responses or {})


def _has(ctx: Context[Any], *names: str) -> bool:
    return set(names) <= set(_answers(ctx))


def _given(ctx: Context[Any], question: str, field: str) -> str:
    answered = _answers(ctx)[question]
    return str((answered.content or {}).get(field)) if isinstance(answered, ElicitResult) else ""
