"""A single message to who wrote: it answers what a person read, and nothing that was written since."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from overture_core.messages.channels import Channel
from overture_core.messages.evidence import InboundMessage
from overture_core.messages.inbound import apply_inbound
from overture_core.operations import service as operations
from overture_providers import operations as running
from overture_servers.runtime import Runtime
from tests.integration.servers.test_direct_messages import approve, lead_of, rows, shown

pytestmark = pytest.mark.anyio


def wrote(runtime: Runtime, body: str, *, by: Channel = Channel.EMAIL, sender: str = "ada@northwind.example") -> None:
    """Let Ada write to us, through the code that webhooks go through."""
    with runtime.store.begin("default", actor="webhook") as work:
        event = InboundMessage(
            provider="sendgrid" if by is Channel.EMAIL else "twilio",
            dedupe_key=f"wrote-{body}",
            channel=by,
            at=work.now(),
            sender=sender,
            recipient="us@example.com" if by is Channel.EMAIL else "+15005550006",
            subject="Re: Hello" if by is Channel.EMAIL else None,
            body=body,
        )
        assert apply_inbound(work, event)


def approved_at_the_command_line(runtime: Runtime, overture: Path, approval_id: str) -> str:
    """Approve as a person does; returns what they read."""
    done = subprocess.run(
        [str(overture), "approvals", "approve", approval_id],
        env={**os.environ, "OVERTURE_DATA_DIR": str(runtime.settings.data_dir)},
        capture_output=True,
        text=True,
        check=True,
    )
    return " ".join(done.stdout.split())


async def test_who_wrote_can_be_answered_and_the_person_reads_what_is_answered(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    lead = await lead_of(desk, "Ada")
    wrote(runtime, "What does it cost?")
    async with desk.messaging() as client:
        asked = await desk.call(client, "messaging_send_message", lead_id=lead, template="hello")
        answers = next(number for number, line in enumerate(asked["told"]) if line.startswith("They wrote on "))
        assert asked["told"][answers].endswith("by email; this answers them:")
        assert asked["told"][answers + 1] == "> What does it cost?"
        approve(runtime, asked["approval_id"])
        await desk.call(client, "messaging_send_message", lead_id=lead, template="hello")
    assert rows(runtime) == [("ada@northwind.example", "due", None)]


async def test_who_wrote_stop_is_not_answered(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    lead = await lead_of(desk, "Ada")
    wrote(runtime, "STOP")
    async with desk.messaging() as client:
        refused = await desk.text(client, "messaging_send_message", fails=True, lead_id=lead, template="hello")
    assert "This lead may not be written to" in refused
    assert rows(runtime) == []


@pytest.mark.parametrize("body", ["STOP. Never contact me again.", "Who are you?"])
async def test_what_a_lead_writes_after_it_was_asked_for_makes_the_approval_worthless(
    desk: Any, runtime: Runtime, warm_programs: Path, body: str
) -> None:
    await desk.filled()
    phone, lead = "+12125550199", await lead_of(desk, "Ada")
    async with desk.leads() as client:
        await desk.call(client, "leads_upsert_lead", fields={"email": "ada@northwind.example", "phone": phone})
    async with desk.messaging() as client:
        asked = await desk.call(client, "messaging_send_message", lead_id=lead, template="hello")
        wrote(runtime, body, by=Channel.SMS, sender=phone)
        assert any(line.startswith("It CANNOT leave as things stand.") for line in shown(runtime, asked["approval_id"]))
        said = await to_thread.run_sync(
            approved_at_the_command_line, runtime, warm_programs / "overture", asked["approval_id"]
        )
        assert "is approved. It CANNOT leave as things stand. The lead wrote after this was asked for" in said
        with runtime.store.read("default") as work:
            failed = operations.get(work, asked["id"])
    await running.run(runtime.store, "default", failed.id, actor="cli:ada")
    with runtime.store.read("default") as work:
        done = operations.get(work, asked["id"])
    assert (done.state, rows(runtime)) == ("failed", [])
    assert done.error is not None
    assert done.error.startswith("The lead wrote after this was asked for")


async def test_a_call_that_is_repeated_after_the_lead_wrote_again_is_the_same_message(
    desk: Any, runtime: Runtime
) -> None:
    await desk.filled()
    lead = await lead_of(desk, "Ada")
    send = {"lead_id": lead, "template": "hello", "reference": "first"}
    async with desk.messaging() as client:
        asked = await desk.call(client, "messaging_send_message", **send)
        approve(runtime, asked["approval_id"])
        sent = await desk.call(client, "messaging_send_message", **send)
        wrote(runtime, "Thank you")
        again = await desk.call(client, "messaging_send_message", **send)
        assert (sent["id"], again["id"], again["state"]) == (asked["id"], asked["id"], "done")
        another = await desk.call(client, "messaging_send_message", **{**send, "reference": "second"})
        assert (another["id"] != asked["id"], another["state"]) == (True, "waiting")
    assert len(rows(runtime)) == 1
