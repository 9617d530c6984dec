"""What can only be asked for over MCP: nothing happens until a person at the command line releases it.

A model that obeys an order in a lead's text can ask, and that is all (docs/decisions/016).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.errors import Conflict, NotFound
from overture_core.storage.schema import ErasureRequest, ExportRequest
from overture_core.storage.store import Work
from overture_core.text import clean, quoted

MOST_WAITING = 50
MOST_LISTED = 200
_NOUNS = {ExportRequest: "export", ErasureRequest: "erasure"}
_Request = TypeVar("_Request", ExportRequest, ErasureRequest)


class RequestState(StrEnum):
    """Where a request stands."""

    WAITING = "waiting"
    RELEASED = "released"
    REJECTED = "rejected"


def newest(work: Work, table: type[_Request], state: RequestState | None = None) -> Sequence[_Request]:
    """Return requests, newest first, at most 200 of them."""
    rows = select(table).where(table.workspace_id == work.workspace)
    if state is not None:
        rows = rows.where(table.state == state)
    return work.session.scalars(rows.order_by(table.id.desc()).limit(MOST_LISTED)).all()


def require_room(work: Work, table: type[_Request]) -> None:
    """Keep requests from piling up.

    Raises:
        Conflict: too many wait already.
    """
    waiting = len(newest(work, table, RequestState.WAITING))
    if waiting >= MOST_WAITING:
        noun = _NOUNS[table]
        msg = f"{waiting} {noun}s wait already; a person decides on them by `overture {noun}s`."
        raise Conflict(msg)


def undecided(work: Work, table: type[_Request], request_id: str) -> _Request:
    """Return a request that waits.

    Raises:
        NotFound: there is no such request.
        Conflict: it was decided before.
    """
    noun = _NOUNS[table]
    row = work.session.scalar(select(table).where(table.workspace_id == work.workspace, table.id == request_id))
    if row is None:
        msg = f"There is no {noun} {quoted(request_id)}; `overture {noun}s list` shows those that were asked for."
        raise NotFound(msg)
    if row.state != RequestState.WAITING:
        msg = (
            f"The {noun} {row.id} was {row.state} by {row.decided_by}; `overture {noun}s list` shows which still wait."
        )
        raise Conflict(msg)
    return row


def decide(work: Work, row: ExportRequest | ErasureRequest, state: RequestState) -> None:
    """Note what a person decided, with its entry in the audit."""
    row.state, row.decided_by, row.decided_at = state, clean(work.actor, limit=200), work.now()
    audit.record(work, f"{_NOUNS[type(row)]}.{state}", row.id)
    work.session.flush()
