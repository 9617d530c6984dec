"""A mail in a request for a thousand is the mail that a request of its own would bring."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overture_providers.email.client import MAX_SUBSTITUTION_BYTES, EmailBatch, EmailRecipient, SendGridClient, payload
from overture_providers.sandbox.sendgrid import filled

AWKWARD = [
    *("-text-", "-subject-", "-html-", "-message_id-", "-text", "text-", "--text--", "%name%", "{{ first_name }}"),
    *("<b>bold</b>", "&amp;", "&lt;script&gt;", '"quoted"', "'single'", "\\", "\\n", "\t", "\n", "$1", "[%x%]"),
    *(
        "é",
        "e\u0301",
        "ß",
        "文字",
        "שלום",
        "🙂",
        "👩\u200d👧",
        "\u202e",
        "x" * 4_990,
        "é" * 2_500,
        "x" * 9_900,
        "é" * 5_000,
    ),
]
texts = st.lists(st.one_of(st.sampled_from(AWKWARD), st.text(max_size=20)), min_size=1, max_size=4).map("".join)
addresses = st.sampled_from(["a@x.example", "A@x.example", *(f"b{number}@x.example" for number in range(8))])
mails = st.builds(
    EmailRecipient,
    message_id=st.just(""),
    workspace=st.sampled_from(["default", "other"]),
    to=addresses,
    subject=texts,
    text=texts,
    html=st.none() | texts,
    headers=st.fixed_dictionaries({}, optional={"List-Unsubscribe": st.just("<https://x.example/u/1>")}),
)


def received(batch: EmailBatch) -> dict[str, dict[str, Any]]:
    """By message id: what arrives of a request, its substitutions put in."""
    request = payload(batch)
    arrived = {}
    for part in request["personalizations"]:
        values = part.get("substitutions", {})
        (to,) = part["to"]
        arrived[part["custom_args"]["message_id"]] = {
            "to": to,
            "from": request["from"],
            "reply_to": filled(request["reply_to"]["email"], values),
            "subject": filled(request["subject"], values),
            "content": [(each["type"], filled(each["value"], values)) for each in request["content"]],
            "headers": part.get("headers"),
            "custom_args": part["custom_args"],
        }
    return arrived


def alone(recipient: EmailRecipient) -> dict[str, Any]:
    (mail,) = received(EmailBatch("us@x.example", "Us", (recipient,), literal=True)).values()
    return mail


@settings(deadline=None, max_examples=200)
@given(st.lists(mails, min_size=1, max_size=20))
def test_everybody_gets_what_a_request_of_their_own_would_bring(drawn: list[EmailRecipient]) -> None:
    recipients = [replace(each, message_id=f"msg_{number}") for number, each in enumerate(drawn)]
    batches = SendGridClient.batches(recipients, from_address="us@x.example", from_name="Us")
    arrived = [received(batch) for batch in batches]
    assert sorted(name for request in arrived for name in request) == sorted(each.message_id for each in recipients)
    together = {name: mail for request in arrived for name, mail in request.items()}
    assert together == {each.message_id: alone(each) for each in recipients}


@settings(deadline=None, max_examples=200)
@given(st.lists(mails, min_size=1, max_size=20))
def test_no_request_passes_the_providers_limits(drawn: list[EmailRecipient]) -> None:
    recipients = [replace(each, message_id=f"msg_{number}") for number, each in enumerate(drawn)]
    for batch in SendGridClient.batches(recipients, from_address="us@x.example", from_name="Us"):
        parts = payload(batch)["personalizations"]
        to = [part["to"][0]["email"].casefold() for part in parts]
        assert len(to) == len(set(to)) <= 1_000
        sizes = [
            sum(len(name.encode()) + len(value.encode()) for name, value in part.get("substitutions", {}).items())
            for part in parts
        ]
        assert max(sizes) <= 10_000


@settings(deadline=None, max_examples=5)
@given(st.lists(mails, min_size=4, max_size=12), st.integers(1_000, 2_600))
def test_an_audience_beyond_one_request_is_split_and_nobody_changes(drawn: list[EmailRecipient], number: int) -> None:
    recipients = [
        replace(drawn[each % len(drawn)], message_id=f"msg_{each}", to=f"lead{each // 2}@x.example")  # twice each
        for each in range(number)
    ]
    batches = SendGridClient.batches(recipients, from_address="us@x.example", from_name="Us")
    assert all(len(batch.recipients) <= 1_000 for batch in batches)
    arrived = [received(batch) for batch in batches]
    assert sum(map(len, arrived)) == number
    together = {name: mail for request in arrived for name, mail in request.items()}
    assert together == {each.message_id: alone(each) for each in recipients}


@pytest.mark.parametrize("letter", ["x", "é", "🙂"])
@pytest.mark.parametrize("beyond", [0, 1])
def test_a_mail_of_exactly_the_limit_travels_with_others_and_one_byte_more_goes_alone(letter: str, beyond: int) -> None:
    def mail(number: int, text: str) -> EmailRecipient:
        return EmailRecipient(f"msg_{number}", "default", f"b{number}@x.example", "Hi", text, None, {})

    (part,) = payload(EmailBatch("us@x.example", "Us", (mail(1, ""),)))["personalizations"]
    taken = sum(len((name + value).encode()) for name, value in part["substitutions"].items())
    left = MAX_SUBSTITUTION_BYTES - taken + beyond
    text = letter * (left // len(letter.encode())) + "." * (left % len(letter.encode()))
    batches = SendGridClient.batches(
        [mail(0, "short"), mail(1, text), mail(2, "short")], from_address="us@x.example", from_name="Us"
    )
    assert sorted(len(batch.recipients) for batch in batches) == ([1, 2] if beyond else [3])
    assert {mail["content"][0][1] for batch in batches for mail in received(batch).values()} == {"short", text}
