"""The emergency stop: one mark on the workspace that every claim and every wave looks at before anything leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, select, update

from overture_core.audit import service as audit
from overture_core.storage.schema import Workspace
from overture_core.storage.store import Work
from overture_core.text import clean


class Standing(BaseModel):
    """Whether all sending is stopped: since when, by whom and why."""

    stopped: bool
    since: datetime | None = None
    by: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        if self.since is None:
            return "Nothing is stopped."
        why = f" ({self.reason})" if self.reason else ""
        return f"All sending is stopped since {self.since:%Y-%m-%d %H:%M:%S} UTC by {self.by}{why}."

    @property
    def advice(self) -> str:
        """How it stands, and what lets sending go on."""
        return f"{self} A person lets it go on with `overture stop --lift`."


def stop(work: Work, *, reason: str | None = None) -> bool:
    """Stop all sending of the workspace; false if it was stopped already, which keeps who stopped it first."""
    why = clean(reason or "", limit=500) or None
    values = {"stopped_at": work.now(), "stopped_by": work.actor, "stop_reason": why}
    stopped = _mark(work, Workspace.stopped_at.is_(None), values)
    if stopped:
        audit.record(work, "sending.stopped", reason=why)
    return stopped


def lift(work: Work) -> bool:
    """Let sending go on; false if nothing was stopped. For a person at the command line alone."""
    values = {"stopped_at": None, "stopped_by": None, "stop_reason": None}
    lifted = _mark(work, Workspace.stopped_at.is_not(None), values)
    if lifted:
        audit.record(work, "sending.let_go_on")
    return lifted


def standing(work: Work) -> Standing:
    """Return how it stands."""
    mark = select(Workspace.stopped_at, Workspace.stopped_by, Workspace.stop_reason)
    since, by, reason = work.session.execute(mark.where(Workspace.id == work.workspace)).one()
    return Standing(stopped=since is not None, since=since, by=by, reason=reason)


def is_stopped(work: Work) -> bool:
    """Look at the mark and, on PostgreSQL, keep it as it is until this transaction ends: a stop that has returned
    is seen by every wave that begins after it."""
    mark = select(Workspace.stopped_at).where(Workspace.id == work.workspace).with_for_update(read=True)
    return work.session.connection().execute(mark).scalar_one() is not None


def _mark(work: Work, condition: ColumnElement[bool], values: dict[str, Any]) -> bool:
    marked = update(Workspace).where(Workspace.id == work.workspace, condition).values(values)
    return work.session.connection().execute(marked.returning(Workspace.id)).first() is not None
