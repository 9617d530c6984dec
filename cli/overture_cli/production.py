"""What `overture doctor --production` refuses: settings that are right on a laptop and wrong where it is for real.

Each rule gives one sentence that says what to do, or nothing. What the settings refuse by themselves, such as real
e-mail without a postal address, is not repeated here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from overture_core.http_settings import is_loopback
from overture_core.own_secrets import BETTER, guessable
from overture_core.settings import Settings

OTHERS = 0o077  # permissions of the group and of everybody


def faults(settings: Settings, *, hosts: int, env_file: Path) -> Iterator[tuple[str, str]]:
    """Yield the part and the sentence of everything that is unsafe for these settings on `hosts` machines."""
    for part, rule in (
        ("access", _access(settings)),
        ("public address", _public_address(settings)),
        ("database", _database(settings, hosts)),
        ("Redis", _redis(settings, hosts)),
        ("sandbox", _sandbox(settings)),
        ("webhooks", _webhooks(settings)),
        ("secrets", _secrets(settings)),
        ("files", _files(settings, env_file)),
    ):
        for sentence in rule:
            yield part, sentence


def _access(settings: Settings) -> Iterator[str]:
    if not is_loopback(settings.http_host) and not settings.authenticated:
        yield (
            f"The servers would listen on {settings.http_host} and ask nobody for a token; set OVERTURE_AUTH_ISSUER "
            "(docs/security.md), or OVERTURE_HTTP_HOST=127.0.0.1."
        )


def _public_address(settings: Settings) -> Iterator[str]:
    if settings.public_url is None:
        yield (
            "Providers, links in messages and clients need to know where the servers are; set OVERTURE_PUBLIC_URL to "
            "their https address."
        )
        return
    address = urlsplit(settings.public_url)
    if address.scheme != "https":
        yield "Tokens and links would travel in the clear; make OVERTURE_PUBLIC_URL an https address."
    if is_loopback(address.hostname or ""):
        yield "OVERTURE_PUBLIC_URL is this machine alone; set it to an address that providers and recipients reach."


def _database(settings: Settings, hosts: int) -> Iterator[str]:
    if hosts > 1 and settings.effective_database_url.startswith("sqlite"):
        yield f"SQLite is a file of one machine and there are {hosts}; set OVERTURE_DATABASE_URL to a PostgreSQL."


def _redis(settings: Settings, hosts: int) -> Iterator[str]:
    if settings.redis_url is None:
        yield "The embedded Redis ends with the last process that uses it; set OVERTURE_REDIS_URL to one of its own."
        return
    address = urlsplit(settings.redis_url)
    private = address.scheme == "unix" or is_loopback(address.hostname or "")
    if private and hosts > 1:
        yield f"OVERTURE_REDIS_URL is this machine alone and there are {hosts}; set it to a Redis that all reach."
    if not private and not address.password:
        yield "Whoever reaches the Redis may change its queues and limits; put its password into OVERTURE_REDIS_URL."


def _sandbox(settings: Settings) -> Iterator[str]:
    if settings.sandbox_only:
        yield "Nobody outside is contacted; unset OVERTURE_SANDBOX_ONLY."
    elif settings.email_sandboxed and settings.sms_sandboxed and settings.linkedin_sandboxed:
        yield (
            "The sandbox stands in for every channel, so nobody is contacted; set OVERTURE_SENDGRID_API_KEY, or "
            "OVERTURE_TWILIO_ACCOUNT_SID and OVERTURE_TWILIO_AUTH_TOKEN."
        )


def _webhooks(settings: Settings) -> Iterator[str]:
    if not settings.email_sandboxed and settings.sendgrid_webhook_key is None:
        yield (
            "SendGrid's events are refused, so bounces and complaints stop nobody's messages; set "
            "OVERTURE_SENDGRID_WEBHOOK_KEY."
        )
    if not settings.email_sandboxed and settings.sendgrid_inbound_secret is None:
        yield "Replies by e-mail are refused and stop nobody's messages; set OVERTURE_SENDGRID_INBOUND_SECRET."
    if not settings.stripe_sandboxed and settings.stripe_webhook_secret is None:
        yield "Stripe's events are refused, so payments stop nobody's messages; set OVERTURE_STRIPE_WEBHOOK_SECRET."


def _secrets(settings: Settings) -> Iterator[str]:
    if settings.secret_key is None:
        yield (
            "The key that signs links and tokens lies in one machine's data folder; set OVERTURE_SECRET_KEY, the same "
            "for every process (docs/production.md)."
        )
    for name in guessable(settings):
        yield f"{name} can be guessed; {BETTER}."


def _files(settings: Settings, env_file: Path) -> Iterator[str]:
    data = settings.data_dir.resolve()
    for root in settings.import_roots:
        if data.is_relative_to(root.resolve()):
            yield (
                f"Files in {root} may be imported by path, and that is where the data folder is; set "
                "OVERTURE_IMPORT_ROOTS to a folder with nothing but such files."
            )
    for path in (settings.data_dir, env_file):
        if path.exists() and path.stat().st_mode & OTHERS:
            yield f"Other users of this machine may look into {path}; take that from them: chmod go= {path}."
