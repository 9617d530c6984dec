"""What cells say of consent that programs wrote, and not people."""

from __future__ import annotations

import pytest

from overture_core.leads.answers import NOTHING, Said, answer, is_plain_refusal, is_refusal
from overture_core.messages.channels import Channel

EMAIL, SMS, EVERY = frozenset({Channel.EMAIL}), frozenset({Channel.SMS}), frozenset(Channel)


@pytest.mark.parametrize(
    "text", ["0.0", "0,0", "0.00", "FALSCH", "FAUX", "nan", "#N/A", "0000-00-00", "not opted out", "inactive", "soft"]
)
def test_no_of_a_column_of_refusals_refuses_nothing_however_a_program_writes_it(text: str) -> None:
    assert not is_refusal(text)
    assert not is_plain_refusal(text)


@pytest.mark.parametrize("text", ["1.0", "1,0", "WAHR", "VRAI", "2024-05-06", "by phone", "active"])
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


@pytest.mark.parametrize(
    ("text", "granted"),
    [
        ("yes (2024-05-01)", EMAIL),
        ("ja. 12.03.2021", EMAIL),
        ("yes please", EMAIL),
        ("Ja, bitte", EMAIL),
        ("sms (yes)", SMS),
        ("sms - yes", SMS),
    ],
)
def test_a_yes_with_a_remark_that_says_nothing_else_grants(text: str, granted: frozenset[Channel]) -> None:
    assert answer(text, yes=EMAIL, no=EVERY) == Said(granted=granted)


@pytest.mark.parametrize(
    "text", ["yes (expired)", "oui (perdu)", "true - dead", "yes, until May", "yes (old list)", "email (old)", "1.5"]
)
def test_a_yes_with_a_remark_that_nobody_understands_grants_nothing(text: str) -> None:
    assert answer(text, yes=EMAIL, no=EVERY) == Said(unclear=True)


def test_beside_what_is_no_channel_one_that_is_named_by_itself_is_granted() -> None:
    assert answer("email, post", yes=EMAIL, no=EVERY) == Said(granted=EMAIL, unclear=True)


@pytest.mark.parametrize(
    "text", ["no, sms", "no (sms)", "no / whatsapp", "declined - sms", "opted out; sms", "nein, nur sms"]
)
def test_beside_a_no_nothing_is_granted(text: str) -> None:
    assert answer(text, yes=EMAIL, no=EMAIL) == Said(refused=EMAIL)
    assert answer(text, yes=EMAIL, no=EVERY).refused == EVERY


def test_a_column_of_one_channel_agrees_to_no_other() -> None:
    assert answer("yes, sms", yes=EMAIL, no=EMAIL) == Said(granted=EMAIL, unclear=True)
    assert answer("sms", yes=EMAIL, no=EMAIL) == Said(unclear=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sms (no)", Said(refused=SMS)),
        ("email (withdrawn)", Said(refused=EMAIL)),
        ("email (yes), sms (no)", Said(granted=EMAIL, refused=SMS)),
        ("email, sms (no)", Said(granted=EMAIL, refused=SMS)),
        ("Y (email), N (sms)", Said(granted=EMAIL, refused=SMS)),
    ],
)
def test_a_remark_is_about_the_channel_before_it(text: str, said: Said) -> None:
    assert answer(text, yes=EMAIL, no=EVERY) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *(
            (each, Said(refused=EVERY))
            for each in ("abbestellt", "gekündigt", "retiré", "revoqué", "widerrufen", "paused")
        ),
        *(
            (each, Said(refused=SMS))
            for each in ("all but sms", "everything except SMS", "alles außer SMS", "tout sauf sms")
        ),
        ("email but no sms", Said(granted=EMAIL, refused=SMS)),
        ("E-Mail, aber keine SMS", Said(granted=EMAIL, refused=SMS)),
        ("nie ma zgody", Said(refused=EVERY)),
        ("[]", NOTHING),
    ],
)
def test_words_that_end_a_consent_and_those_that_leave_one_channel_out_refuse(text: str, said: Said) -> None:
    assert answer(text, yes=EMAIL, no=EVERY) == said


@pytest.mark.parametrize("text", ["email; sms; expired", "email / sms: expired", "email, sms (pending)"])
def test_an_end_behind_channels_may_be_of_all_of_them(text: str) -> None:
    assert answer(text, yes=EMAIL, no=EVERY) == Said(unclear=True)


@pytest.mark.parametrize(
    "text", ["email + sms (both withdrawn)", "Email, SMS (opted out 12/2023)", "email, sms - withdrawn 2024-01-01"]
)
def test_a_refusal_behind_channels_leaves_none_of_them_granted(text: str) -> None:
    assert answer(text, yes=EMAIL, no=EVERY) == Said(refused=SMS, unclear=True)


@pytest.mark.parametrize("text", ["email: yes; post: no", "email, no post", "E-Mail: ja, Push: nein"])
def test_beside_an_answer_a_no_to_letters_or_push_refuses_nothing(text: str) -> None:
    assert answer(text, yes=EMAIL, no=EVERY) == Said(granted=EMAIL)


def test_who_never_agreed_has_not_refused() -> None:
    assert answer("NEVER_SUBSCRIBED", yes=EMAIL, no=EVERY) == NOTHING
