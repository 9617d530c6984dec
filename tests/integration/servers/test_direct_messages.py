"""One message to one lead: approved by a person, sent once, and never past the gate."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.types import ElicitResult
from sqlalchemy import select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.storage.schema import Message
from overture_providers import operations as running
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio


async def lead_of(desk: Any, name: str) -> str:
    async with desk.leads() as client:
        found = await desk.call(client, "leads_search", where=f'"{name}"')
    return str(found["leads"][0]["id"])


def rows(runtime: Runtime) -> list[tuple[str, str, str | None]]:
    with runtime.store.read("default") as work:
        found = work.session.scalars(select(Message).order_by(Message.id))
        return [(row.address, row.state, row.reason) for row in found]


def approve(runtime: Runtime, approval_id: str) -> None:
    with runtime.store.begin("default", actor="cli:ada") as work:
        approvals.decide(work, approval_id, approve=True, by="ada", via=Via.CLI)


async def test_a_message_waits_for_a_person_and_is_made_once(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    send = {"lead_id": await lead_of(desk, "Ada"), "template": "hello"}
    async with desk.messaging() as client:
        asked = await desk.call(client, "messaging_send_message", **send)
        assert asked["state"] == "waiting"
        assert asked["told"][:2] == [
            "Send by email to 'ada@northwind.example', with the template 'hello':",
            "> Subject: Hello Ada",
        ]
        waiting = await desk.text(client, "messaging_send_message", **send)
        assert "A person has to approve it first (it writes to a person outside of any campaign)" in waiting
        assert rows(runtime) == []
        approve(runtime, asked["approval_id"])
        for _ in range(2):
            done = await desk.call(client, "messaging_send_message", **send)
            assert (done["id"], done["state"]) == (asked["id"], "done")
    assert rows(runtime) == [("ada@northwind.example", "due", None)]


async def test_the_person_at_a_trusted_client_is_asked_with_the_exact_text(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    lead = await lead_of(desk, "Ada")
    questions: list[str] = []

    async def yes(_context: Any, params: Any) -> ElicitResult:
        questions.append(params.message)
        return ElicitResult(action="accept", content={"approve": True})

    desk.trust("trusted")
    async with desk.messaging(name="stranger", ask=yes) as client:
        asked = await desk.call(client, "messaging_send_message", lead_id=lead, template="hello")
        assert (asked["state"], questions) == ("waiting", [])
    async with desk.messaging(name="trusted", ask=yes) as client:
        done = await desk.call(client, "messaging_send_message", lead_id=lead, template="hello")
    assert (done["state"], "> Hi Ada, still interested?" in questions[0]) == ("done", True)
    assert rows(runtime) == [("ada@northwind.example", "due", None)]


async def test_a_test_to_an_address_of_ones_own_needs_nobody(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    object.__setattr__(
        runtime.store, "settings", runtime.settings.model_copy(update={"test_addresses": ["ADA@northwind.example"]})
    )
    async with desk.messaging() as client:
        sent = await desk.call(client, "messaging_send_message", lead_id=await lead_of(desk, "Ada"), template="hello")
    assert (sent["state"], rows(runtime)) == ("done", [("ada@northwind.example", "due", None)])


async def test_who_stopped_after_the_approval_gets_nothing(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    lead = await lead_of(desk, "Ada")
    async with desk.messaging() as client:
        asked = await desk.call(client, "messaging_send_message", lead_id=lead, template="hello")
    approve(runtime, asked["approval_id"])
    async with desk.leads() as client:
        await desk.call(client, "leads_suppress", kind="person", value=lead)
    async with desk.messaging() as client:
        refused = await desk.refused(client, "messaging_send_message", lead_id=lead, template="hello")
        told = await desk.refused(client, "messaging_send_message", lead_id=lead, template="hello", reference="2")
    assert (rows(runtime), refused) == ([], told)
    await running.run(runtime.store, "default", asked["id"], actor="worker")  # as a worker would
    assert rows(runtime) == [("ada@northwind.example", "skipped", "suppressed")]
    assert told == ("This lead may not be written to: the lead asked not to be contacted, bounced or complained.")
