"""Leads who may be one person: the same name at the same company, or at the same mail domain. They are reported, never
merged: two people of one name at one firm are common enough.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, case, func, literal, or_, select, union_all

from overture_core.leads.public_mail import public_domains
from overture_core.storage.among import each_of
from overture_core.storage.schema import Lead
from overture_core.storage.store import Work


class LookAlikes(BaseModel):
    """Leads of one name, and at which company or domain; two of their ids, the oldest and the newest."""

    name: str
    same: Literal["company", "domain"]
    value: str
    leads: int
    lead_ids: list[str]


class Duplicates(BaseModel):
    """Groups of leads who may be one person, the largest first."""

    total: int = Field(description="Groups in all; 0 behind the last one.")
    groups: list[LookAlikes]


def near_duplicates(work: Work, *, limit: int = 100, skip: int = 0, import_id: str | None = None) -> Duplicates:
    """Return groups of leads of the same name and company, or of the same name and mail domain, upper and lower case
    aside, without the first `skip`; with `import_id`, those in which that import created somebody. One query, whatever
    their number."""
    dialect = work.session.connection().dialect.name
    address = func.lower(Lead.email)
    at = func.instr(address, "@") if dialect == "sqlite" else func.strpos(address, "@")
    domain = func.substr(address, at + 1)
    kinds = union_all(
        _groups(work, "company", func.lower(func.trim(Lead.company)), Lead.company.is_not(None), import_id),
        _groups(work, "domain", domain, domain.is_not(None), import_id),
    ).subquery()
    # Asked of the few groups that there are, and not of every lead.
    public = select(each_of(dialect, sorted(public_domains())).c.value)
    told = or_(kinds.c.same == "company", kinds.c.value.not_in(public))
    rows = select(kinds, func.count().over().label("total")).where(told)
    ordered = rows.order_by(kinds.c.leads.desc(), kinds.c.oldest, kinds.c.same).limit(limit).offset(skip)
    found = work.session.execute(ordered).all()
    groups = [
        LookAlikes(
            name=f"{row.first} {row.last}",
            same=row.same,
            value=row.value,
            leads=row.leads,
            lead_ids=[row.oldest, row.newest],
        )
        for row in found
    ]
    return Duplicates(total=found[0].total if found else 0, groups=groups)


def _groups(
    work: Work, same: str, value: ColumnElement[str], usable: ColumnElement[bool], import_id: str | None
) -> Select[Any]:
    first, last = func.lower(Lead.first_name), func.lower(Lead.last_name)
    grouped = (
        select(
            literal(same).label("same"),
            first.label("first"),
            last.label("last"),
            value.label("value"),
            func.count().label("leads"),
            func.min(Lead.id).label("oldest"),
            func.max(Lead.id).label("newest"),
        )
        .where(
            Lead.workspace_id == work.workspace,
            Lead.erased_at.is_(None),
            Lead.first_name.is_not(None),
            Lead.last_name.is_not(None),
            usable,
        )
        .group_by(first, last, value)
        .having(func.count() > 1)
    )
    if import_id is not None:
        grouped = grouped.having(func.max(case((Lead.import_id == import_id, 1), else_=0)) == 1)
    return grouped
