"""One member's LinkedIn: versioned Rest.li calls with their token, and what each failure means in one sentence.

Nothing that changes something is ever repeated: LinkedIn has no idempotency key, and a second try may be a second
post. A GET may be repeated by whoever asks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
import orjson
from yarl import URL

from overture_core.clock import Clock, SystemClock
from overture_core.errors import NotConnected, OutcomeUnknown, ProviderRefused, ProviderUnavailable, RateLimited
from overture_core.linkedin import usage
from overture_core.linkedin.scopes import missing_sentence, no_role_sentence
from overture_core.text import clean
from overture_providers import transport
from overture_providers.endpoints import LinkedInEndpoint
from overture_providers.linkedin import restli

PROTOCOL = "2.0.0"
NOT_FOUND, UPGRADE_REQUIRED = 404, 426
# Raised before anything of the request is written.
NOTHING_LEFT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)

_DAYS_LIMIT = re.compile(r"\bDAY\b.*\blimit\b", re.IGNORECASE)

Method = Literal["GET", "POST", "PUT", "DELETE"]


class Meter:
    """Told of every call, by resource. This one keeps nothing (session.py has the one that does)."""

    async def before(self, resource: str) -> None:
        """A call of `resource` is about to be made; raises RateLimited where it must not be."""

    async def after(self, resource: str) -> None:
        """It was made."""

    async def refused(self, resource: str, until: datetime | None) -> datetime:
        """It was made, and LinkedIn refused it as one too many, until a time if it named one; returns until when no
        more are made."""
        return until or usage.soon(SystemClock().now())


@dataclass(frozen=True, slots=True)
class Created:
    """Something that LinkedIn made: the id in its header `x-restli-id`, and the body if there is one."""

    id: str
    body: dict[str, Any] = field(default_factory=dict)


class LinkedInClient:
    """Calls for one member. Pass the HTTP client of `transport.make_http`; this class never closes it.

    `granted` are the token's scopes: they tell a refusal for want of a scope from one for want of a role.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        endpoint: LinkedInEndpoint,
        token: str,
        *,
        granted: Collection[str] = (),
        meter: Meter | None = None,
        timeout_s: float = 20.0,
        clock: Clock | None = None,
    ) -> None:
        self._http = http
        self._endpoint = endpoint
        self._token = token
        self._granted = frozenset(granted)
        self._meter = meter or Meter()
        self._deadline_s = timeout_s + transport.CONNECT_TIMEOUT_S
        self._clock = clock or SystemClock()

    async def get(
        self,
        path: str,
        params: Mapping[str, restli.Value] | None = None,
        *,
        scopes: tuple[str, ...],
        finder: bool = False,
        fields: str | None = None,
    ) -> dict[str, Any]:
        """Read something. `scopes` are those of which any would do, for the sentence that one is missing; `fields` is a
        projection, which stands in the query as it is.

        Raises:
            ProviderRefused: LinkedIn said no; the sentence says why and what to do.
            RateLimited: the day's limit is reached.
            NotConnected: the token expired or was taken back.
            ProviderUnavailable: LinkedIn does not answer.
        """
        headers = {"X-RestLi-Method": "FINDER"} if finder else {}
        answer = await self._call("GET", path, params, None, headers, scopes, fields=fields)
        return transport.json_object(answer)

    async def create(
        self,
        path: str,
        body: Mapping[str, Any],
        params: Mapping[str, restli.Value] | None = None,
        *,
        scopes: tuple[str, ...],
    ) -> Created:
        """Make something, once.

        Raises:
            OutcomeUnknown: the request left, and nobody can say what became of it.
            ProviderRefused, RateLimited, NotConnected, ProviderUnavailable: as with `get`; nothing was made.
        """
        answer = await self._call("POST", path, params, body, {}, scopes)
        made = restli.decode_reduced(answer.headers.get("x-restli-id") or answer.headers.get("x-linkedin-id") or "")
        return Created(clean(made, limit=200) if isinstance(made, str) else "", transport.json_object(answer))

    async def update(self, path: str, changes: Mapping[str, Any], *, scopes: tuple[str, ...]) -> None:
        """Change fields of something (a partial update). Raises as `create` does."""
        headers = {"X-RestLi-Method": "PARTIAL_UPDATE"}
        await self._call("POST", path, None, {"patch": {"$set": dict(changes)}}, headers, scopes)

    async def delete(self, path: str, *, scopes: tuple[str, ...]) -> None:
        """Delete something; what is gone already is fine. Raises as `create` does."""
        await self._call("DELETE", path, None, None, {"X-RestLi-Method": "DELETE"}, scopes, gone_is_fine=True)

    async def upload(self, url: str, data: bytes) -> None:
        """Put a file where LinkedIn said. Raises as `create` does."""
        if not self._may_upload_to(url):
            msg = "LinkedIn named a place for the file that is not LinkedIn's; nothing was sent there."
            raise ProviderRefused(msg)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/octet-stream"}
        answer = await self._exchange("PUT", URL(url, encoded=True), headers, data)
        if not answer.is_success:
            raise self._refusal(answer, "uploads", ("w_member_social",))

    async def _call(
        self,
        method: Method,
        path: str,
        params: Mapping[str, restli.Value] | None,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        scopes: tuple[str, ...],
        *,
        fields: str | None = None,
        gone_is_fine: bool = False,
    ) -> transport.Answer:
        resource = _resource(path)
        await self._meter.before(resource)
        query = "&".join(filter(None, (restli.encode_params(params), f"fields={fields}" if fields else "")))
        url = URL(f"{self._endpoint.base_url}{path}{'?' if query else ''}{query}", encoded=True)
        sent = {
            "Authorization": f"Bearer {self._token}",
            "LinkedIn-Version": self._endpoint.version,
            "X-Restli-Protocol-Version": PROTOCOL,
            **headers,
        }
        data = None
        if body is not None:
            sent["Content-Type"], data = "application/json", orjson.dumps(body)
        answer = await self._exchange(method, url, sent, data)
        if answer.status == transport.TOO_MANY_REQUESTS:
            until = await self._meter.refused(resource, self._named_end(answer))
            raise RateLimited(usage.limited_sentence(resource, until), until)
        await self._meter.after(resource)
        if answer.is_success or (gone_is_fine and answer.status == NOT_FOUND):
            return answer
        if answer.status >= transport.SERVER_ERROR and method != "GET":
            raise OutcomeUnknown(
                f"LinkedIn answered HTTP {answer.status} to {resource}, so nobody knows if it was done."
            )
        raise self._refusal(answer, resource, scopes)

    async def _exchange(
        self, method: Method, url: URL, headers: Mapping[str, str], data: bytes | None
    ) -> transport.Answer:
        try:
            return await transport.exchange(self._http, method, url, self._deadline_s, headers=headers, data=data)
        except NOTHING_LEFT as error:
            msg = "LinkedIn could not be reached, and nothing was sent; try it again later."
            raise ProviderUnavailable(msg) from error
        except (TimeoutError, aiohttp.ClientError) as error:
            if method == "GET":
                msg = "LinkedIn did not answer in time; try it again later."
                raise ProviderUnavailable(msg) from error
            msg = f"LinkedIn did not answer after the request was sent ({type(error).__name__})."
            raise OutcomeUnknown(msg) from error

    def _named_end(self, answer: transport.Answer) -> datetime | None:
        """Until when LinkedIn says that it takes no more calls: a time, or the end of a day whose limit it names."""
        if answer.headers.get("retry-after"):
            return transport.retry_at(answer.headers, self._clock)
        said = transport.json_object(answer).get("message")
        # "Resource level throttle APPLICATION DAY limit for calls to this resource is reached."
        return usage.next_day(self._clock.now()) if isinstance(said, str) and _DAYS_LIMIT.search(said) else None

    def _refusal(self, answer: transport.Answer, resource: str, scopes: tuple[str, ...]) -> Exception:
        body = transport.json_object(answer)
        said = body.get("message")
        detail = transport.detail_of(answer, said if isinstance(said, str) else None)
        if answer.status == transport.UNAUTHORIZED:
            msg = (
                f"LinkedIn no longer takes the access token ({detail}); a person connects again with "
                "`overture linkedin connect`."
            )
            return NotConnected(msg)
        if answer.status == UPGRADE_REQUIRED:
            msg = (
                f"LinkedIn has retired version {self._endpoint.version} of its API ({detail}); set "
                "OVERTURE_LINKEDIN_VERSION to a newer month, as YYYYMM, after reading what changed."
            )
            return ProviderRefused(msg)
        if answer.status == transport.FORBIDDEN:
            held = [each for each in scopes if each in self._granted]
            lacking = [each for each in scopes if each not in self._granted]
            why = no_role_sentence(held, lacking) if held else missing_sentence(*scopes)
            return ProviderRefused(f"{why} LinkedIn said: {detail}")
        if answer.status == NOT_FOUND:
            return ProviderRefused(f"LinkedIn knows no such thing among its {resource} ({detail}); check its URN.")
        if answer.status >= transport.SERVER_ERROR:
            return ProviderUnavailable(f"LinkedIn answered HTTP {answer.status} to {resource}; try it again later.")
        code = body.get("serviceErrorCode")
        number = f", code {code}" if isinstance(code, int) else ""
        return ProviderRefused(f"LinkedIn refused it: {detail} (HTTP {answer.status}{number}). Nothing was changed.")

    def _may_upload_to(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            host, own = parts.hostname or "", urlsplit(self._endpoint.base_url)
        except ValueError:
            return False
        if parts.netloc == own.netloc:
            return True
        return parts.scheme == "https" and (host == "linkedin.com" or host.endswith(".linkedin.com"))


def _resource(path: str) -> str:
    """What LinkedIn counts calls by: the resource's name, without keys."""
    parts = path.split("/")
    name = parts[2] if len(parts) > 2 else path
    return f"{name}/{parts[4]}" if len(parts) > 4 else name
