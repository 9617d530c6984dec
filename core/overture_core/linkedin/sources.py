"""Where leads come from at LinkedIn: owners of forms that report to us, and responses that were imported."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from overture_core.audit import service as audit
from overture_core.storage.schema import LinkedInLeadSource, LinkedInResponse
from overture_core.storage.store import Store, Work
from overture_core.text import clean

_AT_ONCE = 500


class SourceView(BaseModel):
    """An owner whose new leads LinkedIn reports to us."""

    model_config = ConfigDict(from_attributes=True)

    owner: str
    id: str


def watch(work: Work, owner: str, subscription: str, *, sandbox: bool) -> None:
    """Note that LinkedIn reports an owner's new leads."""
    row = LinkedInLeadSource(
        workspace_id=work.workspace,
        sandbox=sandbox,
        owner=owner,
        id=clean(subscription, limit=100),
        created_at=work.now(),
    )
    work.session.merge(row)
    work.session.flush()
    audit.record(work, "linkedin.watched", owner, sandbox=sandbox)


def watched(work: Work, *, sandbox: bool) -> list[SourceView]:
    """Return the owners whose new leads are reported."""
    rows = select(LinkedInLeadSource).where(
        LinkedInLeadSource.workspace_id == work.workspace, LinkedInLeadSource.sandbox == sandbox
    )
    return [SourceView.model_validate(row) for row in work.session.scalars(rows.order_by(LinkedInLeadSource.owner))]


def workspaces_of(store: Store, owner: str, *, sandbox: bool) -> list[str]:
    """Return the workspaces that watch an owner: LinkedIn's report names the owner and nothing of ours."""
    rows = select(LinkedInLeadSource.workspace_id).where(
        LinkedInLeadSource.owner == owner, LinkedInLeadSource.sandbox == sandbox
    )
    with store.look() as connection:
        return list(connection.scalars(rows.order_by(LinkedInLeadSource.workspace_id)))


def unseen(work: Work, responses: Sequence[str]) -> set[str]:
    """Return those of some responses that were not imported yet."""
    known: set[str] = set()
    for start in range(0, len(responses), _AT_ONCE):
        part = responses[start : start + _AT_ONCE]
        rows = select(LinkedInResponse.id).where(
            LinkedInResponse.workspace_id == work.workspace, LinkedInResponse.id.in_(part)
        )
        known.update(work.session.scalars(rows))
    return set(responses) - known


def seen(work: Work, responses: Sequence[tuple[str, str]], *, import_id: str | None) -> None:
    """Note that responses, each with its form, were imported."""
    if not responses:
        return
    connection = work.session.connection()
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(
        insert(LinkedInResponse).on_conflict_do_nothing(),
        [
            {"workspace_id": work.workspace, "id": each, "form": form, "import_id": import_id, "at": work.now()}
            for each, form in responses
        ],
    )
