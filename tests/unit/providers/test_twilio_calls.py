"""Twilio's webhooks of a call, and what it is told to say."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from overture_core.errors import InvalidInput, SignatureInvalid
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, Kind
from overture_core.settings import Settings
from overture_providers.sms.signature import sign
from overture_providers.voice import twiml
from overture_providers.voice.events import (
    PickedUp,
    verify_and_parse_answer,
    verify_and_parse_key,
    verify_and_parse_status,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TOKEN = "secret"
SID = "CA" + "0a" * 16
URL = "http://127.0.0.1:8765/messaging/webhooks/twilio/calls/answer?message=msg_1&workspace=default"


def answer(answered_by: str | None, url: str = URL) -> PickedUp:
    form = [("CallSid", SID), *([("AnsweredBy", answered_by)] if answered_by is not None else [])]
    return verify_and_parse_answer(url, form, sign(url, form, TOKEN), TOKEN, now=NOW)


def status(value: str, **more: str) -> list[DeliveryEvent]:
    form = [("CallSid", SID), ("CallStatus", value), ("To", "+12125550101"), *more.items()]
    return verify_and_parse_status(URL, form, sign(URL, form, TOKEN), TOKEN, now=NOW)


def key(digits: str) -> list[DeliveryEvent]:
    form = [("CallSid", SID), ("Digits", digits)]
    return verify_and_parse_key(URL, form, sign(URL, form, TOKEN), TOKEN, now=NOW)


@pytest.mark.parametrize(
    ("answered_by", "by_machine", "listens"),
    [
        ("machine_end_beep", True, True),
        ("machine_end_silence", True, True),
        ("machine_end_other", True, True),
        ("human", False, True),
        ("unknown", False, True),
        (None, False, True),
        ("fax", False, False),
        ("machine_start", False, False),  # its announcement still runs
    ],
)
def test_who_picked_up(answered_by: str | None, by_machine: bool, listens: bool) -> None:
    found = answer(answered_by)
    assert (found.message_id, found.workspace, found.by_machine, found.listens) == (
        *("msg_1", "default"),
        *(by_machine, listens),
    )
    assert (found.event.kind, found.event.channel, found.event.provider_id) == (Kind.DELIVERED, Channel.VOICE, SID)


@pytest.mark.parametrize(
    ("value", "answered_by", "kind", "code"),
    [
        ("ringing", "", Kind.ACCEPTED, None),
        ("completed", "human", Kind.ACCEPTED, None),
        ("completed", "machine_end_beep", Kind.ACCEPTED, None),
        ("completed", "fax", Kind.FAILED, "unheard"),
        ("completed", "machine_start", Kind.FAILED, "unheard"),
        ("busy", "", Kind.FAILED, "busy"),
        ("no-answer", "", Kind.FAILED, "no-answer"),
        ("canceled", "", Kind.FAILED, "canceled"),
        ("failed", "", Kind.FAILED, "failed"),
    ],
)
def test_how_a_call_ended(value: str, answered_by: str, kind: Kind, code: str | None) -> None:
    (event,) = status(value, AnsweredBy=answered_by)
    assert (event.kind, event.code, event.message_id, event.address) == (kind, code, "msg_1", "+12125550101")
    assert event.dedupe_key == f"{SID}:{value}"


def test_the_key_opts_out_and_no_other_does() -> None:
    (event,) = key("9")
    assert (event.kind, event.message_id) == (Kind.UNSUBSCRIBED, "msg_1")
    assert key("1") == key("") == []


def test_what_is_not_twilios_is_refused() -> None:
    with pytest.raises(InvalidInput, match="CallStatus"):
        status("delivered")
    with pytest.raises(InvalidInput, match="no message of ours"):
        answer("human", URL.partition("?")[0])
    form = [("CallSid", "SM" + "0" * 32), ("CallStatus", "busy")]
    with pytest.raises(InvalidInput, match="CallSid"):
        verify_and_parse_status(URL, form, sign(URL, form, TOKEN), TOKEN, now=NOW)
    with pytest.raises(SignatureInvalid):
        verify_and_parse_answer(URL, form, sign(URL, form, "another"), TOKEN, now=NOW)


def test_a_machine_hears_the_words_and_a_person_may_press_a_key(settings: Settings) -> None:
    chosen = settings.model_copy(update={"voice_language": "de-DE"})
    words = "Hallo <Ada> & Co.\nDrücken Sie die 9."
    machine = ElementTree.fromstring(twiml.answer(chosen, answer("machine_end_beep"), words) or "")
    assert [(each.tag, each.text, each.get("language")) for each in machine] == [("Say", words, "de-DE")]
    person = ElementTree.fromstring(twiml.answer(chosen, answer("human"), words) or "")
    assert [each.tag for each in person] == ["Gather", "Hangup"]
    assert (person[0].get("numDigits"), person[0][0].text) == ("1", words)
    assert (person[0].get("action") or "").endswith("/calls/key?message=msg_1&workspace=default")
    assert twiml.answer(chosen, answer("fax"), words) is None
    assert twiml.answer(chosen, answer("human"), None) is None
