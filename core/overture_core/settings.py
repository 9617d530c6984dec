"""Settings, from the environment (`OVERTURE_*`) and a `.env` file in the working folder.

With no settings at all: SQLite and an embedded Redis in the user's data folder, the sandbox
providers, and the rules planner. Each setting switches one of these.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from overture_core import configured
from overture_core.contactability.quiet_hours import read as read_hours
from overture_core.crew_settings import CrewSettings
from overture_core.http_settings import HttpSettings
from overture_core.key_settings import KeySettings
from overture_core.scoring.weights import DEFAULTS as DEFAULT_WEIGHTS
from overture_core.scoring.weights import read as read_weights
from overture_core.settings_values import Approvers, OwnAddresses

SENDGRID_URL = "https://api.sendgrid.com"
TWILIO_URL = "https://api.twilio.com"
STRIPE_URL = "https://api.stripe.com"
LINKEDIN_URL = "https://api.linkedin.com"
LINKEDIN_LOGIN_URL = "https://www.linkedin.com"
ELSEWHERE = "*"
SANDBOX_WHATSAPP = "+14155238886"  # Twilio's own WhatsApp sandbox
SANDBOX_VOICE = "+15005550006"  # Twilio's number for trying things out
# What SendGrid suggests for a new address, day by day.
WARM_UP = (50, 100, 500, 1_000, 5_000, 10_000, 20_000, 40_000, 70_000, 100_000, 150_000, 250_000, 400_000, 600_000)
LEASE_MARGIN_S = 10.0  # connecting, and writing the result down

Amount = Annotated[int, Field(ge=0)]


class Settings(HttpSettings, KeySettings, CrewSettings):
    """Everything that can be configured; each field is the variable `OVERTURE_<NAME>`, where that is not empty."""

    model_config = SettingsConfigDict(
        env_prefix="OVERTURE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("overture", appauthor=False),
        description="Folder of the embedded database, Redis socket and sandbox.",
    )
    database_url: str | None = Field(default=None, description="PostgreSQL URL; SQLite in the data folder without it.")
    redis_url: str | None = Field(default=None, description="Redis URL; an embedded server without it.")
    workspace: str = Field(default="default", description="The workspace that stdio servers and commands work in.")

    sandbox_only: bool = Field(default=False, description="Never contact a real provider, whatever keys are set.")
    sandbox_url: str = Field(default="http://127.0.0.1:8766", description="Base URL of the sandbox providers.")
    sendgrid_api_key: SecretStr | None = Field(default=None, description="SendGrid API key; sandbox without it.")
    sendgrid_base_url: str = Field(default=SENDGRID_URL, description="SendGrid host (EU: https://api.eu.sendgrid.com).")
    sendgrid_webhook_key: str | None = Field(default=None, description="Public key of SendGrid's signed event webhook.")
    sendgrid_inbound_secret: SecretStr | None = Field(
        default=None,
        description="Secret path segment of SendGrid's Inbound Parse webhook, which is unsigned; not the sandbox's.",
    )
    twilio_account_sid: str | None = Field(default=None, description="Twilio account SID; sandbox without it.")
    twilio_auth_token: SecretStr | None = Field(default=None, description="Twilio auth token.")
    twilio_base_url: str = Field(default=TWILIO_URL, description="Twilio API host.")
    linkedin_client_id: str | None = Field(default=None, description="LinkedIn application's id; sandbox without it.")
    linkedin_client_secret: SecretStr | None = Field(
        default=None, description="The application's secret; it also checks LinkedIn's webhooks."
    )
    linkedin_version: Annotated[str, AfterValidator(configured.month)] = Field(
        default="202611", description="Version of LinkedIn's API, as YYYYMM; each lives a year."
    )
    linkedin_scopes: Annotated[list[str], AfterValidator(configured.scopes)] = Field(
        default_factory=lambda: ["openid", "profile", "email", "w_member_social"],
        min_length=1,
        description="Scopes to ask for when connecting (JSON list); docs/linkedin.md says what each gives.",
    )
    linkedin_pkce: bool = Field(default=False, description="Use PKCE, once LinkedIn enabled it for the application.")
    linkedin_base_url: str = Field(default=LINKEDIN_URL, description="LinkedIn API host.")
    linkedin_login_url: str = Field(default=LINKEDIN_LOGIN_URL, description="Host on which people grant access.")
    email_from: str = Field(default="hello@overture.example", description="Sender address of e-mail.")
    email_from_name: str = Field(default="Overture", description="Sender name of e-mail.")
    sms_from: str = Field(default="+15005550006", description="Sender number of SMS, in E.164.")
    whatsapp_from: str | None = Field(
        default=None, description="Twilio's WhatsApp sender, in E.164; without it only the sandbox has one."
    )
    voice_from: str | None = Field(
        default=None, description="Twilio number that calls come from, in E.164; without it only the sandbox has one."
    )
    voice_language: str = Field(
        default="en-US",
        description="Language in which Twilio reads calls aloud, such as de-DE.",
        pattern=r"^[A-Za-z-]+$",
    )
    sms_prices: dict[str, Annotated[Decimal, Field(ge=0)]] = Field(
        # Twilio's published price for the US and Canada in 2026, without carriers' fees; a cautious guess elsewhere.
        default_factory=lambda: {"US": Decimal("0.0083"), "CA": Decimal("0.0083"), ELSEWHERE: Decimal("0.1")},
        min_length=1,
        description="Price of an SMS segment by country (JSON), `*` for all others: for the estimate that plans show.",
    )
    sms_currency: str = Field(default="USD", description="Currency of `OVERTURE_SMS_PRICES`.")
    postal_address: str = Field(
        default="Overture (sandbox), 1 Example Street, Springfield",
        description="Postal address put under marketing e-mail (CAN-SPAM).",
    )

    stripe_api_key: SecretStr | None = Field(
        default=None, description="Stripe key, best a restricted one (`rk_`); sandbox without it."
    )
    stripe_webhook_secret: Annotated[SecretStr, AfterValidator(configured.signing_secret)] | None = Field(
        default=None, description="Signing secret (`whsec_`) of the webhook endpoint at Stripe."
    )
    stripe_base_url: str = Field(default=STRIPE_URL, description="Stripe API host.")
    stripe_live: bool = Field(default=False, description="Take a live key too: real money moves.")
    stripe_cap_call: dict[str, Amount] = Field(
        default_factory=lambda: {ELSEWHERE: 50_000},
        description="Most that one call asks for or pays back without an approval, in minor units by currency (JSON), "
        "`*` for all others.",
    )
    stripe_cap_day: dict[str, Amount] = Field(
        default_factory=lambda: {ELSEWHERE: 200_000}, description="The same for all calls within 24 hours."
    )
    stripe_cap_customer: dict[str, Amount] = Field(
        default_factory=lambda: {ELSEWHERE: 100_000}, description="The same for one lead's within 24 hours."
    )
    stripe_return_url: Annotated[str, AfterValidator(configured.web_address)] | None = Field(
        default=None, description="Page that people see after they paid; one of ours without it."
    )
    stripe_fee_meter: str | None = Field(
        default=None, description="Event name of the billing meter that performance fees are reported to."
    )
    stripe_fee_customer: str | None = Field(default=None, description="Customer (`cus_`) who pays performance fees.")
    stripe_fee_percent: Decimal = Field(
        default=Decimal(10), gt=0, le=100, description="Performance fee in percent of a campaign's net revenue."
    )
    stripe_fee_currency: Annotated[str, AfterValidator(configured.currency)] = Field(
        default="USD", description="Currency of the revenue that performance fees are for."
    )

    import_roots: list[Path] = Field(
        default_factory=lambda: [Path.cwd()],
        description="Folders that files may be imported from by path (JSON list). Over MCP whatever is in them can be "
        "read, but for hidden files, keys and settings: give a folder with nothing but lists.",
    )
    sms_hours: dict[str, str] = Field(
        default_factory=dict,
        description="Narrower hours for SMS, WhatsApp and calls by country, start of number or *, "
        'e.g. {"DE": "09:00-20:00"}.',
    )
    messages_a_day: int = Field(
        default=1, ge=1, le=3, description="Messages a lead may get in any 24 hours, at most 3."
    )
    messages_a_week: int = Field(
        default=3, ge=1, le=21, description="Messages a lead may get in any 7 days, at most 21."
    )
    chunk_size: int = Field(default=1000, ge=1, le=1000, description="Messages claimed for one job.")
    email_batch_size: int = Field(
        default=1000,
        ge=1,
        le=1000,
        description="E-mails in one request. A process killed during it leaves them `unknown` until webhooks tell.",
    )
    wave_size: int = Field(
        default=100, ge=1, le=1000, description="SMS in flight at once for one job; as many a kill leaves `unknown`."
    )
    email_per_second: int | None = Field(default=None, ge=1, description="E-mails a second for the account.")
    email_per_sender_per_second: int | None = Field(default=None, ge=1, description="E-mails a second for a sender.")
    email_warm_up_from: date | None = Field(
        default=None, description="First day of warming the e-mail sender up, such as 2026-12-01; without it, no limit."
    )
    email_warm_up: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=lambda: list(WARM_UP),
        description="E-mails on each day of the warm-up; after the last, no limit.",
    )
    sms_per_second: int | None = Field(default=None, ge=1, description="SMS a second for the account.")
    sms_per_sender_per_second: int | None = Field(
        default=None,
        ge=1,
        description="SMS a second for a sender (Twilio: 1 for a US long code, 100 for a short code).",
    )
    whatsapp_per_sender_per_second: int | None = Field(
        default=None, ge=1, description="WhatsApp messages a second for a sender (Twilio: 80)."
    )
    voice_per_second: int = Field(
        default=1, ge=1, description="Calls begun a second for the account (Twilio: 1, until you ask for more)."
    )
    lease_s: float = Field(default=30.0, gt=0, description="Seconds a claim lasts without being renewed.")
    max_attempts: int = Field(default=6, ge=1, description="Tries before a message that is never accepted fails.")
    provider_timeout_s: float = Field(default=20.0, gt=0, description="Seconds to wait for a provider's answer.")
    health_least_messages: int = Field(
        default=200, ge=1, description="E-mails accepted in 7 days before bounce and complaint rates count."
    )
    score_weights: dict[str, int] = Field(
        default_factory=lambda: {part.value: weight for part, weight in DEFAULT_WEIGHTS.items()},
        description="What each part of a score weighs (JSON); parts that are left out keep their default.",
    )
    score_least_contacted: int = Field(
        default=200, ge=1, description="Leads contacted by campaigns before a profile of who revived is learned."
    )
    score_least_revived: int = Field(default=20, ge=1, description="Leads revived before it is learned.")
    score_size_field: str = Field(
        default="Company size", description="Custom field (a column of files) with the company's size."
    )
    test_addresses: OwnAddresses = Field(
        default_factory=list,
        description="Your own e-mail addresses and numbers (JSON): a direct message to a lead with one of them needs "
        "no approval.",
    )
    approvers: Approvers = Field(
        default_factory=dict,
        description="Who may approve over HTTP: names and their tokens of 32 or more characters (JSON).",
    )
    reply_model_url: str | None = Field(
        default=None,
        description="OpenAI-compatible address of a model that labels replies no rule knows; none without it.",
    )
    reply_model: str = Field(default="gpt-4o-mini", description="Name of that model.")
    reply_model_key: SecretStr | None = Field(default=None, description="Key for that model.")
    clock_offset_s: float = Field(default=0.0, description="Seconds added to the clock; only with the sandbox.")

    @field_validator("stripe_cap_call", "stripe_cap_day", "stripe_cap_customer")
    @classmethod
    def _by_currency(cls, caps: dict[str, int]) -> dict[str, int]:
        from overture_core.payments.money import by_currency

        return by_currency(caps, others=ELSEWHERE)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        try:
            read_hours(self.sms_hours)
        except ValueError as error:
            msg = f"OVERTURE_SMS_HOURS: {error}"
            raise ValueError(msg) from error
        try:
            read_weights(self.score_weights)
        except ValueError as error:
            msg = f"OVERTURE_SCORE_WEIGHTS: {error}"
            raise ValueError(msg) from error
        if self.lease_s < self.provider_timeout_s + LEASE_MARGIN_S:
            msg = (
                f"OVERTURE_LEASE_S must be at least {LEASE_MARGIN_S:.0f} s longer than OVERTURE_PROVIDER_TIMEOUT_S, "
                "or leases end during a call"
            )
            raise ValueError(msg)
        if self.clock_offset_s and not all(self._sandboxed):
            msg = "OVERTURE_CLOCK_OFFSET_S is only for the sandbox; unset it, or set OVERTURE_SANDBOX_ONLY=1"
            raise ValueError(msg)
        real_mail = {"email_from": "OVERTURE_EMAIL_FROM", "postal_address": "OVERTURE_POSTAL_ADDRESS"}
        self._require("e-mail through SendGrid", real_mail, wanted=not self.email_sandboxed)
        self._require("SMS through Twilio", {"sms_from": "OVERTURE_SMS_FROM"}, wanted=not self.sms_sandboxed)
        return self

    def _require(self, what: str, names: dict[str, str], *, wanted: bool) -> None:
        """Real people get nothing that carries the sandbox's sender or a link that leads nowhere."""
        if not wanted:
            return
        fields = type(self).model_fields
        missing = [variable for name, variable in names.items() if getattr(self, name) == fields[name].default]
        missing += ["OVERTURE_PUBLIC_URL"] if self.public_url is None else []
        if missing:
            msg = f"{what} needs your own {', '.join(missing)}; set them, or set OVERTURE_SANDBOX_ONLY=1"
            raise ValueError(msg)

    @property
    def email_sandboxed(self) -> bool:
        """Whether e-mail goes to the sandbox."""
        return self.sandbox_only or self.sendgrid_api_key is None

    @property
    def sms_sandboxed(self) -> bool:
        """Whether SMS goes to the sandbox."""
        return self.sandbox_only or self.twilio_account_sid is None or self.twilio_auth_token is None

    @property
    def stripe_sandboxed(self) -> bool:
        """Whether payments go to the sandbox."""
        return self.sandbox_only or self.stripe_api_key is None

    @property
    def linkedin_sandboxed(self) -> bool:
        """Whether LinkedIn is the sandbox."""
        return self.sandbox_only or (self.linkedin_client_id is None and self.linkedin_client_secret is None)

    @property
    def _sandboxed(self) -> tuple[bool, ...]:
        return self.email_sandboxed, self.sms_sandboxed, self.stripe_sandboxed, self.linkedin_sandboxed

    @property
    def any_sandboxed(self) -> bool:
        """Whether the sandbox stands in for any provider."""
        return any(self._sandboxed)

    @property
    def whatsapp_sender(self) -> str | None:
        """The number that WhatsApp messages come from; None where there is none yet."""
        return self.whatsapp_from or (SANDBOX_WHATSAPP if self.sms_sandboxed else None)

    @property
    def voice_sender(self) -> str | None:
        """The number that calls come from; None where there is none yet."""
        return self.voice_from or (SANDBOX_VOICE if self.sms_sandboxed else None)

    @property
    def effective_database_url(self) -> str:
        """The SQLAlchemy URL in use."""
        if self.database_url is None:
            return f"sqlite:///{self.data_dir / 'overture.db'}"
        scheme, sep, rest = self.database_url.partition("://")
        return f"postgresql+psycopg{sep}{rest}" if scheme in {"postgres", "postgresql"} else self.database_url

    @property
    def webhook_base_url(self) -> str:
        """Where providers send their webhooks."""
        return self.base_url

    def environment(self) -> dict[str, str]:
        """Return the environment variables in which another process comes to the same settings."""
        found = {}
        for name, value in self.model_dump(exclude_none=True).items():
            plain = _plain(value)
            if isinstance(plain, dict | list):
                plain = json.dumps(plain, default=_plain)
            found[f"OVERTURE_{name.upper()}"] = str(int(plain)) if isinstance(plain, bool) else str(plain)
        return found


def _plain(value: object) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, Path | Decimal) else value
