"""What an approval is about, as it reads to the person who decides: a plan, or an operation."""

from __future__ import annotations

from pydantic import BaseModel

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, ApprovalView
from overture_core.campaigns.launching import get_plan
from overture_core.campaigns.models import PlanView
from overture_core.campaigns.planning import view
from overture_core.campaigns.showing import MAX_SAMPLE, described
from overture_core.messages import direct
from overture_core.operations import service as operations
from overture_core.operations.ending import GONE, is_orphan
from overture_core.operations.models import OperationView
from overture_core.operations.showing import described as described_operation
from overture_core.operations.states import OperationState
from overture_core.storage.schema import Operation
from overture_core.storage.store import Work
from overture_core.text import quantity


class Subject(BaseModel):
    """`title` names it in a few words, `lines` say everything that would be let out."""

    approval: ApprovalView
    title: str
    question: str
    lines: list[str]
    plan: PlanView | None = None
    operation: OperationView | None = None


class ListedApproval(ApprovalView):
    """An approval with what it is about, in a few words."""

    title: str


def listed(work: Work, state: ApprovalState | None = None) -> list[ListedApproval]:
    """Return approvals, newest first."""
    return [
        ListedApproval(title=subject(work, each.id).title, **each.model_dump()) for each in approvals.list_(work, state)
    ]


def subject(work: Work, approval_id: str, *, longest: int | None = MAX_SAMPLE) -> Subject:
    """Return what an approval is about; samples of texts are cut at `longest` characters, if given.

    Raises:
        NotFound: there is no such approval.
    """
    row = approvals.get(work, approval_id)
    asked = approvals.view(work, row)
    if row.kind == operations.APPROVAL_KIND:
        found = operations.get(work, row.subject_id)
        lines = [*described_operation(found), *_in_the_way(work, found.id)]
        return Subject(
            approval=asked,
            title=found.title,
            question=f"{found.kind}: do exactly this?",
            lines=lines,
            operation=found,
        )
    plan = view(work, get_plan(work, row.subject_id))
    return Subject(
        approval=asked,
        title=f"campaign {plan.campaign}, {quantity(plan.recipients, 'recipient')}",
        question=f"Launch the campaign {plan.campaign!r}?",
        lines=described(plan, longest=longest),
        plan=plan,
    )


def _in_the_way(work: Work, operation_id: str) -> list[str]:
    """Say before a decision, not after it, why a single message would not leave, or what lost its lead is not done."""
    row = work.session.get_one(Operation, operation_id)
    if row.state == OperationState.WAITING and is_orphan(work, row):
        return [f"It CANNOT be carried out: {GONE}."]
    if row.lead_id is None or not row.kind.endswith(f".{direct.KIND}") or row.state != OperationState.WAITING:
        return []
    found = direct.obstacle(work, row.lead_id, row.params)
    return [f"It CANNOT leave as things stand. {found}"] if found else []
