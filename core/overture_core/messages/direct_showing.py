"""What a person reads of a direct message before they decide on it: everything that is sent, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from overture_core.campaigns import world
from overture_core.contactability.rules import EXPLANATIONS, Decision, Verdict
from overture_core.messages.channels import Channel
from overture_core.messages.content import Content, approved_template, filled
from overture_core.messages.pricing import sms_estimate
from overture_core.operations.showing import WHEN
from overture_core.settings import Settings
from overture_core.storage.schema import Lead, Reply, Template
from overture_core.templates.linting import lint
from overture_core.templates.markup import text_of_html
from overture_core.templates.values import Doubts
from overture_core.text import clean, quantity, quoted

_MOST_OF_A_REPLY = 1_000  # characters


def shown(content: Content) -> list[str]:
    """Return a message's parts, every line of it behind `> `."""
    text = f"Subject: {content.subject}\n\n{content.body}" if content.subject else content.body
    lines = _quoted(text)
    if content.html:
        lines += ["The same as HTML, with where its links lead:", *_quoted(text_of_html(content.html))]
    if content.content_sid:
        lines += [approved_template(content.content_sid), *_quoted(filled(content.variables))]
    return lines


def told(
    settings: Settings, template: Template, lead: Lead, address: str, *, content: Content, merge: Mapping[str, Any]
) -> list[str]:
    """Return what is sent to whom, what has to be paid, and hints on what filters and readers dislike."""
    return [
        f"Send by {template.channel} to {quoted(address)}, with the template {quoted(template.name)}:",
        *shown(content),
        *_cost(settings, template, lead, address, content),
        *(f"Look at {hint}" for hint in _hints(template, address, merge)),
    ]


def answered(reply: Reply | None) -> list[str]:
    """Return what this message answers: to who wrote, a single message is the answer."""
    if reply is None:
        return []
    wrote = f"They wrote on {reply.received_at:%Y-%m-%d %H:%M} UTC by {reply.channel}; this answers them:"
    return [wrote, *_quoted(reply.body[:_MOST_OF_A_REPLY])]


def when(decision: Decision) -> list[str]:
    """Return when it leaves, if the gate puts it off."""
    if decision.verdict is not Verdict.LATER or decision.not_before is None or decision.reason is None:
        return []
    until = f"{decision.not_before:%Y-%m-%d %H:%M} UTC"
    why = f"the lead {EXPLANATIONS[decision.reason]}"
    return [f"{WHEN}once it is approved, but not before {until}, as it stands now: {why}."]


def _cost(settings: Settings, template: Template, lead: Lead, address: str, content: Content) -> list[str]:
    if template.channel != Channel.SMS:
        return []
    if world.sandboxed(settings, Channel.SMS):
        price = "nothing is billed, it is the sandbox (for real about {})"
    else:
        price = "about {} at your provider's prices"
    billed = sms_estimate(settings, content.body, address, lead.country)
    because = f", because of {billed.because!r}" if billed.because else ""
    segments = quantity(billed.segments, "SMS segment")
    return [f"To pay for: {segments} ({billed.encoding}{because}); {price.format(billed.cost)}."]


def _hints(template: Template, address: str, merge: Mapping[str, Any]) -> list[str]:
    doubts = Doubts()
    doubts.look_at(merge, address)
    return [*(f"{quoted(template.name)}: {hint}" for hint in lint(template)), *doubts.hints()]


def _quoted(text: str) -> list[str]:
    # splitlines, not split: a line or paragraph separator of Unicode begins a new line for a reader too.
    return [f"> {line}" for line in clean(text, limit=len(text), keep_lines=True).splitlines()]
