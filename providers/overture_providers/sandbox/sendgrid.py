"""The sandbox's SendGrid: `POST /v3/mail/send` and the suppression lists.

Requests are checked against SendGrid's own OpenAPI schema (mail_send.schema.json, its data without the
prose; message-level `custom_args` as the object that the API takes) and the limits its pages document.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections import Counter
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.inbox import Accepted, Webhook
from overture_providers.sandbox.script import Step, email_story

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MAX_BYTES = 30_000_000
MAX_RECIPIENTS = 1_000
MAX_ARGUMENT_BYTES = 10_000
MAX_AHEAD_S = 72 * 3600
_ADDRESS = re.compile(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,255}")
_RESERVED_HEADERS = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)
_DROPS = {
    "bounces": "Bounced Address",
    "spam_reports": "Spam Reporting Address",
    "unsubscribes": "Unsubscribed Address",
}
LISTS = {"bounce": "bounces", "spamreport": "spam_reports", "unsubscribe": "unsubscribes"}


class Invalid(Exception):
    """The request breaks a rule; `field` says where."""

    def __init__(self, message: str, field: str | None) -> None:
        super().__init__(message)
        self.field = field


def routes(sandbox: Sandbox) -> list[Route]:
    """Return SendGrid's routes."""

    async def send(request: Request) -> Response:
        if not authorized(request, sandbox):
            return error(401, "The provided authorization grant is invalid, expired, or revoked")
        raw = bytearray()
        async for piece in request.stream():
            raw += piece
            if len(raw) > MAX_BYTES:
                return HTMLResponse("<html><body><h1>413 Request Entity Too Large</h1></body></html>", 413)
        return await to_thread.run_sync(_accept, sandbox, bytes(raw))

    async def suppressions(request: Request) -> Response:
        if not authorized(request, sandbox):
            return error(401, "The provided authorization grant is invalid, expired, or revoked")
        rows = await to_thread.run_sync(sandbox.inbox.suppression_list, request.path_params["name"])
        return JSONResponse(
            [{"created": int(r["created_at"]), "email": r["address"], "reason": r["reason"]} for r in rows]
        )

    return [
        Route("/v3/mail/send", send, methods=["POST"]),
        Route("/v3/suppression/{name:str}", suppressions, methods=["GET"]),
    ]


def error(status: int, message: str, field: str | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return SendGrid's error shape."""
    return JSONResponse({"errors": [{"message": message, "field": field, "help": None}]}, status, headers)


def authorized(request: Request, sandbox: Sandbox) -> bool:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(key.encode(), sandbox.keys.sendgrid_api_key.encode())


def _accept(sandbox: Sandbox, raw: bytes) -> Response:
    try:
        mail = json.loads(raw)
        json.dumps(mail, ensure_ascii=False).encode()  # an escaped half of a surrogate pair is no text
    except (ValueError, RecursionError):
        return error(400, "Bad Request")
    try:
        _check(mail, sandbox.now())
    except Invalid as problem:
        return error(400, str(problem), problem.field)
    request_id = secrets.token_urlsafe(16).replace("-", "a").replace("_", "b")
    headers = {"X-Message-Id": request_id}
    if mail.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
        return Response(status_code=200, headers=headers)
    _record(sandbox, mail, request_id)
    return Response(status_code=202, headers=headers)


@cache
def _validator() -> Validator:
    from jsonschema import Draft7Validator

    source = resources.files("overture_providers.sandbox").joinpath("mail_send.schema.json")
    return Draft7Validator(json.loads(source.read_text(encoding="utf-8")))


def _check(mail: Any, now: float) -> None:
    problem = next(_validator().iter_errors(mail), None)
    if problem is not None:
        raise Invalid(problem.message[:300], ".".join(str(part) for part in problem.absolute_path) or None)
    parts = mail["personalizations"]
    if not parts or not all(part["to"] for part in parts):
        raise Invalid(
            "The to array is required for all personalization objects, and must have an address.", "personalizations"
        )
    addresses = [each["email"] for part in parts for each in (*part["to"], *part.get("cc", ()), *part.get("bcc", ()))]
    senders = [mail["from"]["email"], *([mail["reply_to"]["email"]] if "reply_to" in mail else [])]
    for address in (*addresses, *senders):
        if not _ADDRESS.fullmatch(address):
            raise Invalid("Does not contain a valid address.", "personalizations.to.email")
    if len(addresses) > MAX_RECIPIENTS:
        raise Invalid("The total number of recipients must be no more than 1000.", "personalizations")
    repeated = [address for address, times in Counter(map(str.lower, addresses)).items() if times > 1]
    if repeated:
        raise Invalid("Each email address should be unique between to, cc, and bcc.", "personalizations")
    if "template_id" not in mail and not mail.get("content"):
        raise Invalid("Unless a valid template_id is provided, the content parameter is required.", "content")
    if "template_id" not in mail and "subject" not in mail and not all("subject" in part for part in parts):
        raise Invalid("The subject is required.", "subject")
    for index, part in enumerate((mail, *parts)):
        _check_part(part, "" if index == 0 else f"personalizations.{index - 1}.", now)


def _check_part(part: dict[str, Any], where: str, now: float) -> None:
    for name in ("substitutions", "custom_args"):
        size = sum(len(k.encode()) + len(str(v).encode()) for k, v in part.get(name, {}).items())
        if size > MAX_ARGUMENT_BYTES:
            raise Invalid(f"The {name} of a personalization must not exceed {MAX_ARGUMENT_BYTES} bytes.", where + name)
    reserved = _RESERVED_HEADERS.intersection(name.lower() for name in part.get("headers", {}))
    if reserved:
        raise Invalid(f"The header {min(reserved)} is reserved.", f"{where}headers")
    if part.get("send_at", 0) > now + MAX_AHEAD_S:
        raise Invalid("The send_at parameter must not be more than 72 hours ahead.", f"{where}send_at")


def _record(sandbox: Sandbox, mail: dict[str, Any], request_id: str) -> None:
    dropped = sandbox.inbox.suppressed(
        [each["email"].lower() for part in mail["personalizations"] for each in part["to"]]
    )
    messages: list[Accepted] = []
    webhooks: list[Webhook] = []
    for part in mail["personalizations"]:
        values = part.get("substitutions", {})
        subject = filled(part.get("subject", mail.get("subject", "")), values)
        body = next((filled(c["value"], values) for c in mail.get("content", ()) if c["type"] == "text/plain"), "")
        html = next((filled(c["value"], values) for c in mail.get("content", ()) if c["type"] == "text/html"), None)
        body = body or next((filled(c["value"], values) for c in mail.get("content", ())), "")
        headers = json.dumps({**mail.get("headers", {}), **part.get("headers", {})}, sort_keys=True)
        reply_to = filled(mail.get("reply_to", mail["from"])["email"], values)
        arguments = {
            k: v if isinstance(v, str) else json.dumps(v)
            for k, v in {**mail.get("custom_args", {}), **part.get("custom_args", {})}.items()
        }
        for each in part["to"]:
            name = f"{request_id}.sandbox-{len(messages)}"
            message = Accepted(
                provider_id=name,
                channel="email",
                message_id=arguments.get("message_id"),
                workspace=arguments.get("workspace"),
                recipient=each["email"],
                sender=mail["from"]["email"],
                subject=subject,
                body=body,
                status="accepted",
                accepted_at=sandbox.now(),
                html=html,
                headers=headers,
            )
            messages.append(message)
            webhooks += _webhooks(sandbox, message, arguments, reply_to, dropped.get(each["email"].lower()))
    sandbox.inbox.record(messages, webhooks)
    sandbox.tell()


def filled(text: str, values: dict[str, str]) -> str:
    """Put a personalization's substitutions in, one tag after another, as SendGrid does."""
    for tag, value in values.items():
        text = text.replace(tag, value)
    return text


def _webhooks(
    sandbox: Sandbox, message: Accepted, arguments: dict[str, str], reply_to: str, dropped: str | None
) -> list[Webhook]:
    story = [Step(0.05, "dropped")] if dropped else email_story(sandbox.seed, message.recipient)
    made = []
    for step in story:
        due_at = sandbox.after(step.after_s)
        if step.what == "reply":
            made.append(Webhook(due_at, "email_reply", "", _reply(message, reply_to, step.text), message.provider_id))
            continue
        event = {
            **arguments,
            "email": message.recipient,
            "timestamp": int(due_at),
            "event": step.what,
            "sg_event_id": secrets.token_urlsafe(24),
            "sg_message_id": message.provider_id,
            "smtp-id": f"<{message.provider_id}@sandbox.invalid>",
            **_details(step.what, dropped),
        }
        status = step.what if step.what in {"delivered", "bounce", "dropped", "deferred"} else None
        made.append(Webhook(due_at, "event", "", event, message.provider_id, status))
    return made


def _details(what: str, dropped: str | None) -> dict[str, Any]:
    details: dict[str, dict[str, Any]] = {
        "delivered": {"response": "250 2.0.0 OK (sandbox)"},
        "deferred": {"response": "421 4.7.0 Try again later (sandbox)", "attempt": "1"},
        "bounce": {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 No such mailbox (sandbox)"},
        "dropped": {"reason": _DROPS.get(dropped or "", "Invalid")},
        "open": {"useragent": "Sandbox/1.0", "ip": "192.0.2.1"},
        "click": {"useragent": "Sandbox/1.0", "ip": "192.0.2.1", "url": "https://overture.example/"},
    }
    return details.get(what, {})


def _reply(message: Accepted, reply_to: str, text: str) -> dict[str, str]:
    """Return the form that Inbound Parse posts."""
    quoted = "\n".join(f"> {line}" for line in message.body.splitlines())
    subject = f"Re: {message.subject}"
    return {
        "headers": f"Message-ID: <reply-{message.provider_id}@sandbox.invalid>\nSubject: {subject}\n",
        "from": message.recipient,
        "to": reply_to,
        "subject": subject,
        "text": f"{text}\n\nOn a recent day, {message.sender} wrote:\n{quoted}\n",
        "envelope": json.dumps({"to": [reply_to], "from": message.recipient}),
        "charsets": json.dumps({"to": "UTF-8", "from": "UTF-8", "subject": "UTF-8", "text": "UTF-8"}),
        "attachments": "0",
        "SPF": "pass",
        "sender_ip": "192.0.2.1",
    }
