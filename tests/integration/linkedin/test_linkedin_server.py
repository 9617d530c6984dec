"""The LinkedIn server through real clients, in both protocol eras."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import (
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    Implementation,
    TextContent,
)

from overture_core.clock import ManualClock
from overture_core.leads.searching import search
from overture_core.operations import service as operations
from overture_core.segments.filter import LeadFilter
from overture_core.workspaces import service as workspaces
from overture_providers.linkedin.session import welcome
from overture_providers.sandbox.linkedin_book import ACCOUNT, PAGE, PERSON
from overture_servers.linkedin import server
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
TEXT = "We are back."


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Literal["auto", "legacy"]:
    found: Literal["auto", "legacy"] = request.param
    return found


class Desk:
    """A client of the server."""

    def __init__(self, linkedin: Any, mode: Literal["auto", "legacy"]) -> None:
        self._linkedin, self._mode = linkedin, mode

    def client(self, ask: Any = None) -> Client:
        info = Implementation(name="desk", version="1")
        made = server.create(Runtime(self._linkedin.settings, self._linkedin.store))
        return Client(made, mode=self._mode, client_info=info, elicitation_callback=ask)

    async def call(self, client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        assert not result.is_error, result.content
        assert result.structured_content is not None
        found: dict[str, Any] = result.structured_content
        return found

    async def refused(self, client: Client, tool: str, **arguments: Any) -> str:
        result = await client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        assert result.is_error, result.structured_content
        (block,) = result.content
        assert isinstance(block, TextContent)
        return block.text


@pytest.fixture
def desk(linkedin: Any, mode: Literal["auto", "legacy"]) -> Desk:
    return Desk(linkedin, mode)


async def test_a_person_connects_by_the_link_and_capabilities_say_what_that_gives(linkedin: Any, desk: Desk) -> None:
    async with desk.client() as client:
        before = await desk.call(client, "linkedin_get_capabilities")
        assert (before["member"], before["granted"]) == (None, {})
        assert "overture linkedin connect" in await desk.refused(client, "linkedin_get_posts")
        link = await desk.call(client, "linkedin_connect")
        linkedin.post("/sandbox/linkedin", grant=["openid", "profile", "w_member_social"])
        back = linkedin.decide(link["url"])
        assert back["state"] == link["state"]
        await welcome(linkedin.store, linkedin.settings, back["state"], back["code"], None)
        after = await desk.call(client, "linkedin_get_capabilities")
        assert (after["member"], list(after["granted"])) == (PERSON, ["openid", "profile", "w_member_social"])
        assert after["missing"]["rw_organization_admin"] == "Community Management API"
        profile = await desk.call(client, "linkedin_get_profile")
        assert (profile["name"], profile["pages"]) == ("Sandy Box", [])
        assert "'Community Management API'" in profile["pages_missing"]
        told = await client.call_tool("linkedin_get_profile", {})
        assert isinstance(told, CallToolResult)
        (block,) = told.content
        assert isinstance(block, TextContent)
        assert block.text.startswith(f"Sandy Box ({PERSON}), pages unknown: LinkedIn did not grant")
        no_page = await desk.refused(client, "linkedin_get_statistics", page="x")
        assert no_page == "'x' is no page; give its URN, such as urn:li:organization:1234."
        no_forms = await desk.refused(client, "linkedin_list_lead_forms", owner=ACCOUNT)
        assert "'Lead Sync API'" in no_forms
        resource = await client.read_resource("linkedin://capabilities")
        assert PERSON in str(resource.contents[0])


async def test_nothing_is_published_that_no_person_approved(linkedin: Any, desk: Desk) -> None:
    await linkedin.connect()
    async with desk.client() as client:
        asked = await desk.call(client, "linkedin_publish_post", text=TEXT)
        assert (asked["state"], asked["result"]) == ("waiting", None)
        refused = await desk.refused(client, "linkedin_run_operation", operation_id=asked["id"])
        assert f"overture approvals approve {asked['approval_id']}" in refused
        assert linkedin.published() == []


async def test_a_text_says_which_operation_waits_what_was_made_and_what_nobody_knows(linkedin: Any, desk: Desk) -> None:
    await linkedin.connect(grant=["openid", "profile", "w_member_social"])
    sandbox = "Sandbox: nobody outside is reached, no money moves."

    async def asked(client: Client, tool: str, **arguments: Any) -> str:
        result = await client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        assert result.structured_content is not None
        (block,) = result.content
        assert isinstance(block, TextContent)
        id_ = str(result.structured_content["id"])
        assert block.text.endswith(f", then call linkedin_run_operation with {id_}. {sandbox}")
        with linkedin.store.read("default") as work:
            waiting = operations.get(work, id_)
        assert block.text.startswith(f"{waiting.title}. A person has to approve it first")
        linkedin.approve(waiting)
        return id_

    async with desk.client() as client:
        id_ = await asked(client, "linkedin_publish_post", text=TEXT)
        result = await client.call_tool("linkedin_run_operation", {"operation_id": id_})
        with linkedin.store.read("default") as work:
            made = operations.get(work, id_).result or {}
        assert isinstance(result, CallToolResult)
        (block,) = result.content
        assert isinstance(block, TextContent)
        title = f"Publish on LinkedIn as 'Sandy Box' ({PERSON}), seen by everybody."
        assert block.text == f"{title} Done: {made['id']} {made['url']} {sandbox}"
        edit = await asked(client, "linkedin_act_on_post", post=made["id"], action="edit", text="Other")
        with linkedin.store.read("default") as work:
            title_of_edit = operations.get(work, edit).title
        assert title_of_edit == f"New text for the LinkedIn post {made['url']} of 'Sandy Box' ({PERSON})"
        lost = await asked(client, "linkedin_publish_post", text="Lost")
        linkedin.fail("drop", after_accept=True)
        said = await desk.refused(client, "linkedin_run_operation", operation_id=lost)
        assert said == (
            f"{title} Nobody knows whether it was done: LinkedIn did not answer after the request was sent "
            f"(ServerDisconnectedError). Do not repeat {lost}; tell a person."
        )


async def test_an_expired_connection_is_said_before_a_person_is_asked_to_approve(
    linkedin: Any, desk: Desk, clock: ManualClock
) -> None:
    account = await linkedin.connect()
    clock.advance(account.expires_at - clock.now())
    said = f"LinkedIn's access token expired on {account.expires_at:%Y-%m-%d %H:%M} UTC; a person connects again with"
    async with desk.client() as client:
        assert (await desk.refused(client, "linkedin_publish_post", text=TEXT)).startswith(said)
        shown = await client.call_tool("linkedin_get_capabilities", {})
    assert isinstance(shown, CallToolResult)
    (block,) = shown.content
    assert isinstance(block, TextContent)
    assert block.text.startswith(f"Expired on {account.expires_at:%Y-%m-%d}; linkedin_connect gives")
    with linkedin.store.read("default") as work:
        assert operations.list_(work) == []


async def test_a_person_at_a_trusted_client_reads_the_post_and_approves_it(linkedin: Any, desk: Desk) -> None:
    await linkedin.connect()
    with linkedin.store.begin("default", actor="test") as work:
        workspaces.get(work).trusted_clients = ["desk"]
    questions = []

    async def agree(_context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        questions.append(params.message)
        return ElicitResult(action="accept", content={"approve": True})

    async with desk.client(agree) as client:
        asked = await desk.call(client, "linkedin_publish_post", text=TEXT, author=PAGE)
        done = await desk.call(client, "linkedin_run_operation", operation_id=asked["id"])
        assert done["state"] == "done"
        assert questions == [
            "\n".join(
                [
                    "linkedin.post: do exactly this?",
                    f"Publish on LinkedIn as the page {PAGE}, seen by everybody:",
                    f"| {TEXT}",
                    "In the sandbox: nobody outside is reached, no money moves.",
                    "When: as soon as it is approved.",
                    "Asked of a person because others see it under this name.",
                    "Asked for by mcp:desk.",
                ]
            )
        ]
        urn = done["result"]["id"]
        for action in ({"action": "comment", "text": "Hi"}, {"action": "react", "reaction": "LIKE"}):
            of_post = await desk.call(client, "linkedin_act_on_post", post=urn, author=PAGE, **action)
            await desk.call(client, "linkedin_run_operation", operation_id=of_post["id"])
        shown = await desk.call(client, "linkedin_get_posts", post=urn)
        assert ([each["text"] for each in shown["comments"]], shown["reactions"]) == (["Hi"], {"LIKE": 1})
        counted = await desk.call(client, "linkedin_get_statistics", page=PAGE, post=urn)
        assert counted["counts"]["totalShareStatistics.likeCount"] == 4
        assert len(questions) == 3


async def test_responses_to_forms_become_leads_once_and_a_person_gets_tasks_for_the_rest(
    linkedin: Any, desk: Desk, clock: ManualClock
) -> None:
    await linkedin.connect()
    ada = {"first_name": "Ada", "last_name": "Moss", "email": "ada@northwind.example"}
    for filled in (ada, {**ada, "interest": "Prices"}, {**ada, "email": "test@northwind.example", "test": True}):
        linkedin.post("/sandbox/linkedin/leads", **filled)
    clock.advance(timedelta(minutes=1))
    async with desk.client() as client:
        (form,) = (await desk.call(client, "linkedin_list_lead_forms", owner=ACCOUNT))["forms"]
        assert form["consents"] == ["I agree to receive e-mail about products of Overture."]
        first = await desk.call(client, "linkedin_import_leads", owner=ACCOUNT)
        assert (first["responses"], first["created"], first["merged"], first["tests"]) == (3, 1, 1, 1)
        again = await desk.call(client, "linkedin_import_leads", owner=ACCOUNT)
        assert (again["repeated"], again["created"], again["import_id"]) == (2, 0, None)
        with linkedin.store.read("default") as work:
            (lead,) = search(work, LeadFilter()).leads
        prepare = {"lead_id": lead.id, "kind": "message", "text": "Hello"}
        assert "no LinkedIn page on record" in await desk.refused(client, "linkedin_prepare_task", **prepare)
        assert "owns no lead forms" in await desk.refused(client, "linkedin_import_leads", owner="me")
