"""The providers' own SDKs as judges: they can talk to the sandbox, and accept its signatures and ours."""

from __future__ import annotations

from typing import Any

import pytest
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Mail
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from overture_providers.endpoints import EmailEndpoint, SmsEndpoint, email_endpoint, sms_endpoint
from overture_providers.sms.signature import sign


@pytest.fixture
def email(sandbox: Any) -> EmailEndpoint:
    return email_endpoint(sandbox.settings)


@pytest.fixture
def sms(sandbox: Any) -> SmsEndpoint:
    return sms_endpoint(sandbox.settings)


def test_sendgrids_sdk_sends_through_the_sandbox(sandbox: Any, email: EmailEndpoint) -> None:
    mail = Mail("hello@overture.example", "ada@example.com", "Hi", plain_text_content="Long time no see.")
    answer = SendGridAPIClient(email.api_key, host=sandbox.url).send(mail)
    assert answer.status_code == 202
    assert answer.headers["X-Message-Id"]
    assert sandbox.get("summary.json")["accepted"] == 1


def test_twilios_sdk_sends_and_finds_through_the_sandbox(sandbox: Any, sms: SmsEndpoint) -> None:
    client = Client(sms.account_sid, sms.auth_token)
    client.api.base_url = sandbox.url
    sent = client.messages.create(to="+12125550101", from_="+15005550006", body="Hi")
    assert client.messages(sent.sid).fetch().body == "Hi"
    assert [each.sid for each in client.messages.list(to="+12125550101")] == [sent.sid]


def test_twilios_sdk_calls_through_the_sandbox(sandbox: Any, sms: SmsEndpoint) -> None:
    client = Client(sms.account_sid, sms.auth_token)
    client.api.base_url = sandbox.url
    answer = "http://127.0.0.1:9/answer?message=msg_1"
    made = client.calls.create(
        to="+12125550101", from_="+15005550006", url=answer, machine_detection="DetectMessageEnd"
    )
    assert (made.sid[:2], made.status) == ("CA", "queued")
    assert client.calls(made.sid).fetch().to == "+12125550101"
    with pytest.raises(TwilioRestException) as caught:
        client.messages(made.sid).fetch()
    assert caught.value.code == 20404
    for wrong, code in (
        ({"to": "+15005550001"}, 21217),
        ({"from_": "+15005550001"}, 21212),
        ({"url": "nowhere"}, 21205),
        ({"machine_detection": "Maybe"}, 20422),
    ):
        with pytest.raises(TwilioRestException) as caught:
            client.calls.create(**{"to": "+12125550101", "from_": "+15005550006", "url": answer, **wrong})
        assert (caught.value.status, caught.value.code) == (400, code)


def test_twilios_sdk_understands_the_sandboxs_errors(sandbox: Any, sms: SmsEndpoint) -> None:
    client = Client(sms.account_sid, sms.auth_token)
    client.api.base_url = sandbox.url
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(to="+15005550001", from_="+15005550006", body="Hi")
    assert (caught.value.status, caught.value.code) == (400, 21211)


def test_twilios_validator_accepts_our_signature_and_refuses_another() -> None:
    url, form = (
        "https://example.com/messaging/webhooks/twilio/status?message=msg_1",
        [("MessageSid", "SM1"), ("A", "b")],
    )
    validator = RequestValidator("token")
    assert validator.validate(url, dict(form), sign(url, form, "token"))
    assert not validator.validate(url, dict(form), sign(url, form, "another"))
