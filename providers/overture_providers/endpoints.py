"""Which provider is used and with which keys: the one decision that worker, servers and doctor share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from overture_core.errors import ConfigurationError
from overture_core.messages.channels import PROVIDERS, Channel
from overture_core.settings import Settings

SENDGRID, TWILIO, TWILIO_WHATSAPP, TWILIO_VOICE = (
    PROVIDERS[each] for each in (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP, Channel.VOICE)
)
WHATSAPP_PREFIX = "whatsapp:"
SENDGRID_EVENTS_PATH = "/messaging/webhooks/sendgrid/events"
SENDGRID_INBOUND_PATH = "/messaging/webhooks/sendgrid/inbound"
TWILIO_STATUS_PATH = "/messaging/webhooks/twilio/status"
TWILIO_INBOUND_PATH = "/messaging/webhooks/twilio/inbound"
TWILIO_CALL_ANSWER_PATH = "/messaging/webhooks/twilio/calls/answer"
TWILIO_CALL_KEY_PATH = "/messaging/webhooks/twilio/calls/key"
TWILIO_CALL_STATUS_PATH = "/messaging/webhooks/twilio/calls/status"
STRIPE_EVENTS_PATH = "/stripe/webhooks/events"
STRIPE_THANKS_PATH = "/stripe/thanks"
_STRIPE_KEY = re.compile(r"(sk|rk)_(test|live)_\w+", re.ASCII)
LINKEDIN_CALLBACK_PATH = "/linkedin/oauth/callback"
LINKEDIN_LEADS_PATH = "/linkedin/webhooks/leads"


@dataclass(frozen=True, slots=True)
class EmailEndpoint:
    """Where e-mail goes. `webhook_public_key` and `inbound_secret` are None where none is configured:
    webhooks cannot be checked then, and have to be refused."""

    base_url: str
    api_key: str = field(repr=False)
    webhook_public_key: str | None
    inbound_secret: str | None = field(repr=False)
    sandbox: bool


@dataclass(frozen=True, slots=True)
class SmsEndpoint:
    """Where SMS goes. Twilio signs its webhooks with the auth token."""

    base_url: str
    account_sid: str
    auth_token: str = field(repr=False)
    sandbox: bool


@dataclass(frozen=True, slots=True)
class StripeEndpoint:
    """Where payments go. `live` says that real money moves, `restricted` that the key can do only what it was given
    permission for. `webhook_secret` is None where none is configured: webhooks have to be refused then."""

    base_url: str
    api_key: str = field(repr=False)
    webhook_secret: str | None = field(repr=False)
    live: bool
    restricted: bool
    sandbox: bool


@dataclass(frozen=True, slots=True)
class LinkedInEndpoint:
    """Where LinkedIn is: its API, the host on which people grant access, and our application there. LinkedIn signs its
    webhooks with the application's secret."""

    base_url: str
    login_url: str
    client_id: str
    client_secret: str = field(repr=False)
    version: str
    pkce: bool
    sandbox: bool


def email_endpoint(settings: Settings) -> EmailEndpoint:
    """Return SendGrid if a key is set and the sandbox is not forced, else the sandbox.

    Raises:
        ConfigurationError: a key cannot be sent in a header, or the sandbox's keys cannot be read.
    """
    if settings.email_sandboxed or settings.sendgrid_api_key is None:
        from overture_providers.sandbox.keys import load_or_create

        keys = load_or_create(settings.data_dir)
        return EmailEndpoint(
            base_url=settings.sandbox_url.rstrip("/"),
            api_key=keys.sendgrid_api_key,
            webhook_public_key=keys.event_public_key,
            inbound_secret=keys.sendgrid_inbound_secret,
            sandbox=True,
        )
    secret = settings.sendgrid_inbound_secret
    return EmailEndpoint(
        base_url=settings.sendgrid_base_url.rstrip("/"),
        api_key=_key(settings.sendgrid_api_key.get_secret_value(), "OVERTURE_SENDGRID_API_KEY"),
        webhook_public_key=settings.sendgrid_webhook_key,
        inbound_secret=secret.get_secret_value() if secret else None,
        sandbox=False,
    )


def sms_endpoint(settings: Settings) -> SmsEndpoint:
    """Return Twilio if its credentials are set and the sandbox is not forced, else the sandbox.

    Raises:
        ConfigurationError: only one of Twilio's two credentials is set, one cannot be sent in a header,
            or the sandbox's keys cannot be read.
    """
    sid, token = settings.twilio_account_sid, settings.twilio_auth_token
    if settings.sandbox_only or (sid is None and token is None):
        from overture_providers.sandbox.keys import load_or_create

        keys = load_or_create(settings.data_dir)
        return SmsEndpoint(
            settings.sandbox_url.rstrip("/"), keys.twilio_account_sid, keys.twilio_auth_token, sandbox=True
        )
    if sid is None or token is None:
        missing = "OVERTURE_TWILIO_ACCOUNT_SID" if sid is None else "OVERTURE_TWILIO_AUTH_TOKEN"
        msg = f"Only half of Twilio's credentials is set; set {missing} too, or neither for the sandbox."
        raise ConfigurationError(msg)
    return SmsEndpoint(
        base_url=settings.twilio_base_url.rstrip("/"),
        account_sid=_key(sid, "OVERTURE_TWILIO_ACCOUNT_SID"),
        auth_token=_key(token.get_secret_value(), "OVERTURE_TWILIO_AUTH_TOKEN"),
        sandbox=False,
    )


def stripe_endpoint(settings: Settings) -> StripeEndpoint:
    """Return Stripe if a key is set and the sandbox is not forced, else the sandbox.

    Raises:
        ConfigurationError: the key is none of a server's, or is a live one that is not allowed; or the sandbox's keys
            cannot be read.
    """
    if settings.stripe_sandboxed or settings.stripe_api_key is None:
        from overture_providers.sandbox.keys import load_or_create

        keys = load_or_create(settings.data_dir)
        return StripeEndpoint(
            base_url=settings.sandbox_url.rstrip("/"),
            api_key=keys.stripe_api_key,
            webhook_secret=keys.stripe_webhook_secret,
            live=False,
            restricted=True,
            sandbox=True,
        )
    key = _key(settings.stripe_api_key.get_secret_value(), "OVERTURE_STRIPE_API_KEY")
    shape = _STRIPE_KEY.fullmatch(key)
    if shape is None:
        msg = (
            "OVERTURE_STRIPE_API_KEY is no key of a server; it begins with rk_test_, rk_live_, sk_test_ or sk_live_: "
            "best make a restricted one (rk_) in Stripe's dashboard."
        )
        raise ConfigurationError(msg)
    live = shape[2] == "live"
    if live and not settings.stripe_live:
        msg = (
            "OVERTURE_STRIPE_API_KEY is a live key, with which real money moves; set a test key, or "
            "OVERTURE_STRIPE_LIVE=1 if that is meant."
        )
        raise ConfigurationError(msg)
    secret = settings.stripe_webhook_secret
    return StripeEndpoint(
        base_url=settings.stripe_base_url.rstrip("/"),
        api_key=key,
        webhook_secret=_key(secret.get_secret_value(), "OVERTURE_STRIPE_WEBHOOK_SECRET") if secret else None,
        live=live,
        restricted=shape[1] == "rk",
        sandbox=False,
    )


def linkedin_endpoint(settings: Settings) -> LinkedInEndpoint:
    """Return LinkedIn if an application is set and the sandbox is not forced, else the sandbox.

    Raises:
        ConfigurationError: only one of the application's id and secret is set, one cannot be sent in a header, or the
            sandbox's keys cannot be read.
    """
    version, pkce = settings.linkedin_version, settings.linkedin_pkce
    if settings.linkedin_sandboxed:
        from overture_providers.sandbox.keys import load_or_create

        keys, url = load_or_create(settings.data_dir), settings.sandbox_url.rstrip("/")
        client = (keys.linkedin_client_id, keys.linkedin_client_secret)
        return LinkedInEndpoint(url, url, *client, version, pkce, sandbox=True)
    client_id, secret = settings.linkedin_client_id, settings.linkedin_client_secret
    if client_id is None or secret is None:
        missing = "OVERTURE_LINKEDIN_CLIENT_ID" if client_id is None else "OVERTURE_LINKEDIN_CLIENT_SECRET"
        msg = f"Only half of LinkedIn's application is set; set {missing} too, or neither for the sandbox."
        raise ConfigurationError(msg)
    return LinkedInEndpoint(
        settings.linkedin_base_url.rstrip("/"),
        settings.linkedin_login_url.rstrip("/"),
        _key(client_id, "OVERTURE_LINKEDIN_CLIENT_ID"),
        _key(secret.get_secret_value(), "OVERTURE_LINKEDIN_CLIENT_SECRET"),
        version,
        pkce,
        sandbox=False,
    )


def twilio_callback(settings: Settings, path: str, *, workspace: str, message_id: str) -> str:
    """Return the URL that Twilio reports to about a message. It carries our id, which Twilio itself does
    not know, so that a report finds a message whose sending had an unknown outcome."""
    query = urlencode({"message": message_id, "workspace": workspace})
    return f"{settings.webhook_base_url}{path}?{query}"


def sendgrid_inbound_url(base_url: str, endpoint: EmailEndpoint) -> str | None:
    """Return the secret URL of the Inbound Parse webhook, or None if no secret is configured."""
    if endpoint.inbound_secret is None:
        return None
    return f"{base_url.rstrip('/')}{SENDGRID_INBOUND_PATH}/{quote(endpoint.inbound_secret, safe='')}"


def _key(value: str, setting: str) -> str:
    key = value.strip()
    if not key or not key.isascii() or not key.isprintable():
        msg = f"{setting} is empty or has characters that no key has; copy it again from the provider's console."
        raise ConfigurationError(msg)
    return key
