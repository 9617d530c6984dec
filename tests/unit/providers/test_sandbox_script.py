from __future__ import annotations

from collections import Counter

import pytest

from overture_providers.sandbox.script import REPLIES, call_story, email_story, presses_key, sms_story


def whats(address: str, seed: int = 1) -> list[str]:
    return [step.what for step in email_story(seed, address)]


@pytest.mark.parametrize(
    ("address", "story"),
    [
        ("ada+bounce@x.example", ["processed", "bounce"]),
        ("complain@x.example", ["processed", "delivered", "spamreport"]),
        ("unsub.me@x.example", ["processed", "delivered", "open", "unsubscribe"]),
        ("a+reply-yes@x.example", ["processed", "delivered", "open", "reply"]),
        ("ooo@x.example", ["processed", "delivered", "reply"]),
    ],
)
def test_markers_choose_the_story(address: str, story: list[str]) -> None:
    assert whats(address) == story


def test_name_that_only_contains_the_letters_is_no_marker() -> None:
    assert all(REPLIES["ooo"] != step.text for step in email_story(1, "wooood@x.example"))


def test_same_seed_and_address_have_the_same_story_and_another_seed_another() -> None:
    addresses = [f"p{n}@x.example" for n in range(200)]
    assert [email_story(1, a) for a in addresses] == [email_story(1, a.upper()) for a in addresses]
    assert [whats(a, 1) for a in addresses] != [whats(a, 2) for a in addresses]


def test_list_behaves_as_documented() -> None:
    stories = [whats(f"p{n}@x.example") for n in range(10_000)]
    seen = Counter(what for story in stories for what in story)
    assert seen["processed"] == 10_000
    assert 9_600 < seen["delivered"] < 9_800
    assert 200 < seen["bounce"] < 400
    assert 200 < seen["deferred"] < 400
    assert 4_300 < seen["open"] < 5_100
    assert 1_000 < seen["click"] < 1_350
    assert 650 < seen["reply"] < 900


def test_numbers_endings_choose_the_sms_story() -> None:
    told = {
        ending: [(step.what, step.text) for step in sms_story(1, f"+155501000{ending}")] for ending in (10, 96, 98, 99)
    }
    assert told == {
        10: [("sent", ""), ("delivered", "")],
        96: [("sent", ""), ("delivered", ""), ("reply", "What does it cost?")],
        98: [("sent", ""), ("delivered", ""), ("reply", "STOP")],
        99: [("sent", ""), ("undelivered", "")],
    }


def test_steps_come_one_after_the_other() -> None:
    moments = [step.after_s for step in email_story(1, "unsub@x.example")]
    assert moments == sorted(moments)
    assert moments[0] >= 0.05


def test_numbers_endings_choose_who_picks_up() -> None:
    told = {
        ending: [(step.what, step.text) for step in call_story(1, f"+155501000{ending}")] for ending in (10, 96, 97, 99)
    }
    assert told == {
        10: [("in-progress", "machine_end_beep"), ("completed", "")],
        96: [("in-progress", "fax"), ("completed", "")],
        97: [("in-progress", "human"), ("completed", "")],
        99: [("no-answer", "")],
    }
    assert [presses_key(f"+155501000{ending}") for ending in (97, 98)] == [False, True]
