"""The sandbox's Twilio: create, list and fetch messages, as Twilio's OpenAPI document describes them.

Twilio's magic numbers (twilio.com/docs/iam/test-credentials) give the errors they stand for; unlike
there, any other sender is good, so that the sandbox works with the sender that is configured.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from anyio import to_thread
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.inbox import Accepted, Webhook
from overture_providers.sandbox.script import Step, sms_story

MAX_BODY = 1_600
STOP_LIST = "sms_stop"
WHATSAPP = "whatsapp:"
CHANNELS = frozenset({"sms", "whatsapp"})
WINDOW_S = 24 * 3600
OUTSIDE_WINDOW = "63016"
_CONTENT_SID = re.compile(r"HX[0-9a-fA-F]{32}")
NUMBER = re.compile(r"(whatsapp:)?\+[1-9][0-9]{6,14}")
_FROM_MAGIC = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
_TO_MAGIC = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
_TEXTS = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "An internal server error has occurred",
    21201: "No 'To' number is specified",
    21205: "Url is not a valid URL",
    21211: "Invalid 'To' Phone Number",
    21212: "Invalid From Number",
    21213: "A 'From' phone number is required.",
    21214: "'To' phone number cannot be reached",
    21215: "Account not authorized to call the 'To' number",
    21216: "Account not allowed to call the 'To' number",
    21217: "The phone number does not appear to be valid",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' phone number provided is not a valid message-capable Twilio phone number",
    21609: "The 'StatusCallback' URL is not a valid URL.",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "The 'To' phone number is not currently reachable using the 'From' phone number",
    21614: "'To' number is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21654: "ContentSid Required",
    21656: "The ContentVariables Parameter is invalid.",
    21910: "Invalid From and To pair. From and To should be of the same channel",
    20422: "Invalid Parameter",
    35118: "MessagingServiceSid is required to schedule a message",
}


def routes(sandbox: Sandbox) -> list[Route]:
    """Return Twilio's routes."""

    async def listing(request: Request) -> Response:
        if not authorized(request, sandbox):
            return error(401, 20003)
        return await to_thread.run_sync(_list, sandbox, request.query_params, request.url.path)

    async def fetch(request: Request) -> Response:
        if not authorized(request, sandbox):
            return error(401, 20003)
        sid = request.path_params["sid"]
        rows = await to_thread.run_sync(lambda: sandbox.inbox.messages(provider_id=sid, limit=1))
        found = rows and rows[0]["channel"] in CHANNELS
        return JSONResponse(_resource(sandbox, rows[0])) if found else error(404, 20404)

    base = "/2010-04-01/Accounts/{account}/Messages"
    return [
        Route(f"{base}.json", creating(sandbox, _accept), methods=["POST"]),
        Route(f"{base}.json", listing, methods=["GET"]),
        Route(f"{base}/{{sid}}.json", fetch, methods=["GET"]),
    ]


def creating(
    sandbox: Sandbox, accept: Callable[[Sandbox, FormData], Response]
) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of a POST that creates one of the account's resources."""

    async def create(request: Request) -> Response:
        if not authorized(request, sandbox):
            return error(401, 20003)
        async with request.form(max_fields=200, max_files=0) as form:
            return await to_thread.run_sync(accept, sandbox, form)

    return create


def error(status: int, code: int, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return Twilio's error shape."""
    body = {
        "code": code,
        "message": _TEXTS[code],
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return JSONResponse(body, status, headers)


def authorized(request: Request, sandbox: Sandbox) -> bool:
    """Tell whether a request carries the sandbox account's credentials."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    keys = sandbox.keys
    wanted = f"{keys.twilio_account_sid}:{keys.twilio_auth_token}".encode()
    own = request.path_params["account"] == keys.twilio_account_sid
    return scheme.lower() == "basic" and hmac.compare_digest(given, wanted) and own


def _accept(sandbox: Sandbox, form: FormData) -> Response:
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    code = _problem(sandbox, fields)
    if code is not None:
        return error(429 if code == 21611 else 400, code)
    callback = fields.get("StatusCallback", "")
    query = parse_qs(urlsplit(callback).query)
    message = Accepted(
        provider_id=f"SM{secrets.token_hex(16)}",
        channel="whatsapp" if fields["To"].startswith(WHATSAPP) else "sms",
        message_id=query.get("message", [None])[0],
        workspace=query.get("workspace", [None])[0],
        recipient=fields["To"],
        sender=fields.get("From") or fields.get("MessagingServiceSid", ""),
        subject=None,
        body=fields.get("Body") or _template_text(fields),
        status="queued",
        accepted_at=sandbox.now(),
    )
    sandbox.inbox.record([message], _webhooks(sandbox, message, callback, "ContentSid" in fields))
    sandbox.tell()
    (row,) = sandbox.inbox.messages(provider_id=message.provider_id)
    return JSONResponse(_resource(sandbox, row), 201)


def _problem(sandbox: Sandbox, fields: dict[str, str]) -> int | None:
    to, sender, body = fields.get("To", ""), fields.get("From", ""), fields.get("Body", "")
    callback = fields.get("StatusCallback", "")
    rules = (
        (not to, 21604),
        (not sender and not fields.get("MessagingServiceSid"), 21603),
        (not body and not fields.get("MediaUrl") and not fields.get("ContentSid"), 21602),
        (len(body) > MAX_BODY, 21617),
        (not NUMBER.fullmatch(to), 21211),
        (sender in _FROM_MAGIC, _FROM_MAGIC.get(sender, 0)),
        (to in _TO_MAGIC, _TO_MAGIC.get(to, 0)),
        (bool(sender) and not NUMBER.fullmatch(sender), 21212),
        (bool(sender) and sender.startswith(WHATSAPP) is not to.startswith(WHATSAPP), 21910),
        ("ContentVariables" in fields and "ContentSid" not in fields, 21654),
        ("ContentSid" in fields and not _CONTENT_SID.fullmatch(fields["ContentSid"]), 20422),
        ("ContentVariables" in fields and not _are_variables(fields["ContentVariables"]), 21656),
        (bool(callback) and not is_url(callback), 21609),
        ("SendAt" in fields and not fields.get("MessagingServiceSid"), 35118),
    )
    broken = next((code for wrong, code in rules if wrong), None)
    if broken is None and sandbox.inbox.suppressed([to]).get(to) == STOP_LIST:
        return 21610
    return broken


def _are_variables(value: str) -> bool:
    try:
        found = json.loads(value)
    except ValueError:
        return False
    return isinstance(found, dict) and all(isinstance(each, str) and each for each in found.values())


def _template_text(fields: dict[str, str]) -> str:
    """What the inbox shows of an approved template, whose text Twilio has and the sandbox has not."""
    return f"[approved template {fields.get('ContentSid', '')}] {fields.get('ContentVariables', '')}".strip()


def is_url(value: str) -> bool:
    """Tell whether Twilio would call this address."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _webhooks(sandbox: Sandbox, message: Accepted, callback: str, approved: bool) -> list[Webhook]:
    story = sms_story(sandbox.seed, message.recipient)
    if message.channel == "whatsapp" and not approved and not _window_open(sandbox, message.recipient):
        story = [Step(0.05, "undelivered", OUTSIDE_WINDOW)]  # taken at first: Meta refuses it later
    return [made for step in story for made in _step(sandbox, message, callback, step)]


def _window_open(sandbox: Sandbox, recipient: str) -> bool:
    wrote_at = sandbox.inbox.wrote_at(recipient, sandbox.now())
    return wrote_at is not None and wrote_at > sandbox.now() - WINDOW_S


def _step(sandbox: Sandbox, message: Accepted, callback: str, step: Step) -> list[Webhook]:
    due_at = sandbox.after(step.after_s)
    if step.what == "reply":
        form = inbound_form(sandbox, sender=message.recipient, to=message.sender, body=step.text)
        return [Webhook(due_at, "sms_reply", "", form)]
    if not callback:
        return []
    form = {
        "MessageSid": message.provider_id,
        "SmsSid": message.provider_id,
        "MessageStatus": step.what,
        "SmsStatus": step.what,
        "To": message.recipient,
        "From": message.sender,
        "AccountSid": sandbox.keys.twilio_account_sid,
        "ApiVersion": "2010-04-01",
    }
    if step.what == "undelivered":
        form["ErrorCode"] = step.text or "30003"
    return [Webhook(due_at, "sms_status", callback, form, message.provider_id, step.what)]


def inbound_form(sandbox: Sandbox, *, sender: str, to: str, body: str) -> dict[str, str]:
    """Return the form that Twilio posts for a message somebody wrote to our number."""
    sid = f"SM{secrets.token_hex(16)}"
    form = {
        "MessageSid": sid,
        "SmsSid": sid,
        "From": sender,
        "To": to,
        "Body": body,
        "NumMedia": "0",
        "NumSegments": "1",
        "AccountSid": sandbox.keys.twilio_account_sid,
        "ApiVersion": "2010-04-01",
    }
    word = body.strip().upper()
    if word in {"STOP", "START"} and not sender.startswith(WHATSAPP):  # there Twilio keeps no list
        form["OptOutType"] = word
    return form


def _list(sandbox: Sandbox, query: QueryParams, path: str) -> Response:
    try:
        size, page = int(query.get("PageSize", "50")), int(query.get("Page", "0"))
        bounds = [_moment(query.get(f"DateSent{sign}")) for sign in (">", "<")]
    except ValueError:
        return error(404, 20404)
    size, page = min(max(size, 1), 1000), max(page, 0)
    rows = sandbox.inbox.messages(recipient=query.get("To"), limit=10_000)
    rows = [row for row in rows if row["channel"] in CHANNELS]
    low, high = bounds
    rows = [r for r in rows if (low is None or r["accepted_at"] >= low) and (high is None or r["accepted_at"] <= high)]
    if "From" in query:
        rows = [row for row in rows if row["sender"] == query["From"]]
    start = page * size
    more = len(rows) > start + size
    pairs = [(k, v) for k, v in query.multi_items() if k != "Page"]
    return JSONResponse(
        {
            "messages": [_resource(sandbox, row) for row in rows[start : start + size]],
            "page": page,
            "page_size": size,
            "start": start,
            "end": max(start, min(start + size, len(rows)) - 1),
            "first_page_uri": f"{path}?{QueryParams([*pairs, ('Page', '0')])}",
            "next_page_uri": f"{path}?{QueryParams([*pairs, ('Page', str(page + 1))])}" if more else None,
            "previous_page_uri": f"{path}?{QueryParams([*pairs, ('Page', str(page - 1))])}" if page else None,
            "uri": f"{path}?{query}",
        }
    )


def _moment(value: str | None) -> float | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _resource(sandbox: Sandbox, row: dict[str, Any]) -> dict[str, Any]:
    created = format_datetime(datetime.fromtimestamp(row["accepted_at"], tz=UTC))
    uri = f"/2010-04-01/Accounts/{sandbox.keys.twilio_account_sid}/Messages/{row['provider_id']}"
    narrow = row["body"].isascii()
    single, part = (160, 153) if narrow else (70, 67)
    length = len(row["body"])
    service = row["sender"].startswith("MG")
    return {
        "account_sid": sandbox.keys.twilio_account_sid,
        "api_version": "2010-04-01",
        "body": row["body"],
        "date_created": created,
        "date_sent": created,
        "date_updated": created,
        "direction": "outbound-api",
        "error_code": row["error_code"],
        "error_message": None,
        "from": None if service else row["sender"],
        "messaging_service_sid": row["sender"] if service else None,
        "num_media": "0",
        "num_segments": str(1 if length <= single else -(-length // part)),
        "price": None,
        "price_unit": "USD",
        "sid": row["provider_id"],
        "status": row["status"],
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": row["recipient"],
        "uri": f"{uri}.json",
    }
