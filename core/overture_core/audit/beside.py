"""What the other tables say was done: each such deed has its entry, so that a chain that was emptied, or cut off at its
end together with its head, does not pass for a whole one."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Select, Text, cast, func, select

from overture_core.campaigns.states import PlanState
from overture_core.operations.states import OperationState
from overture_core.storage.schema import (
    Approval,
    AuditEntry,
    LeadImport,
    Operation,
    Plan,
    Segment,
    Suppression,
    Template,
)
from overture_core.storage.store import Work
from overture_core.text import quantity

_Deed = LeadImport | Template | Segment | Plan | Approval | Operation
_LAUNCHED = (PlanState.LAUNCHING, PlanState.LAUNCHED)


def without_entry(work: Work) -> str | None:
    """Return a sentence about the first deed that has left something and has no entry; None if all have one."""
    for what, wanted in _deeds(work):
        if (found := work.session.scalar(wanted.limit(1))) is not None:
            return f"{what} {found} has no entry: it was removed, or the chain's end was cut off."
    kept = select(func.count()).where(Suppression.workspace_id == work.workspace)
    # By their number: an entry has an address as a keyed hash alone. Erasing takes suppressions away, never entries.
    written = select(func.count()).where(
        AuditEntry.workspace_id == work.workspace, AuditEntry.action == "address.suppressed"
    )
    lacking = (work.session.scalar(kept) or 0) - (work.session.scalar(written) or 0)
    if lacking > 0:
        return f"{quantity(lacking, 'suppression')} without an entry: it was removed, or the chain's end was cut off."
    return None


def _deeds(work: Work) -> Iterator[tuple[str, Select[str]]]:
    """Yield each kind of deed with the query for the ids of those that have no entry."""

    def lacking(of: type[_Deed], *actions: str) -> Select[str]:
        subjects = select(AuditEntry.subject).where(
            AuditEntry.workspace_id == work.workspace, AuditEntry.action.in_(actions), AuditEntry.subject.is_not(None)
        )
        return select(of.id).where(of.workspace_id == work.workspace, of.id.not_in(subjects)).order_by(of.id)

    # An import that was cut short has no report yet, and a plan that was has no hash.
    yield "The import", lacking(LeadImport, "leads.imported").where(cast(LeadImport.report, Text) != "{}")
    yield "The template", lacking(Template, "template.saved")
    yield "The segment", lacking(Segment, "segment.saved")
    yield "The plan", lacking(Plan, "plan.made").where(Plan.content_hash != "")
    decided = lacking(Approval, "approval.approved", "approval.rejected").where(Approval.decided_at.is_not(None))
    yield "The decision on the approval", decided
    yield "The launch of the plan", lacking(Plan, "plan.launched").where(Plan.state.in_(_LAUNCHED))
    yield "The operation", lacking(Operation, "operation.proposed")
    yield "The beginning of the operation", lacking(Operation, "operation.begun").where(Operation.begun_at.is_not(None))
    ended = lacking(Operation, "operation.done", "operation.failed", "operation.settled")
    yield "The end of the operation", ended.where(Operation.state.in_((OperationState.DONE, OperationState.FAILED)))
    cancelled = lacking(Operation, "operation.cancelled").where(Operation.state == OperationState.CANCELLED)
    yield "The cancelling of the operation", cancelled
