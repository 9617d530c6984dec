"""Operations whose lead goes end with the reason, and no worker asks for ever after them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, Via
from overture_core.approvals.subjects import subject
from overture_core.clock import ManualClock
from overture_core.errors import Conflict
from overture_core.operations import claims, ending
from overture_core.operations import service as operations
from overture_core.operations.models import OperationView, Proposal
from overture_core.operations.states import GONE, OperationState
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

WORKSPACE = "default"


def approved(store: Store, lead_id: str | None) -> OperationView:
    proposal = Proposal(
        kind="fake.send", params={}, told=["Write."], sandbox=True, repeatable=True, why=["it writes"], lead_id=lead_id
    )
    with store.begin(WORKSPACE, actor="mcp:crew") as work:
        made = operations.propose(work, proposal)
        assert made.approval_id is not None
        approvals.decide(work, made.approval_id, approve=True, by="ada", via=Via.CLI)
        return made


def test_one_that_lost_its_lead_is_cancelled_and_one_that_never_had_any_is_not(
    store: Store, scene: Any, clock: ManualClock
) -> None:
    lead = scene.add_lead()
    lost, without = approved(store, lead), approved(store, None)
    with store.begin(WORKSPACE, actor="somebody") as work:
        work.session.execute(delete(Lead).where(Lead.id == lead))
    clock.advance(claims.GRACE)
    assert lost.approval_id is not None
    with store.begin(WORKSPACE, actor="worker") as work:
        assert f"It CANNOT be carried out: {GONE}." in subject(work, lost.approval_id).lines
        assert ending.end_orphans(work) == 1
        assert claims.due(work) == [without.id]
        assert ending.end_orphans(work) == 0
        found = operations.get(work, lost.id)
        assert (found.state, found.error, found.approval_state) == (
            OperationState.CANCELLED,
            GONE,
            ApprovalState.VOID,
        )
        with pytest.raises(Conflict, match=rf"was cancelled \({GONE}\); it cannot be asked for again\.$"):
            claims.begin(work, lost.id, sandbox=True)


def test_a_worker_leaves_an_approval_alone_whose_time_is_over(store: Store, clock: ManualClock) -> None:
    made = approved(store, None)
    clock.advance(operations.APPROVAL_HOLDS - timedelta(minutes=1))
    with store.read(WORKSPACE) as work:
        assert claims.due(work) == [made.id]
    clock.advance(timedelta(minutes=1))
    with store.read(WORKSPACE) as work:
        assert claims.due(work) == []
