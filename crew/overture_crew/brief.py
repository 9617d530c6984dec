"""The brief: what a person asks of the crew."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from overture_crew.errors import InvalidBrief

Channel = Literal["email", "sms"]
Tone = Literal["friendly", "formal"]


def _no_template_code(text: str) -> str:
    # The brief's words end up in templates, where braces would be code.
    if re.search(r"\{[{%#]|[%#}]\}", text):
        msg = "write plain text here, without template braces"
        raise ValueError(msg)
    return text.strip()


Words = Annotated[str, AfterValidator(_no_template_code)]


class Audience(BaseModel):
    """Whom to write to at most; the crew may choose fewer, never more."""

    model_config = ConfigDict(extra="forbid")

    dormant_days_min: int = Field(default=90, ge=0, description="Days since the lead's last activity.")
    countries: list[str] = Field(default_factory=list, description="ISO 3166-1 alpha-2 codes; empty means all.")
    tags: list[str] = Field(default_factory=list, description="Leads with any of these tags; empty means all.")


class Limits(BaseModel):
    """Where the crew stops by itself."""

    model_config = ConfigDict(extra="forbid")

    max_recipients: int | None = Field(default=None, ge=1)


class Brief(BaseModel):
    """What a campaign is for, whom it may reach and what it may say. Drafts use no facts but these."""

    model_config = ConfigDict(extra="forbid")

    campaign: Annotated[Words, Field(min_length=1, max_length=60)]
    goal: Annotated[Words, Field(min_length=1, max_length=200)]
    offer: Annotated[Words, Field(min_length=1, max_length=200)]
    sender_name: Annotated[Words, Field(min_length=1, max_length=60)]
    audience: Audience = Field(default_factory=Audience)
    channels: list[Channel] = Field(default_factory=lambda: list[Channel](["email", "sms"]), min_length=1)
    tone: Tone = "friendly"
    limits: Limits = Field(default_factory=Limits)

    @property
    def slug(self) -> str:
        """The campaign's name as the beginning of the names of its segment and templates."""
        return re.sub(r"[^a-z0-9]+", "-", self.campaign.lower()).strip("-") or "campaign"


def default_brief() -> Brief:
    """Return the brief that the demo runs on."""
    return Brief(
        campaign="Win-back",
        goal="hear whether the topic is still of interest and book a short call",
        offer="we can show you in a short call what is new since we last spoke",
        sender_name="Overture Demo",
    )


def parse_brief(raw: object, source: str) -> Brief:
    """Read a brief from what a YAML or JSON file held; `source` names the file in errors.

    Raises:
        InvalidBrief: a field is missing or wrong; names the first one.
    """
    try:
        return Brief.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        msg = f"The brief {source} is not usable: {where}: {first['msg']}."
        raise InvalidBrief(msg) from error
