"""Hints on templates: what filters and readers dislike is named, and an honest message gets none."""

from __future__ import annotations

from typing import Any

import pytest

from overture_core.storage.schema import Template
from overture_core.templates.linting import lint


def template(body: str = "Hi {{ first_name }}, are you still interested?", **values: Any) -> Template:
    made = {"name": "t", "version": 1, "channel": "email", "subject": "Your question of last spring", "body": body}
    return Template(**{**made, **values})


@pytest.mark.parametrize(
    "honest",
    [
        template(),
        template("Hi {{ first_name }}, see https://www.example.com/{{ company }}. Bye!"),
        template(body_html='<p>Hi</p><a href="https://www.example.com/a">example.com</a>'),
        template(body_html='<p>Hi</p><a href="{{ unsubscribe_url }}">Unsubscribe</a>'),
        template("ACME GMBH and you", channel="sms", subject=None),
        template("Grüße, hier ist https://müller.example", subject="Grüße"),
    ],
    ids=["plain", "own link", "same host", "unsubscribe", "a name in capitals", "umlauts"],
)
def test_an_honest_message_gets_no_hint(honest: Template) -> None:
    assert lint(honest) == []


@pytest.mark.parametrize(
    ("doubtful", "said"),
    [
        (template(subject="Re: our talk"), "begins like an answer"),
        (template(subject="x" * 71), "over 70 characters"),
        (template(subject="Now!! Come"), "several exclamation marks"),
        (template(subject="LAST CHANCE FOR YOU"), "subject is in capitals"),
        (template("READ THIS NOW OR NEVER, FRIEND"), "text is in capitals"),
        (template("Act now, it is risk-free."), "act now, risk-free"),
        (template("See http://example.com"), "not encrypted (http, example.com)"),
        (template("See https://bit.ly/x"), "shortened by bit.ly, which hides where it leads; filters"),
        (template("See https://bit.ly/x", channel="sms", subject=None), "carriers block such messages"),
        (template("See https://192.0.2.7/login"), "number instead of a name (192.0.2.7)"),
        (template("See https://exаmple.com/"), "several alphabets"),  # noqa: RUF001 - the first a is Cyrillic
        (template("See https://xn--exmple-4nf.com/"), "or is coded"),
        (template("See https://paypal.com@evil.example/"), "user's name before its host"),
        (template(" ".join(f"https://example.com/{n}" for n in range(6))), "6 links"),
        (
            template(body_html='<p>Hi</p><a href="https://evil.example/">bank.example</a>'),
            "says bank.example and leads",
        ),
        (template(body_html='<img src="https://example.com/a.png"><p>Hi</p>'), "nearly all pictures"),
    ],
)
def test_what_makes_filters_suspicious_is_said(doubtful: Template, said: str) -> None:
    (hint,) = lint(doubtful)
    assert said in hint
