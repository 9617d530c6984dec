"""Clients with tokens: both protocol eras, the way from a refusal to the issuer, questions, and what a token is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, Implementation, InputRequiredResult

from overture_servers.registry import NAMES
from overture_servers.scopes import Scope

pytestmark = pytest.mark.anyio
Mode = Literal["legacy", "2026-07-28"]
EVERYTHING = " ".join(Scope)
FILE = "First Name,E-mail,Last Contact,Consent\nAda,ada@northwind.example,2024-03-01,email\n"


@asynccontextmanager
async def client(served: Any, server: str, token: str, **more: Any) -> AsyncIterator[Client]:
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)
    transport = streamable_http_client(f"{served.url}/{server}/mcp", http_client=http)
    async with http, Client(transport, **more) as connected:
        yield connected


async def done(connected: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await connected.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    return dict(result.structured_content or {})


class Memory:
    """Keeps what the SDK's client got."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """The client is known to its issuer already."""


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("server", NAMES)
async def test_with_a_good_token_both_eras_work(served: Any, server: str, mode: Mode) -> None:
    async with client(served, server, served.token(server, scope=EVERYTHING), mode=mode) as connected:
        assert (await connected.list_tools()).tools
        tool = {
            "leads": "leads_list_segments",
            "messaging": "messaging_list_campaigns",
            "linkedin": "linkedin_get_capabilities",
            "stripe": "stripe_report_revenue",
        }[server]
        await done(connected, tool)


async def test_the_sdks_client_finds_the_issuer_from_the_refusal_and_asks_it_for_more_when_it_needs_more(
    served: Any,
) -> None:
    """401, the metadata of RFC 9728, the issuer's, a token; then 403, and a token with the scope that was named."""
    served.issuer.client_claims = {"workspace": "default"}
    memory, url = Memory(), f"{served.url}/leads/mcp"
    auth = ClientCredentialsOAuthProvider(url, memory, "desk", "secret", issuer=served.issuer.url)
    http = httpx2.AsyncClient(auth=auth, timeout=30)
    async with http, Client(streamable_http_client(url, http_client=http)) as connected:
        await done(connected, "leads_list_segments")
        assert memory.tokens is not None
        assert memory.tokens.scope == "leads:read"
        await done(connected, "leads_save_segment", name="from afar", where="")
        assert memory.tokens.scope == "leads:read leads:write"


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_resources_prompts_and_completions_want_the_scope_that_reads(served: Any, mode: Mode) -> None:
    token = served.token("leads", scope="leads:write")
    requests: dict[str, dict[str, Any]] = {
        "resources/read": {"uri": "leads://segments/x"},
        "prompts/get": {"name": "check-a-segment", "arguments": {"segment": "x"}},
        "completion/complete": {
            "ref": {"type": "ref/resource", "uri": "leads://segments/{name}"},
            "argument": {"name": "name", "value": ""},
        },
    }
    for method, params in requests.items():
        answer = served.post(token, method, **params)
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope"), method
    async with client(served, "leads", token, mode=mode) as connected:
        assert (await connected.list_prompts()).prompts


async def test_resuming_a_campaign_wants_the_scope_that_sends(served: Any) -> None:
    async with client(served, "messaging", served.token("messaging", scope="messaging:write")) as connected:
        result = await connected.call_tool("messaging_stop_campaign", {"campaign": "x", "action": "resume"})
    assert isinstance(result, CallToolResult)
    assert result.is_error
    assert "The token lacks the scope messaging:send" in str(result.content)


async def plan(served: Any, name: str) -> dict[str, Any]:
    async with client(served, "leads", served.token("leads", scope=EVERYTHING)) as leads:
        await done(leads, "leads_import_file", content=FILE)
        await done(leads, "leads_save_segment", name="dormant", where="dormant_days >= 90")
    async with client(served, "messaging", served.token("messaging", scope=EVERYTHING)) as messaging:
        await done(messaging, "messaging_save_template", name="hi", channel="email", subject="Hi", body="Hi")
        return await done(messaging, "messaging_plan_campaign", name=name, segment="dormant", templates={"email": "hi"})


async def yes(_context: Any, _params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"approve": True})


@pytest.fixture
def desk(serve: Callable[..., Any]) -> Any:
    with serve(OVERTURE_APPROVERS='{"ada": "' + "a" * 40 + '"}') as served:
        served.overture("approvals", "trust", "desk")
        served.overture("senders", "list", OVERTURE_WORKSPACE="other")
        yield served


async def test_whose_question_it_was_only_they_may_answer(desk: Any) -> None:
    """A state that was sealed for one principal is refused from every other one, and from them in another workspace."""
    made = await plan(desk, "Sealed")
    arguments = {"plan_id": made["plan_id"]}
    mine = desk.token("messaging", scope=EVERYTHING)
    async with client(desk, "messaging", mine, elicitation_callback=yes) as connected:
        asked = await connected.session.call_tool("messaging_launch_campaign", arguments, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        answers = {key: ElicitResult(action="accept", content={"approve": True}) for key in asked.input_requests or {}}
    again: dict[str, Any] = {
        "input_responses": answers,
        "request_state": asked.request_state,
        "allow_input_required": True,
    }
    for changed in ({"sub": "eve"}, {"client_id": "desk2"}, {"workspace": "other"}):
        other = desk.token("messaging", scope=EVERYTHING, **changed)
        async with client(desk, "messaging", other, elicitation_callback=yes) as connected:
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await connected.session.call_tool("messaging_launch_campaign", arguments, **again)
    async with client(desk, "messaging", mine, elicitation_callback=yes) as connected:
        launched = await connected.session.call_tool("messaging_launch_campaign", arguments, **again)
    assert isinstance(launched, CallToolResult)
    assert launched.structured_content is not None
    assert launched.structured_content["approved_via"] == "elicitation"
    assert launched.structured_content["approved_by"] == "person at desk"


async def test_a_client_is_trusted_by_its_token_and_not_by_what_it_calls_itself(desk: Any) -> None:
    made = await plan(desk, "Named")
    token = desk.token("messaging", scope=EVERYTHING, client_id="stranger")
    info = Implementation(name="desk", version="1")
    async with client(desk, "messaging", token, elicitation_callback=yes, client_info=info) as connected:
        result = await connected.call_tool("messaging_launch_campaign", {"plan_id": made["plan_id"]})
    assert isinstance(result, CallToolResult)
    assert result.is_error
    assert "overture approvals approve" in str(result.content)


async def test_a_token_never_approves_over_http_and_an_approvers_token_opens_no_server(desk: Any) -> None:
    made = await plan(desk, "Approved by nobody")
    path = f"{desk.url}/messaging/approvals/{made['approval']['id']}"
    tokens = [desk.token("messaging", scope=EVERYTHING), desk.overture("token", *_all_scopes()).strip()]
    async with httpx2.AsyncClient() as http:
        for token in tokens:
            headers = {"Authorization": f"Bearer {token}"}
            decision = {"decision": "approve", "content_hash": made["content_hash"]}
            assert (await http.get(path, headers=headers)).status_code == 401
            assert (await http.post(path, headers=headers, json=decision)).status_code == 401
        approver = {"Authorization": f"Bearer {'a' * 40}"}
        assert (await http.get(path, headers=approver)).status_code == 200
    assert desk.post("a" * 40, server="messaging").status_code == 401


def _all_scopes() -> list[str]:
    return [word for each in Scope for word in ("--scope", each)]
