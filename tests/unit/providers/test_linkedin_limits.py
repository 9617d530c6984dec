"""What a refusal of LinkedIn as one call too many says of the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from overture_core.clock import ManualClock
from overture_core.errors import RateLimited
from overture_core.linkedin.usage import FIRST_WAIT, next_day
from overture_providers import transport
from overture_providers.endpoints import LinkedInEndpoint
from overture_providers.linkedin.client import LinkedInClient, Meter

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class _Heard(Meter):
    """Remembers what LinkedIn named."""

    named: datetime | None = None

    async def refused(self, resource: str, until: datetime | None) -> datetime:
        assert resource == "posts"
        self.named = until
        return until or NOON + FIRST_WAIT


@pytest.mark.parametrize(
    ("headers", "said", "named"),
    [
        ({"Retry-After": "60"}, "Too many requests", NOON + timedelta(seconds=60)),
        ({}, "Resource level throttle APPLICATION DAY limit for calls to this resource is reached.", next_day(NOON)),
        ({}, "Too many requests", None),
    ],
)
async def test_a_refusal_names_a_time_a_day_or_nothing(
    headers: dict[str, str], said: str, named: datetime | None
) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"status": 429, "message": said}, status=429, headers=headers)

    app, heard = web.Application(), _Heard()
    app.router.add_get("/rest/posts", refuse)
    async with TestServer(app) as server, transport.make_http(5.0) as http:
        url = str(server.make_url("")).rstrip("/")
        endpoint = LinkedInEndpoint(url, url, "app", "secret", "202611", pkce=False, sandbox=True)
        client = LinkedInClient(http, endpoint, "token", meter=heard, clock=ManualClock(NOON))
        with pytest.raises(RateLimited) as refused:
            await client.get("/rest/posts", scopes=("r_member_social",))
    assert (heard.named, refused.value.until) == (named, named or NOON + FIRST_WAIT)
