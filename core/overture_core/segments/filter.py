"""The filter of a search or a segment: typed conditions that all have to hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import ColumnElement, exists, false, or_, select

from overture_core.errors import InvalidInput
from overture_core.segments.fulltext import Part, has_words, words_of
from overture_core.storage.schema import Lead, LeadTag
from overture_core.storage.store import Work
from overture_core.text import clean

_NOBODY = 'import = ""'


class LeadFilter(BaseModel):
    """Which leads. Every condition is optional; those given must all hold."""

    model_config = ConfigDict(extra="forbid")

    query: str | None = Field(
        default=None, max_length=200, description="Beginnings of words in name, e-mail, company or title."
    )
    dormant_days_min: int | None = Field(default=None, ge=0, description="Last contact at least this many days ago.")
    dormant_days_max: int | None = Field(default=None, ge=0, description="Last contact at most this many days ago.")
    countries: list[str] | None = Field(default=None, max_length=250, description="ISO 3166-1 alpha-2 codes.")
    tags_any: list[str] | None = Field(default=None, max_length=50, description="Has one of these tags.")
    tags_none: list[str] | None = Field(default=None, max_length=50, description="Has none of these tags.")
    has_email: bool | None = None
    has_phone: bool | None = None
    company_contains: str | None = Field(default=None, max_length=200)
    import_id: str | None = Field(default=None, max_length=40, description="Created by this import.")
    where: str | None = Field(
        default=None,
        max_length=2_000,
        description='Expression, e.g. title ~ "chief" and not segment = "Customers"; see docs/segments.md.',
    )

    @field_validator("query", "company_contains")
    @classmethod
    def _cleaned(cls, value: str | None) -> str | None:
        return None if value is None else clean(value)  # PostgreSQL refuses a NUL in a text

    @field_validator("where")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            from overture_core.segments.conditions import check

            try:
                check(value)
            except InvalidInput as error:
                raise ValueError(error.message) from error
        return value

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


def as_value(text: str) -> str:
    """Return a text as a value of the filter language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def filter_of(expression: str | None, words: str | None = None) -> LeadFilter:
    """Return the filter that an expression and the beginnings of words say; without either, everybody meets it.

    Raises:
        FilterError: the expression cannot be read.
    """
    if expression is None or not expression.strip():
        return LeadFilter(query=words)
    from overture_core.segments.conditions import check

    check(expression)  # whose sentence is better than that of a field that does not fit
    return LeadFilter(query=words, where=expression)


def as_expression(wanted: LeadFilter) -> str:
    """Return a filter in the filter language, whatever it was written in; empty if everybody meets it."""
    said = [
        *_words("text", wanted.query),
        *([f"dormant_days >= {wanted.dormant_days_min}"] if wanted.dormant_days_min is not None else []),
        *([f"dormant_days <= {wanted.dormant_days_max}"] if wanted.dormant_days_max is not None else []),
        *_one_of("country", wanted.countries),
        *_one_of("tag", wanted.tags_any),
        *(f"not {each}" for each in _one_of("tag", wanted.tags_none) if wanted.tags_none),
        *(
            f"{field} is {'known' if known else 'unknown'}"
            for field, known in (("email", wanted.has_email), ("phone", wanted.has_phone))
            if known is not None
        ),
        *_words("company", wanted.company_contains),
        *([f"import = {as_value(wanted.import_id)}"] if wanted.import_id is not None else []),
    ]
    if wanted.where is not None:
        said.append(f"({wanted.where})" if said else wanted.where)
    return " and ".join(said)


def _one_of(field: str, values: list[str] | None) -> list[str]:
    if values is None:
        return []
    return [f"{field} in ({', '.join(map(as_value, values))})"] if values else [_NOBODY]


def _words(field: str, words: str | None) -> list[str]:
    if not words:
        return []
    return [f"{field} ~ {as_value(words)}"] if words_of(words) else [_NOBODY]


def where(work: Work, wanted: LeadFilter, around: tuple[str, ...] = ()) -> list[ColumnElement[bool]]:
    """Return the conditions on `Lead`, the workspace among them; who was erased meets none. `around` are the names of
    the segments whose filter it is.

    A lead whose last contact nobody knows counts as dormant: an import that says nothing of it is a
    list of people who went quiet.

    Raises:
        FilterError: the expression names a segment that is not there, or one that contains itself.
    """
    conditions = [
        Lead.workspace_id == work.workspace,
        Lead.erased_at.is_(None),
        *_texts(work, wanted),
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
    if wanted.where is not None:
        from overture_core.segments.conditions import condition  # its parser is loaded where it is used

        conditions.append(condition(work, wanted.where, around))
    return conditions


def _texts(work: Work, wanted: LeadFilter) -> Iterator[ColumnElement[bool]]:
    asked: tuple[tuple[str | None, Part | None], ...] = ((wanted.query, None), (wanted.company_contains, "company"))
    for text, part in asked:
        if text:
            found = has_words(work, text, part)
            yield false() if found is None else found


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
