"""The providers' webhooks: verify on the raw body, store, answer fast.

What is stored is applied by a worker. If the database is away, or too slow, the answer is 503 within
seconds, so that the provider sends again; nothing is lost by that, and nothing is applied twice.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar
from urllib.parse import parse_qsl

import structlog
from anyio import to_thread
from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message

from overture_core.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    InvalidInput,
    OvertureError,
    SignatureInvalid,
    SystemFault,
)
from overture_core.messages import intake
from overture_core.messages.evidence import Evidence
from overture_providers.email.events import verify_and_parse
from overture_providers.email.inbound import parse_inbound
from overture_providers.endpoints import (
    SENDGRID_EVENTS_PATH,
    SENDGRID_INBOUND_PATH,
    TWILIO_INBOUND_PATH,
    TWILIO_STATUS_PATH,
    email_endpoint,
    sms_endpoint,
)
from overture_providers.sms.events import verify_and_parse_inbound, verify_and_parse_status
from overture_providers.sms.signature import HEADER as TWILIO_SIGNATURE
from overture_queue.jobs import ProcessEvents
from overture_servers.http.bodies import read_body
from overture_servers.runtime import Runtime

MAX_EVENTS = 5 * 2**20
MAX_INBOUND = 30 * 2**20  # SendGrid's own limit
MAX_FORM = 256 * 2**10
ANSWER_WITHIN_S = 5.0  # Twilio waits 15 s
STORING_AT_ONCE = 4
NO_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'

log = structlog.get_logger(__name__)
Handler = Callable[[Request], Awaitable[Response]]
_Given = ParamSpec("_Given")
_Parsed = TypeVar("_Parsed")
_Made = TypeVar("_Made", covariant=True)


class TwilioParser(Protocol[_Made]):
    """Checks a form's signature and says what it tells."""

    def __call__(
        self, url: str, form: Sequence[tuple[str, str]], signature: str | None, auth_token: str, *, now: datetime
    ) -> _Made: ...


def routes(hooks: Webhooks) -> list[Route]:
    """Return the routes, at the paths that providers are given."""
    return [
        Route(SENDGRID_EVENTS_PATH, answering(hooks.sendgrid_events), methods=["POST"]),
        Route(f"{SENDGRID_INBOUND_PATH}/{{secret}}", answering(hooks.sendgrid_inbound), methods=["POST"]),
        Route(TWILIO_STATUS_PATH, answering(hooks.twilio_status), methods=["POST"]),
        Route(TWILIO_INBOUND_PATH, answering(hooks.twilio_inbound), methods=["POST"]),
    ]


class Webhooks:
    """The handlers. Their keys are read from the settings when a call comes in."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # Threads of their own: a database that hangs holds up at most these, and no other request of the server.
        self._storing = ThreadPoolExecutor(STORING_AT_ONCE, thread_name_prefix="webhooks")

    async def sendgrid_events(self, request: Request) -> Response:
        """SendGrid's signed event webhook."""
        raw = await read_body(request, MAX_EVENTS)
        key = email_endpoint(self._runtime.settings).webhook_public_key
        if key is None:
            msg = "No key is configured to check this webhook with; set OVERTURE_SENDGRID_WEBHOOK_KEY."
            raise ConfigurationError(msg)
        events = await to_thread.run_sync(verify_and_parse, raw, request.headers, key)
        return await self.take(events, Response(status_code=204))

    async def sendgrid_inbound(self, request: Request) -> Response:
        """SendGrid's Inbound Parse, which is not signed: its address holds a secret."""
        secret = email_endpoint(self._runtime.settings).inbound_secret
        given = str(request.path_params["secret"])
        if secret is None or not hmac.compare_digest(secret.encode(), given.encode()):
            raise SignatureInvalid("This address is not the one that was given to SendGrid.")
        bounded = _with_body(request, await read_body(request, MAX_INBOUND))
        async with bounded.form(max_files=50, max_fields=200, max_part_size=MAX_INBOUND) as form:
            fields = {name: value for name, value in form.items() if not isinstance(value, UploadFile)}
        now = self._runtime.store.clock.now()
        message = await to_thread.run_sync(lambda: parse_inbound(fields, now=now))
        return await self.take([message], Response(status_code=204))

    async def twilio_status(self, request: Request) -> Response:
        """Twilio's status callback of a message."""
        events = await self.from_twilio(request, verify_and_parse_status)
        return await self.take(events, Response(status_code=204))

    async def twilio_inbound(self, request: Request) -> Response:
        """A message that somebody wrote to one of our numbers; Twilio wants TwiML back."""
        message = await self.from_twilio(request, verify_and_parse_inbound)
        return await self.take([message], Response(NO_ANSWER, media_type="text/xml"))

    async def from_twilio(self, request: Request, parse: TwilioParser[_Parsed]) -> _Parsed:
        """Return what `parse` makes of a form that Twilio posted, once it has checked the signature.

        Raises:
            SignatureInvalid: the signature does not fit.
            InvalidInput: it is not as Twilio sends it.
        """
        raw = await read_body(request, MAX_FORM)
        try:
            form = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=500)
        except ValueError as error:  # UnicodeDecodeError too
            raise InvalidInput("The body is not a form as Twilio sends it.") from error
        # The address that Twilio was given, whatever a proxy in between calls us.
        query = f"?{request.url.query}" if request.url.query else ""
        url = f"{self._runtime.settings.webhook_base_url}{request.url.path}{query}"
        token, now = sms_endpoint(self._runtime.settings).auth_token, self._runtime.store.clock.now()
        return parse(url, form, request.headers.get(TWILIO_SIGNATURE), token, now=now)

    async def take(self, events: Sequence[Evidence], taken: Response) -> Response:
        """Store the events and answer; the worker is told afterwards, since Redis may keep us waiting.

        Events that are stored after all, when the answer was 503 already, come again and change nothing.

        Raises:
            DatabaseUnavailable: they are not stored, or not in time.
        """
        if await self.in_time(intake.store_events, self._runtime.store, events):
            taken.background = BackgroundTask(self._runtime.nudge, ProcessEvents())
        return taken

    async def in_time(self, work: Callable[_Given, _Parsed], *args: _Given.args, **more: _Given.kwargs) -> _Parsed:
        """Do something with the database, in a thread.

        Raises:
            DatabaseUnavailable: it is away, or too slow for whoever waits for us.
        """
        doing = self._storing.submit(work, *args, **more)
        try:
            # One that still waits for a thread is given up; one that runs goes on without us.
            return await asyncio.wait_for(asyncio.wrap_future(doing), ANSWER_WITHIN_S)
        except TimeoutError as error:
            raise DatabaseUnavailable("The database is too slow for this now; send it again later.") from error


def answering(handler: Handler) -> Handler:
    """Return the handler with our errors turned into answers that a provider understands."""

    @wraps(handler)
    async def answering(request: Request) -> Response:
        try:
            return await handler(request)
        except OvertureError as error:
            status = _status(error)
            log.warning("webhook_refused", path=_logged(request), status=status, code=error.code)
            return JSONResponse({"error": error.code, "message": error.message}, status_code=status)

    return answering


def _status(error: OvertureError) -> int:
    if isinstance(error, SignatureInvalid):
        return 403
    return 503 if isinstance(error, SystemFault) else 400


def _logged(request: Request) -> str:
    # Not the whole path: Inbound Parse has its secret there.
    return request.url.path.removesuffix(str(request.path_params.get("secret", "")))


def _with_body(request: Request, raw: bytes) -> Request:
    """Return the request as it came, with a body that was read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    return Request(request.scope, receive)
