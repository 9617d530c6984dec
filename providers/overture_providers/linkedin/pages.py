"""The pages that a member administers, and what LinkedIn counts of them and of their posts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from overture_core.errors import InvalidInput
from overture_core.text import clean, quoted
from overture_providers.linkedin.client import LinkedInClient
from overture_providers.linkedin.restli import Value

ADMIN = ("rw_organization_admin", "r_organization_admin")
Kind = Literal["shares", "followers", "views"]
# Each kind of statistics: its resource, and the parameter that names the page there.
_RESOURCES: dict[Kind, tuple[str, str]] = {
    "shares": ("organizationalEntityShareStatistics", "organizationalEntity"),
    "followers": ("organizationalEntityFollowerStatistics", "organizationalEntity"),
    "views": ("organizationPageStatistics", "organization"),
}
_DEEPEST = 6
_PAGE = re.compile(r"urn:li:organization:\d{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that the member has a role on."""

    urn: str
    role: str


async def administered(client: LinkedInClient) -> list[Page]:
    """Return the pages on which the member has an approved role. Raises as `LinkedInClient.get` does."""
    params = {"q": "roleAssignee", "state": "APPROVED"}
    found = await client.get("/rest/organizationAcls", params, scopes=ADMIN, finder=True)
    elements = found.get("elements")
    return [
        Page(clean(str(each.get("organization", "")), limit=100), clean(str(each.get("role", "")), limit=60))
        for each in (elements if isinstance(elements, list) else [])
        if isinstance(each, dict)
    ]


async def statistics(
    client: LinkedInClient,
    page: str,
    kind: Kind,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    posts: list[str] | None = None,
) -> dict[str, int]:
    """Return the sums of what is counted, by name; with `start` and `end` only of those days, and with `posts` only of
    these posts of the page.

    Raises:
        InvalidInput: `page` is no page.
        ProviderRefused, RateLimited, NotConnected, ProviderUnavailable: as `LinkedInClient.get` does.
    """
    if not _PAGE.fullmatch(page):
        msg = f"{quoted(page)} is no page; give its URN, such as urn:li:organization:1234."
        raise InvalidInput(msg)
    resource, name = _RESOURCES[kind]
    params: dict[str, Value] = {"q": name, name: page}
    if posts:
        params |= {
            word: [each for each in posts if f":{of}:" in each]
            for word, of in (("shares", "share"), ("ugcPosts", "ugcPost"))
            if any(f":{of}:" in each for each in posts)
        }
    if start is not None and end is not None:
        params |= {
            "timeIntervals.timeGranularityType": "DAY",
            "timeIntervals.timeRange.start": _milliseconds(start),
            "timeIntervals.timeRange.end": _milliseconds(end),
        }
    found = await client.get(f"/rest/{resource}", params, scopes=("rw_organization_admin",), finder=True)
    totals: dict[str, int] = {}
    elements = found.get("elements")
    for each in elements if isinstance(elements, list) else []:
        if isinstance(each, dict):
            _add(totals, each, (), _DEEPEST)
    return totals


def _add(totals: dict[str, int], counted: Mapping[str, Any], path: tuple[str, ...], deepest: int) -> None:
    """Sum the whole numbers of an element, under their path in it; days and breakdowns by audience are left out."""
    for name, value in counted.items():
        if name == "timeRange" or isinstance(value, bool):
            continue
        at = (*path, clean(str(name), limit=60))
        if isinstance(value, int):
            key = ".".join(at)
            totals[key] = totals.get(key, 0) + value
        elif isinstance(value, dict) and deepest:
            _add(totals, value, at, deepest - 1)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
