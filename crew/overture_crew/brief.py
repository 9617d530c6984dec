"""The brief: what a person asks of the crew."""

from __future__ import annotations

import hashlib
import re
from datetime import time
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from overture_crew.errors import InvalidBrief

Channel = Literal["email", "sms"]
Tone = Literal["friendly", "formal"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MOST_FOLLOW_UPS = 5
# Where pydantic's own words say little to who writes a brief.
_SAID = {
    "extra_forbidden": "there is no such field; `overture crew example` prints all of them",
    "missing": "it is missing",
    "timezone_aware": "write it with its time zone, such as 2026-12-01T09:00:00+01:00",
}
MOST_VARIANTS = 2


def _no_template_code(text: str) -> str:
    # The brief's words end up in templates, where braces would be code.
    if re.search(r"\{[{%#]|[%#}]\}", text):
        msg = "write plain text here, without template braces"
        raise ValueError(msg)
    return text.strip()


def _one_line(text: str) -> str:
    if len(text.splitlines()) > 1:
        msg = "write it on one line"
        raise ValueError(msg)
    return text


def _country(code: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}", code):
        msg = f"{code!r} is no country code; write two letters, such as DE"
        raise ValueError(msg)
    return code.upper()


def _https(link: str) -> str:
    if not re.fullmatch(r"https://[^\s{}]+", link):
        msg = "write a link that begins with https://"
        raise ValueError(msg)
    return link


def _each_once(channels: list[Channel]) -> list[Channel]:
    if len(set(channels)) < len(channels):
        msg = "name each channel once"
        raise ValueError(msg)
    return channels


Words = Annotated[str, AfterValidator(_no_template_code), AfterValidator(_one_line)]
Channels = Annotated[list[Channel], Field(min_length=1), AfterValidator(_each_once)]
Sentence = Annotated[Words, Field(min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Audience(_Part):
    """Whom to write to at most; the crew may choose fewer, never more."""

    dormant_days_min: int = Field(default=90, ge=0, description="Days since the lead's last activity.")
    countries: list[Annotated[str, AfterValidator(_country)]] = Field(
        default_factory=list, description="ISO 3166-1 alpha-2 codes; empty means all."
    )
    tags: list[str] = Field(default_factory=list, description="Leads with any of these tags; empty means all.")


class Window(_Part):
    """Hours and weekdays in which messages leave, in each recipient's own time zone."""

    start: time = time(9)
    until: time = time(17)
    days: list[Day] = Field(default_factory=lambda: list[Day](["mon", "tue", "wed", "thu", "fri"]), min_length=1)


class Schedule(_Part):
    """When messages leave; at once, if nothing is said."""

    send_at: AwareDatetime | None = Field(default=None, description="Not before this moment, with its time zone.")
    window: Window | None = None


class FollowUp(_Part):
    """A later message for who has not answered, counted from the one before."""

    wait_before: str = Field(
        pattern=r"^\d+ (business )?(hours?|days?|weeks?)$", description="Such as '3 business days'."
    )
    channels: Channels = Field(default_factory=lambda: list[Channel](["email"]))
    only_if: Literal["no_reply", "not_opened", "not_clicked", "not_delivered"] = "no_reply"


class Replies(_Part):
    """What the crew may offer to who answers. Each answer waits for a person's approval."""

    booking_link: Annotated[str, AfterValidator(_https)] | None = Field(
        default=None, description="Where who is interested books a call."
    )
    price: str | None = Field(
        default=None,
        pattern=r"^price_\w+$",
        description="Allowed price for which who is interested gets a payment link.",
    )
    answer_questions: bool = Field(
        default=True, description="Draft answers to questions, from the brief's facts alone."
    )

    @model_validator(mode="after")
    def _one_offer(self) -> Self:
        if self.booking_link is not None and self.price is not None:
            msg = "give who is interested a booking_link or a price, not both"
            raise ValueError(msg)
        return self


class Limits(_Part):
    """Where the crew stops by itself."""

    max_recipients: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1_000, description="Tokens of all model calls of a run together.")
    max_cost: float | None = Field(
        default=None, gt=0, description="Cost of a run, in the currency of the token prices."
    )


class Brief(_Part):
    """What a campaign is for, whom it may reach and what it may say. Drafts use no facts but these."""

    campaign: Annotated[Words, Field(min_length=1, max_length=60)]
    goal: Sentence
    offer: Sentence
    sender_name: Annotated[Words, Field(min_length=1, max_length=60)]
    facts: list[Sentence] = Field(default_factory=list, max_length=20, description="What else drafts may state.")
    audience: Audience = Field(default_factory=Audience)
    channels: Channels = Field(default_factory=lambda: list[Channel](["email", "sms"]))
    tone: Tone = "friendly"
    variants: int = Field(default=1, ge=1, le=MOST_VARIANTS, description="Of each message, to see which does better.")
    schedule: Schedule = Field(default_factory=Schedule)
    follow_ups: list[FollowUp] = Field(default_factory=list, max_length=MOST_FOLLOW_UPS)
    replies: Replies = Field(default_factory=Replies)
    limits: Limits = Field(default_factory=Limits)

    @property
    def slug(self) -> str:
        """The campaign's name as the beginning of the names of its segment and templates.

        What is left of a name in another script may be little, so that a hash keeps two of them apart.
        """
        plain = re.sub(r"[^a-z0-9]+", "-", self.campaign.lower()).strip("-")
        if plain and self.campaign.isascii():
            return plain
        return f"{plain or 'campaign'}-{hashlib.sha256(self.campaign.encode()).hexdigest()[:8]}"

    @property
    def digest(self) -> str:
        """A hash that changes with anything in the brief."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def default_brief() -> Brief:
    """Return the brief that the demo runs on."""
    return Brief(
        campaign="Win-back",
        goal="hear whether the topic is still of interest and book a short call",
        offer="we can show you in a short call what is new since we last spoke",
        sender_name="Overture Demo",
    )


def parse_brief(raw: Any, source: str) -> Brief:
    """Read a brief from what a YAML or JSON file held; `source` names the file in errors.

    Raises:
        InvalidBrief: a field is missing or wrong; names the first one.
    """
    if not isinstance(raw, dict):
        msg = f"The brief {source} is not usable: it has to be fields with values, such as `campaign: Win-back`."
        raise InvalidBrief(msg)
    try:
        return Brief.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        said = _SAID.get(first["type"], first["msg"].removeprefix("Value error, "))
        msg = f"The brief {source} is not usable: {where}: {said[:1].lower()}{said[1:]}."
        raise InvalidBrief(msg) from error
