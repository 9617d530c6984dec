"""What an approval is about, as it reads to the person who decides: a plan, or an operation."""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy import func, select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, ApprovalView
from overture_core.campaigns.launching import get_plan, texts_changed
from overture_core.campaigns.models import PlanView
from overture_core.campaigns.planning import view
from overture_core.campaigns.showing import MAX_SAMPLE, described
from overture_core.campaigns.states import PlanState
from overture_core.leads.requests import RequestState
from overture_core.messages import direct
from overture_core.messages.states import State, is_in
from overture_core.operations import service as operations
from overture_core.operations.ending import is_orphan
from overture_core.operations.models import OperationView
from overture_core.operations.showing import described as described_operation
from overture_core.operations.states import GONE, OperationState
from overture_core.storage.schema import ErasureRequest, Message, Operation
from overture_core.storage.store import Work
from overture_core.text import quantity, quoted


class Subject(BaseModel):
    """`title` names it in a few words, `lines` say everything that would be let out; `obstacle` says why it would not
    be done as things stand, `note` what to think of before. Both are among the lines too."""

    approval: ApprovalView
    title: str
    question: str
    lines: list[str]
    plan: PlanView | None = None
    operation: OperationView | None = None
    obstacle: str | None = None
    note: str | None = None


class ListedApproval(ApprovalView):
    """An approval with what it is about, in a few words, and why it would not be done as things stand."""

    title: str
    obstacle: str | None


class ApprovalPage(BaseModel):
    """Some approvals; more stand behind `next_cursor`."""

    approvals: list[ListedApproval]
    next_cursor: str | None


def listed(work: Work, state: ApprovalState | None = None) -> list[ListedApproval]:
    """Return approvals, newest first."""
    return [_titled(work, each) for each in approvals.list_(work, state)]


def page(work: Work, *, limit: int, cursor: str | None = None) -> ApprovalPage:
    """Return approvals, newest first, from behind a cursor on.

    Raises:
        InvalidInput: the cursor is not one that this function returned.
    """
    found, next_cursor = approvals.page(work, limit=limit, cursor=cursor)
    return ApprovalPage(approvals=[_titled(work, each) for each in found], next_cursor=next_cursor)


def _titled(work: Work, asked: ApprovalView) -> ListedApproval:
    about = subject(work, asked.id)
    return ListedApproval(title=about.title, obstacle=about.obstacle, **asked.model_dump())


def subject(work: Work, approval_id: str, *, longest: int | None = MAX_SAMPLE) -> Subject:
    """Return what an approval is about; samples of texts are cut at `longest` characters, if given.

    Raises:
        NotFound: there is no such approval.
    """
    row = approvals.get(work, approval_id)
    asked = approvals.view(work, row)
    if row.kind == operations.APPROVAL_KIND:
        found = operations.get(work, row.subject_id)
        obstacle, note = _obstacle(work, found.id), _note(work, found.id)
        return Subject(
            approval=asked,
            title=found.title,
            question=f"{found.kind}: do exactly this?",
            lines=[*described_operation(found), *filter(None, (obstacle, note))],
            operation=found,
            obstacle=obstacle,
            note=note,
        )
    planned = get_plan(work, row.subject_id)
    plan = view(work, planned)
    waits = planned.state == PlanState.PROPOSED and asked.state in (ApprovalState.PENDING, ApprovalState.APPROVED)
    changed = texts_changed(work, planned) if waits else None
    obstacle = f"It CANNOT be launched. {changed}" if changed else None
    note = _fallen_away(work, plan) if waits else None
    return Subject(
        approval=asked,
        title=f"campaign {plan.campaign}, {quantity(plan.recipients, 'recipient')}",
        question=f"Launch the campaign {quoted(plan.campaign)}?",
        lines=[*described(plan, longest=longest), *filter(None, [obstacle, note])],
        plan=plan,
        obstacle=obstacle,
        note=note,
    )


def _fallen_away(work: Work, plan: PlanView) -> str | None:
    """Say how many of a plan's recipients get nothing of it any more, because they answered, paid or refused since."""
    mine = (Message.workspace_id == work.workspace, Message.plan_id == plan.plan_id, is_in(State.DRAFT))
    gone = plan.recipients - (work.session.scalar(select(func.count()).select_from(Message).where(*mine)) or 0)
    if gone <= 0:
        return None
    return (
        f"{quantity(gone, 'recipient')} of {plan.recipients:,} answered, paid or refused since it was made and "
        f"{'get' if gone > 1 else 'gets'} nothing of it; plan again to see what would go out."
    )


def _obstacle(work: Work, operation_id: str) -> str | None:
    """Say before a decision, not after it, why a single message would not leave, or what lost its lead is not done."""
    row = work.session.get_one(Operation, operation_id)
    if row.state != OperationState.WAITING:
        return None
    if is_orphan(work, row):
        return f"It CANNOT be carried out: {GONE}."
    if row.lead_id is None or not row.kind.endswith(f".{direct.KIND}"):
        return None
    found = direct.obstacle(work, row.lead_id, row.params)
    return f"It CANNOT leave as things stand. {found}" if found else None


def _note(work: Work, operation_id: str) -> str | None:
    """Say that somebody asked to erase the lead whom an operation is about."""
    row = work.session.get_one(Operation, operation_id)
    if row.state != OperationState.WAITING or row.lead_id is None:
        return None
    mine = (ErasureRequest.workspace_id == work.workspace, ErasureRequest.lead_id == row.lead_id)
    asked = select(ErasureRequest.id).where(*mine, ErasureRequest.state == RequestState.WAITING).limit(1)
    request = work.session.scalar(asked)
    return (
        f"It was asked to erase this lead ({request} in `overture erasures list`): decide that first."
        if request
        else None
    )
