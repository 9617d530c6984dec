from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from overture_core.messages.outcomes import Accepted, Outcome, Refused, Retryable, Unknown
from overture_providers.email.client import EmailRecipient, SendGridClient
from overture_providers.endpoints import EmailEndpoint, email_endpoint, sms_endpoint
from overture_providers.sms.client import SmsMessage, TwilioClient
from overture_providers.transport import make_http

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def clients(sandbox: Any, timeout_s: float = 10.0) -> AsyncIterator[tuple[SendGridClient, TwilioClient]]:
    async with make_http(timeout_s) as http:
        yield (
            SendGridClient(http, email_endpoint(sandbox.settings), timeout_s=timeout_s),
            TwilioClient(http, sms_endpoint(sandbox.settings), timeout_s=timeout_s),
        )


async def mail(client: SendGridClient, *addresses: str) -> Outcome:
    recipients = [EmailRecipient(f"msg_{n}", "default", to, f"Hi {n}", "Hello") for n, to in enumerate(addresses)]
    (batch,) = client.batches(recipients, from_address="us@overture.example", from_name="Us")
    return await client.send(batch)


def sms(receiver: Any, to: str, body: str = "Hello") -> SmsMessage:
    callback = f"{receiver.url}/messaging/webhooks/twilio/status?message=msg_{to[-2:]}&workspace=default"
    return SmsMessage(f"msg_{to[-2:]}", "default", "+15005550006", to, body, callback)


async def test_mails_are_accepted_personalised_and_their_story_comes_back_signed(sandbox: Any, receiver: Any) -> None:
    stories = {
        "bounce@x.example": ["accepted", "bounced"],
        "complain@x.example": ["accepted", "delivered", "complained"],
        "unsub@x.example": ["accepted", "delivered", "opened", "unsubscribed"],
        "reply-no@x.example": ["accepted", "delivered", "opened", "reply: Thanks, but not now. Maybe next year."],
    }
    async with clients(sandbox) as (email, _):
        outcome = await mail(email, *stories)
    assert isinstance(outcome, Accepted)
    assert outcome.provider_id
    sandbox.wait_for(lambda: {to: receiver.told(to) for to in stories} == stories)
    replied = next(each for each in receiver.evidence if each.type == "inbound")
    (kept,) = sandbox.get("inbox.json", message_id="msg_3")["messages"]
    assert (replied.in_reply_to, replied.subject) == ("msg_3", "Re: Hi 3")
    assert (kept["recipient"], kept["subject"], kept["body"]) == ("reply-no@x.example", "Hi 3", "Hello")
    assert {each.message_id for each in receiver.evidence if each.type == "delivery"} == {f"msg_{n}" for n in range(4)}


async def test_thousand_mails_are_one_request(sandbox: Any) -> None:
    async with clients(sandbox) as (email, _):
        outcome = await mail(email, *(f"p{n}@x.example" for n in range(1_000)))
    assert isinstance(outcome, Accepted)
    summary = sandbox.get("summary.json")
    assert (summary["accepted"], summary["unique_message_ids"], summary["accepted_twice"]) == (1_000, 1_000, [])


async def test_address_that_bounced_is_dropped_the_next_time(sandbox: Any, receiver: Any) -> None:
    async with clients(sandbox) as (email, _):
        await mail(email, "bounce@x.example")
        sandbox.wait_for(lambda: "bounced" in receiver.told("bounce@x.example"))
        await mail(email, "bounce@x.example")
    sandbox.wait_for(lambda: receiver.told("bounce@x.example") == ["accepted", "bounced", "failed"])
    assert sandbox.get("summary.json")["accepted_twice"] == ["msg_0"]


async def test_sms_statuses_replies_and_opt_out_take_effect_until_start(sandbox: Any, receiver: Any) -> None:
    async with clients(sandbox) as (_, twilio):
        sent = [await twilio.send(sms(receiver, f"+155501000{ending}")) for ending in (10, 99, 98, 97)]
        assert [type(outcome) for outcome in sent] == [Accepted] * 4
        sandbox.wait_for(lambda: receiver.told("+15550100010") == ["accepted", "delivered"])
        sandbox.wait_for(lambda: sorted(receiver.told("+15550100099")) == ["accepted", "failed"])
        sandbox.wait_for(lambda: "reply: Yes, interested" in receiver.told("+15550100097"))
        sandbox.wait_for(lambda: "reply: STOP" in receiver.told("+15550100098"))
        stopped = await twilio.send(sms(receiver, "+15550100098"))
        assert isinstance(stopped, Refused)
        assert stopped.code == "21610"
    stop = next(each for each in receiver.evidence if each.type == "inbound" and each.body == "STOP")
    assert stop.opt_out


async def test_look_up_finds_only_the_same_body_and_time(sandbox: Any, receiver: Any) -> None:
    start = datetime.now(UTC) - timedelta(seconds=2)
    async with clients(sandbox) as (_, twilio):
        accepted = await twilio.send(sms(receiver, "+15550100010", "one"))
        await twilio.send(sms(receiver, "+15550100010", "two"))
        found = await twilio.find("+15550100010", "one", start)
        later = await twilio.find("+15550100010", "one", start + timedelta(hours=1))
    assert isinstance(accepted, Accepted)
    assert ([each.sid for each in found], later) == ([accepted.provider_id], [])


FAULTS: list[tuple[dict[str, Any], type[Outcome], str | None]] = [
    ({"kind": "429", "seconds": 30}, Retryable, "429"),
    ({"kind": "401"}, Retryable, "unauthorized"),
    ({"kind": "500"}, Unknown, None),
    ({"kind": "500", "after_accept": True}, Unknown, None),
    ({"kind": "drop"}, Unknown, None),
    ({"kind": "drop", "after_accept": True}, Unknown, None),
    ({"kind": "hang", "seconds": 60}, Unknown, None),
    ({"kind": "hang", "seconds": 60, "after_accept": True}, Unknown, None),
    ({"kind": "slow", "seconds": 0.1}, Accepted, None),
]


@pytest.mark.parametrize("number", range(len(FAULTS)))
@pytest.mark.parametrize("provider", ["sendgrid", "twilio"])
async def test_fault_becomes_what_it_proves(sandbox: Any, receiver: Any, provider: str, number: int) -> None:
    fault, expected, code = FAULTS[number]
    sandbox.fail(provider=provider, **fault)
    async with clients(sandbox, timeout_s=1.0) as (email, twilio):
        before = datetime.now(UTC)
        call = mail(email, "p1@x.example") if provider == "sendgrid" else twilio.send(sms(receiver, "+15550100000"))
        outcome = await call
    assert type(outcome) is expected
    if isinstance(outcome, Retryable):
        assert outcome.code == ("20429" if (provider, code) == ("twilio", "429") else code)
    if isinstance(outcome, Retryable) and fault["kind"] == "429":
        assert outcome.retry_at is not None
        assert timedelta(seconds=25) < outcome.retry_at - before < timedelta(seconds=35)
    taken = int(bool(fault.get("after_accept")) or expected is Accepted)
    assert sandbox.get("summary.json")["accepted"] == taken


async def test_text_that_no_request_can_carry_is_refused(sandbox: Any, receiver: Any) -> None:
    async with clients(sandbox) as (_, twilio):
        outcome = await twilio.send(sms(receiver, "+15550100010", "\ud800"))
    assert isinstance(outcome, Refused)
    assert outcome.code == "unencodable"


async def test_wrong_key_says_which_setting_and_nobody_home_says_nothing_was_sent(sandbox: Any) -> None:
    right = email_endpoint(sandbox.settings)
    async with make_http(2.0) as http:
        wrong_key = SendGridClient(http, EmailEndpoint(right.base_url, "SG.no", None, None, sandbox=True))
        refused = await mail(wrong_key, "a@x.example")
        nobody_home = SendGridClient(http, EmailEndpoint("http://127.0.0.1:1", "SG.no", None, None, sandbox=True))
        unreachable = await mail(nobody_home, "a@x.example")
    assert isinstance(refused, Retryable)
    assert (refused.code, "OVERTURE_SENDGRID_API_KEY" in refused.detail) == ("unauthorized", True)
    assert isinstance(unreachable, Retryable)
    assert (unreachable.code, "nothing was sent" in unreachable.detail) == ("unreachable", True)


async def test_killed_sandbox_keeps_its_inbox_and_tells_the_rest_when_it_is_back(
    start_sandbox: Callable[..., Any], receiver: Any
) -> None:
    receiver.status = 503
    first = start_sandbox()
    async with clients(first) as (email, _):
        await mail(email, "unsub@x.example")
    first.wait_for(lambda: bool(receiver.calls))
    first.end(signal.SIGKILL)
    receiver.status = 204
    second = start_sandbox()
    wanted = ["accepted", "delivered", "opened", "unsubscribed"]
    second.wait_for(lambda: sorted(receiver.told("unsub@x.example")) == wanted)
    assert second.get("summary.json")["accepted"] == 1


async def test_sigterm_ends_it_cleanly(sandbox: Any) -> None:
    assert sandbox.end() == 0


async def test_whatsapp_beyond_the_window_is_taken_and_then_refused_without_an_approved_template(
    sandbox: Any, receiver: Any
) -> None:
    def message(to: str, **more: Any) -> SmsMessage:
        return replace(sms(receiver, to), sender="whatsapp:+14155238886", to=f"whatsapp:{to}", **more)

    silent, approved, writer = "+12125550110", "+12125550111", "+12125550197"
    async with clients(sandbox) as (_, twilio):
        sent = [
            await twilio.send(message(silent)),
            await twilio.send(message(approved, content_sid="HX" + "0a" * 16, variables={"1": "Ada"})),
            await twilio.send(message(writer, content_sid="HX" + "0a" * 16)),
        ]
        assert all(isinstance(each, Accepted) for each in sent)
        sandbox.wait_for(lambda: "reply: Yes, interested" in receiver.told(writer))
        assert isinstance(await twilio.send(message(writer, message_id="msg_later")), Accepted)
        assert await twilio.send(replace(message(approved), sender="+15005550006")) == Refused(
            "21910", "Invalid From and To pair. From and To should be of the same channel"
        )
    sandbox.wait_for(lambda: receiver.told(silent) == ["failed"] and receiver.told(approved)[-1:] == ["delivered"])
    sandbox.wait_for(lambda: receiver.told(writer).count("delivered") == 2)
    refused = next(each for each in receiver.evidence if each.type == "delivery" and each.address == silent)
    assert (refused.code, refused.channel) == ("63016", "whatsapp")
