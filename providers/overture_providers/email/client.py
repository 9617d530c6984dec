"""SendGrid's `POST /v3/mail/send`: one request for up to 1,000 individually written mails.

The personalised subject and text travel as substitutions, our message id as `custom_args` of each
personalization; SendGrid gives those back in its events. The payload is a plain dict: SendGrid's SDK
blocks, has no time limit and opens a connection for every request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from overture_core.clock import Clock, SystemClock
from overture_core.messages.outcomes import Accepted, Outcome, Refused, Retryable, Unknown
from overture_core.text import clean
from overture_providers import transport
from overture_providers.endpoints import EmailEndpoint

MAX_RECIPIENTS = 1_000
MAX_SUBSTITUTION_BYTES = 10_000  # of names and values together, for each personalization
SUBJECT_TAG, TEXT_TAG, HTML_TAG, ID_TAG = "-subject-", "-text-", "-html-", "-message_id-"
_TAGS = (SUBJECT_TAG, TEXT_TAG, HTML_TAG, ID_TAG)


@dataclass(frozen=True, slots=True)
class EmailRecipient:
    """One person's mail, rendered. `headers` are such as List-Unsubscribe (RFC 8058)."""

    message_id: str
    workspace: str
    to: str
    subject: str
    text: str
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EmailBatch:
    """One request. `literal` marks a single mail that travels without substitutions."""

    from_address: str
    from_name: str
    recipients: tuple[EmailRecipient, ...]
    literal: bool = False


class SendGridClient:
    """Sends batches. Pass the HTTP client of `transport.make_http`; this class never closes it."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        endpoint: EmailEndpoint,
        *,
        timeout_s: float = 20.0,
        clock: Clock | None = None,
    ) -> None:
        self._http = http
        self._endpoint = endpoint
        self._deadline_s = timeout_s + transport.CONNECT_TIMEOUT_S
        self._clock = clock or SystemClock()

    @staticmethod
    def batches(recipients: Sequence[EmailRecipient], *, from_address: str, from_name: str) -> list[EmailBatch]:
        """Split one sender's `recipients` into requests that SendGrid takes.

        A request holds at most 1,000 recipients, each address once, all with an HTML part or none.
        A mail beyond the substitutions' limit, or whose text contains one of their tags, goes alone.
        """
        sender = (from_address, clean(from_name, limit=200))
        batches: list[EmailBatch] = []
        open_groups: dict[bool, list[list[EmailRecipient]]] = {}
        seen: dict[int, set[str]] = {}
        for recipient in recipients:
            if not _fits(recipient):
                batches.append(EmailBatch(*sender, (recipient,), literal=True))
                continue
            address = recipient.to.casefold()
            groups = open_groups.setdefault(recipient.html is not None, [])
            group = next((g for g in groups if len(g) < MAX_RECIPIENTS and address not in seen[id(g)]), None)
            if group is None:
                group = []
                groups.append(group)
                seen[id(group)] = set()
            group.append(recipient)
            seen[id(group)].add(address)
        batches.extend(EmailBatch(*sender, tuple(group)) for groups in open_groups.values() for group in groups)
        return batches

    async def send(self, batch: EmailBatch) -> Outcome:
        """Send one request; the outcome holds for all its recipients.

        SendGrid takes or refuses a request as a whole: where one of several recipients is at fault,
        `halve` the batch and send the halves to find it.
        """
        answer = await transport.post(
            self._http,
            f"{self._endpoint.base_url}/v3/mail/send",
            deadline_s=self._deadline_s,
            json=payload(batch),
            headers={"Authorization": f"Bearer {self._endpoint.api_key}"},
        )
        return self._outcome(answer) if isinstance(answer, transport.Answer) else answer

    def _outcome(self, response: transport.Answer) -> Outcome:
        status = response.status
        if response.is_success:
            return Accepted(clean(response.headers.get("x-message-id", ""), limit=200) or None)
        detail = transport.detail_of(response, _error_text(response))
        if status == transport.TOO_MANY_REQUESTS:
            return Retryable("429", detail, transport.retry_at(response.headers, self._clock))
        if status in {transport.UNAUTHORIZED, transport.FORBIDDEN}:
            return Retryable("unauthorized", f"SendGrid refused our key ({detail}); check OVERTURE_SENDGRID_API_KEY.")
        if status >= transport.SERVER_ERROR or status == transport.REQUEST_TIMEOUT:
            return Unknown(f"SendGrid answered HTTP {status} ({detail}).")
        return Refused(str(status), detail)


def halve(batch: EmailBatch) -> tuple[EmailBatch, EmailBatch]:
    """Return the two halves of a batch of at least two recipients."""
    middle = len(batch.recipients) // 2
    first, second = batch.recipients[:middle], batch.recipients[middle:]
    return (
        EmailBatch(batch.from_address, batch.from_name, first),
        EmailBatch(batch.from_address, batch.from_name, second),
    )


def payload(batch: EmailBatch) -> dict[str, Any]:
    """Return the request's JSON. Replies go to `reply+<message id>@<the sender's domain>`."""
    with_html = batch.recipients[0].html is not None
    first = batch.recipients[0]
    subject, text, html, mark = (_subject(first), first.text, first.html, first.message_id) if batch.literal else _TAGS
    content = [{"type": "text/plain", "value": text}]
    if with_html:
        content.append({"type": "text/html", "value": html or ""})
    domain = batch.from_address.rpartition("@")[2]
    return {
        "personalizations": [_personalization(recipient, literal=batch.literal) for recipient in batch.recipients],
        "from": {"email": batch.from_address, "name": batch.from_name},
        "reply_to": {"email": f"reply+{mark}@{domain}", "name": batch.from_name},
        "subject": subject,
        "content": content,
    }


def _personalization(recipient: EmailRecipient, *, literal: bool) -> dict[str, Any]:
    part: dict[str, Any] = {
        "to": [{"email": recipient.to}],
        "custom_args": {"message_id": recipient.message_id, "workspace": recipient.workspace},
    }
    if recipient.headers:
        part["headers"] = {name: clean(value) for name, value in recipient.headers.items()}
    if not literal:
        part["substitutions"] = _substitutions(recipient)
    return part


def _substitutions(recipient: EmailRecipient) -> dict[str, str]:
    values = {SUBJECT_TAG: _subject(recipient), TEXT_TAG: recipient.text, ID_TAG: recipient.message_id}
    if recipient.html is not None:
        values[HTML_TAG] = recipient.html
    return values


def _subject(recipient: EmailRecipient) -> str:
    return clean(recipient.subject, limit=998)  # RFC 5322, 2.1.1: no line is longer


def _fits(recipient: EmailRecipient) -> bool:
    values = _substitutions(recipient)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in values.items())
    return size <= MAX_SUBSTITUTION_BYTES and not any(tag in value for value in values.values() for tag in _TAGS)


def _error_text(response: transport.Answer) -> str | None:
    errors = transport.json_object(response).get("errors")
    if not isinstance(errors, list) or not errors or not isinstance(errors[0], dict):
        return None
    message, name = errors[0].get("message"), errors[0].get("field")
    if not isinstance(message, str):
        return None
    return f"{message} ({name})" if isinstance(name, str) and name not in {"", "null"} else message
