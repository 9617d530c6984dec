"""How a file of leads is to be read; everything left out is found."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field, field_validator, model_validator

from overture_core.errors import InvalidInput
from overture_core.leads.dates import Order
from overture_core.leads.labels import tag_name
from overture_core.leads.normalise import dialling_region


class DateOrder(StrEnum):
    """How dates that could be either are to be read."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"

    @property
    def order(self) -> Order:
        """The order that a column is read in."""
        return Order.DAY_FIRST if self is DateOrder.DAY_FIRST else Order.MONTH_FIRST


class ImportOptions(BaseModel):
    """How to read a file; everything left out is found."""

    mapping: dict[str, str] | None = Field(default=None, description="{column: field}, for columns not recognised.")
    mapping_name: str | None = Field(default=None, max_length=100, description="A saved mapping.")
    saved_mapping: dict[str, str] | None = Field(default=None, description="What the saved mapping says.")
    save_mapping: str | None = Field(default=None, max_length=100, description="Save the mapping by this name.")
    dates: DateOrder | None = None
    default_country: str | None = Field(default=None, description="For phone numbers.")
    tags: list[str] = Field(default_factory=list, max_length=20)
    consent_source: str | None = Field(default=None, max_length=200)
    encoding: str | None = Field(default=None, max_length=40, description="Of a text file.")
    dry_run: bool = False
    preview: bool = Field(default=False, description="A dry run of the first rows only.")

    @field_validator("default_country")
    @classmethod
    def _known_country(cls, value: str | None) -> str | None:
        try:
            return None if value is None else dialling_region(value)
        except InvalidInput as error:
            raise ValueError(error.message) from error

    @field_validator("tags")
    @classmethod
    def _that_can_be(cls, value: list[str]) -> list[str]:
        return [label for text in value if (label := tag_name(text))]

    @model_validator(mode="after")
    def _stores_nothing(self) -> ImportOptions:
        self.dry_run = self.dry_run or self.preview
        if self.dry_run and self.save_mapping is not None:
            msg = "A dry run stores nothing, the mapping neither; save the mapping with the import."
            raise InvalidInput(msg)
        return self
