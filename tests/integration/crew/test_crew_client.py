"""The crew's MCP client against real server processes over stdio."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overture_crew.client import McpSessions
from overture_crew.errors import OutcomeUnknown, ServerUnavailable
from overture_crew.sessions import Answer, Question, StdioServer, ToolOutcome

NEVER_IDLE_S = 3600.0

Servers = dict[str, StdioServer]
Calls = Callable[[], list[dict[str, Any]]]
WaitFor = Callable[..., Any]

LAUNCHED = {"campaign_id": "cmp_1", "state": "running", "queued": 8}


def test_nulls_are_left_out_and_the_result_comes_back(servers: Servers, calls: Calls) -> None:
    with McpSessions(servers) as sessions:
        outcome = sessions.call("leads", "leads_preview_segment", {"where": "country = US", "name": None})
    assert outcome.result("leads_preview_segment")["count"] == 8
    assert calls() == [{"tool": "leads_preview_segment", "args": {"where": "country = US", "name": None}}]


def test_progress_reaches_the_caller(servers: Servers) -> None:
    seen: list[tuple[float, float | None, str | None]] = []
    with McpSessions(servers) as sessions:
        sessions.call("leads", "leads_import_file", {"path": "x.csv"}, lambda *step: seen.append(step))
    assert seen == [(5, 10, "reading"), (10, 10, "done")]


def test_a_tool_error_comes_back_as_text(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "preview_fails").touch()
    with McpSessions(servers) as sessions:
        outcome = sessions.call("leads", "leads_preview_segment", {})
    assert outcome == ToolOutcome({}, "The filter is not usable; leave out what you do not need.", is_error=True)


def test_an_unknown_tool_is_an_error_that_names_the_tools(servers: Servers) -> None:
    with McpSessions(servers) as sessions:
        outcome = sessions.call("leads", "leads_delete_everything", {})
    assert outcome.is_error
    assert "leads_list_segments" in outcome.text


def test_a_write_that_lost_its_server_is_unknown_and_never_repeated(
    servers: Servers, calls: Calls, tmp_path: Path
) -> None:
    for name in ("approved", "die_in_launch"):
        (tmp_path / name).touch()
    with McpSessions(servers) as sessions:
        with pytest.raises(OutcomeUnknown, match="Look at the status"):
            sessions.call("messaging", "messaging_launch_campaign", {"plan_id": "pln_1"})
        status = sessions.call("messaging", "messaging_get_campaign", {"campaign": "c"}).structured
    assert status["state"] == "running"
    assert [call["tool"] for call in calls()] == ["messaging_launch_campaign", "messaging_get_campaign"]


def test_a_read_that_lost_its_server_is_repeated_on_a_new_one(servers: Servers, calls: Calls, tmp_path: Path) -> None:
    (tmp_path / "die_in_status").touch()
    with McpSessions(servers) as sessions:
        outcome = sessions.call("messaging", "messaging_get_campaign", {"campaign": "c"})
    assert outcome.structured["state"] == "planned"
    assert len(calls()) == 2


def test_a_session_that_died_while_idle_is_opened_again_before_a_write(
    servers: Servers, calls: Calls, tmp_path: Path
) -> None:
    for name in ("approved", "die_in_launch"):
        (tmp_path / name).touch()
    with McpSessions(servers) as sessions:
        with pytest.raises(OutcomeUnknown):
            sessions.call("messaging", "messaging_launch_campaign", {"plan_id": "pln_1"})
        outcome = sessions.call("messaging", "messaging_launch_campaign", {"plan_id": "pln_2"})
    assert outcome.structured == LAUNCHED
    assert [call["args"]["plan_id"] for call in calls()] == ["pln_1", "pln_2"]


def test_a_write_goes_to_a_new_process_if_the_server_ended_since_its_last_answer(
    servers: Servers, calls: Calls, tmp_path: Path, wait_for: WaitFor
) -> None:
    with McpSessions(servers, idle_s=NEVER_IDLE_S) as sessions:
        sessions.call("leads", "leads_list_segments")
        pid = int((tmp_path / "leads.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not exists(pid))
        assert sessions.tools("leads")
        assert sessions.call("leads", "leads_import_file", {"path": "x.csv"}).structured["rows"] == 10
    assert [call["tool"] for call in calls()] == ["leads_list_segments", "leads_import_file"]


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_question_is_put_before_the_person_whose_answer_counts(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "elicit").touch()
    asked: list[Question] = []

    def ask(question: Question) -> Answer:
        asked.append(question)
        return Answer("accept", {"approve": True})

    with McpSessions(servers, ask=ask) as sessions:
        outcome = sessions.call("messaging", "messaging_launch_campaign", {"plan_id": "pln_1"})
    assert outcome.structured == LAUNCHED
    assert [(question.server, question.message) for question in asked] == [("messaging", "Launch pln_1?")]


def test_a_declined_question_launches_nothing(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "elicit").touch()
    with McpSessions(servers, ask=lambda _question: Answer("decline")) as sessions:
        outcome = sessions.call("messaging", "messaging_launch_campaign", {"plan_id": "pln_1"})
    assert outcome.is_error
    assert not (tmp_path / "running").exists()


@pytest.mark.parametrize("command", ["/nowhere/overture", sys.executable])
def test_a_server_that_does_not_start_is_named(command: str) -> None:
    servers = {"leads": StdioServer(command=command, args=("-c", "pass"))}
    with McpSessions(servers) as sessions, pytest.raises(ServerUnavailable, match="'leads' cannot be reached"):
        sessions.tools("leads")
