"""What every call of the sandbox's LinkedIn API goes through: token, version, protocol, scope."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from overture_core.errors import InvalidInput
from overture_providers.linkedin import restli
from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.linkedin_book import Book
from overture_providers.sandbox.linkedin_oauth import orders


@dataclass(frozen=True, slots=True)
class Call:
    """A call that may be answered: its query, decoded, and its JSON body."""

    request: Request
    member: str
    scopes: frozenset[str]
    query: dict[str, restli.Decoded]
    body: dict[str, Any] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Response]]
Route = Callable[[Request], Awaitable[Response]]


class Refusal(Exception):
    """A refusal, as LinkedIn words it."""

    def __init__(self, status: int, message: str, code: str, number: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"status": status, "code": code, "message": message}
        if number is not None:
            self.body["serviceErrorCode"] = number


def refused(status: int, *, retry_after_s: int | None = None) -> Response:
    """Return a refusal that somebody ordered; a 429 is the day's limit, unless a time is ordered too."""
    told = {
        401: ("The token used in the request has been revoked by the user", "REVOKED_ACCESS_TOKEN", 65601),
        429: (
            "Resource level throttle APPLICATION_AND_MEMBER DAY limit for calls to this resource is reached.",
            "TOO_MANY_REQUESTS",
            101,
        ),
    }
    message, code, number = told.get(status, ("Internal Server Error", "INTERNAL_SERVER_ERROR", 0))
    answer = _answer(Refusal(status, message, code, number))
    if status == 429 and retry_after_s is not None:
        answer.headers["Retry-After"] = str(retry_after_s)
    return answer


def guard(sandbox: Sandbox, book: Book) -> Callable[..., Route]:
    """Return what puts the checks before a handler; `scopes` are those of which one is wanted."""

    def guarded(handler: Handler, *scopes: str, versioned: bool = True) -> Route:
        async def answer(request: Request) -> Response:
            try:
                member, granted = await to_thread.run_sync(_token, sandbox, book, request)
                if versioned:
                    await to_thread.run_sync(_version, book, request)
                if scopes and not granted.intersection(scopes):
                    message = f"Not enough permissions to access: {request.url.path.split('/')[2]}.{request.method}"
                    raise Refusal(403, message, "ACCESS_DENIED", 100)
                return await handler(Call(request, member, granted, _query(request), await _body(request)))
            except Refusal as error:
                return _answer(error)

        return answer

    return guarded


def require(call: Call, author: str, own: str, page: str) -> None:
    """Make sure that the member may act or read as an author: `own` is the scope for themselves, `page` for a page."""
    scope = page if ":organization:" in author else own
    if scope not in call.scopes:
        raise Refusal(403, f"Not enough permissions to access: {author}", "ACCESS_DENIED", 100)
    if ":organization:" not in author and author != call.member:
        raise Refusal(403, "Data Processing Exception while processing fields [/author]", "ACCESS_DENIED", 100)


def bad(message: str) -> Refusal:
    """Return the refusal of a malformed request."""
    return Refusal(400, message, "ILLEGAL_ARGUMENT", 100)


def text(values: dict[str, Any], name: str, pattern: str, longest: int = 4_000) -> str:
    """Return a field of a body or query that has to be there."""
    value = values.get(name)
    if not isinstance(value, str) or len(value) > longest or not re.fullmatch(pattern, value, re.DOTALL):
        raise bad(f"ERROR :: /{name} :: field is required but not found, or is not valid")
    return value


def _token(sandbox: Sandbox, book: Book, request: Request) -> tuple[str, frozenset[str]]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise Refusal(401, "Empty oauth2 access token", "EMPTY_ACCESS_TOKEN", 65604)
    kept = book.get("token", token)
    if kept is None:
        raise Refusal(401, "Invalid access token", "INVALID_ACCESS_TOKEN", 65600)
    if kept["until"] <= sandbox.now():
        raise Refusal(401, "The token used in the request has expired", "EXPIRED_ACCESS_TOKEN", 65602)
    return kept["member"], frozenset(kept["scopes"])


def _version(book: Book, request: Request) -> None:
    version = request.headers.get("linkedin-version", "")
    if not re.fullmatch(r"\d{6}", version):
        raise Refusal(
            400,
            "A version must be present. Please specify a version by adding the LinkedIn-Version header.",
            "VERSION_MISSING",
        )
    if version < orders(book).oldest_version:
        raise Refusal(426, f"Requested version {version}01 is not active", "NONEXISTENT_VERSION")
    if request.headers.get("x-restli-protocol-version") != "2.0.0":
        raise Refusal(400, "X-RestLi-Protocol-Version has to be 2.0.0", "ILLEGAL_ARGUMENT")


def _query(request: Request) -> dict[str, restli.Decoded]:
    found: dict[str, restli.Decoded] = {}
    for pair in filter(None, request.scope["query_string"].decode("ascii", "replace").split("&")):
        name, _, value = pair.partition("=")
        try:
            # A projection is no value: it is read by nobody here.
            found[name] = value if name == "fields" else restli.decode(value)
        except InvalidInput as error:
            raise bad(f"Query parameter {name} is invalid: {error}") from error
    return found


async def _body(request: Request) -> dict[str, Any]:
    if request.method not in {"POST", "PUT"} or request.headers.get("content-type", "") != "application/json":
        return {}
    try:
        body = await request.json()
    except ValueError as error:
        raise bad("The body is not JSON") from error
    if not isinstance(body, dict):
        raise bad("The body is not an object")
    return body


def _answer(error: Refusal) -> Response:
    return JSONResponse(error.body, error.status)
