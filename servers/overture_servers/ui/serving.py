"""What every page of the dashboard has in common: an open session, a read transaction, and a live part.

A view only reads; what changes something is a deed, which is posted with the session's token from a page of ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import anyio
import structlog
from anyio import to_thread
from mcp.server.transport_security import TransportSecurityMiddleware
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from overture_core.errors import NotAllowed, NotFound, OvertureError, SystemFault
from overture_core.storage.store import Work
from overture_core.workspaces import emergency
from overture_servers.http.bodies import read_body
from overture_servers.http.connections import ENDLESS
from overture_servers.http.protection import transport_security
from overture_servers.runtime import Runtime
from overture_servers.ui import paths, rendering
from overture_servers.ui.visitors import Visitor, Visitors

LONGEST_FORM = 10_000  # bytes
EVERY_S = 1.0  # between two looks at what a live page shows
REST = 10  # times as long as a look took, at least, until the next: none keeps the database busy
STILL_THERE_S = 15.0  # a stream that says nothing for this long says so
MOST_STREAMS = 100  # of a process; each page that is looked at has one

log = structlog.get_logger(__name__)
Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Given:
    """What a page is asked for: the parts of its path and its query."""

    runtime: Runtime
    path: Mapping[str, str]
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class View:
    """A page: `load` reads what its template shows. `section` is the entry of the menu that it belongs to. What a
    `live` page shows is kept up to date, by `NAME_live.html`."""

    path: str
    name: str
    section: str
    load: Callable[[Work, Given], dict[str, Any]]
    live: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a person does by a form; `do` returns the address to go on at."""

    path: str
    do: Callable[[Runtime, Visitor, Mapping[str, str], Mapping[str, str]], Awaitable[str]]


def status_of(error: OvertureError) -> int:
    """Return the status of a page that says what was wrong."""
    if isinstance(error, NotFound):
        return HTTPStatus.NOT_FOUND
    if isinstance(error, NotAllowed):
        return HTTPStatus.FORBIDDEN
    return HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, SystemFault) else HTTPStatus.CONFLICT


def _refused(error: OvertureError) -> Response:
    return rendering.page("refused.html", {"message": error.message, "back": paths.HOME}, status_of(error))


@dataclass
class Serving:
    """Turns views and deeds into routes."""

    runtime: Runtime
    visitors: Visitors
    streams: int = field(default=0)

    def view(self, view: View) -> Route:
        """Return the route of a view; with `live` in its query it streams its live part."""

        async def show(request: Request, visitor: Visitor) -> Response:
            given = Given(self.runtime, request.path_params, request.query_params)
            if view.live and "live" in request.query_params:
                return self._stream(request, view, given)
            values = await to_thread.run_sync(self._load, view, given, visitor)
            answer = rendering.page(f"{view.name}.html", values)
            self.visitors.remember(request, answer, visitor.secret)
            return answer

        return Route(view.path, self.guarded(show), methods=["GET"])

    def deed(self, deed: Deed) -> Route:
        """Return the route of a deed."""

        async def do(request: Request, visitor: Visitor) -> Response:
            self.visitors.require_own_page(request)
            form = await read_form(request)
            self.visitors.require_own_form(visitor, form.get("csrf", ""))
            return RedirectResponse(await deed.do(self.runtime, visitor, request.path_params, form), 303)

        return Route(deed.path, self.guarded(do), methods=["POST"])

    def guarded(self, handler: Callable[[Request, Visitor], Awaitable[Response]]) -> Answer:
        """Return a handler that only somebody with an open session gets to."""

        async def known(request: Request) -> Response:
            visitor = await to_thread.run_sync(self.visitors.visitor, request)
            if visitor is None:
                return self._closed(request)
            return await handler(request, visitor)

        return self.told(known)

    def told(self, handler: Answer, refused: Callable[[OvertureError], Response] = _refused) -> Answer:
        """Return a handler for known hosts alone, whose refusals are pages."""
        security = TransportSecurityMiddleware(transport_security(self.runtime.settings))

        @wraps(handler)
        async def answer(request: Request) -> Response:
            unknown = await security.validate_request(request)
            if unknown is not None:
                raise HTTPException(unknown.status_code)
            try:
                return await handler(request)
            except OvertureError as error:
                return refused(error)

        return answer

    def _closed(self, request: Request) -> Response:
        """Say how a session is opened; who only wanted to read goes on there."""
        query = f"?{request.url.query}" if request.url.query else ""
        wanted = request.url.path + query if request.method == "GET" else None
        values = {"sign_in": paths.sign_in_url(self.runtime.settings, wanted), "again": wanted}
        return rendering.page("closed.html", values, HTTPStatus.UNAUTHORIZED)

    def _load(self, view: View, given: Given, visitor: Visitor) -> dict[str, Any]:
        with self.runtime.store.read(visitor.workspace) as work:
            return {
                "section": view.section,
                "visitor": visitor,
                "stopped": emergency.standing(work),
                "sandboxed": work.settings.any_sandboxed,
                **view.load(work, given),
            }

    def _stream(self, request: Request, view: View, given: Given) -> Response:
        if self.streams >= MOST_STREAMS:
            return HTMLResponse("Too many pages are open; this one is not kept up to date.", 503)
        request.scope[ENDLESS] = True
        headers = {**rendering.HEADERS, "X-Accel-Buffering": "no"}
        return StreamingResponse(self._events(request, view, given), 200, headers, "text/event-stream")

    async def _events(self, request: Request, view: View, given: Given) -> AsyncIterator[str]:
        """Give the live part whenever it has changed, for as long as the session is open and somebody reads."""
        said, quiet = "", 0.0
        self.streams += 1
        try:
            while True:
                began = anyio.current_time()
                try:
                    # Asked for anew each time: a session may be ended while a page is open.
                    visitor = await to_thread.run_sync(self.visitors.visitor, request)
                    if visitor is None:
                        break
                    values = await to_thread.run_sync(self._load, view, given, visitor)
                except OvertureError as error:
                    log.info("live_page_paused", page=view.name, detail=error.message)
                    return
                made = rendering.text(f"{view.name}_live.html", values)
                if made != said:
                    said, quiet = made, 0.0
                    yield "".join(f"data: {line}\n" for line in made.splitlines()) + "\n"
                elif quiet >= STILL_THERE_S:
                    quiet = 0.0
                    yield ": still the same\n\n"
                pause = max(EVERY_S, REST * (anyio.current_time() - began))
                await anyio.sleep(pause)
                quiet += pause
            yield "event: closed\ndata: closed\n\n"
        finally:
            self.streams -= 1


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a posted form.

    Raises:
        NotAllowed: it is not UTF-8.
    """
    body = await read_body(request, LONGEST_FORM)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=20))
    except ValueError as error:
        raise NotAllowed("This form cannot be read, so nothing was done.") from error
