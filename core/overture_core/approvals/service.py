"""Approvals: a person's decision, bound to the hash of what was shown to them.

Nothing here takes a decision; it records who took one and by which way (the CLI, elicitation, a
written policy). A decision is worth nothing for any other content.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, and_, or_, select, update

from overture_core.audit import service as audit
from overture_core.errors import ApprovalRequired, Conflict, InvalidInput, NotFound
from overture_core.ids import new_id
from overture_core.operations.states import what_then
from overture_core.storage.schema import Approval
from overture_core.storage.store import Work
from overture_core.text import quoted


class Via(StrEnum):
    """The ways by which a decision can reach us."""

    CLI = "cli"
    ELICITATION = "elicitation"
    WEB = "web"
    POLICY = "policy"


class ApprovalState(StrEnum):
    """Where an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    USED = "used"
    VOID = "void"
    # Shown, never stored: its time is over.
    EXPIRED = "expired"


class _Words(NamedTuple):
    """How the refusals of one kind of approval read."""

    thing: str
    again: str
    then: str


_WORDS = {
    "operation": _Words("operation", "ask for it again", "run it again"),
    "campaign_launch": _Words("plan", "plan the campaign again", "launch again"),
}


class ApprovalView(BaseModel):
    """An approval as shown to callers."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: str
    subject_id: str
    content_hash: str
    state: ApprovalState
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_via: Via | None
    decided_at: datetime | None
    reason: str | None


def request(work: Work, kind: str, subject_id: str, content_hash: str, *, expires_at: datetime) -> Approval:
    """Ask for a decision; asks once for one subject and hash."""
    known = work.session.scalar(
        select(Approval).where(
            Approval.workspace_id == work.workspace,
            Approval.subject_id == subject_id,
            Approval.content_hash == content_hash,
        )
    )
    if known is not None:
        return known
    row = Approval(
        id=new_id("apr"),
        workspace_id=work.workspace,
        kind=kind,
        subject_id=subject_id,
        content_hash=content_hash,
        state=ApprovalState.PENDING,
        requested_by=work.actor,
        requested_at=work.now(),
        expires_at=expires_at,
    )
    work.session.add(row)
    work.session.flush()
    return row


def get(work: Work, approval_id: str) -> Approval:
    """Return an approval.

    Raises:
        NotFound: there is none by that id.
    """
    row = work.session.scalar(
        select(Approval).where(Approval.workspace_id == work.workspace, Approval.id == approval_id)
    )
    if row is None:
        msg = f"There is no approval {quoted(approval_id)}; `overture approvals list` shows those that wait."
        raise NotFound(msg)
    return row


def for_subject(work: Work, subject_id: str) -> Approval:
    """Return the newest approval asked for a subject; planning asks for one with every plan.

    Raises:
        NotFound: none was ever asked for.
    """
    row = work.session.scalar(
        select(Approval)
        .where(Approval.workspace_id == work.workspace, Approval.subject_id == subject_id)
        .order_by(Approval.requested_at.desc(), Approval.id.desc())
        .limit(1)
    )
    if row is None:
        msg = f"No approval was asked for {quoted(subject_id)}; plan the campaign again."
        raise NotFound(msg)
    return row


def list_(work: Work, state: ApprovalState | None = None) -> list[ApprovalView]:
    """Return approvals, newest first."""
    rows = _newest_first(work)
    if state is not None:
        rows = rows.where(Approval.state == state)
    shown = [view(work, row) for row in work.session.scalars(rows)]
    return [each for each in shown if state in (None, each.state)]


def page(work: Work, *, limit: int, cursor: str | None = None) -> tuple[list[ApprovalView], str | None]:
    """Return approvals, newest first, and the cursor of those that come after them; None where that is all.

    Raises:
        InvalidInput: the cursor is not one that this function returned.
    """
    rows = _newest_first(work).limit(limit + 1)
    if cursor is not None:
        last = work.session.scalar(
            select(Approval).where(Approval.workspace_id == work.workspace, Approval.id == cursor)
        )
        if last is None:
            msg = "The cursor is not valid; start again without one."
            raise InvalidInput(msg)
        at = Approval.requested_at
        rows = rows.where(or_(at < last.requested_at, and_(at == last.requested_at, Approval.id < last.id)))
    shown = [view(work, row) for row in work.session.scalars(rows)]
    return shown[:limit], shown[limit - 1].id if len(shown) > limit else None


def _newest_first(work: Work) -> Select[Approval]:
    return (
        select(Approval)
        .where(Approval.workspace_id == work.workspace)
        .order_by(Approval.requested_at.desc(), Approval.id.desc())
    )


def view(work: Work, row: Approval) -> ApprovalView:
    """Return how an approval is shown."""
    return ApprovalView.model_validate(row).model_copy(update={"state": standing(work, row)})


def standing(work: Work, row: Approval) -> ApprovalState:
    """Return where an approval stands now."""
    over = row.state in (ApprovalState.PENDING, ApprovalState.APPROVED) and row.expires_at <= work.now()
    return ApprovalState.EXPIRED if over else ApprovalState(row.state)


def decide(
    work: Work,
    approval_id: str,
    *,
    approve: bool,
    by: str,
    via: Via,
    reason: str | None = None,
    seen_hash: str | None = None,
) -> ApprovalView:
    """Record a decision. The same decision again is accepted; another one is refused, and so is one that says by
    `seen_hash` that the person saw other content.

    Raises:
        Conflict: it was decided otherwise, used, voided, has expired, or is not about what was seen.
    """
    row = get(work, approval_id)
    if seen_hash is not None and seen_hash != row.content_hash:
        msg = "This is not the content that was asked about; read the approval again, then decide."
        raise Conflict(msg)
    wanted = ApprovalState.APPROVED if approve else ApprovalState.REJECTED
    if row.state == wanted:
        return view(work, row)
    if row.state != ApprovalState.PENDING:
        why = f" ({row.reason})" if row.reason else ""
        again = what_then(row.reason) if row.kind == "operation" else _WORDS[row.kind].again
        msg = f"The approval {row.id} is already {row.state}{why}; {again}."
        raise Conflict(msg)
    if row.expires_at <= work.now():
        msg = f"The approval {row.id} expired at {row.expires_at:%Y-%m-%d %H:%M} UTC; {_WORDS[row.kind].again}."
        raise Conflict(msg)
    row.state, row.decided_by, row.decided_via = wanted, by, via
    row.decided_at, row.reason = work.now(), reason
    decision = {"by": by, "via": via.value, _WORDS[row.kind].thing: row.subject_id, "content_hash": row.content_hash}
    audit.record(work, f"approval.{wanted.value}", row.id, **decision, reason=reason)
    work.session.flush()
    return view(work, row)


def use(work: Work, subject_id: str, content_hash: str) -> Approval:
    """Spend the approval of exactly this content.

    Raises:
        ApprovalRequired: no person and no policy approved it, or the approval has expired.
    """
    row = for_subject(work, subject_id)
    words = _WORDS[row.kind]
    if row.content_hash != content_hash:
        msg = f"Nobody approved this content; {words.again} and have a person approve it."
        raise ApprovalRequired(msg)
    if row.state == ApprovalState.REJECTED:
        why = f": {row.reason.rstrip('.')}" if row.reason else ""
        msg = f"{row.decided_by} rejected this {words.thing}{why}; {words.again} once it is changed."
        raise ApprovalRequired(msg)
    expired = row.state != ApprovalState.VOID and row.expires_at <= work.now()
    if expired or row.state == ApprovalState.VOID:
        why = f"expired at {row.expires_at:%Y-%m-%d %H:%M} UTC" if expired else "no longer holds"
        msg = f"The approval {row.id} {why}; {words.again} and have a person approve it."
        raise ApprovalRequired(msg)
    if row.state == ApprovalState.PENDING:
        msg = (
            f"A person has to approve this {words.thing} first: ask them to do it {how_to_approve(row.id)}, "
            f"then {words.then}."
        )
        raise ApprovalRequired(msg)
    row.state = ApprovalState.USED
    return row


def how_to_approve(approval_id: str | None) -> str:
    """Name the ways in which a person approves, to stand behind what they are asked to do."""
    by_command = f"by `overture approvals show {approval_id}` and `overture approvals approve {approval_id}`"
    return f"on the page that `overture dashboard` opens, or {by_command}"


def void(work: Work, subject_id: str, *, reason: str | None = None) -> None:
    """Make the undecided and unused approvals of a subject worthless."""
    work.session.execute(
        update(Approval)
        .where(
            Approval.workspace_id == work.workspace,
            Approval.subject_id == subject_id,
            Approval.state.in_((ApprovalState.PENDING, ApprovalState.APPROVED)),
        )
        .values(state=ApprovalState.VOID, reason=reason)
    )
