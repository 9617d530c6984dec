"""What the demo says at its end."""

from __future__ import annotations

from typing import Any

import pytest

from overture_cli.demo.story import Story, show

NOTHING: dict[str, Any] = {
    "imported": 3,
    "created": 3,
    "merged": 0,
    "unchanged": 0,
    "rejected": 0,
    "reject_reasons": {},
    "leads": 3,
    "in_segment": 3,
    "accepted_twice": 0,
    "suppressed": 1,
    "approved_by": "nobody yet",
    "ending": "finished",
    "next_step": "",
    "brain": "rules planner (no AI model)",
    "database": "SQLite",
    "redis": "valkey",
    "providers": "sandbox",
    "folder": "/demo",
    "seconds": 1.0,
}


def shown(capsys: pytest.CaptureFixture[str], **more: Any) -> list[str]:
    """The lines of a story, each table row as its cells with one blank between them."""
    show(Story(**{**NOTHING, **more}))
    return [" ".join(line.replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]


def test_what_the_provider_took_is_told_even_if_it_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert "taken by the provider 0" in shown(capsys)


def test_what_the_provider_took_is_told_in_all_and_by_channel(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, accepted=5, accepted_by_channel={"email": 3, "sms": 2}, sent_now=1)
    first = lines.index("taken by the provider 5")
    assert lines[first : first + 4] == ["taken by the provider 5", "by e-mail 3", "by SMS 2", "of them in this run 1"]


def test_people_replies_and_addresses_are_counted_apart(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, replied=1, stopped=1, replies={"interested": 2, "out_of_office": 1, "stop": 1})
    first = lines.index("people who answered 1")
    assert lines[first : first + 7] == [
        "people who answered 1",
        "people who asked to stop 1",
        "replies, automatic ones too 4",
        "interested 2",
        "out of office 1",
        "stop 1",
        "addresses never to be written to again 1",
    ]


def test_unknown_outcomes_are_explained_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    [line] = [line for line in shown(capsys, unknown=7) if line.startswith("Outcome unknown")]
    assert all(words in line for words in ("unknown: 7", "not sent again by themselves", "webhook", "messages resolve"))
    assert not [line for line in shown(capsys) if line.startswith("Outcome unknown")]
