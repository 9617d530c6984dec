"""How a plan reads to the person who decides on it. The same plan always gives the same words.

What leads or models wrote stands only in lines that begin with `> `, or between quotation marks that
hold no line break, so that it cannot pass for a sentence of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC

from overture_core.campaigns.drafting import ALREADY_IN, NO_COMMON_HOURS, SEND_WINDOW
from overture_core.campaigns.models import Condition, PlannedFollowUp, PlanView, Sample
from overture_core.campaigns.world import A_PERSON, SANDBOX
from overture_core.contactability.rules import EXPLANATIONS
from overture_core.errors import TemplateError
from overture_core.messages.channels import Channel
from overture_core.messages.content import approved_template, filled
from overture_core.messages.refusals import meaning
from overture_core.templates.render import EmptyMessage, EmptySubject, MessageTooLong
from overture_core.text import clean, quantity

MAX_SAMPLE = 3_000  # characters of one sample; the CLI shows the rest
MAX_REASONS = 10
_CONDITIONS = {
    Condition.NO_REPLY: "did not answer",
    Condition.NOT_OPENED: "neither answered nor opened it",
    Condition.NOT_CLICKED: "neither answered nor clicked in it",
    Condition.NOT_DELIVERED: "did not answer and did not get it",
}
_OURS: dict[str, str] = {
    **{reason.value: text for reason, text in EXPLANATIONS.items()},
    "reply": "answered",
    "stop": "asked to stop",
    ALREADY_IN: "is in this campaign already",
    SEND_WINDOW: "is outside the hours that the campaign writes in",
    NO_COMMON_HOURS: "has no hour that is among the campaign's and among those for SMS and calls",
    "unless:not_opened": "opened the message before",
    "unless:not_clicked": "clicked in the message before",
    "unless:not_delivered": "got the message before",
    EmptyMessage.code: "would get an empty message",
    EmptySubject.code: "would get a message without a subject",
    MessageTooLong.code: "would get a message that is too long",
    TemplateError.code: "has values that the template cannot be rendered with",
}


def explained(reason: str) -> str:
    """Say a reason of the gate or of the plan so that it follows `the lead ...`, a provider's code by its meaning."""
    kind, _, field = reason.partition(":")
    if kind == "missing_field":
        return f"has no {clean(field, limit=100)}, which the template needs"
    return _OURS.get(reason) or meaning(reason) or clean(reason, limit=100)


def counted(reasons: Mapping[str, int]) -> list[str]:
    """Return a line for each reason with the number of its leads, the most frequent first."""
    often = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    lines = [f"{quantity(number, 'lead')}: {explained(reason)}" for reason, number in often]
    rest = sum(number for _, number in often[MAX_REASONS:])
    return [*lines[:MAX_REASONS], *([f"{rest} more for other reasons"] if rest else [])]


def nobody(excluded: Mapping[str, int]) -> str:
    """Say why a plan reaches nobody, and what to do."""
    if set(excluded) == {ALREADY_IN}:
        return "everybody in the segment is in this campaign already; add leads to it, or plan under another name."
    why = (
        f"everybody in the segment is left out ({'; '.join(counted(excluded))})" if excluded else "the segment is empty"
    )
    return f"{why}; mend that or choose another segment, then plan again."


def described(shown: PlanView, *, longest: int | None = MAX_SAMPLE) -> list[str]:
    """Return everything that a person has to know of a plan: who, where, when, who not, cost, a sample a channel.

    Samples are cut at `longest` characters, if given.
    """
    channels = _listed(f"{number} by {channel}" for channel, number in shown.by_channel.items()) or "nobody"
    lines = [
        f"Recipients: {shown.recipients} of segment {shown.segment!r} ({channels}).",
        where(shown),
        when(shown),
        *follow_ups(shown),
        *_group("Later", shown.held),
        *_group("Left out", shown.excluded),
        f"To pay for: {cost(shown)}.",
        *(hint if hint[:1].isupper() else f"Look at {hint}" for hint in shown.hints),
        f"Content {shown.content_hash[:16]}.",
    ]
    for sample in one_a_line(shown.samples):
        lines += [_example(sample, shown), *_quoted(sample, shown, longest)]
    return lines


def one_a_line(samples: Iterable[Sample]) -> list[Sample]:
    """Return the first sample of each step and template, step by step."""
    first: dict[tuple[int, Channel, str], Sample] = {}
    for sample in samples:
        first.setdefault((sample.step, sample.channel, sample.template), sample)
    return sorted(first.values(), key=lambda each: each.step)


def from_meta(shown: PlanView) -> str:
    """Name the approved WhatsApp templates that a plan sends; nothing if there are none."""
    sids = dict.fromkeys(sample.content_sid for sample in shown.samples if sample.content_sid)
    return f"WhatsApp sends {_listed(sids)}; samples show the variables." if sids else ""


def where(shown: PlanView) -> str:
    """Say whether real people are written to, and by whom."""
    if shown.sandbox:
        return "Through the sandbox: nobody outside is contacted."
    real = [f"{channel} by {name}" for channel, name in shown.goes_to.items() if name not in (SANDBOX, A_PERSON)]
    by_hand = _listed(str(channel) for channel, name in shown.goes_to.items() if name == A_PERSON)
    rest = _listed(str(channel) for channel, name in shown.goes_to.items() if name == SANDBOX)
    said = [f"Through REAL providers ({_listed(real)}): these people will be written to."] if real else []
    said += [f"A person writes on {by_hand}, by tasks."] if by_hand else []
    said += [f"Only {rest} goes to the sandbox."] if rest else []
    return " ".join(said)


def _example(sample: Sample, shown: PlanView) -> str:
    if sample.to is None:
        which = f"step {sample.step} by {sample.channel} as it is written"
        return f"Nobody would get {which}, but may by then:"
    step = f"step {sample.step}, " if shown.follow_ups else ""
    return f"For example, {step}by {sample.channel} to {clean(sample.to, limit=320)!r}:"


def when(shown: PlanView) -> str:
    start = "as soon as it is launched"
    if shown.send_at is not None:
        start = f"from {shown.send_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC on"
    if (window := shown.send_window) is None:
        return f"When: {start}."
    return f"When: {start}, {window}, in each recipient's own time zone (UTC where it is not known)."


def follow_ups(shown: PlanView) -> list[str]:
    """Say each later step; whoever answers or asks to stop gets none of them."""
    return [
        f"Step {each.step}: {each.wait_before} after step {each.step - 1}, to who {_CONDITIONS[each.only_if]} "
        f"(at most {_listed(f'{number} by {channel}' for channel, number in each.at_most.items()) or 'nobody'})"
        f"{_choice(each)}."
        for each in shown.follow_ups
    ]


def _choice(step: PlannedFollowUp) -> str:
    return f"; each by the first of {_listed(step.channels)} that may be used then" if len(step.channels) > 1 else ""


def _group(title: str, reasons: Mapping[str, int]) -> list[str]:
    return [f"{title}: {sum(reasons.values())}.", *(f"- {line}" for line in counted(reasons))]


def cost(shown: PlanView) -> str:
    parts = []
    counts = [shown.by_channel, *(each.at_most for each in shown.follow_ups)]
    if mails := sum(each.get(Channel.EMAIL, 0) for each in counts):
        parts.append(quantity(mails, "e-mail"))
    if segments := shown.sms_segments:
        parts.append(quantity(segments, "SMS segment"))
    if talks := sum(each.get(Channel.WHATSAPP, 0) for each in counts):
        parts.append(quantity(talks, "WhatsApp message"))
    if calls := sum(each.get(Channel.VOICE, 0) for each in counts):
        parts.append(quantity(calls, "call"))
    if by_hand := sum(each.get(Channel.LINKEDIN, 0) for each in counts):
        parts.append(f"{quantity(by_hand, 'LinkedIn message')} by hand")
    sms = f"about {shown.sms_cost} for SMS" if shown.sms_cost else ""
    if shown.sandbox:
        price = "nothing is billed, it is the sandbox" + (f" (for real {sms})" if sms else "")
    else:
        price = "at your provider's prices" + (f", {sms}" if sms else "")
    most = "at most " if shown.follow_ups else ""
    return f"{most}{_listed(parts)}; {price}" if parts else "nothing"


def _quoted(sample: Sample, shown: PlanView, longest: int | None) -> list[str]:
    text = f"Subject: {sample.subject}\n\n{sample.body}" if sample.subject else sample.body
    lines = _lines(text, shown, longest)
    if sample.html:
        lines += ["The same as HTML, with where its links lead:", *_lines(sample.html, shown, longest)]
    if sample.content_sid:
        lines += [approved_template(sample.content_sid), *_lines(filled(sample.variables), shown, longest)]
    return lines


def _lines(text: str, shown: PlanView, longest: int | None) -> list[str]:
    whole = clean(text, limit=len(text), keep_lines=True)
    # splitlines, not split: a line or paragraph separator of Unicode begins a new line for a reader too.
    lines = [f"> {line}" for line in whole[:longest].splitlines()]
    if longest is not None and len(whole) > longest:
        rest = f"{len(whole) - longest} more characters"
        lines.append(f"({rest}; `overture approvals show {shown.approval.id}` shows all.)")
    return lines


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)
