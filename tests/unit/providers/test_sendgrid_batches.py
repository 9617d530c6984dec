from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overture_providers.email.client import EmailBatch, EmailRecipient, SendGridClient, halve, payload


def batches(recipients: list[EmailRecipient]) -> list[EmailBatch]:
    return SendGridClient.batches(recipients, from_address="us@overture.example", from_name="Us\r\nBcc: x@y.example")


def recipient(number: int, **fields: Any) -> EmailRecipient:
    base = {
        "message_id": f"msg_{number}",
        "workspace": "default",
        "to": f"a{number}@x.example",
        "subject": "Hi",
        "text": "Hello",
    }
    return EmailRecipient(**(base | fields))


def test_payload_carries_text_by_substitution_and_our_id_by_custom_argument() -> None:
    (batch,) = batches([recipient(1, headers={"List-Unsubscribe": "<https://x.example/u>"})])
    assert payload(batch) == {
        "personalizations": [
            {
                "to": [{"email": "a1@x.example"}],
                "custom_args": {"message_id": "msg_1", "workspace": "default"},
                "headers": {"List-Unsubscribe": "<https://x.example/u>"},
                "substitutions": {"-subject-": "Hi", "-text-": "Hello", "-message_id-": "msg_1"},
            }
        ],
        "from": {"email": "us@overture.example", "name": "Us Bcc: x@y.example"},
        "reply_to": {"email": "reply+-message_id-@overture.example", "name": "Us Bcc: x@y.example"},
        "subject": "-subject-",
        "content": [{"type": "text/plain", "value": "-text-"}],
    }


@pytest.mark.parametrize("text", ["x" * 10_000, "é" * 5_000, "who writes -subject- here?"])
def test_mail_that_cannot_be_substituted_goes_alone_and_literally(text: str) -> None:
    together, alone = sorted(batches([recipient(1), recipient(2, text=text), recipient(3)]), key=lambda b: b.literal)
    assert [each.message_id for each in together.recipients] == ["msg_1", "msg_3"]
    body = payload(alone)
    assert (body["content"], body["reply_to"]["email"], "substitutions" in body["personalizations"][0]) == (
        [{"type": "text/plain", "value": text}],
        "reply+msg_2@overture.example",
        False,
    )


def test_two_thousand_and_one_recipients_are_three_requests() -> None:
    assert [len(batch.recipients) for batch in batches([recipient(n) for n in range(2_001)])] == [1_000, 1_000, 1]


def test_same_address_twice_is_two_requests() -> None:
    sizes = [len(batch.recipients) for batch in batches([recipient(1), recipient(2, to="A1@X.example"), recipient(3)])]
    assert sizes == [2, 1]


def test_html_travels_only_with_html() -> None:
    plain, rich = batches([recipient(1), recipient(2, html="<p>Hi</p>")])
    assert (len(payload(plain)["content"]), len(payload(rich)["content"])) == (1, 2)


def test_halves_hold_everybody_once() -> None:
    (batch,) = batches([recipient(n) for n in range(5)])
    first, second = halve(batch)
    assert (len(first.recipients), first.recipients + second.recipients) == (2, batch.recipients)


ADDRESSES = st.sampled_from(["a@x.example", "A@x.example", "b@x.example", "c@x.example"])
TEXTS = st.sampled_from(["short", "x" * 9_980, "-text-", "é" * 6_000])


@settings(deadline=None)
@given(st.lists(st.tuples(ADDRESSES, TEXTS, st.booleans()), max_size=30))
def test_every_recipient_is_in_exactly_one_valid_request(rows: list[tuple[str, str, bool]]) -> None:
    recipients = [
        recipient(number, to=to, text=text, html=text if rich else None) for number, (to, text, rich) in enumerate(rows)
    ]
    made = batches(recipients)
    assert sorted(each.message_id for batch in made for each in batch.recipients) == sorted(
        each.message_id for each in recipients
    )
    for batch in made:
        addresses = [each.to.casefold() for each in batch.recipients]
        assert len(addresses) == len(set(addresses))
        for part in payload(batch)["personalizations"]:
            assert len(json.dumps(part.get("substitutions", {}), ensure_ascii=False).encode()) <= 10_200
