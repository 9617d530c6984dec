"""The sandbox: one HTTP application that speaks the providers' contracts and contacts nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal

import anyio
from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from overture_core.clock import Clock
from overture_core.settings import Settings
from overture_providers.sandbox import calls, linkedin, linkedin_leads, linkedin_oauth, page, senders, sendgrid, twilio
from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.faults import Fault, FaultGate
from overture_providers.sandbox.inbox import Inbox, Webhook
from overture_providers.sandbox.keys import load_or_create
from overture_providers.sandbox.linkedin_book import Book
from overture_providers.sandbox.stripe import app as stripe
from overture_providers.sandbox.stripe import pages as stripe_pages
from overture_providers.sandbox.webhooks import WebhookSender

MAX_LIMIT = 10_000


class InboundSms(BaseModel):
    """A message that somebody is to write to one of our numbers."""

    model_config = ConfigDict(extra="forbid")

    channel: Literal["sms", "whatsapp"] = "sms"
    sender: str = Field(max_length=40)
    to: str = Field(max_length=40)
    body: str = Field(max_length=1_600)


def create_app(
    settings: Settings, *, clock: Clock, webhook_url: str | None, seed: int = 1, speed: float = 1.0
) -> Starlette:
    """Return the application; its database and keys are in `settings.data_dir`.

    Args:
        settings: where the data folder is.
        clock: whose time the events carry.
        webhook_url: base URL of the receiver of webhooks; without one they stay in the inbox, to be taken from there.
        seed: of the outcomes.
        speed: divides the delays between events; 0 means none.
    """
    sandbox = Sandbox(
        inbox=Inbox(settings.data_dir),
        keys=load_or_create(settings.data_dir),
        clock=clock,
        webhook_url=(webhook_url or "").rstrip("/"),
        seed=seed,
        speed=speed,
    )
    faults: list[Fault] = []
    book = Book(settings.data_dir)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            if webhook_url is not None:
                tasks.start_soon(WebhookSender(sandbox).run)
            yield
            tasks.cancel_scope.cancel()
        book.close()
        sandbox.inbox.close()

    return Starlette(
        routes=[
            *sendgrid.routes(sandbox),
            *twilio.routes(sandbox),
            *calls.routes(sandbox),
            *stripe.routes(sandbox),
            *linkedin_oauth.routes(sandbox, book),
            *linkedin.routes(sandbox, book),
            *linkedin_leads.routes(sandbox, book),
            *senders.routes(sandbox, settings),
            *_own_routes(sandbox, faults),
        ],
        middleware=[
            # a page on another site must not reach the sandbox through a name that it points here
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
            Middleware(FaultGate, sandbox=sandbox, faults=faults),
        ],
        lifespan=lifespan,
    )


def _own_routes(sandbox: Sandbox, faults: list[Fault]) -> list[Route]:
    async def show(_request: Request) -> Response:
        messages = await to_thread.run_sync(partial(sandbox.inbox.messages, limit=200))
        objects = stripe_pages.section(await to_thread.run_sync(stripe_pages.listed, sandbox))
        return page.render(messages, await to_thread.run_sync(sandbox.inbox.summary), objects)

    async def home(_request: Request) -> Response:
        return RedirectResponse("/sandbox")

    async def messages(request: Request) -> Response:
        query = request.query_params
        digits = query.get("limit", "100")
        limit = min(int(digits), MAX_LIMIT) if digits.isascii() and digits.isdigit() else 100
        find = partial(sandbox.inbox.messages, channel=query.get("channel"), message_id=query.get("message_id"))
        return JSONResponse({"messages": await to_thread.run_sync(partial(find, limit=limit))})

    async def summary(_request: Request) -> Response:
        return JSONResponse(await to_thread.run_sync(sandbox.inbox.summary))

    async def order(request: Request) -> Response:
        try:
            fault = Fault.model_validate_json(await _json(request))
        except ValidationError as error:
            return _invalid(error)
        faults.append(fault)
        return JSONResponse({"faults": [each.model_dump() for each in faults]}, 201)

    async def clear(_request: Request) -> Response:
        faults.clear()
        return JSONResponse({"faults": []})

    async def inbound(request: Request) -> Response:
        try:
            sms = InboundSms.model_validate_json(await _json(request))
        except ValidationError as error:
            return _invalid(error)
        prefix = twilio.WHATSAPP if sms.channel == "whatsapp" else ""
        form = twilio.inbound_form(sandbox, sender=prefix + sms.sender, to=prefix + sms.to, body=sms.body)
        await to_thread.run_sync(sandbox.inbox.record, [], [Webhook(sandbox.now(), "sms_reply", "", form)])
        sandbox.tell()
        return JSONResponse({"sid": form["MessageSid"]}, 202)

    return [
        Route("/", home, methods=["GET"]),
        Route("/sandbox", show, methods=["GET"]),
        Route("/sandbox/inbox.json", messages, methods=["GET"]),
        Route("/sandbox/summary.json", summary, methods=["GET"]),
        Route("/sandbox/faults", order, methods=["POST"]),
        Route("/sandbox/faults", clear, methods=["DELETE"]),
        Route("/sandbox/inbound", inbound, methods=["POST"]),
    ]


async def _json(request: Request) -> bytes:
    """Only a body that says it is JSON: a form on another site cannot send one."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return await request.body() if kind == "application/json" else b""


def _invalid(error: ValidationError) -> JSONResponse:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"]) or "body"
    return JSONResponse({"error": f"{where}: {problem['msg']}"}, 400)
