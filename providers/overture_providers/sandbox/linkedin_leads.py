"""The sandbox's Lead Sync: a form, what people filled in, and webhooks that say so."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx
from anyio import to_thread
from pydantic import BaseModel, ConfigDict, EmailStr, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.inbox import Webhook
from overture_providers.sandbox.linkedin import listed
from overture_providers.sandbox.linkedin_book import ACCOUNT, FORM, Book, form, response
from overture_providers.sandbox.linkedin_calls import Call, Refusal, bad, guard, text
from overture_providers.sandbox.linkedin_oauth import Orders

SCOPE = "r_marketing_leadgen_automation"
CHALLENGE_S = 3.0
SIGNATURE_HEADER = "X-LI-Signature"


class Filled(BaseModel):
    """What somebody is to fill into the form."""

    model_config = ConfigDict(extra="forbid")

    first_name: str = Field(max_length=100)
    last_name: str = Field(max_length=100)
    email: EmailStr
    company: str = Field(default="", max_length=100)
    interest: str = Field(default="", max_length=1_000)
    agreed: bool = True
    test: bool = False


def routes(sandbox: Sandbox, book: Book) -> list[Route]:
    """Return the routes of Lead Sync, and those by which the sandbox is told what is to happen at LinkedIn."""
    guarded, leads = guard(sandbox, book), _Leads(sandbox, book)
    return [
        Route("/rest/leadForms", guarded(leads.forms, SCOPE), methods=["GET"]),
        Route("/rest/leadFormResponses", guarded(leads.responses, SCOPE), methods=["GET"]),
        Route("/rest/leadFormResponses/{id}", guarded(leads.response, SCOPE), methods=["GET"]),
        Route("/rest/leadNotifications", guarded(leads.subscriptions, SCOPE), methods=["GET"]),
        Route("/rest/leadNotifications", guarded(leads.subscribe, SCOPE), methods=["POST"]),
        Route("/rest/leadNotifications/{id}", guarded(leads.unsubscribe, SCOPE), methods=["DELETE"]),
        Route("/sandbox/linkedin", leads.order, methods=["POST"]),
        Route("/sandbox/linkedin/leads", leads.fill, methods=["POST"]),
    ]


class _Leads:
    """The handlers."""

    def __init__(self, sandbox: Sandbox, book: Book) -> None:
        self._sandbox = sandbox
        self._book = book

    async def forms(self, call: Call) -> Response:
        _owner(call.query.get("owner"))
        return listed(call, [form()])

    async def responses(self, call: Call) -> Response:
        _owner(call.query.get("owner"))
        span = call.query.get("submittedAtTimeRange")
        start, end = _span(span) if span is not None else (0, 2**62)
        every = await to_thread.run_sync(self._book.all, "response")
        return listed(call, [each for each in every if start <= each["submittedAt"] <= end])

    async def response(self, call: Call) -> Response:
        found = await to_thread.run_sync(self._book.get, "response", str(call.request.path_params["id"]))
        if found is None:
            raise Refusal(404, "Could not find the lead", "NOT_FOUND", 0)
        return JSONResponse(found)

    async def subscriptions(self, call: Call) -> Response:
        return listed(call, await to_thread.run_sync(self._book.all, "notification"))

    async def subscribe(self, call: Call) -> Response:
        _owner(call.body.get("owner"))
        webhook = text(call.body, "webhook", r"https?://.+", 500)
        kind = text(call.body, "leadType", "SPONSORED|COMPANY")
        if not await _answers(self._sandbox, webhook):
            raise bad("This URL did not pass the security challenge check")
        id_ = str(secrets.randbelow(10**9))
        made = {"id": id_, "webhook": webhook, "owner": call.body["owner"], "leadType": kind}
        await to_thread.run_sync(self._book.put, "notification", id_, made)
        return Response(status_code=201, headers={"x-restli-id": id_})

    async def unsubscribe(self, call: Call) -> Response:
        await to_thread.run_sync(self._book.take, "notification", str(call.request.path_params["id"]))
        return Response(status_code=204)

    async def fill(self, request: Request) -> Response:
        try:
            filled = Filled.model_validate_json(await _json(request))
        except ValidationError as error:
            return _invalid(error)
        id_ = f"{uuid.uuid4()}-4"
        answers = (filled.first_name, filled.last_name, filled.email, filled.company, filled.interest)
        given = {question: words for question, words in enumerate(answers, 1) if words}
        made = response(id_, given, agreed=filled.agreed, test=filled.test, at=self._sandbox.now())
        await to_thread.run_sync(self._book.put, "response", id_, made)
        await to_thread.run_sync(_report, self._sandbox, self._book, made)
        self._sandbox.tell()
        return JSONResponse({"id": id_}, 202)

    async def order(self, request: Request) -> Response:
        try:
            wanted = Orders.model_validate_json(await _json(request))
        except ValidationError as error:
            return _invalid(error)
        await to_thread.run_sync(self._book.put, "orders", "", wanted.model_dump())
        return JSONResponse(wanted.model_dump())


def sign(body: bytes, secret: str) -> str:
    """Return LinkedIn's signature of a webhook's body."""
    return hmac.new(secret.encode(), b"hmacsha256=" + body, hashlib.sha256).hexdigest()


def _report(sandbox: Sandbox, book: Book, made: dict[str, Any]) -> None:
    """Tell every subscriber, soon, that somebody filled the form in."""
    told = {
        "type": "LEAD_ACTION",
        "leadGenFormResponse": f"urn:li:leadGenFormResponse:{made['id']}",
        "leadGenForm": f"urn:li:versionedLeadGenForm:(urn:li:leadGenForm:{FORM},1)",
        "owner": made["owner"],
        "leadType": made["leadType"],
        "leadAction": "CREATED",
        "occurredAt": made["submittedAt"],
    }
    webhooks = [
        Webhook(sandbox.after(1.0), "linkedin_lead", each["webhook"], told) for each in book.all("notification")
    ]
    sandbox.inbox.record([], webhooks)


async def _answers(sandbox: Sandbox, webhook: str) -> bool:
    """LinkedIn's challenge: whoever listens there has to know the application's secret."""
    code = str(uuid.uuid4())
    proof = hmac.new(sandbox.keys.linkedin_client_secret.encode(), code.encode(), hashlib.sha256).hexdigest()
    try:
        parts = urlsplit(webhook)
        here = (
            parts.netloc == urlsplit(sandbox.webhook_url).netloc
            or ipaddress.ip_address(parts.hostname or "").is_loopback
        )
        if not here:
            return False
        async with httpx.AsyncClient(timeout=CHALLENGE_S, trust_env=False) as http:
            answer = await http.get(webhook, params={"challengeCode": code})
        return answer.status_code == 200 and answer.json() == {"challengeCode": code, "challengeResponse": proof}
    except (httpx.HTTPError, ValueError):
        return False


def _owner(value: object) -> None:
    if value not in ({"sponsoredAccount": ACCOUNT}, {"value": {"sponsoredAccount": ACCOUNT}}):
        raise Refusal(403, "Not enough permissions to access the owner", "ACCESS_DENIED", 100)


def _span(value: object) -> tuple[int, int]:
    try:
        span = value if isinstance(value, dict) else {}
        return int(str(span["start"])), int(str(span["end"]))
    except (KeyError, ValueError) as error:
        raise bad("submittedAtTimeRange has to have a start and an end") from error


async def _json(request: Request) -> bytes:
    """Only a body that says it is JSON: a form on another site cannot send one."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return await request.body() if kind == "application/json" else b""


def _invalid(error: ValidationError) -> JSONResponse:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"]) or "body"
    return JSONResponse({"error": f"{where}: {problem['msg']}"}, 400)
