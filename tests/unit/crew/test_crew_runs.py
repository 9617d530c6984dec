"""Runs are kept whole, found again by their brief, and worked on by one process at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from overture_crew.brief import default_brief
from overture_crew.errors import RunBusy, RunNotFound
from overture_crew.report import CrewEvent, Handled
from overture_crew.runs import RunStore

BRIEF = default_brief()


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def test_a_run_is_found_by_its_id_by_its_beginning_and_by_its_brief(store: RunStore) -> None:
    run = store.begin("reactivation", BRIEF, "rules")
    assert store.get(run.id).id == store.get(run.id[:12]).id == run.id
    found = store.unfinished("reactivation", BRIEF)
    assert found is not None
    assert found.id == run.id
    assert store.unfinished("replies", BRIEF) is None
    assert store.unfinished("reactivation", BRIEF.model_copy(update={"goal": "another"})) is None
    run.phase, run.report.ending = "ended", "finished"
    store.save(run)
    assert store.unfinished("reactivation", BRIEF) is None


def test_what_is_not_there_or_not_clear_is_said(store: RunStore, tmp_path: Path) -> None:
    with pytest.raises(RunNotFound, match="There is no run 'run_x'"):
        store.get("run_x")
    first, _second = (store.begin("reactivation", BRIEF, "rules") for _ in range(2))
    with pytest.raises(RunNotFound, match="2 runs begin with 'run_'"):
        store.get("run_")
    (tmp_path / "runs" / first.id / "run.json").write_text("{")
    with pytest.raises(RunNotFound, match="cannot be read; start a new one"):
        store.get(first.id)
    assert len(store.all()) == 1


def test_a_plans_samples_are_not_kept(store: RunStore, tmp_path: Path) -> None:
    run = store.begin("reactivation", BRIEF, "rules")
    run.report.plan = {"plan_id": "pln_1", "samples": [{"to": "ada@example.com"}]}
    store.save(run)
    assert store.get(run.id).report.plan == {"plan_id": "pln_1"}
    assert "ada@example.com" not in (tmp_path / "runs" / run.id / "run.json").read_text()


def test_a_transcript_that_was_cut_is_read_as_far_as_it_goes(store: RunStore, tmp_path: Path) -> None:
    run = store.begin("reactivation", BRIEF, "rules")
    event = CrewEvent(step="plan", kind="started", text="Planning", elapsed_s=1.0)
    store.note(run, event)
    with (tmp_path / "runs" / run.id / "transcript.jsonl").open("a") as file:
        file.write('{"step": "la')
    assert store.transcript(run) == [event]


def test_a_later_run_of_the_campaign_knows_which_replies_were_handled(store: RunStore) -> None:
    first = store.begin("reactivation", BRIEF, "rules")
    first.report.handled["rpl_1"] = Handled(lead_id="l", label="question", action="left to a person", outcome="")
    store.save(first)
    assert set(store.begin("replies", BRIEF, "rules").report.handled) == {"rpl_1"}
    other = BRIEF.model_copy(update={"campaign": "Another"})
    assert store.begin("replies", other, "rules").report.handled == {}


def test_one_process_works_on_a_run(store: RunStore) -> None:
    run = store.begin("reactivation", BRIEF, "rules")
    with store.held(run), pytest.raises(RunBusy, match="being worked on by another process"), store.held(run):
        pass
    with store.held(run):
        pass
