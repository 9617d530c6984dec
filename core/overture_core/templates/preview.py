"""What a template's recipients would see."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field
from sqlalchemy import select

from overture_core.errors import InvalidInput, TemplateError
from overture_core.messages.channels import Channel, address_of
from overture_core.messages.content import compose
from overture_core.messages.pricing import SmsEstimate, sms_estimate
from overture_core.segments import service as segments
from overture_core.segments.filter import where
from overture_core.storage.schema import Lead, Template
from overture_core.storage.store import Work
from overture_core.templates import service
from overture_core.templates.linting import lint
from overture_core.templates.markup import text_of_html
from overture_core.templates.render import fields_of_all, merge_values
from overture_core.templates.values import Doubts

SHOWN = 5
PREVIEW_ID = "msg_preview"


_ADDRESSES = {Channel.EMAIL: Lead.email, Channel.LINKEDIN: Lead.linkedin_url}


class Rendering(BaseModel):
    """A template rendered for one lead, or why it cannot be. Its texts hold what leads wrote."""

    lead_id: str
    to: str | None
    subject: str | None = None
    body: str | None = None
    html: str | None = Field(default=None, description="The HTML part as text, with where its links lead.")
    content_sid: str | None = Field(default=None, description="WhatsApp sends this template in place of `body`.")
    variables: dict[str, str] | None = Field(default=None, description="What its placeholders are filled with.")
    sms: SmsEstimate | None = None
    error: str | None = None


class TemplatePreview(BaseModel):
    """Renderings of one template."""

    template: str
    version: int
    channel: Channel
    renderings: list[Rendering]
    hints: list[str] = Field(description="What filters and readers may dislike in it, and odd values of leads.")


def preview(
    work: Work, name: str, *, segment: str | None = None, lead_ids: Sequence[str] | None = None
) -> TemplatePreview:
    """Render a template for given leads, else for the first of a segment that the channel reaches, else of all.

    Raises:
        NotFound: the template or the segment does not exist.
        InvalidInput: none of the given leads exists.
    """
    template = service.get(work, name)
    fields = fields_of_all(template)
    leads = _leads(work, template, segment, lead_ids)
    doubts = Doubts()
    for lead in leads:
        doubts.look_at(merge_values(lead, fields), address_of(lead, Channel(template.channel)) or "")
    return TemplatePreview(
        template=template.name,
        version=template.version,
        channel=Channel(template.channel),
        renderings=[_render(work, template, lead, fields) for lead in leads],
        hints=[*lint(template), *doubts.hints()],
    )


def _leads(work: Work, template: Template, segment: str | None, lead_ids: Sequence[str] | None) -> list[Lead]:
    rows = select(Lead).where(Lead.workspace_id == work.workspace).order_by(Lead.id)
    if lead_ids:
        found = list(work.session.scalars(rows.where(Lead.id.in_(lead_ids))))
        if not found:
            msg = "None of these leads exists; leads_search finds leads and their ids."
            raise InvalidInput(msg)
        return found
    if segment is not None:
        rows = rows.where(*where(work, segments.filter_of(segments.get(work, segment))))
    reached = _ADDRESSES.get(Channel(template.channel), Lead.phone)
    return list(work.session.scalars(rows.where(reached.is_not(None)).limit(SHOWN)))


def _render(work: Work, template: Template, lead: Lead, fields: frozenset[str]) -> Rendering:
    to = address_of(lead, Channel(template.channel))
    try:
        content = compose(work.settings, template, PREVIEW_ID, merge_values(lead, fields))
    except TemplateError as error:
        return Rendering(lead_id=lead.id, to=to, error=error.message)
    billed = template.channel == Channel.SMS
    sms = sms_estimate(work.settings, content.body, lead.phone, lead.country) if billed else None
    html = text_of_html(content.html) if content.html else None
    return Rendering(
        lead_id=lead.id,
        to=to,
        subject=content.subject,
        body=content.body,
        html=html,
        content_sid=content.content_sid,
        variables=dict(content.variables) if content.variables else None,
        sms=sms,
    )
