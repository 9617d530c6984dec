"""What objects of JSON say in columns of consents and of refusals."""

from __future__ import annotations

import pytest

from overture_core.leads.answers import Said
from overture_core.leads.consent_objects import consents_in, refused_in
from overture_core.messages.channels import Channel

EMAIL, SMS, EVERY = frozenset({Channel.EMAIL}), frozenset({Channel.SMS}), frozenset(Channel)
CALLED = SMS | {Channel.VOICE}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"email": True}, Said(granted=EMAIL)),
        ({"email": {"value": True}}, Said(granted=EMAIL)),
        ({"granted": True}, Said(granted=EMAIL)),
        ({"granted": False}, Said(refused=EVERY)),
        ({"email": "yes", "sms": "no"}, Said(granted=EMAIL, refused=SMS)),
        ({"phone": False}, Said(refused=CALLED)),
        ({"channels": ["email", "sms"]}, Said(granted=EMAIL | SMS)),
        ({"email": True, "revoked": False}, Said(granted=EMAIL)),
        ({"email": True, "revoked": True}, Said(refused=EVERY)),
        ({"email_unsubscribed": True, "sms": True}, Said(granted=SMS, refused=EMAIL)),
        ({"email": {"opt_out": True}}, Said(refused=EMAIL)),
        ({"state": "unsubscribed", "source": "whatsapp"}, Said(refused=EVERY)),
        ({"email": {"granted": False, "replaced_by": "sms"}}, Said(refused=EMAIL)),
        ([{"channel": "sms", "granted": False}, {"channel": "email", "granted": True}], Said(EMAIL, SMS)),
        ([{"email": False}, {"sms": True}], Said(granted=SMS, refused=EMAIL)),
        ({"given": False, "date": "2024-01-01"}, Said(refused=EVERY)),
        ({"channels": {"email": True, "sms": False}}, Said(granted=EMAIL, refused=SMS)),
        ([{"channel": "post", "status": "opted_out"}, {"channel": "email", "status": "opted_in"}], Said(EMAIL)),
        ({"post": {"status": "opted_out"}, "email": {"status": "opted_in"}}, Said(EMAIL)),
        ([{"purpose": "newsletter", "granted": True}, {"purpose": "profiling", "granted": False}], Said(EMAIL)),
        ([{"name": "email", "value": False}], Said(refused=EMAIL)),
    ],
)
def test_an_object_says_it_by_channel(value: object, said: Said) -> None:
    assert consents_in(value, yes=EMAIL, no=EVERY) == said


@pytest.mark.parametrize(
    "more",
    [
        {"source": "sms"},
        {"preferred": "whatsapp"},
        {"country": "NO"},
        {"post": False},
        {"updated_by": "none"},
        {"terms": True},
    ],
)
def test_what_is_no_answer_neither_grants_nor_refuses(more: dict[str, object]) -> None:
    assert consents_in({"email": True, **more}, yes=EMAIL, no=EVERY) == Said(granted=EMAIL)
    assert consents_in(more, yes=EMAIL, no=EVERY) == Said(unclear=True)


@pytest.mark.parametrize(
    "value",
    [
        {"channels": ["email", "sms"], "status": "pending"},
        {"email": True, "status": "pending"},
        {"email": True, "expired": True},
        {"email": True, "confirmed": False},
        {"email": {"value": True, "expired_at": "2024-01-01"}},
        [{"channel": "sms", "status": "pending"}],
        {"channel": "sms", "date": "2024-01-01"},
    ],
)
def test_what_is_no_consent_yet_or_no_more_grants_nothing(value: object) -> None:
    assert consents_in(value, yes=EMAIL, no=EVERY) == Said(unclear=True)


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ({}, frozenset()),
        ({"email": False, "sms": False}, frozenset()),
        ({"email": False, "sms": True}, SMS),
        ({"email": False, "by": "somebody"}, frozenset()),
        ({"phone": True}, CALLED),
        ({"post": True, "push": True}, frozenset()),
        ({"value": False, "reason": None, "since": "2024-01-01"}, frozenset()),
        ({"value": True, "since": "2024-01-01"}, EVERY),
        ({"enabled": True}, EVERY),
        ({"channels": []}, frozenset()),
        ({"channels": ["sms"]}, SMS),
        ([{"channel": "sms", "value": True}], SMS),
        ({"newsletter": False, "updated_at": "2024-01-01"}, frozenset()),
        ({"reason": "spam"}, EVERY),
        ({"sms": {"status": False}}, frozenset()),
    ],
)
def test_an_object_in_a_column_of_refusals_refuses_what_it_says(value: object, refused: frozenset[Channel]) -> None:
    assert refused_in(value, EVERY) == refused
