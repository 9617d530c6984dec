"""`overture messages`: single messages, and a person's word on those whose outcome is unknown."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.messages.states import State, change
from overture_core.settings import Settings
from overture_core.storage.schema import Campaign, Lead, Message
from overture_core.storage.store import Store
from overture_core.templates import service as templates

Overture = Callable[..., "subprocess.CompletedProcess[str]"]
WORKSPACE = "default"
BAD_INPUT = 2


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store that the commands use, with the campaign Spring: two messages unknown, one due."""
    opened = Store(Settings(data_dir=tmp_path / "data", sandbox_only=True))
    opened.prepare()
    with opened.begin(WORKSPACE, actor="test") as work:
        templates.save(work, "hello", Channel.EMAIL, "Hello again.", "Hello")
        at: dict[str, Any] = {"created_at": work.now(), "updated_at": work.now()}
        campaign = Campaign(
            id=new_id("cmp"), workspace_id=WORKSPACE, name="Spring", state="running", created_at=work.now()
        )
        work.session.add(campaign)
        for number in range(3):
            lead = Lead(id=new_id("lead"), workspace_id=WORKSPACE, custom={}, **at)
            work.session.add(lead)
            work.session.flush()
            work.session.add(
                Message(
                    id=f"msg_01M83CF8RNB8YXH6VCWH11XZD{number}",
                    workspace_id=WORKSPACE,
                    campaign_id=campaign.id,
                    lead_id=lead.id,
                    channel=Channel.EMAIL,
                    address=f"lead{number}@a-rather-long-name-of-a-company.example.com",
                    template_id=templates.get(work, "hello").id,
                    merge={},
                    state=State.DUE,
                    due_at=work.now(),
                    **at,
                )
            )
        work.session.flush()
        for source, target in (
            (State.DUE, State.CLAIMED),
            (State.CLAIMED, State.SENDING),
            (State.SENDING, State.UNKNOWN),
        ):
            change(work, source, target, Message.id.in_(IDS[:2]), cause="test", detail="[b]why[/b]")
    yield opened
    opened.close()


IDS = [f"msg_01M83CF8RNB8YXH6VCWH11XZD{number}" for number in range(3)]


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def refusal(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    found: dict[str, str] = json.loads(done.stderr)
    return found


def states(store: Store) -> list[str]:
    with store.read(WORKSPACE) as work:
        return [work.session.get_one(Message, each).state for each in IDS]


def test_unknown_messages_are_listed(store: Store, overture: Overture) -> None:
    found = answer(overture("messages", "list", "--state", "unknown", "--campaign", "Spring", "--json"))
    assert [{**each, "since": None} for each in found] == [
        {
            "id": each,
            "campaign": "Spring",
            "channel": "email",
            "address": f"lead{number}@a-rather-long-name-of-a-company.example.com",
            "state": "unknown",
            "reason": None,
            "since": None,
            "due_at": None,
        }
        for number, each in enumerate(IDS[:2])
    ]
    every = answer(overture("messages", "list", "--json"))
    assert [each["due_at"] is not None for each in every] == [False, False, True]
    assert states(store) == ["unknown", "unknown", "due"]


def test_a_table_never_cuts_an_id_and_says_what_it_left_out(store: Store, overture: Overture) -> None:
    assert states(store)
    shown = overture("messages", "list", "--limit", "2")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert [each in shown.stdout for each in IDS] == [True, True, False]
    assert shown.stdout.splitlines()[-1] == "These are 2 of 3; --limit shows more."


def test_a_message_is_shown_with_everything_that_happened_to_it(store: Store, overture: Overture) -> None:
    assert states(store)
    steps = ("due", "claimed", "sending", "unknown")
    found = answer(overture("messages", "show", IDS[0], "--json"))
    assert [{**each, "at": None} for each in found["events"]] == [
        {"at": None, "from_state": source, "to_state": target, "cause": "test", "detail": "[b]why[/b]"}
        for source, target in pairwise(steps)
    ]
    shown = overture("messages", "show", IDS[0])
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"Message {IDS[0]} of campaign Spring: email to lead0@")
    assert shown.stdout.count("[b]why[/b]") == 3


def test_a_person_settles_one_message_and_their_name_and_note_are_kept(store: Store, overture: Overture) -> None:
    done = overture("messages", "resolve", IDS[0], "--as", "accepted", "--note", "in the console", "--yes", "--json")
    assert answer(done) == {"outcome": "accepted", "settled": [IDS[0]]}
    assert states(store) == ["accepted", "unknown", "due"]
    last = answer(overture("messages", "show", IDS[0], "--json"))["events"][-1]
    assert (last["cause"], last["detail"]) == ("person", f"{getpass.getuser()}: in the console")


def test_a_person_settles_every_unknown_message_of_a_campaign(store: Store, overture: Overture) -> None:
    done = overture("messages", "resolve", "--campaign", "Spring", "--as", "failed", "--yes")
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 messages settled as failed.\n", "")
    assert states(store) == ["failed", "failed", "due"]
    again = overture("messages", "resolve", "--campaign", "Spring", "--as", "failed", "--yes", "--json")
    assert answer(again) == {"outcome": "failed", "settled": []}


@pytest.mark.parametrize(
    ("outcome", "means"),
    [
        ("accepted", "they count as sent, and are never sent again"),
        ("failed", "they count as not sent, and are still not sent again by themselves"),
    ],
)
def test_without_yes_nothing_is_settled_and_what_it_would_mean_is_said(
    store: Store, overture: Overture, outcome: str, means: str
) -> None:
    told = refusal(overture("messages", "resolve", "--campaign", "Spring", "--as", outcome, "--json"))
    assert told == {
        "error": "invalid_input",
        "message": f"2 messages would be settled as {outcome}: {means}; add --yes to do so.",
    }
    assert states(store) == ["unknown", "unknown", "due"]


@pytest.mark.parametrize(
    ("typed", "exit_code", "left"),
    [("y", 0, ["failed", "failed", "due"]), ("n", 130, ["unknown", "unknown", "due"])],
)
def test_at_a_terminal_a_person_is_asked_first(
    store: Store, tmp_path: Path, warm_programs: Path, typed: str, exit_code: int, left: list[str]
) -> None:
    terminal, theirs = os.openpty()
    os.write(terminal, f"{typed}\n".encode())
    done = subprocess.run(
        [str(warm_programs / "overture"), "messages", "resolve", "--campaign", "Spring", "--as", "failed"],
        env={**os.environ, "OVERTURE_DATA_DIR": str(tmp_path / "data")},
        cwd=tmp_path,
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    os.close(terminal)
    assert done.returncode == exit_code
    assert done.stdout.startswith("2 messages will be settled as failed: they count as not sent")
    assert states(store) == left


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((IDS[2], "--as", "failed", "--yes"), "conflict", "is due, so there is nothing to settle"),
        (("msg_x", "--as", "failed", "--yes"), "not_found", "There is no message 'msg_x'"),
        (("--campaign", "Autumn", "--as", "failed", "--yes"), "not_found", "the campaigns are: Spring"),
        (("--as", "failed", "--yes"), "invalid_input", "Give either a message's id or --campaign"),
        ((IDS[0], "--campaign", "Spring", "--as", "failed"), "invalid_input", "Give either"),
        ((IDS[0], "--as", "delivered", "--yes"), "invalid_input", "'accepted', 'failed'"),
        ((IDS[0], "--yes"), "invalid_input", "--as"),
    ],
)
def test_what_cannot_be_settled_is_refused_in_one_sentence(
    store: Store, overture: Overture, arguments: tuple[str, ...], error: str, words: str
) -> None:
    told = refusal(overture("messages", "resolve", *arguments, "--json"))
    assert (told["error"], words in told["message"]) == (error, True), told
    assert states(store) == ["unknown", "unknown", "due"]


def test_a_message_that_does_not_exist_is_not_shown(overture: Overture) -> None:
    told = refusal(overture("messages", "show", "msg_x", "--json"))
    assert told["message"] == "There is no message 'msg_x'; `overture messages list` shows the ids."
