"""`overture operations ...`"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from overture_core.clock import ManualClock
from overture_core.operations import claims
from overture_core.operations import service as operations
from overture_core.operations.models import OperationView, Proposal
from overture_core.operations.states import OperationState
from overture_core.settings import Settings
from overture_core.storage.store import Store

Overture = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store that the commands use, under a clock that can be set."""
    opened = Store(Settings(data_dir=tmp_path / "data", sandbox_only=True), ManualClock(datetime.now(UTC)))
    opened.prepare()
    yield opened
    opened.close()


def asked(store: Store, *, begun: bool = False, why: list[str] | None = None) -> OperationView:
    proposal = Proposal(
        kind="nobody.does", params={"a": 1}, told=["Do something."], sandbox=True, repeatable=False, why=why or []
    )
    with store.begin("default", actor="mcp:crew") as work:
        made = operations.propose(work, proposal)
        if begun:
            claims.begin(work, made.id, sandbox=True)
    return made


def test_a_person_approves_takes_back_and_is_told_what_cannot_be_run(overture: Overture, store: Store) -> None:
    made = asked(store, why=["it is dear"])
    shown = overture("approvals", "list").stdout
    assert "Do something" in shown
    assert "because it is dear" in overture("approvals", "show", str(made.approval_id)).stdout
    assert "A worker does it now." in overture("approvals", "approve", str(made.approval_id)).stdout
    refused = overture("operations", "run", made.id)
    assert refused.returncode == 2
    assert refused.stderr == "overture: This release cannot run operations of the kind 'nobody.does'; upgrade it.\n"
    assert f"{made.id} (nobody.does) is cancelled." in overture("operations", "cancel", made.id).stdout
    assert overture("operations", "cancel", "opr_none").returncode == 2


def test_a_reason_that_is_a_sentence_ends_once(overture: Overture, store: Store) -> None:
    made = asked(store, why=["it is dear"])
    done = overture("approvals", "reject", str(made.approval_id), "--reason", "Too dear.")
    assert done.returncode == 0
    shown = overture("approvals", "show", str(made.approval_id)).stdout
    assert shown.rstrip().endswith("is rejected: Too dear.")


def test_who_approves_while_all_is_stopped_is_told_that_nothing_is_done(overture: Overture, store: Store) -> None:
    made = asked(store, why=["it is dear"])
    assert overture("stop").returncode == 0
    said = overture("approvals", "approve", str(made.approval_id)).stdout
    assert "All sending is stopped: nothing is done before a person lifts that with `overture stop --lift`." in said
    assert "A worker does it" not in said


@pytest.mark.parametrize(
    ("said", "state", "result"),
    [(("--done", "urn:1"), "done", {"id": "urn:1"}), (("--not-done",), "failed", None)],
)
def test_a_person_settles_what_nobody_knows(
    overture: Overture, store: Store, said: tuple[str, ...], state: str, result: object
) -> None:
    made = asked(store, begun=True)
    with store.begin("default", actor="worker") as work:
        row = operations.list_(work, state=OperationState.RUNNING)
        assert [each.id for each in row] == [made.id]
    assert overture("operations", "settle", made.id, "--note", "seen").returncode == 2
    assert "only one that is unknown" in overture("operations", "settle", made.id, *said, "--note", "seen").stderr
    assert isinstance(store.clock, ManualClock)
    store.clock.advance(claims.LEASE)
    with store.begin("default", actor="worker") as work:
        claims.sweep(work)
    settled = json.loads(overture("operations", "settle", made.id, *said, "--note", "seen", "--json").stdout)
    assert (settled["state"], settled["result"], settled["error"]) == (state, result, "seen")
