"""SendGrid's Inbound Parse: a mail that somebody wrote to us, as a multipart form.

SendGrid does not sign it; the webhook's address holds a secret instead, which the route compares. All
that arrives here is text from outside.
"""

from __future__ import annotations

import email
import email.message
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import getaddresses

from overture_core.errors import InvalidInput
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import InboundMessage
from overture_core.replies.quoting import own_words
from overture_core.text import clean
from overture_providers.email.answers import text_of_answer
from overture_providers.endpoints import SENDGRID
from overture_providers.opt_out import is_opt_out

MAX_BODY = 10_000
MAX_PARTS = 50
_SCANNED = 200_000  # characters of a part that are looked at
_REPLY_TO = re.compile(r"reply\+([A-Za-z0-9_]{1,40})@", re.IGNORECASE)
_LOOSE = re.compile(r"[^\s<>()\[\],;:\"@]{1,64}@[^\s<>()\[\],;:\"@]{1,255}")
_MESSAGE_ID = re.compile(r"^message-id:[ \t]*(<[^<>\s]{1,300}>)", re.IGNORECASE | re.MULTILINE)
# RFC 3834 (Auto-Submitted), RFC 6522 (reports), and what mail programs sent before there was either.
_AUTOMATIC = re.compile(
    r"^(auto-submitted:[ \t]*auto-|x-auto-?(reply|respond):[ \t]*\S|x-autorespond:|x-autoreply-from:"
    r"|precedence:[ \t]*auto_reply|content-type:[ \t]*multipart/report|x-failed-recipients:)",
    re.IGNORECASE | re.MULTILINE,
)
_MACHINES = frozenset({"mailer-daemon", "postmaster"})


def parse_inbound(fields: Mapping[str, str], *, now: datetime) -> InboundMessage:
    """Return the message in an Inbound Parse form, its text fields only (attachments are not looked at).

    Takes the parsed form and the raw one (`email`). `body` is what the person wrote, without the quoted
    mail under it; `in_reply_to` our message's id out of the address that was answered.

    Raises:
        InvalidInput: the form has no usable sender or recipient, or a field that is not text.
    """
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in fields.items()):
        raise InvalidInput("The inbound mail has a field that is not text; it is not SendGrid's form.")
    envelope_from, envelope_to = _envelope(fields.get("envelope", ""))
    sender = next(iter(_addresses(fields.get("from", ""))), "") or envelope_from
    recipients = envelope_to or _addresses(fields.get("to", ""))
    if not sender or not recipients:
        raise InvalidInput("The inbound mail has no usable sender or recipient; it is not SendGrid's form.")
    body = clean(own_words(_text(fields)[:_SCANNED]), limit=MAX_BODY, keep_lines=True)
    subject = clean(fields.get("subject", ""), limit=998)
    answered = [match for address in recipients if (match := _REPLY_TO.match(address))]
    return InboundMessage(
        provider=SENDGRID,
        dedupe_key=_dedupe_key(fields, sender, body),
        channel=Channel.EMAIL,
        at=now,
        sender=sender,
        recipient=next((match.string for match in answered), recipients[0]),
        subject=subject or None,
        body=body,
        in_reply_to=answered[0].group(1) if answered else None,
        opt_out=is_opt_out(body) or is_opt_out(subject),
        automatic=_is_automatic(fields, sender),
    )


def _envelope(value: str) -> tuple[str, list[str]]:
    """Return the sender and recipients of the SMTP envelope, which SendGrid sends as JSON."""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return "", []
    if not isinstance(parsed, dict):
        return "", []
    to = parsed.get("to")
    listed = to[:MAX_PARTS] if isinstance(to, list) else [to]
    return _address(parsed.get("from")), [address for each in listed if (address := _address(each))]


def _addresses(value: str) -> list[str]:
    try:
        found = [address for _, address in getaddresses([value[:_SCANNED]])]
    except (ValueError, TypeError, IndexError, AttributeError):
        found = []
    # A list that is not written as RFC 5322 wants gives nothing as a whole; an answer must not be lost by that.
    usable = [address for each in found[:MAX_PARTS] if (address := _address(each))]
    return usable or [each for each in _LOOSE.findall(value[:_SCANNED])[:MAX_PARTS] if _address(each)]


def _address(value: object) -> str:
    text = clean(value, limit=320) if isinstance(value, str) else ""
    return text if "@" in text.strip("@") and " " not in text else ""


def _text(fields: Mapping[str, str]) -> str:
    if fields.get("text", "").strip():
        return fields["text"]
    if fields.get("html", "").strip():
        return text_of_answer(fields["html"][:_SCANNED])
    return _from_raw(fields.get("email", ""))


def _from_raw(raw: str) -> str:
    parts = email.message_from_string(raw).walk() if raw else ()
    found: dict[str, str] = {}
    for _, part in zip(range(MAX_PARTS), parts, strict=False):
        kind = part.get_content_type()
        if kind in {"text/plain", "text/html"} and kind not in found and not part.get_filename():
            found[kind] = _decoded(part)
    return found.get("text/plain") or text_of_answer(found.get("text/html", "")[:_SCANNED])


def _decoded(part: email.message.Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        return content.decode("utf-8", errors="replace")


def _is_automatic(fields: Mapping[str, str], sender: str) -> bool:
    headers = (fields.get("headers") or re.split(r"\r?\n\r?\n", fields.get("email", ""), maxsplit=1)[0])[:_SCANNED]
    return bool(_AUTOMATIC.search(headers)) or sender.partition("@")[0].lower() in _MACHINES


def _dedupe_key(fields: Mapping[str, str], sender: str, body: str) -> str:
    """A mail's own Message-ID with its sender; without one, what was said to whom."""
    headers = fields.get("headers") or fields.get("email") or ""
    found = _MESSAGE_ID.search(headers[:_SCANNED])
    said = found.group(1) if found else "\0".join((fields.get("subject", ""), fields.get("to", ""), body))
    return "inbound:" + hashlib.sha256(f"{sender}\0{said}".encode(errors="replace")).hexdigest()
