from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import InvalidInput, SignatureInvalid
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, InboundMessage, Kind
from overture_providers.sms.events import verify_and_parse_inbound, verify_and_parse_status
from overture_providers.sms.signature import sign, verify

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "twilio_request_signature.json").read_text())
NOW = datetime(2026, 11, 1, tzinfo=UTC)
TOKEN = "secret"
SID = "SM" + "0a" * 16
URL = "http://127.0.0.1:8765/messaging/webhooks/twilio/status?message=msg_1&workspace=default"


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: str(case["name"]))
def test_signature_vectors_are_told_apart(case: dict[str, Any]) -> None:
    form = [(name, value) for name, values in case.get("params", {}).items() for value in values]
    raw = case["body"].encode() if "body" in case else None
    if case["expect"]:
        verify(case["url"], form, case["signature"], VECTORS["token"], raw=raw)
    else:
        with pytest.raises(SignatureInvalid):
            verify(case["url"], form, case["signature"], VECTORS["token"], raw=raw)


@pytest.mark.parametrize("signature", [None, "", "é", "\udcff"])
def test_missing_or_strange_signature_is_refused(signature: str | None) -> None:
    with pytest.raises(SignatureInvalid):
        verify_and_parse_status(URL, [("MessageSid", SID)], signature, TOKEN, now=NOW)


def status(form: dict[str, str], url: str = URL) -> list[DeliveryEvent]:
    pairs = list(form.items())
    return verify_and_parse_status(url, pairs, sign(url, pairs, TOKEN), TOKEN, now=NOW)


def inbound(form: dict[str, str]) -> InboundMessage:
    pairs = list(form.items())
    return verify_and_parse_inbound(URL, pairs, sign(URL, pairs, TOKEN), TOKEN, now=NOW)


def test_status_callback_carries_our_id_and_twilios() -> None:
    assert status({"MessageSid": SID, "MessageStatus": "delivered", "To": "+15005550010"}) == [
        DeliveryEvent(
            provider="twilio",
            dedupe_key=f"{SID}:delivered",
            kind=Kind.DELIVERED,
            at=NOW,
            channel=Channel.SMS,
            message_id="msg_1",
            provider_id=SID,
            address="+15005550010",
        )
    ]


@pytest.mark.parametrize(
    ("word", "code", "kind", "permanent"),
    [
        ("queued", "", Kind.ACCEPTED, True),
        ("sent", "", Kind.ACCEPTED, True),
        ("read", "", Kind.DELIVERED, True),
        ("undelivered", "30003", Kind.FAILED, False),
        ("undelivered", "30006", Kind.FAILED, True),
        ("failed", "21610", Kind.UNSUBSCRIBED, True),
        ("failed", "", Kind.FAILED, False),
    ],
)
def test_statuses_and_codes(word: str, code: str, kind: Kind, permanent: bool) -> None:
    (event,) = status({"MessageSid": SID, "MessageStatus": word, "ErrorCode": code})
    assert (event.kind, event.code, event.permanent) == (kind, code or None, permanent)


@pytest.mark.parametrize("word", ["scheduled", "canceled", "something_new"])
def test_statuses_that_say_nothing_are_left_out(word: str) -> None:
    assert status({"MessageSid": SID, "MessageStatus": word}) == []


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"MessageSid": "SM1", "MessageStatus": "sent"},
        {"MessageSid": SID},
        {"MessageSid": SID, "MessageStatus": "é"},
    ],
)
def test_malformed_callbacks_are_invalid_input(form: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        status(form)


def test_field_that_is_not_text_is_invalid_input() -> None:
    pairs: list[Any] = [("MessageSid", b"x")]
    with pytest.raises(InvalidInput):
        verify_and_parse_status(URL, pairs, "x", TOKEN, now=NOW)


@pytest.mark.parametrize("url", [URL.replace("msg_1", "a%20b"), URL.partition("?")[0], "http://[bad?message=msg_1"])
def test_callback_without_our_id_is_found_by_twilios(url: str) -> None:
    (event,) = status({"MessageSid": SID, "MessageStatus": "sent"}, url)
    assert (event.message_id, event.provider_id) == (None, SID)


def test_inbound_message_is_read_whole() -> None:
    form = {"MessageSid": SID, "From": "+15005550097", "To": "+15005550006", "Body": "Yes,\r\ninterested\x00"}
    assert inbound(form) == InboundMessage(
        provider="twilio",
        dedupe_key=f"{SID}:inbound",
        channel=Channel.SMS,
        at=NOW,
        sender="+15005550097",
        recipient="+15005550006",
        body="Yes,\ninterested",
    )


@pytest.mark.parametrize(
    ("more", "opted_out"),
    [
        ({"Body": " stop "}, True),
        ({"Body": "STOPALL"}, True),
        ({"Body": "please stop by"}, False),
        ({"Body": "arrêt", "OptOutType": "STOP"}, True),
        ({"Body": "START", "OptOutType": "START"}, False),
    ],
)
def test_opt_out_is_the_whole_word_or_twilios_own_mark(more: dict[str, str], opted_out: bool) -> None:
    assert inbound({"MessageSid": SID, "From": "+15005550098", "To": "+15005550006", **more}).opt_out is opted_out


FIELDS = st.sampled_from(["MessageSid", "MessageStatus", "From", "To", "Body", "ErrorCode", "OptOutType"])
VALUES = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from([SID, "sent", "failed", "STOP"])


@given(st.lists(st.tuples(FIELDS, VALUES)), st.text(max_size=30))
def test_whatever_comes_signed_is_parsed_or_invalid_input(pairs: list[tuple[str, str]], query: str) -> None:
    url = f"http://127.0.0.1/x?message={query}"
    signature = sign(url, pairs, TOKEN)
    for parse in (verify_and_parse_status, verify_and_parse_inbound):
        try:
            parse(url, pairs, signature, TOKEN, now=NOW)
        except InvalidInput:
            continue


WHATSAPP = {"From": "whatsapp:+14155238886", "To": "whatsapp:+12125550101"}


@pytest.mark.parametrize(
    ("said", "code", "kind"),
    [("delivered", "", Kind.DELIVERED), ("read", "", Kind.OPENED), ("undelivered", "63016", Kind.FAILED)],
)
def test_a_whatsapp_message_has_its_own_channel_and_plain_numbers(said: str, code: str, kind: Kind) -> None:
    (event,) = status({"MessageSid": SID, "MessageStatus": said, "ErrorCode": code, **WHATSAPP})
    assert (event.channel, event.provider, event.address) == (Channel.WHATSAPP, "twilio-whatsapp", "+12125550101")
    assert (event.kind, event.code) == (kind, code or None)


def test_what_somebody_writes_by_whatsapp_is_told_from_sms_and_stop_is_stop() -> None:
    event = inbound({"MessageSid": SID, "Body": "stop", "From": WHATSAPP["To"], "To": WHATSAPP["From"]})
    assert (event.channel, event.sender, event.recipient) == (Channel.WHATSAPP, "+12125550101", "+14155238886")
    assert event.opt_out
