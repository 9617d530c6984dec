"""What the connection may do: shown by a tool, a resource and the command line."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from overture_core.linkedin import accounts, sources, usage
from overture_core.linkedin.scopes import SCOPES
from overture_core.storage.store import Work
from overture_providers.endpoints import linkedin_endpoint


class Capabilities(BaseModel):
    """Who is connected and what they may do; once `expired`, nothing until a person connects again. `granted` says what
    each scope gives, `missing` which product of the developer portal gives each other one; `calls` counts today's (UTC)
    by resource, and `limited` says until when LinkedIn takes no more of one. `watched` are owners of lead forms whose
    new leads are reported."""

    member: str | None
    name: str | None
    expires_at: datetime | None
    expired: bool
    sandbox: bool
    api_version: str
    granted: dict[str, str]
    missing: dict[str, str]
    calls: dict[str, int]
    limited: dict[str, datetime]
    watched: list[str]


def capabilities(work: Work) -> Capabilities:
    """Return what the workspace's connection may do.

    Raises:
        ConfigurationError: LinkedIn's application is set only in part.
    """
    endpoint = linkedin_endpoint(work.settings)
    account = accounts.find(work, sandbox=endpoint.sandbox)
    held = set(account.scopes) if account else set()
    used = usage.today(work, endpoint.client_id, account.member) if account else []
    return Capabilities(
        member=account.member if account else None,
        name=account.name if account else None,
        expires_at=account.expires_at if account else None,
        expired=account is not None and account.expired,
        sandbox=endpoint.sandbox,
        api_version=endpoint.version,
        granted={each.name: each.enables for each in SCOPES.values() if each.name in held},
        missing={each.name: each.product for each in SCOPES.values() if each.name not in held},
        calls={each.resource: each.calls for each in used},
        limited={each.resource: each.limited_until for each in used if each.limited_until},
        watched=[each.owner for each in sources.watched(work, sandbox=endpoint.sandbox)],
    )
