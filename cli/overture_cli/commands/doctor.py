"""`overture doctor`: what is configured, what is reachable, and what would be used instead."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from overture_cli.output import JsonFlag, emit_json, say, table
from overture_cli.processes import answers
from overture_core.errors import ConfigurationError, InvalidInput, OvertureError
from overture_core.settings import Settings
from overture_core.storage import migrate
from overture_core.storage.store import Store
from overture_providers.sandbox.keys import FILE_NAME as KEYS


class Health(StrEnum):
    """How a part is."""

    OK = "ok"
    LATER = "starts when needed"
    PROBLEM = "problem"
    UNKNOWN = "not known"
    UNSAFE = "unsafe"


_BAD = frozenset({Health.PROBLEM, Health.UNSAFE})


class Check(BaseModel):
    """One line of the report."""

    part: str
    uses: str
    health: Health
    detail: str = ""


class Diagnosis(BaseModel):
    """The whole report; `healthy` is false when any part has a problem or is unsafe."""

    healthy: bool
    checks: list[Check]


def doctor(
    domain: Annotated[str | None, typer.Option("--domain", help="Check this sending domain's DNS records too.")] = None,
    selectors: Annotated[
        list[str] | None, typer.Option("--selector", help="DKIM selectors; default s1 and s2, SendGrid's.")
    ] = None,
    resolver: Annotated[
        str | None, typer.Option("--resolver", help="DNS server to ask, address or address:port; default the system's.")
    ] = None,
    production: Annotated[
        bool, typer.Option("--production", help="Refuse what is unsafe where real people are written to; exits with 2.")
    ] = False,
    hosts: Annotated[
        int | None, typer.Option("--hosts", min=1, help="Machines that share the work (--production); default 1.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell what is configured, what answers, and what would be used instead. Changes nothing."""
    if domain is None and (selectors or resolver is not None):
        msg = "--selector and --resolver belong to --domain; name the sending domain with it."
        raise InvalidInput(msg)
    if hosts is not None and not production:
        msg = "--hosts belongs to --production; add it."
        raise InvalidInput(msg)
    settings = Settings()
    checks = [_python(), _database(settings), _redis(settings), *_providers(settings), *_senders(settings), _brain()]
    if domain is not None:
        checks += _domain(domain, selectors or ["s1", "s2"], resolver)
    if production:
        checks += _production(settings, hosts or 1)
    found = Diagnosis(healthy=all(check.health not in _BAD for check in checks), checks=checks)
    if as_json:
        emit_json(found)
    else:
        table("Overture", ("part", "uses", "health", "detail"), [tuple(c.model_dump().values()) for c in checks])
        say("All is well." if found.healthy else "Something needs you: see the lines that say problem or unsafe.")
    if any(check.health is Health.UNSAFE for check in checks):
        raise typer.Exit(2)
    if not found.healthy:
        raise typer.Exit(3)


def _production(settings: Settings, hosts: int) -> list[Check]:
    from overture_cli.production import faults

    uses = f"in production, on {hosts} machine{'s' if hosts > 1 else ''}"
    found = faults(settings, hosts=hosts, env_file=Path(".env"))
    return [Check(part=part, uses=uses, health=Health.UNSAFE, detail=sentence) for part, sentence in found] or [
        Check(part="production", uses=uses, health=Health.OK, detail="no setting is unsafe")
    ]


def _domain(domain: str, selectors: Sequence[str], resolver: str | None) -> list[Check]:
    from overture_cli.domain import Unreachable, faults

    try:
        return [
            Check(part=part, uses=domain, health=Health.PROBLEM if fault else Health.OK, detail=fault or "")
            for part, fault in faults(domain, selectors=selectors, resolver=resolver)
        ]
    except Unreachable:
        detail = "no DNS server answered, so nothing is known of its records; try again, or name one with --resolver"
        return [Check(part="DNS", uses=domain, health=Health.UNKNOWN, detail=detail)]


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check(part="Python", uses=version, health=Health.OK)


def _database(settings: Settings) -> Check:
    if settings.database_url is None and not (settings.data_dir / "overture.db").exists():
        uses = f"SQLite in {settings.data_dir}"
        return Check(part="database", uses=uses, health=Health.LATER, detail="made on first use")
    uses = "SQLite" if settings.effective_database_url.startswith("sqlite") else "PostgreSQL"
    store = Store(settings)
    try:
        current = migrate.is_current(store.engine)
    except Exception as error:  # noqa: BLE001 - a diagnosis reports whatever goes wrong
        why = error.message if isinstance(error, OvertureError) else str(error).splitlines()[0]
        detail = f"does not answer ({why}); start it, or correct OVERTURE_DATABASE_URL"
        return Check(part="database", uses=uses, health=Health.PROBLEM, detail=detail)
    finally:
        store.close()
    return Check(part="database", uses=uses, health=Health.OK, detail="" if current else "will be migrated on start")


def _senders(settings: Settings) -> list[Check]:
    """A line for each sender that may not be used, or one for all; none while there is no database to ask."""
    if settings.database_url is None and not (settings.data_dir / "overture.db").exists():
        return []
    from overture_core.workspaces import senders

    store = Store(settings)
    try:
        if not migrate.is_current(store.engine):
            return []
        with store.read(settings.workspace) as work:
            known = senders.list_(work)
    except (OvertureError, SQLAlchemyError):  # the line of the database says it
        return []
    finally:
        store.close()
    refused = [each for each in known if not each.verified]
    return [
        Check(
            part="sender",
            uses=f"{each.channel}: {each.address}",
            health=Health.PROBLEM,
            detail=f"not verified ({each.said_by}: {each.note}); nothing is sent from it",
        )
        for each in refused
    ] or [Check(part="senders", uses=f"{len(known)} known", health=Health.OK, detail="none is refused")]


def _redis(settings: Settings) -> Check:
    from overture_queue.broker import describe

    info = describe(settings)
    away = Health.LATER if info.kind == "embedded" else Health.PROBLEM
    health = Health.OK if info.reachable else away
    return Check(part="Redis", uses=f"{info.kind}: {info.server}", health=health, detail=info.detail)


def _providers(settings: Settings) -> list[Check]:
    from overture_providers.endpoints import email_endpoint, linkedin_endpoint, sms_endpoint

    sendgrid, twilio = "OVERTURE_SENDGRID_API_KEY", "OVERTURE_TWILIO_ACCOUNT_SID and OVERTURE_TWILIO_AUTH_TOKEN"
    mail_set = settings.sendgrid_api_key is not None
    sms_set = settings.twilio_account_sid is not None or settings.twilio_auth_token is not None
    mail = _Provider(
        "e-mail", "SendGrid", sendgrid, lambda: email_endpoint(settings), mail_set, unused=_unused(settings)
    )
    sms = _Provider("SMS", "Twilio", twilio, lambda: sms_endpoint(settings), sms_set, _sms_lacks(settings))
    application = "OVERTURE_LINKEDIN_CLIENT_ID and OVERTURE_LINKEDIN_CLIENT_SECRET"
    app_set = settings.linkedin_client_id is not None or settings.linkedin_client_secret is not None
    linkedin = _Provider("LinkedIn", "LinkedIn", application, lambda: linkedin_endpoint(settings), app_set)
    return [*(_provider(each, settings) for each in (mail, sms, linkedin)), _stripe(settings)]


def _stripe(settings: Settings) -> Check:
    from overture_providers.endpoints import stripe_endpoint

    is_set = settings.stripe_api_key is not None
    name = "OVERTURE_STRIPE_API_KEY"
    found = _provider(_Provider("payments", "Stripe", name, lambda: stripe_endpoint(settings), is_set), settings)
    if found.uses != "Stripe" or found.health is Health.PROBLEM:
        return found
    endpoint = stripe_endpoint(settings)
    mode = "LIVE: real money moves" if endpoint.live else "test mode"
    key = "a restricted key" if endpoint.restricted else "a secret key that can do everything; prefer a restricted one"
    if endpoint.webhook_secret is None:
        detail = f"{mode}; set OVERTURE_STRIPE_WEBHOOK_SECRET, or payments stop nobody's messages"
        return found.model_copy(update={"health": Health.PROBLEM, "detail": detail})
    return found.model_copy(update={"detail": f"{mode}, with {key}; it is tried with the first call"})


@dataclass(frozen=True, slots=True)
class _Provider:
    """What the report says of a provider. `is_set`: any of its credentials is; `endpoint` raises if they do not
    fit; `lacks` are further settings that it would ask for next, `unused` those that are set and of which the sandbox
    has its own."""

    part: str
    real: str
    names: str
    endpoint: Callable[[], object]
    is_set: bool
    lacks: Sequence[str] = ()
    unused: Sequence[str] = ()


def _provider(provider: _Provider, settings: Settings) -> Check:
    real = provider.is_set and not settings.sandbox_only
    sandbox = "sandbox: nobody outside is contacted"
    try:
        # The sandbox's keys are made on first use, and a diagnosis makes nothing.
        if real or (settings.data_dir / KEYS).exists():
            provider.endpoint()
    except ConfigurationError as error:
        detail = " ".join([error.message, *([f"It also needs {', '.join(provider.lacks)}."] if provider.lacks else [])])
        return Check(part=provider.part, uses=provider.real if real else sandbox, health=Health.PROBLEM, detail=detail)
    if real:
        detail = "a key is set; it is tried with the first send"
        return Check(part=provider.part, uses=provider.real, health=Health.OK, detail=detail)
    why = "OVERTURE_SANDBOX_ONLY is set" if settings.sandbox_only else f"set {provider.names} for {provider.real}"
    if provider.unused:
        why += f"; not used: {', '.join(provider.unused)} (the sandbox has its own, in {settings.data_dir / KEYS})"
    running = answers(f"{settings.sandbox_url}/sandbox/summary.json")
    return Check(part=provider.part, uses=sandbox, health=Health.OK if running else Health.LATER, detail=why)


def _unused(settings: Settings) -> list[str]:
    """What is set for SendGrid's webhooks, which the sandbox signs and addresses in its own way."""
    given = {
        "OVERTURE_SENDGRID_INBOUND_SECRET": settings.sendgrid_inbound_secret,
        "OVERTURE_SENDGRID_WEBHOOK_KEY": settings.sendgrid_webhook_key,
    }
    return [name for name, value in given.items() if value is not None]


def _sms_lacks(settings: Settings) -> list[str]:
    """What Twilio needs beside its credentials. The settings ask for it once both of these are set; here a
    person hears of everything at once."""
    unset = settings.sms_from == Settings.model_fields["sms_from"].default
    half = settings.sms_sandboxed and not settings.sandbox_only
    lacks = ["OVERTURE_SMS_FROM"] if half and unset else []
    return [*lacks, *(["OVERTURE_PUBLIC_URL"] if half and settings.public_url is None else [])]


def _brain() -> Check:
    return Check(part="brain", uses="rules planner (no AI model)", health=Health.OK)
