"""The messages of a plan that a person reads: what the first leads get, and every template that may be sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import select

from overture_core.campaigns.models import Sample
from overture_core.campaigns.sequence import FIRST, Line, Lines, lines_of
from overture_core.errors import NotFound, TemplateError
from overture_core.messages.channels import Channel, address_of
from overture_core.messages.content import Content, compose
from overture_core.storage.schema import Message, Plan, Template
from overture_core.storage.store import Work
from overture_core.templates.markup import text_of_html

SAMPLES = 3  # leads; and those that show a template which none of them got


class Sampling:
    """Fills `samples`. Templates of later steps that nobody would get as things stand are shown too: a step may take
    another of its channels by then."""

    def __init__(self, samples: list[Sample], campaign_id: str, later: Sequence[Lines]) -> None:
        self._samples, self._campaign_id, self._later = samples, campaign_id, later
        self._shown: set[str] = set()  # templates that there is a sample of
        self._hidden = {line.template_id for _, line in self._later_lines()}  # those of later steps without one

    def wants(self, line: Line) -> bool:
        """Tell whether a message of a line is to be shown."""
        return len(self._samples) < SAMPLES or line.template_id not in self._shown

    def take(
        self, work: Work, message_id: str, lead: Any, merge: dict[str, Any], found: Iterable[tuple[Sample, Line]]
    ) -> None:
        """Keep a lead's samples, and what it gets where a later step can't take its usual channel if none shows it."""
        for sample, line in found:
            self._keep(sample, line)
        if self._hidden:
            for sample, line in self._alternatives(work, message_id, lead, merge):
                self._keep(sample, line)

    def end(self) -> None:
        """Add the templates that no lead could get now, but may once it has another address."""
        for number, line in self._later_lines():
            if line.template_id in self._hidden:
                self._keep(_as_written(line.template, number), line)

    def _alternatives(
        self, work: Work, message_id: str, lead: Any, merge: dict[str, Any]
    ) -> Iterator[tuple[Sample, Line]]:
        for step in self._later:
            for channel in step.order:
                line = step.line(channel, self._campaign_id, lead.id)
                if line.template_id not in self._hidden or not address_of(lead, channel):
                    continue
                try:
                    content = compose(work.settings, line.template, message_id, merge)
                except TemplateError:
                    continue  # this lead does not get it; another may
                yield sample_of(lead, channel, line, content, step.number), line

    def _later_lines(self) -> Iterator[tuple[int, Line]]:
        for step in self._later:
            for lines in step.variants.values():
                yield from ((step.number, line) for line in lines)

    def _keep(self, sample: Sample, line: Line) -> None:
        self._samples.append(sample)
        self._shown.add(line.template_id)
        self._hidden.discard(line.template_id)


def sample_of(lead: Any, channel: Channel, line: Line, content: Content, step: int) -> Sample:
    """Return a lead's message as its recipient would see it."""
    return Sample(
        step=step,
        template=line.template.name,
        lead_id=lead.id,
        channel=channel,
        to=address_of(lead, channel),
        subject=content.subject,
        body=content.body,
        html=text_of_html(content.html) if content.html else None,
        content_sid=content.content_sid,
        variables=content.variables,
    )


def _as_written(template: Template, step: int) -> Sample:
    return Sample(
        step=step,
        template=template.name,
        lead_id=None,
        channel=Channel(template.channel),
        to=None,
        subject=template.subject,
        body=template.body,
        html=text_of_html(template.body_html) if template.body_html else None,
        content_sid=template.content_sid,
        variables=template.content_variables,
    )


def html_of(work: Work, plan: Plan, number: int) -> str | None:
    """Return the HTML part of a plan's sample, counted from 0, as its recipient gets it; None where it has none.

    Raises:
        NotFound: the plan has no such sample.
    """
    samples = [Sample.model_validate(each) for each in plan.summary.get("samples", [])]
    if not 0 <= number < len(samples):
        msg = f"The plan has no sample {number}."
        raise NotFound(msg)
    sample = samples[number]
    variants = lines_of(work, plan, sample.step).variants.get(sample.channel, [])
    template = next((line.template for line in variants if line.template.name == sample.template), None)
    if template is None or sample.lead_id is None:
        return template.body_html if template is not None else None
    # The first step's message holds the values that every step of its lead is rendered with.
    first = work.session.execute(
        select(Message.id, Message.merge).where(
            Message.campaign_id == plan.campaign_id, Message.lead_id == sample.lead_id, Message.step == FIRST
        )
    ).one_or_none()
    return compose(work.settings, template, first.id, first.merge).html if first is not None else None
