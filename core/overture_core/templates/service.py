"""Templates: saved by name, each save a new version, none ever changed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from pydantic import BaseModel, Field
from sqlalchemy import bindparam, func, select

from overture_core.audit import service as audit
from overture_core.errors import Conflict, InvalidInput, NotFound
from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Template
from overture_core.storage.store import Work
from overture_core.templates.links import check_links
from overture_core.templates.markup import check_html, html_from_text
from overture_core.templates.render import MAX_BODY, MAX_HTML, fields_of, fields_of_all
from overture_core.text import as_name, quoted

_MINE = Template.workspace_id == bindparam("workspace")
_HIGHEST = (
    select(Template.name, func.max(Template.version).label("version")).where(_MINE).group_by(Template.name).subquery()
)
# Made once: to put it together again for each call took three times as long as to run it.
_NEWEST = (
    select(Template)
    .join(_HIGHEST, (Template.name == _HIGHEST.c.name) & (Template.version == _HIGHEST.c.version))
    .where(_MINE)
    .order_by(Template.name)
)


class TemplateView(BaseModel):
    """A template's newest version, as shown to callers."""

    name: str
    version: int
    channel: Channel
    subject: str | None
    body: str
    body_html: str | None = None
    content_sid: str | None = None
    content_variables: dict[str, str] | None = None
    fields: list[str] = Field(description="Lead fields the template uses.")
    content_hash: str


AUTO = "auto"
MOST_VARIABLES = 50
_CONTENT_SID = re.compile(r"HX[0-9a-fA-F]{32}")
_UNSPEAKABLE = re.compile(r"https?://|\bwww\.|unsubscribe_url", re.IGNORECASE)
_NAMES = {
    Channel.SMS: "An SMS",
    Channel.WHATSAPP: "A WhatsApp message",
    Channel.VOICE: "A call",
    Channel.LINKEDIN: "A LinkedIn message",
}
_VARIABLE = re.compile(r"[A-Za-z0-9_]{1,40}")


def save(
    work: Work,
    name: str,
    channel: Channel,
    body: str,
    subject: str | None = None,
    *,
    body_html: str | None = None,
    content_sid: str | None = None,
    content_variables: Mapping[str, str] | None = None,
) -> TemplateView:
    """Save a template; the same text again is the same version.

    `body_html` is the HTML part of an e-mail: a template of its own, or `auto`, which makes one from the body; without
    it mail is text alone. `content_sid` names a WhatsApp template that Meta approved: `body` is then its text as
    people read it, and `content_variables` has its variables, by number.

    Raises:
        TemplateError: the syntax is wrong, or a field is unknown.
        InvalidInput: a name, subject or body that cannot be used.
        Conflict: the name is that of another channel's template.
    """
    name, body = as_name(name, "template"), body.strip()
    if not body or len(body) > MAX_BODY:
        msg = f"A template's body has 1 to {MAX_BODY} characters."
        raise InvalidInput(msg)
    if channel is Channel.EMAIL and not (subject or "").strip():
        msg = "An e-mail template needs a subject."
        raise InvalidInput(msg)
    if channel is not Channel.EMAIL and subject:
        msg = f"{_NAMES[channel]} has no subject; leave it out."
        raise InvalidInput(msg)
    if subject and ("\n" in subject or "\r" in subject or len(subject) > 500):
        msg = "A subject is one line of at most 500 characters."
        raise InvalidInput(msg)
    for source in (body, subject or ""):
        fields_of(source)
        check_links(source)
    if channel is Channel.VOICE and _UNSPEAKABLE.search(body):
        msg = "A call is spoken, and a link cannot be; say what to do instead, such as a number to ring."
        raise InvalidInput(msg)
    html = _html(channel, body, body_html)
    variables = _variables(channel, content_sid, content_variables)
    latest = _latest(work, name)
    if latest is not None and latest.channel != channel:
        # As its next version it would take the template away from the campaigns that use the name.
        msg = f"The name {name!r} belongs to a template for {latest.channel}; choose another name for {channel}."
        raise Conflict(msg)
    wanted = (channel, subject, body, html, content_sid, variables)
    if latest is not None and wanted == (
        *(latest.channel, latest.subject, latest.body, latest.body_html),
        *(latest.content_sid, latest.content_variables),
    ):
        return view(latest)
    row = Template(
        id=new_id("tpl"),
        workspace_id=work.workspace,
        name=name,
        version=latest.version + 1 if latest else 1,
        channel=channel,
        subject=subject,
        body=body,
        body_html=html,
        content_sid=content_sid,
        content_variables=variables,
        created_at=work.now(),
    )
    work.session.add(row)
    work.session.flush()
    audit.record(work, "template.saved", row.id, name=name, version=row.version)
    return view(row)


def get(work: Work, name: str) -> Template:
    """Return the newest version of a template.

    Raises:
        NotFound: there is no such template; the message names those that exist.
    """
    row = _latest(work, name)
    if row is None:
        known = ", ".join(each.name for each in list_(work)) or "none yet"
        msg = f"There is no template {quoted(name)}; the templates are: {known}."
        raise NotFound(msg)
    return row


def list_(work: Work) -> list[TemplateView]:
    """Return the newest version of every template, by name."""
    rows = work.session.scalars(_NEWEST, {"workspace": work.workspace})
    return [view(row) for row in rows]


def view(row: Template) -> TemplateView:
    """Return how a row is shown."""
    return TemplateView(
        name=row.name,
        version=row.version,
        channel=Channel(row.channel),
        subject=row.subject,
        body=row.body,
        body_html=row.body_html,
        content_sid=row.content_sid,
        content_variables=row.content_variables,
        fields=sorted(fields_of_all(row)),
        content_hash=content_hash(row),
    )


def content_hash(row: Template) -> str:
    """Return the SHA-256 of everything that a recipient could see of a template."""
    parts = (row.channel, row.subject or "", row.body)
    if row.body_html is None and row.content_sid is None:
        # As it was before there was either, so that what was approved then still holds.
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()
    more = [row.body_html, row.content_sid, row.content_variables]
    return hashlib.sha256(json.dumps([*parts, *more], sort_keys=True).encode()).hexdigest()


def _variables(channel: Channel, sid: str | None, given: Mapping[str, str] | None) -> dict[str, str] | None:
    if sid is None and not given:
        return None
    if channel is not Channel.WHATSAPP or sid is None:
        msg = "content_sid and content_variables belong together, to a WhatsApp template that Meta approved."
        raise InvalidInput(msg)
    if not _CONTENT_SID.fullmatch(sid):
        msg = "content_sid is HX and 32 hexadecimal digits; copy it from Twilio's Content Template Builder."
        raise InvalidInput(msg)
    variables = dict(given or {})
    if len(variables) > MOST_VARIABLES or not all(_VARIABLE.fullmatch(name) for name in variables):
        msg = f"content_variables has at most {MOST_VARIABLES}, named as in the approved template, such as '1'."
        raise InvalidInput(msg)
    for source in variables.values():
        fields_of(source)
        check_links(source)
    return variables or None


def _html(channel: Channel, body: str, given: str | None) -> str | None:
    source = (given or "").strip()
    if not source:
        return None
    if channel is not Channel.EMAIL:
        msg = f"Only an e-mail has an HTML part; leave body_html out for {channel}."
        raise InvalidInput(msg)
    html = html_from_text(body) if source == AUTO else source
    if len(html) > MAX_HTML:
        msg = f"The HTML part has at most {MAX_HTML} characters."
        raise InvalidInput(msg)
    fields_of(html)
    check_html(html)
    check_links(html, html=True)
    return html


def _latest(work: Work, name: str) -> Template | None:
    return work.session.scalar(
        select(Template)
        .where(Template.workspace_id == work.workspace, Template.name == name)
        .order_by(Template.version.desc())
        .limit(1)
    )
