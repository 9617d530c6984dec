"""Codes of providers in words."""

from __future__ import annotations

import pytest

from overture_core.campaigns.showing import explained
from overture_core.messages.refusals import meaning
from overture_core.messages.states import REFUSED


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("30003", "the handset cannot be reached: off, or without coverage (30003)"),
        ("5.1.1", "there is no such mailbox (5.1.1)"),
        ("4.9.9", "the mail server refused it (4.9.9)"),
        ("complained", "the recipient reported it as spam"),
        ("gave_up:30007", "given up after several tries, the last with: the carrier filtered the message (30007)"),
        ("gave_up:503", "given up after several tries, the last with: 503"),
    ],
)
def test_a_code_is_said_by_its_meaning(code: str, words: str) -> None:
    assert meaning(code) == words
    assert explained(code) == words


def test_a_code_that_nobody_knows_stays_as_it_is() -> None:
    assert meaning("39999") is None
    assert explained("39\u202e999") == "39999"


def test_a_message_that_ended_without_a_code_has_words_too() -> None:
    assert all(meaning(state) for state in REFUSED)
