"""Names that begin as somebody has begun to write them: of segments, tags, companies, mappings, and ids of imports."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import InstrumentedAttribute

from overture_core.storage.schema import ImportMapping, Lead, LeadImport, LeadTag, Segment
from overture_core.storage.store import Work


def segments(work: Work, beginning: str, limit: int) -> Sequence[str]:
    """Return names of segments, in their order, case aside."""
    return _names(work, Segment.workspace_id, Segment.name, beginning, limit)


def tags(work: Work, beginning: str, limit: int) -> Sequence[str]:
    """Return tags, in their order, case aside."""
    return _names(work, LeadTag.workspace_id, LeadTag.tag, beginning, limit)


def companies(work: Work, beginning: str, limit: int) -> Sequence[str]:
    """Return companies of leads, in their order, case aside."""
    return _names(work, Lead.workspace_id, Lead.company, beginning, limit)


def mappings(work: Work, beginning: str, limit: int) -> Sequence[str]:
    """Return names of saved mappings, in their order, case aside."""
    return _names(work, ImportMapping.workspace_id, ImportMapping.name, beginning, limit)


def imports(work: Work, beginning: str, limit: int) -> Sequence[str]:
    """Return ids of imports whose id or file name begins so, newest first."""
    begins = LeadImport.id.startswith(beginning, autoescape=True) | LeadImport.filename.istartswith(
        beginning, autoescape=True
    )
    found = select(LeadImport.id).where(LeadImport.workspace_id == work.workspace, begins)
    return work.session.scalars(found.order_by(LeadImport.created_at.desc(), LeadImport.id.desc()).limit(limit)).all()


def _names(
    work: Work,
    workspace: InstrumentedAttribute[str],
    name: InstrumentedAttribute[Any],
    beginning: str,
    limit: int,
) -> Sequence[str]:
    # SQLite compares ASCII letters alone whatever their case, so others are asked for as people write them.
    plain = unicodedata.normalize("NFC", beginning)
    forms = sorted({plain, plain.lower(), plain.upper(), plain.capitalize()})
    begins = or_(*(name.istartswith(form, autoescape=True) for form in forms))
    found = select(name).where(workspace == work.workspace, name.is_not(None), begins).distinct()
    return work.session.scalars(found.order_by(name).limit(limit)).all()
