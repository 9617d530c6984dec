"""Asking the person at the client whether a plan may go out, in both protocol eras."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult

from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Message
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
TRUSTED = "desk"


class Person:
    """Answers every question in the same way, and remembers what was asked."""

    def __init__(self, action: Literal["accept", "decline", "cancel"], **content: bool) -> None:
        self.action, self.content = action, content
        self.asked: list[str] = []
        self.schemas: list[dict[str, Any]] = []

    async def __call__(self, _context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.asked.append(params.message)
        self.schemas.append(params.requested_schema)
        return ElicitResult(action=self.action, content=dict(self.content) if self.action == "accept" else None)


async def launch(desk: Any, person: Person | None, plan: dict[str, Any], name: str = TRUSTED) -> dict[str, Any]:
    async with desk.messaging(name=name, ask=person) as client:
        found: dict[str, Any] = await desk.call(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        return found


async def not_launched(desk: Any, person: Person | None, plan: dict[str, Any], name: str = TRUSTED) -> str:
    """Launch, and see that it failed closed: the error names the way out, nothing is due, nothing is decided.
    Returns the error."""
    async with desk.messaging(name=name, ask=person) as client:
        text: str = await desk.refused(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        assert f"overture approvals approve {plan['approval']['id']}" in text
        found = await desk.call(client, "messaging_get_campaign", campaign=plan["campaign"])
        assert (found["state"], found["counts"]) == ("planned", {"draft": 2, "skipped": 1})
        assert found["approval"] == {**plan["approval"], "state": "pending"}
        return text


async def test_a_person_at_a_trusted_client_approves_what_the_server_shows(desk: Any) -> None:
    await desk.filled()
    desk.trust(TRUSTED)
    plan, person = await desk.planned(), Person("accept", approve=True)
    launched = await launch(desk, person, plan)
    assert (launched["approved_by"], launched["approved_via"]) == ("person at desk", "elicitation")
    assert (launched["state"], launched["queued"]) == ("running", 2)
    sample = plan["samples"][0]
    assert person.asked == [
        "\n".join(
            [
                "Launch the campaign 'Spring'?",
                "Recipients: 2 of segment 'dormant' (2 by email).",
                "Through the sandbox: nobody outside is contacted.",
                "When: as soon as it is launched.",
                "Later: 0.",
                "Left out: 1.",
                "- 1 lead: gave no consent, which this channel or country needs first",
                "To pay for: 2 e-mails; nothing is billed, it is the sandbox.",
                f"Content {plan['content_hash'][:16]}.",
                f"For example, by email to '{sample['to']}':",
                f"> Subject: {sample['subject']}",
                "> ",
                *(f"> {line}" for line in sample["body"].split("\n")),
            ]
        )
    ]
    assert [list(schema["properties"]) for schema in person.schemas] == [["approve"]]


async def test_a_launched_plan_is_not_asked_about_again(desk: Any) -> None:
    await desk.filled()
    desk.trust(TRUSTED)
    plan, person = await desk.planned(), Person("accept", approve=True)
    assert await launch(desk, person, plan) == await launch(desk, person, plan)
    assert len(person.asked) == 1


@pytest.mark.parametrize(
    "person", [Person("decline"), Person("cancel"), Person("accept", approve=False)], ids=["decline", "cancel", "no"]
)
async def test_anything_but_a_yes_launches_and_decides_nothing(desk: Any, person: Person) -> None:
    await desk.filled()
    desk.trust(TRUSTED)
    person.asked.clear()
    await not_launched(desk, person, await desk.planned())
    assert len(person.asked) == 1


async def test_after_a_no_the_person_may_still_say_yes(desk: Any) -> None:
    await desk.filled()
    desk.trust(TRUSTED)
    plan = await desk.planned()
    assert "The person declined" in await not_launched(desk, Person("decline"), plan)
    assert (await launch(desk, Person("accept", approve=True), plan))["queued"] == 2


async def test_a_client_that_nobody_trusts_is_not_asked_and_sends_nothing_however_it_answers(desk: Any) -> None:
    await desk.filled()
    desk.trust("another client")
    person = Person("accept", approve=True)
    await not_launched(desk, person, await desk.planned(), name="eager robot")
    assert person.asked == []


async def test_a_trusted_client_that_cannot_ask_anybody_sends_nothing(desk: Any) -> None:
    await desk.filled()
    desk.trust(TRUSTED)
    await not_launched(desk, None, await desk.planned())


@pytest.mark.parametrize("forged", [{"approve": True}, {"confirm": True}, {"person": {"action": "accept"}}])
async def test_no_argument_of_a_tool_approves(desk: Any, forged: dict[str, Any]) -> None:
    await desk.filled()
    desk.trust(TRUSTED)
    plan = await desk.planned()
    async with desk.messaging(ask=Person("decline")) as client:
        text: str = await desk.refused(client, "messaging_launch_campaign", plan_id=plan["plan_id"], **forged)
        (name,) = forged
        assert text == f"messaging_launch_campaign has no argument {name!r}; it takes plan_id."
    await not_launched(desk, None, plan)


async def test_a_plan_whose_messages_changed_after_the_approval_is_not_launched(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    desk.trust(TRUSTED)
    plan = await desk.planned()
    with runtime.store.begin("default", actor="test") as work:
        work.session.query(Message).update({Message.address: "elsewhere@example.com"})
    async with desk.messaging(ask=Person("accept", approve=True)) as client:
        text: str = await desk.refused(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        assert text == "The plan's messages changed after it was made; plan again and have a person approve it."
        found = await desk.call(client, "messaging_get_campaign", campaign="Spring")
        assert found["counts"] == {"draft": 2, "skipped": 1}


async def test_a_plan_made_anew_after_the_approval_needs_another_one(desk: Any) -> None:
    await desk.filled()
    desk.trust(TRUSTED)
    plan = await desk.planned()

    class Slow(Person):
        """Somebody plans again while this person looks at the question."""

        async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
            with desk.runtime.store.begin("default", actor="test") as work:
                segments.save(work, "dormant", LeadFilter(countries=["US"], query="Ada"))
            await desk.planned()
            return await super().__call__(context, params)

    async with desk.messaging(ask=Slow("accept", approve=True)) as client:
        text: str = await desk.refused(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
        assert "plan" in text
        found = await desk.call(client, "messaging_get_campaign", campaign="Spring")
        assert (found["state"], found["approval"]["state"]) == ("planned", "pending")


async def test_a_sample_cannot_pass_for_a_sentence_of_the_servers(desk: Any) -> None:
    await desk.filled()
    desk.trust(TRUSTED)
    async with desk.messaging() as client:
        body = "Hi {{ first_name }}\nThrough the sandbox: nobody outside is contacted.\u202e\u2028Left out: 0."
        await desk.call(client, "messaging_save_template", name="hello", channel="email", subject="Hi", body=body)
    plan, person = await desk.planned(), Person("decline")
    await not_launched(desk, person, plan)
    lines = person.asked[0].split("\n")
    assert lines.count("Through the sandbox: nobody outside is contacted.") == 1
    assert lines == person.asked[0].splitlines()
    assert all(line.startswith("> ") for line in lines[lines.index("> Subject: Hi") :])
    assert "\u202e" not in person.asked[0]
