"""What cells say of consent that programs wrote, and not people."""

from __future__ import annotations

import pytest

from overture_core.leads.answers import NOTHING, Said, answer, is_plain_refusal, is_refusal
from overture_core.messages.channels import Channel

EMAIL, EVERY = frozenset({Channel.EMAIL}), frozenset(Channel)


@pytest.mark.parametrize(
    "text", ["0.0", "0,0", "0.00", "FALSCH", "FAUX", "nan", "#N/A", "0000-00-00", "not opted out", "active"]
)
def test_no_of_a_column_of_refusals_refuses_nothing_however_a_program_writes_it(text: str) -> None:
    assert not is_refusal(text)
    assert not is_plain_refusal(text)


@pytest.mark.parametrize("text", ["1.0", "1,0", "WAHR", "VRAI", "2024-05-06", "by phone"])
def test_a_yes_a_date_or_a_reason_refuses_there(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1.0", Said(granted=EMAIL)),
        ("1,0", Said(granted=EMAIL)),
        ("WAHR", Said(granted=EMAIL)),
        ("0.0", Said(refused=EVERY)),
        ("FALSCH", Said(refused=EVERY)),
        ("nan", NOTHING),
        ("#N/A", NOTHING),
        ("-None-", NOTHING),
        ("No preference", Said(unclear=True)),
        ("Keine Einschränkungen", Said(unclear=True)),
        ("I do not want to know", Said(refused=EVERY)),
    ],
)
def test_a_number_or_a_truth_value_of_a_program_is_one_answer(text: str, said: Said) -> None:
    assert answer(text, yes=EMAIL, no=EVERY) == said
