"""A reply's label is chosen once, even if the run is cut off before anything was done about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from overture_crew.answering import Answering
from overture_crew.answers import AnswerDraft
from overture_crew.brief import default_brief
from overture_crew.client import McpSessions
from overture_crew.errors import ModelFailed
from overture_crew.report import Label
from overture_crew.runs import Run, RunStore
from overture_crew.sessions import StdioServer
from overture_crew.steps import Teller


class Readers:
    """Chooses `chosen` for every reply; drafts nothing, and with `fails` not even that."""

    def __init__(self, chosen: Label, *, fails: bool = False) -> None:
        self.labelled: list[str] = []
        self._chosen = chosen
        self._fails = fails

    def label(self, text: str, by_rules: Label) -> Label:
        self.labelled.append(text)
        return self._chosen

    def answer(self, question: str, channel: str) -> AnswerDraft:
        if self._fails:
            raise ModelFailed
        return AnswerDraft(reason="nobody knows")


def test_a_run_that_goes_on_asks_only_about_the_replies_that_have_no_label(
    servers: dict[str, StdioServer], tmp_path: Path
) -> None:
    store = RunStore(tmp_path / "runs")
    run = store.begin("replies", default_brief(), "readers")

    def answering(sessions: McpSessions, run: Run, readers: Readers) -> Answering:
        teller = Teller(run, store, lambda _event: None)
        return Answering(sessions, run, store, teller, readers, campaign="Win-back")

    with McpSessions(servers) as sessions:
        with pytest.raises(ModelFailed):
            answering(sessions, run, Readers("question", fails=True)).handle()
        again = store.get(run.id)
        readers = Readers("not_now")
        answering(sessions, again, readers).handle()
    assert readers.labelled == ["yes"]
    assert {reply: each.label for reply, each in again.report.handled.items()} == {
        "rep_1": "question",
        "rep_2": "not_now",
        "rep_3": "stop",
    }
    assert (again.report.ending, [each for each in again.report.handled.values() if each.waits]) == ("finished", [])
