from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import ConfigurationError, InvalidInput, SignatureInvalid
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, Kind
from overture_providers.email.events import SIGNATURE_HEADER, TIMESTAMP_HEADER, parse, verify, verify_and_parse

DATA = Path(__file__).parents[2] / "data"
VECTOR: dict[str, Any] = json.loads((DATA / "sendgrid_event_webhook.json").read_text())
BATCHES: dict[str, Any] = json.loads((DATA / "sendgrid_events.json").read_text())


@pytest.mark.parametrize("case", VECTOR["cases"], ids=lambda case: str(case["name"]))
def test_signature_vectors_are_told_apart(case: dict[str, Any]) -> None:
    values = VECTOR | case
    headers = {SIGNATURE_HEADER.lower(): values["signature"], TIMESTAMP_HEADER.upper(): values["timestamp"]}
    raw = values["payload"].encode()
    if case["expect"]:
        verify(raw, headers, values["public_key"])
    else:
        with pytest.raises(SignatureInvalid):
            verify(raw, headers, values["public_key"])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {SIGNATURE_HEADER: "x"},
        {TIMESTAMP_HEADER: "1"},
        {SIGNATURE_HEADER: "%%%", TIMESTAMP_HEADER: "1"},
        {SIGNATURE_HEADER: "YWJj", TIMESTAMP_HEADER: "1"},
        {SIGNATURE_HEADER: "\udcff", TIMESTAMP_HEADER: "\udcff"},
    ],
)
def test_missing_or_broken_signature_headers_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(SignatureInvalid):
        verify(b"[]", headers, VECTOR["public_key"])


@pytest.mark.parametrize("key", ["", "nonsense", "YWJj"])
def test_public_key_that_is_none_names_the_setting(key: str) -> None:
    with pytest.raises(ConfigurationError, match="OVERTURE_SENDGRID_WEBHOOK_KEY"):
        verify(b"[]", {SIGNATURE_HEADER: "YWJj", TIMESTAMP_HEADER: "1"}, key)


def test_signed_batch_becomes_one_event() -> None:
    headers = {SIGNATURE_HEADER: VECTOR["signature"], TIMESTAMP_HEADER: VECTOR["timestamp"]}
    assert verify_and_parse(VECTOR["payload"].encode(), headers, VECTOR["public_key"]) == [
        DeliveryEvent(
            provider="sendgrid",
            dedupe_key="ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",
            kind=Kind.FAILED,
            at=datetime(2020, 9, 14, 19, 41, 32, tzinfo=UTC),
            channel=Channel.EMAIL,
            provider_id="LRzXl_NHStOGhQ4kofSm_A",
            address="hello@world.com",
            code="bounced_address",
            detail="Bounced Address",
            permanent=True,
        )
    ]


@pytest.mark.parametrize("index", range(len(BATCHES["batches"] + BATCHES["docs"])))
def test_recorded_batches_are_understood(index: int) -> None:
    batch = (BATCHES["batches"] + BATCHES["docs"])[index]
    known = [each for each in batch if each["event"] != "group_resubscribe"]
    events = parse(json.dumps(batch).encode())
    assert [event.address for event in events] == [each.get("email") for each in known]


def event(**fields: Any) -> dict[str, Any]:
    return {"event": "delivered", "timestamp": 1_700_000_000, "sg_event_id": "e1", "email": "a@x.example"} | fields


@pytest.mark.parametrize(
    ("fields", "kind", "code", "permanent"),
    [
        ({"event": "processed"}, Kind.ACCEPTED, None, True),
        ({"event": "deferred", "response": "later"}, Kind.DEFERRED, None, False),
        ({"event": "bounce", "type": "bounce", "status": "5.1.1"}, Kind.BOUNCED, "5.1.1", True),
        ({"event": "bounce", "type": "blocked", "status": "5.7.1"}, Kind.BOUNCED, "5.7.1", False),
        ({"event": "bounce", "status": "4.2.2"}, Kind.BOUNCED, "4.2.2", False),
        ({"event": "dropped", "reason": "Spam Content"}, Kind.FAILED, "spam_content", False),
        ({"event": "dropped", "reason": "Invalid SMTPAPI header"}, Kind.FAILED, "invalid_smtpapi_header", False),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, Kind.FAILED, "unsubscribed_address", True),
        ({"event": "open"}, Kind.OPENED, None, True),
        ({"event": "click", "url": "https://x.example"}, Kind.CLICKED, None, True),
        ({"event": "spamreport"}, Kind.COMPLAINED, None, True),
        ({"event": "unsubscribe"}, Kind.UNSUBSCRIBED, None, True),
        ({"event": "group_unsubscribe"}, Kind.UNSUBSCRIBED, None, True),
    ],
)
def test_kinds_codes_and_permanence(fields: dict[str, Any], kind: Kind, code: str | None, permanent: bool) -> None:
    (parsed,) = parse(json.dumps([event(**fields)]).encode())
    assert (parsed.kind, parsed.code, parsed.permanent) == (kind, code, permanent)


def test_unknown_kinds_are_left_out_without_failing_the_batch() -> None:
    body = json.dumps([event(event="group_resubscribe"), event(event="amp_open"), event(message_id="msg_1")])
    assert [(each.kind, each.message_id) for each in parse(body.encode())] == [(Kind.DELIVERED, "msg_1")]


@pytest.mark.parametrize("value", [7, ["msg_1"], {"a": 1}, "no id; drop table", "", "x" * 41, None])
def test_foreign_message_ids_are_not_taken_for_ours(value: Any) -> None:
    (parsed,) = parse(json.dumps([event(message_id=value)]).encode())
    assert parsed.message_id is None


def test_events_without_an_id_of_their_own_still_have_a_stable_key() -> None:
    body = event()
    del body["sg_event_id"]
    first, again = (parse(json.dumps([body]).encode())[0].dedupe_key for _ in range(2))
    assert first == again
    assert len(first) == 64


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"null",
        b"[1]",
        b"[[]]",
        b"\xff",
        b"[" * 100_000,
        b'[{"event": 1, "timestamp": 1}]',
        b'[{"event": "open"}]',
        b'[{"event": "open", "timestamp": true}]',
        b'[{"event": "open", "timestamp": 1e400}]',
        b'[{"event": "open", "timestamp": 99999999999999}]',
        b'[{"event": "open", "timestamp": -1}]',
        b'[{"event": "open", "timestamp": "yesterday"}]',
        b'[{"event": "open", "timestamp": 1, "sg_event_id": "a\\u0000b"}]',
        b'[{"event": "open", "timestamp": 1, "email": ["a"]}]',
        b'[{"event": "open", "timestamp": 1, "email": "\\ud800"}]',
        b'[{"event": "open", "timestamp": ' + b"9" * 5_000 + b"}]",
    ],
)
def test_malformed_bodies_are_invalid_input(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [
    "event",
    "timestamp",
    "sg_event_id",
    "sg_message_id",
    "email",
    "type",
    "status",
    "reason",
    "url",
    "message_id",
]
KINDS = st.sampled_from(["open", "bounce", "dropped", "deferred", "other"])


@given(st.lists(st.fixed_dictionaries({"event": KINDS | JSON}, optional=dict.fromkeys(FIELDS[1:], JSON)) | JSON))
def test_whatever_comes_is_parsed_or_invalid_input(items: list[Any]) -> None:
    try:
        events = parse(json.dumps(items).encode())
    except InvalidInput:
        return
    assert len(events) <= len(items)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_invalid_input(raw: bytes) -> None:
    try:
        parse(raw)
    except InvalidInput:
        return
