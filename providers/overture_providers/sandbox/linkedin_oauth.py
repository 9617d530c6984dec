"""The sandbox's LinkedIn login: a page with a button, codes that work once, tokens that expire."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode, urlsplit

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from overture_providers.linkedin.oauth import AUTHORIZE_PATH, AUTHORIZE_PKCE_PATH, TOKEN_PATH, challenge
from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.linkedin_book import MEMBER_NAME, PERSON, Book

CODE_HOLDS_S = 30 * 60
REFRESH_HOLDS_S = 365 * 24 * 3600
_ASKED = ("client_id", "redirect_uri", "state", "scope", "code_challenge")
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"}


class Orders(BaseModel):
    """How LinkedIn behaves: the scopes it grants (None: all that are asked for), how long tokens live, whether it gives
    refresh tokens, and the first version that it still has."""

    model_config = ConfigDict(extra="forbid")

    grant: list[str] | None = None
    expires_in: int = Field(default=5_184_000, ge=0)
    refresh: bool = False
    oldest_version: str = Field(default="202512", pattern=r"^\d{6}$")


def orders(book: Book) -> Orders:
    """Return how LinkedIn behaves now."""
    return Orders.model_validate(book.get("orders", "") or {})


def routes(sandbox: Sandbox, book: Book) -> list[Route]:
    """Return the routes of the login."""

    async def ask(request: Request) -> Response:
        given = {name: request.query_params.get(name, "") for name in _ASKED}
        problem = _problem(sandbox, request.url.path, given)
        if problem or request.query_params.get("response_type") != "code":
            return HTMLResponse(f"<p>{escape(problem or 'response_type has to be code')}</p>", 400, headers=_HEADERS)
        return HTMLResponse(_page(request.url.path, given), headers=_HEADERS)

    async def decide(request: Request) -> Response:
        async with request.form() as form:
            given = {name: str(form.get(name, "")) for name in _ASKED}
            allowed = form.get("decision") == "allow"
        problem = _problem(sandbox, request.url.path, given)
        if problem:
            return HTMLResponse(f"<p>{escape(problem)}</p>", 400, headers=_HEADERS)
        back = {"state": given["state"]}
        if allowed:
            code = secrets.token_urlsafe(24)
            kept = {**given, "until": sandbox.now() + CODE_HOLDS_S}
            await to_thread.run_sync(book.put, "code", code, kept)
            back["code"] = code
        else:
            back |= {"error": "user_cancelled_authorize", "error_description": "The user cancelled the authorization"}
        return RedirectResponse(f"{given['redirect_uri']}?{urlencode(back)}", 303)

    async def token(request: Request) -> Response:
        async with request.form() as form:
            given = {name: str(value) for name, value in form.items()}
        return await to_thread.run_sync(_token, sandbox, book, given)

    return [
        *(Route(path, ask, methods=["GET"]) for path in (AUTHORIZE_PATH, AUTHORIZE_PKCE_PATH)),
        *(Route(path, decide, methods=["POST"]) for path in (AUTHORIZE_PATH, AUTHORIZE_PKCE_PATH)),
        Route(TOKEN_PATH, token, methods=["POST"]),
    ]


def _problem(sandbox: Sandbox, path: str, given: Mapping[str, str]) -> str | None:
    if given["client_id"] != sandbox.keys.linkedin_client_id:
        return "There is no application with this client_id."
    if not _is_ours(sandbox, given["redirect_uri"]):
        return "The redirect_uri does not match the registered value."
    if path == AUTHORIZE_PKCE_PATH and not given["code_challenge"]:
        return "This address is for PKCE, and there is no code_challenge."
    return None if given["scope"] and given["state"] else "scope and state are wanted."


def _is_ours(sandbox: Sandbox, url: str) -> bool:
    """The sandbox sends browsers nowhere but to this machine, or to the receiver of its webhooks."""
    try:
        parts = urlsplit(url)
        if parts.hostname == "localhost" or parts.netloc == urlsplit(sandbox.webhook_url).netloc:
            return True
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _page(path: str, given: Mapping[str, str]) -> str:
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value, quote=True)}">' for name, value in given.items()
    )
    scopes = "".join(f"<li>{escape(each)}</li>" for each in given["scope"].split())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sandbox LinkedIn</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:34rem;padding:0 1rem}"
        "button{font:inherit;padding:.5rem 1rem}</style></head><body><h1>Sandbox LinkedIn</h1>"
        f"<p>You are {escape(MEMBER_NAME)}, who does not exist. Overture asks for:</p><ul>{scopes}</ul>"
        f'<form method="post" action="{escape(path)}">{fields}'
        '<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Cancel</button>'
        "</form></body></html>"
    )


def _token(sandbox: Sandbox, book: Book, given: Mapping[str, str]) -> Response:
    keys = sandbox.keys
    if (given.get("client_id"), given.get("client_secret")) != (keys.linkedin_client_id, keys.linkedin_client_secret):
        return _refused("invalid_client", "Client authentication failed", 401)
    if given.get("grant_type") == "refresh_token":
        kept = book.get("refresh", given.get("refresh_token", ""))
        if kept is None or kept["until"] <= sandbox.now():
            return _refused("invalid_grant", "The provided refresh token is invalid, expired or revoked")
        return _granted(sandbox, book, kept["scopes"], refresh=given["refresh_token"])
    kept = book.take("code", given.get("code", ""))
    if kept is None or kept["until"] <= sandbox.now() or kept["redirect_uri"] != given.get("redirect_uri"):
        return _refused(
            "invalid_request", "Unable to retrieve access token: appid/redirect uri/code verifier does not match"
        )
    if kept["code_challenge"] and kept["code_challenge"] != challenge(given.get("code_verifier", "")):
        return _refused("invalid_grant", "The code verifier does not match the code challenge")
    wanted, granted = kept["scope"].split(), orders(book).grant
    scopes = [each for each in wanted if granted is None or each in granted]
    return _granted(sandbox, book, scopes, refresh=None)


def _granted(sandbox: Sandbox, book: Book, scopes: list[str], *, refresh: str | None) -> Response:
    ordered, now = orders(book), sandbox.now()
    access = f"AQ{secrets.token_urlsafe(64)}"
    book.put("token", access, {"member": PERSON, "scopes": scopes, "until": now + ordered.expires_in})
    answer = {
        "access_token": access,
        "expires_in": ordered.expires_in,
        "scope": ",".join(scopes),
        "token_type": "Bearer",
    }
    if ordered.refresh or refresh:
        refresh = refresh or f"AQ{secrets.token_urlsafe(64)}"
        book.put("refresh", refresh, {"scopes": scopes, "until": now + REFRESH_HOLDS_S})
        answer |= {"refresh_token": refresh, "refresh_token_expires_in": REFRESH_HOLDS_S}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def _refused(code: str, description: str, status: int = 400) -> Response:
    return JSONResponse({"error": code, "error_description": description}, status)
