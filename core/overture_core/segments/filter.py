"""The filter of a search or a segment: typed conditions that all have to hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import ColumnElement, exists, or_, select

from overture_core.storage.schema import Lead, LeadTag
from overture_core.storage.store import Work
from overture_core.text import clean


class LeadFilter(BaseModel):
    """Which leads. Every condition is optional; those given must all hold."""

    model_config = ConfigDict(extra="forbid")

    query: str | None = Field(default=None, max_length=200, description="Text in name, e-mail, company or title.")
    dormant_days_min: int | None = Field(default=None, ge=0, description="Last contact at least this many days ago.")
    dormant_days_max: int | None = Field(default=None, ge=0, description="Last contact at most this many days ago.")
    countries: list[str] | None = Field(default=None, max_length=250, description="ISO 3166-1 alpha-2 codes.")
    tags_any: list[str] | None = Field(default=None, max_length=50, description="Has one of these tags.")
    tags_none: list[str] | None = Field(default=None, max_length=50, description="Has none of these tags.")
    has_email: bool | None = None
    has_phone: bool | None = None
    company_contains: str | None = Field(default=None, max_length=200)
    import_id: str | None = Field(default=None, max_length=40, description="Created by this import.")

    @field_validator("query", "company_contains")
    @classmethod
    def _cleaned(cls, value: str | None) -> str | None:
        return None if value is None else clean(value)  # PostgreSQL refuses a NUL in a text

    @field_validator("countries")
    @classmethod
    def _codes(cls, value: list[str] | None) -> list[str] | None:
        if value is None:
            return None
        codes = [code.strip().upper() for code in value]
        wrong = next((code for code in value if len(code.strip()) != 2 or not code.strip().isalpha()), None)
        if wrong is not None:
            msg = f"{wrong!r} is not a two-letter country code such as US or DE"
            raise ValueError(msg)
        return codes


def where(work: Work, wanted: LeadFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on `Lead`, the workspace among them; who was erased meets none.

    A lead whose last contact nobody knows counts as dormant: an import that says nothing of it is a
    list of people who went quiet.
    """
    conditions = [
        Lead.workspace_id == work.workspace,
        Lead.erased_at.is_(None),
        *_texts(wanted),
        *_dormancy(work, wanted),
    ]
    if wanted.countries is not None:
        conditions.append(Lead.country.in_(wanted.countries))
    if wanted.tags_any is not None:
        conditions.append(_tagged(work, wanted.tags_any))
    if wanted.tags_none is not None:
        conditions.append(~_tagged(work, wanted.tags_none))
    for present, column in ((wanted.has_email, Lead.email), (wanted.has_phone, Lead.phone)):
        if present is not None:
            conditions.append(column.is_not(None) if present else column.is_(None))
    if wanted.import_id is not None:
        conditions.append(Lead.import_id == wanted.import_id)
    return conditions


def _texts(wanted: LeadFilter) -> Iterator[ColumnElement[bool]]:
    columns = (Lead.first_name, Lead.last_name, Lead.email, Lead.company, Lead.title)
    for word in (wanted.query or "").split():
        yield or_(*(column.icontains(word, autoescape=True) for column in columns))
    if wanted.company_contains:
        yield Lead.company.icontains(wanted.company_contains, autoescape=True)


def _dormancy(work: Work, wanted: LeadFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.dormant_days_min is not None:
        since = work.now() - timedelta(days=wanted.dormant_days_min)
        yield or_(Lead.last_contact_at <= since, Lead.last_contact_at.is_(None))
    if wanted.dormant_days_max is not None:
        yield Lead.last_contact_at >= work.now() - timedelta(days=wanted.dormant_days_max)


def _tagged(work: Work, tags: list[str]) -> ColumnElement[bool]:
    return exists(
        select(LeadTag.lead_id).where(
            LeadTag.workspace_id == work.workspace, LeadTag.lead_id == Lead.id, LeadTag.tag.in_(tags)
        )
    )
