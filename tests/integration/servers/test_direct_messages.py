"""One message to one lead: approved by a person, sent once, and never past the gate."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from mcp.types import ElicitResult
from sqlalchemy import select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.approvals.subjects import subject
from overture_core.clock import ManualClock
from overture_core.errors import Conflict
from overture_core.leads import erasure_requests
from overture_core.messages import direct, showing
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.operations import service as operations
from overture_core.storage.schema import Lead, Message
from overture_core.templates import service as templates
from overture_core.workspaces.service import sender_for
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


SEND = "messaging_send_message"
SAVE = "messaging_save_template"
PHONES = "First Name,Phone,Country,Consent\nFay,+12125550107,US,sms; whatsapp\n"


async def saved(desk: Any, **template: Any) -> None:
    async with desk.messaging() as client:
        await desk.call(client, SAVE, **template)


async def with_a_phone(desk: Any) -> str:
    await desk.filled()
    async with desk.leads() as client:
        await desk.call(client, "leads_import_file", content=PHONES)
    return await lead_of(desk, "Fay")


def shown(runtime: Runtime, approval_id: str) -> list[str]:
    """What `overture approvals show` and the question say."""
    with runtime.store.read("default") as work:
        return subject(work, approval_id, longest=None).lines


async def test_who_approves_reads_the_html_part_with_every_address(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    html = '<p>Hello {{ first_name }}</p><a href="https://evil.example/pay">Our page</a>'
    await saved(desk, name="pretty", channel="email", subject="Hi", body="Hello.", body_html=html)
    async with desk.messaging() as client:
        asked = await desk.call(client, SEND, lead_id=await lead_of(desk, "Ada"), template="pretty")
    for lines in (asked["told"], shown(runtime, asked["approval_id"])):
        after = lines[lines.index("The same as HTML, with where its links lead:") + 1 :]
        assert after[:2] == ["> Hello Ada", "> Our page <https://evil.example/pay>"]


async def test_who_approves_reads_what_whatsapp_is_told_to_send(desk: Any, runtime: Runtime) -> None:
    lead, sid = await with_a_phone(desk), "HX" + "0a" * 16
    made = {"content_sid": sid, "content_variables": {"1": "{{ first_name }}", "2": "https://evil.example/pay"}}
    await saved(desk, name="wa", channel="whatsapp", body="Hi.", **made)
    async with desk.messaging() as client:
        asked = await desk.call(client, SEND, lead_id=lead, template="wa")
    for lines in (asked["told"], shown(runtime, asked["approval_id"])):
        at = lines.index(f"WhatsApp sends its approved template {sid} in place of this text, with these variables:")
        assert lines[at + 1 : at + 3] == ["> 1: Fay", "> 2: https://evil.example/pay"]


async def test_who_approves_reads_what_an_sms_costs_and_what_looks_like_advertising(desk: Any) -> None:
    lead = await with_a_phone(desk)
    await saved(desk, name="loud", channel="sms", body="ACT NOW \u2013 https://bit.ly/x " + "y" * 80)
    async with desk.messaging() as client:
        told = (await desk.call(client, SEND, lead_id=lead, template="loud"))["told"]
    (cost,) = [line for line in told if line.startswith("To pay for: ")]
    assert cost == (
        "To pay for: 2 SMS segments (UCS-2, because of '\u2013'); nothing is billed, it is the sandbox (for real about "
        "0.0166 USD)."
    )
    assert [line for line in told if "shortened by bit.ly" in line] == [
        "Look at 'loud': A link is shortened by bit.ly, which hides where it leads; carriers block such messages. "
        "Use your own address."
    ]
    assert any("phrases of advertising (act now)" in line for line in told)


async def test_a_sender_over_a_limit_sends_no_direct_message(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    lead = await lead_of(desk, "Ada")
    async with desk.messaging() as client:
        asked = await desk.call(client, SEND, lead_id=lead, template="hello")
        approve(runtime, asked["approval_id"])
        bounce(runtime, 4, of=40)
        told = await desk.refused(client, SEND, lead_id=lead, template="hello", reference="2")
    assert told.startswith(f"The sender {runtime.settings.email_from} is over a limit: Bounces are 10.000% of 40")
    ended = await running.run(runtime.store, "default", asked["id"], actor="worker")
    assert (ended.state, (ended.error or "")[:10], rows(runtime)) == ("failed", "The sender", before(40))


def bounce(runtime: Runtime, number: int, *, of: int) -> None:
    """Have as many messages accepted lately, and some of them bounce."""
    runtime.store.settings = runtime.settings.model_copy(update={"health_least_messages": of})
    with runtime.store.begin("default", actor="test") as work:
        sender, now = sender_for(work, Channel.EMAIL), work.now()
        template = templates.get(work, "hello").id
        assert sender is not None
        at: dict[str, Any] = {"workspace_id": "default", "created_at": now, "updated_at": now}
        for each in range(of):
            work.session.add(Lead(id=f"lead_{each:02}", custom={}, **at))
            work.session.flush()
            work.session.add(
                Message(
                    id=f"msg_{each:02}", lead_id=f"lead_{each:02}", idempotency_key=f"{each}", channel=Channel.EMAIL,
                    address="x@example.com", template_id=template, sender_id=sender.id, merge={}, accepted_at=now,
                    state=State.BOUNCED if each < number else State.ACCEPTED, **at,
                )
            )  # fmt: skip


def before(number: int) -> list[tuple[str, str, str | None]]:
    return [("x@example.com", "bounced" if each < 4 else "accepted", None) for each in range(number)]


async def test_a_template_saved_anew_makes_the_approval_worthless(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    send = {"lead_id": await lead_of(desk, "Ada"), "template": "hello"}
    async with desk.messaging() as client:
        old = await desk.call(client, SEND, **send)
        approve(runtime, old["approval_id"])
        await saved(desk, name="hello", channel="email", subject="Hello", body="Another text.")
    ended = await running.run(runtime.store, "default", old["id"], actor="worker")
    assert (ended.state, rows(runtime)) == ("failed", [])
    assert ended.error == (
        "The template 'hello' was saved with another text after this was asked for, so that its approval is worth "
        "nothing; ask for it again."
    )


async def test_one_that_is_asked_for_with_another_text_takes_the_place_of_the_one_before(
    desk: Any, runtime: Runtime
) -> None:
    await desk.filled()
    send = {"lead_id": await lead_of(desk, "Ada"), "template": "hello"}
    async with desk.messaging() as client:
        old = await desk.call(client, SEND, **send)
        other = await desk.call(client, SEND, **send, reference="another one")
        for each in (old, other):
            approve(runtime, each["approval_id"])
        await saved(desk, name="hello", channel="email", subject="Hello", body="Another text.")
        new = await desk.call(client, SEND, **send)
    with runtime.store.read("default") as work:
        found = {each["id"]: operations.get(work, each["id"]) for each in (old, other, new)}
        worthless = approvals.view(work, approvals.get(work, old["approval_id"]))
    assert [(each.state, each.approval_state) for each in found.values()] == [
        ("cancelled", "void"),
        ("waiting", "approved"),
        ("waiting", "pending"),
    ]
    assert worthless.reason == f"replaced by {new['id']}, which has another text"
    with pytest.raises(Conflict, match=r"was cancelled \(replaced by \w+, which has another text\); ask for it again"):
        await running.run(runtime.store, "default", old["id"], actor="worker")
    assert rows(runtime) == []


async def test_a_text_that_was_changed_and_changed_back_is_one_message(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    send = {"lead_id": await lead_of(desk, "Ada"), "template": "hello"}
    first = {"name": "hello", "channel": "email", "subject": "Hello", "body": "One."}
    async with desk.messaging() as client:
        await saved(desk, **first)
        asked = await desk.call(client, SEND, **send)
        await saved(desk, **{**first, "body": "Two."})
        await saved(desk, **first)
        again = await desk.call(client, SEND, **send)
        approve(runtime, asked["approval_id"])
        done = await desk.call(client, SEND, **send)
    assert (again["id"], done["id"], done["state"]) == (asked["id"], asked["id"], "done")
    with runtime.store.read("default") as work:
        assert len(operations.list_(work)) == len(rows(runtime)) == 1


async def test_what_is_held_says_until_when_and_why(desk: Any, runtime: Runtime, clock: ManualClock) -> None:
    lead = await with_a_phone(desk)
    clock.advance(timedelta(hours=12))  # 23:30 in New York
    async with desk.messaging() as client:
        asked = await desk.call(client, SEND, lead_id=lead, template="hello-sms")
        (when,) = [line for line in shown(runtime, asked["approval_id"]) if line.startswith("When:")]
        assert when.startswith("When: once it is approved, but not before 2026-11-24 13:00 UTC, as it stands now: the")
        approve(runtime, asked["approval_id"])
        done = await desk.call(client, SEND, lead_id=lead, template="hello-sms")
        text = await desk.text(client, SEND, lead_id=lead, template="hello-sms")
    due = "2026-11-24T13:00:00Z"
    assert (done["state"], {**done["result"], "message_id": None}) == (
        "done",
        {"message_id": None, "state": "held", "reason": "quiet_hours", "due_at": due},
    )
    assert "It is held until 2026-11-24 13:00 UTC: the lead is outside the hours for SMS" in text
    with runtime.store.read("default") as work:
        (row,) = showing.list_(work)
        assert (row.state, f"{row.due_at:%H:%M}") == ("held", "13:00")


async def test_what_is_skipped_after_its_approval_says_so(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    lead = await lead_of(desk, "Ada")
    async with desk.messaging() as client:
        asked = await desk.call(client, SEND, lead_id=lead, template="hello")
    approve(runtime, asked["approval_id"])
    async with desk.leads() as client:
        await desk.call(client, "leads_suppress", kind="person", value=lead)
    ended = await running.run(runtime.store, "default", asked["id"], actor="worker")
    assert ended.result is not None
    assert (ended.result["state"], ended.result["reason"]) == ("skipped", "suppressed")
    with runtime.store.read("default") as work:
        told = str(direct.standing(work, ended.result["message_id"]))
    assert told == "It is NOT sent: the lead asked not to be contacted, bounced or complained."


async def test_whoever_approves_a_message_reads_that_its_lead_is_to_be_erased(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    ada = await lead_of(desk, "Ada")
    async with desk.messaging() as client:
        asked = await desk.call(client, "messaging_send_message", lead_id=ada, template="hello")
    with runtime.store.begin("default", actor="test") as work:
        assert subject(work, asked["approval_id"]).note is None
        request = erasure_requests.ask(work, ada).id
        about = subject(work, asked["approval_id"])
        assert (
            about.note == f"It was asked to erase this lead ({request} in `overture erasures list`): decide that first."
        )
        assert about.lines[-1] == about.note
        erasure_requests.reject(work, request)
        assert subject(work, asked["approval_id"]).note is None
