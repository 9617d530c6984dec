"""How a file of leads is to be read; everything left out is found."""

from __future__ import annotations

from pydantic import BaseModel, Field, field_validator

from overture_core.leads.normalise import phone_region
from overture_core.text import clean


class ImportOptions(BaseModel):
    """How to read a file; everything left out is found."""

    mapping: dict[str, str] | None = Field(default=None, description="{column: field}, for columns not recognised.")
    default_country: str | None = Field(default=None, description="For phone numbers.")
    tags: list[str] = Field(default_factory=list, max_length=20)
    consent_source: str | None = Field(default=None, max_length=200)
    encoding: str | None = Field(default=None, max_length=40, description="Of a text file.")
    dry_run: bool = False

    @field_validator("default_country")
    @classmethod
    def _known_country(cls, value: str | None) -> str | None:
        region = phone_region(value) if value is not None and len(value) == 2 else None
        if value is not None and region is None:
            msg = f"there is no country {clean(value, limit=40)!r}; give its two letters (ISO 3166), e.g. US"
            raise ValueError(msg)
        return region
