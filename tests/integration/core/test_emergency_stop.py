"""The emergency stop: nothing begins to leave while it stands, and what was claimed waits."""

from __future__ import annotations

from overture_core.messages import ledger
from overture_core.storage.store import Store
from overture_core.workspaces import emergency
from tests.integration.core.test_ledger_claims import WORKSPACE, begin_sending, claim, launched, states

__all__ = ["launched"]


def test_nothing_is_claimed_until_the_stop_is_lifted(launched: Store) -> None:
    with launched.begin(WORKSPACE, actor="cli") as work:
        assert emergency.stop(work, reason="wrong text")
        assert not emergency.stop(work)
    assert claim(launched) is None
    with launched.begin(WORKSPACE, actor="cli") as work:
        assert emergency.lift(work)
        assert not emergency.lift(work)
    assert claim(launched) is not None


def test_what_was_claimed_does_not_leave_and_is_due_again(launched: Store) -> None:
    token = claim(launched)
    assert token
    with launched.begin(WORKSPACE, actor="cli") as work:
        emergency.stop(work)
    assert begin_sending(launched, token) == []
    with launched.begin(WORKSPACE, actor="worker-1") as work:
        ledger.finish(work, token, cause="stopped")
    assert set(states(launched)) == {"due"}
