"""Twilio's Messages resource: send one SMS, and look one up whose outcome is unknown.

Requests are made here rather than through Twilio's SDK, whose asynchronous client ignores its time
limit and repeats a POST after a 500, which would be a second SMS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson

from overture_core.clock import Clock, SystemClock
from overture_core.errors import ProviderUnavailable
from overture_core.messages.outcomes import Accepted, Outcome, Refused, Retryable, Unknown
from overture_core.text import clean
from overture_providers import transport
from overture_providers.endpoints import SmsEndpoint

MAX_BODY = 1_600  # characters of a message
PAGE_SIZE = 100
MAX_PAGES = 5
# twilio.com/docs/api/errors: not processed for now, as opposed to never
_TOO_MANY = 20429
_QUEUE_FULL = 21611
_AUTHENTICATE = 20003


@dataclass(frozen=True, slots=True)
class SmsMessage:
    """One SMS, or with `whatsapp:` before both numbers one WhatsApp message. `status_callback` is
    `endpoints.twilio_callback`'s URL, which carries our id. With `content_sid` the approved template is sent, with
    its variables, and not the body."""

    message_id: str
    workspace: str
    sender: str
    to: str
    body: str
    status_callback: str
    content_sid: str | None = None
    variables: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FoundSms:
    """A message that Twilio knows. `error_code` is Twilio's, if it failed."""

    sid: str
    status: str
    to: str
    body: str
    created_at: datetime
    error_code: int | None


class TwilioClient:
    """Sends single messages. Pass the HTTP client of `transport.make_http`; this class never closes it."""

    def __init__(
        self, http: aiohttp.ClientSession, endpoint: SmsEndpoint, *, timeout_s: float = 20.0, clock: Clock | None = None
    ) -> None:
        self._http = http
        self._base_url = endpoint.base_url
        self._account_url = f"{endpoint.base_url}/2010-04-01/Accounts/{endpoint.account_sid}"
        self._url = f"{self._account_url}/Messages.json"
        credentials = aiohttp.encode_basic_auth(endpoint.account_sid, endpoint.auth_token)
        self._headers = {"Authorization": credentials}
        self._deadline_s = timeout_s + transport.CONNECT_TIMEOUT_S
        self._clock = clock or SystemClock()

    async def send(self, message: SmsMessage) -> Outcome:
        """Send one message, once."""
        form = {
            "To": message.to,
            "From": message.sender,
            "Body": message.body,
            "StatusCallback": message.status_callback,
        }
        if message.content_sid is not None:
            del form["Body"]
            form["ContentSid"] = message.content_sid
            if message.variables:
                form["ContentVariables"] = orjson.dumps(dict(message.variables)).decode()
        return await self.create("Messages", form)

    async def create(self, resource: str, form: dict[str, str]) -> Outcome:
        """Create one of the account's resources, such as `Calls`, once."""
        url = f"{self._account_url}/{resource}.json"
        answer = await transport.post(self._http, url, deadline_s=self._deadline_s, form=form, headers=self._headers)
        return self._outcome(answer) if isinstance(answer, transport.Answer) else answer

    def _outcome(self, response: transport.Answer) -> Outcome:
        status, body = response.status, transport.json_object(response)
        if response.is_success:
            sid = body.get("sid")
            return Accepted(clean(sid, limit=200) or None if isinstance(sid, str) else None)
        code, message = body.get("code"), body.get("message")
        detail = transport.detail_of(response, message if isinstance(message, str) else None)
        if status == transport.TOO_MANY_REQUESTS or code in {_TOO_MANY, _QUEUE_FULL}:
            return Retryable(str(code or status), detail, transport.retry_at(response.headers, self._clock))
        if status >= transport.SERVER_ERROR or status == transport.REQUEST_TIMEOUT:
            return Unknown(f"Twilio answered HTTP {status} ({detail}).")
        # A 403 with a code of its own is about this message (a region not enabled), not our credentials.
        forbidden = status == transport.FORBIDDEN and not isinstance(code, int)
        if status == transport.UNAUTHORIZED or code == _AUTHENTICATE or forbidden:
            settings = "OVERTURE_TWILIO_ACCOUNT_SID and OVERTURE_TWILIO_AUTH_TOKEN"
            return Retryable("unauthorized", f"Twilio refused our credentials ({detail}); check {settings}.")
        return Refused(str(code if isinstance(code, int) else status), detail)

    async def find(self, to: str, body: str, since: datetime) -> list[FoundSms]:
        """Return what Twilio has to `to` with exactly this body, created at `since` or later.

        Looks through the newest 500 messages to that number. Reading may be repeated freely.

        Raises:
            ProviderUnavailable: Twilio did not answer, or refused our credentials.
        """
        # Twilio compares DateSent by day, and a message may be sent on the day after it was created
        query = {"To": to, "DateSent>": (since - timedelta(days=1)).date().isoformat(), "PageSize": str(PAGE_SIZE)}
        found: list[FoundSms] = []
        page: dict[str, Any] = await self._get(self._url, query)
        for _ in range(MAX_PAGES):
            items = page.get("messages")
            parsed = [_found(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
            found += [sms for sms in parsed if sms and sms.to == to and sms.body == body and sms.created_at >= since]
            following = page.get("next_page_uri")
            # the path only: our credentials go to no host that an answer names
            if not isinstance(following, str) or not following.startswith("/") or following.startswith("//"):
                break
            page = await self._get(self._base_url + following, None)
        return found

    async def _get(self, url: str, query: dict[str, str] | None) -> dict[str, Any]:
        try:
            response = await transport.exchange(
                self._http, "GET", url, self._deadline_s, params=query, headers=self._headers
            )
        except (TimeoutError, aiohttp.ClientError) as error:
            raise ProviderUnavailable("Twilio could not be asked about a message; try again later.") from error
        if not response.is_success:
            msg = f"Twilio answered HTTP {response.status} to a look-up; check Twilio's credentials, then retry."
            raise ProviderUnavailable(msg)
        return transport.json_object(response)


def _found(item: dict[str, Any]) -> FoundSms | None:
    sid, status, to, body, created = (item.get(k) for k in ("sid", "status", "to", "body", "date_created"))
    texts = (sid, status, to, body, created)
    if not all(isinstance(text, str) for text in texts):
        return None
    try:
        created_at = parsedate_to_datetime(str(created))
    except (ValueError, TypeError, IndexError):
        return None
    if created_at.tzinfo is None:
        return None
    code = item.get("error_code")
    return FoundSms(str(sid), str(status), str(to), str(body), created_at, code if isinstance(code, int) else None)
