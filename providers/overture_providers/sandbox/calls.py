"""The sandbox's Twilio Voice: begin and fetch calls. Who picks up is decided by the number, and what they hear is
asked of the answer URL, as Twilio does; the inbox then shows it.

Twilio's magic numbers for calls (twilio.com/docs/iam/test-credentials) give the errors they stand for.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from anyio import to_thread
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_core.messages.content import OPT_OUT_KEY
from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.inbox import Accepted, Inbox, Webhook
from overture_providers.sandbox.script import call_story, presses_key
from overture_providers.sandbox.twilio import NUMBER, authorized, creating, error, is_url

CHANNEL = "voice"
_DETECTION = frozenset({"Enable", "DetectMessageEnd"})
_FROM_MAGIC = {"+15005550001": 21212}
_TO_MAGIC = {"+15005550001": 21217, "+15005550002": 21214, "+15005550003": 21215, "+15005550004": 21216}


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes of calls."""

    async def fetch(request: Request) -> Response:
        if not authorized(request, sandbox):
            return error(401, 20003)
        sid = request.path_params["sid"]
        rows = await to_thread.run_sync(lambda: sandbox.inbox.messages(provider_id=sid, channel=CHANNEL, limit=1))
        return JSONResponse(_resource(sandbox, rows[0])) if rows else error(404, 20404)

    base = "/2010-04-01/Accounts/{account}/Calls"
    return [
        Route(f"{base}.json", creating(sandbox, _accept), methods=["POST"]),
        Route(f"{base}/{{sid}}.json", fetch, methods=["GET"]),
    ]


def hear(inbox: Inbox, webhook: Webhook, twiml: str) -> None:
    """Take in what the receiver answered when somebody picked up, and press the key if that is their way."""
    root = ElementTree.fromstring(twiml)  # noqa: S314 - the receiver is Overture itself
    said = "\n".join(each.text or "" for each in root.iter("Say"))
    action = next((each.get("action") for each in root.iter("Gather")), None)
    pressed = []
    if action is not None and presses_key(webhook.payload["To"]):
        form = {**webhook.payload, "Digits": OPT_OUT_KEY, "CallStatus": "in-progress"}
        pressed = [Webhook(webhook.due_at, "call_key", action, form)]
    inbox.heard(webhook.provider_id or "", said, pressed)


def _accept(sandbox: Sandbox, form: FormData) -> Response:
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    code = _problem(fields)
    if code is not None:
        return error(400, code)
    query = parse_qs(urlsplit(fields["Url"]).query)
    call = Accepted(
        provider_id=f"CA{secrets.token_hex(16)}",
        channel=CHANNEL,
        message_id=query.get("message", [None])[0],
        workspace=query.get("workspace", [None])[0],
        recipient=fields["To"],
        sender=fields["From"],
        subject=None,
        body="",  # nothing is said before somebody picks up
        status="queued",
        accepted_at=sandbox.now(),
    )
    sandbox.inbox.record([call], _webhooks(sandbox, call, fields))
    sandbox.tell()
    (row,) = sandbox.inbox.messages(provider_id=call.provider_id)
    return JSONResponse(_resource(sandbox, row), 201)


def _problem(fields: dict[str, str]) -> int | None:
    to, sender, callback = fields.get("To", ""), fields.get("From", ""), fields.get("StatusCallback", "")
    detection = fields.get("MachineDetection")
    rules = (
        (not to, 21201),
        (not sender, 21213),
        (not is_url(fields.get("Url", "")), 21205),
        (not NUMBER.fullmatch(to), 21211),
        (sender in _FROM_MAGIC, _FROM_MAGIC.get(sender, 0)),
        (to in _TO_MAGIC, _TO_MAGIC.get(to, 0)),
        (not NUMBER.fullmatch(sender), 21212),
        (bool(callback) and not is_url(callback), 21609),
        (detection is not None and detection not in _DETECTION, 20422),
    )
    return next((code for wrong, code in rules if wrong), None)


def _webhooks(sandbox: Sandbox, call: Accepted, fields: dict[str, str]) -> list[Webhook]:
    made, answered_by = [], None
    for step in call_story(sandbox.seed, call.recipient):
        due_at = sandbox.after(step.after_s)
        form = {
            "CallSid": call.provider_id,
            "AccountSid": sandbox.keys.twilio_account_sid,
            "From": call.sender,
            "To": call.recipient,
            "CallStatus": step.what,
            "Direction": "outbound-api",
            "ApiVersion": "2010-04-01",
        }
        if step.what == "in-progress":
            answered_by = step.text
        if answered_by is not None and "MachineDetection" in fields:
            form["AnsweredBy"] = answered_by
        if step.what == "in-progress":
            made.append(Webhook(due_at, "call_answer", fields["Url"], form, call.provider_id, step.what))
        elif fields.get("StatusCallback"):
            made.append(Webhook(due_at, "call_status", fields["StatusCallback"], form, call.provider_id, step.what))
    return made


def _resource(sandbox: Sandbox, row: dict[str, Any]) -> dict[str, Any]:
    created = format_datetime(datetime.fromtimestamp(row["accepted_at"], tz=UTC))
    uri = f"/2010-04-01/Accounts/{sandbox.keys.twilio_account_sid}/Calls/{row['provider_id']}"
    return {
        "account_sid": sandbox.keys.twilio_account_sid,
        "answered_by": None,
        "api_version": "2010-04-01",
        "caller_name": None,
        "date_created": created,
        "date_updated": created,
        "direction": "outbound-api",
        "duration": None,
        "end_time": None,
        "forwarded_from": None,
        "from": row["sender"],
        "from_formatted": row["sender"],
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": None,
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": row["provider_id"],
        "start_time": None,
        "status": row["status"],
        "subresource_uris": {},
        "to": row["recipient"],
        "to_formatted": row["recipient"],
        "trunk_sid": None,
        "uri": f"{uri}.json",
    }
