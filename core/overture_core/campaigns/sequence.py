"""The steps of a plan as it froze them: which templates, on which channels, when.

A plan keeps them in its spec, which its content hash covers. A lead's variant follows from the campaign, the
lead and the step alone, so that planning again, or another process, chooses the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from overture_core.campaigns.models import Condition, FollowUp, PlanRequest, Step
from overture_core.campaigns.timetable import SendWindow, Wait, parse_wait
from overture_core.errors import InvalidInput
from overture_core.messages.channels import Channel
from overture_core.messages.content import own_fields
from overture_core.storage.among import among
from overture_core.storage.schema import Plan, Template
from overture_core.storage.store import Work
from overture_core.templates import service as templates
from overture_core.templates.foreseeing import Foresight
from overture_core.templates.render import fields_of_all
from overture_core.workspaces.service import sender_for

FIRST = 1


@dataclass(frozen=True, slots=True)
class Line:
    """What is sent on a channel of a step, and from where."""

    template: Template
    fields: frozenset[str]
    template_id: str
    sandbox: bool
    sender_id: str | None
    foresight: Foresight


@dataclass(frozen=True, slots=True)
class Lines:
    """A step's channels in their order, each with the line of every variant."""

    number: int
    order: Sequence[Channel]
    variants: Mapping[Channel, Sequence[Line]]

    @property
    def fields(self) -> frozenset[str]:
        """The lead's fields that any of the templates uses."""
        every = (line.fields for lines in self.variants.values() for line in lines)
        return frozenset[str]().union(*every)

    @property
    def free_text(self) -> frozenset[Channel]:
        """The channels on which a message may be none of WhatsApp's approved templates."""
        return frozenset(
            channel
            for channel, lines in self.variants.items()
            if any(line.template.content_sid is None for line in lines)
        )

    def line(self, channel: Channel, campaign_id: str, lead_id: str) -> Line:
        """Return the line that a lead gets."""
        lines = self.variants[channel]
        return lines[0] if len(lines) == 1 else lines[variant_of(campaign_id, lead_id, self.number, len(lines))]


@dataclass(frozen=True, slots=True)
class FollowUpStep:
    """A later step as a plan keeps it. `templates` has the ids of each channel's variants."""

    number: int
    wait: Wait
    only_if: Condition
    order: Sequence[Channel]
    templates: Mapping[Channel, Sequence[str]]


def variant_of(campaign_id: str, lead_id: str, step: int, number: int) -> int:
    """Return which of `number` variants a lead gets: each as likely, and always the same."""
    digest = hashlib.sha256(f"{campaign_id}\0{lead_id}\0{step}".encode()).digest()
    return int.from_bytes(digest[:8]) % number


def frozen(work: Work, request: PlanRequest) -> dict[str, Any]:
    """Return the steps as a plan's spec keeps them.

    Raises:
        NotFound: a template does not exist.
        InvalidInput: a template is for another channel, or a step has a template for none of its channels.
    """
    first = _frozen_step(work, request, FIRST)
    later = [
        {"wait_before": each.wait_before, "only_if": each.only_if.value, **_frozen_step(work, each, number)}
        for number, each in enumerate(request.follow_ups, FIRST + 1)
    ]
    window = request.send_window
    return {
        **first,
        **({"follow_ups": later} if later else {}),
        **({"send_window": window.model_dump(mode="json")} if window else {}),
    }


def channels_of(spec: Mapping[str, Any]) -> list[Channel]:
    """Return every channel that any step of a plan may use."""
    steps = [spec, *spec.get("follow_ups", [])]
    return list(dict.fromkeys(Channel(channel) for step in steps for channel in step["channel_order"]))


def window_of(spec: Mapping[str, Any]) -> SendWindow | None:
    """Return the hours in which a plan's messages leave, if it names any."""
    kept = spec.get("send_window")
    return SendWindow.model_validate(kept) if kept else None


def has_several(spec: Mapping[str, Any]) -> bool:
    """Tell whether a plan has several steps, or several templates for a channel.

    Plans from before there were variants keep a text for each channel instead of a list.
    """
    kept = spec["templates"].values()
    return "follow_ups" in spec or any(isinstance(each, list) and len(each) > 1 for each in kept)


def follow_ups(spec: Mapping[str, Any]) -> list[FollowUpStep]:
    """Return the later steps of a plan."""
    return [
        FollowUpStep(
            number,
            parse_wait(each["wait_before"]),
            Condition(each["only_if"]),
            [Channel(channel) for channel in each["channel_order"]],
            _ids(each),
        )
        for number, each in enumerate(spec.get("follow_ups", []), FIRST + 1)
    ]


def lines(work: Work, plan: Plan) -> list[Lines]:
    """Return what is sent in every step of a plan, the first one first."""
    steps = [plan.spec, *plan.spec.get("follow_ups", [])]
    return [_lines(work, plan, step, number) for number, step in enumerate(steps, FIRST)]


def lines_of(work: Work, plan: Plan, step: int) -> Lines:
    """Return what is sent in one step of a plan."""
    spec = plan.spec if step == FIRST else plan.spec["follow_ups"][step - FIRST - 1]
    return _lines(work, plan, spec, step)


def superseded(work: Work, plan: Plan) -> list[str]:
    """Return the names of templates that a plan uses and that have another text now: saved anew, or not as sealed."""
    steps = (plan.spec, *plan.spec.get("follow_ups", []))
    kept = {each["id"]: each["sha256"] for step in steps for of in step["templates"].values() for each in of}
    used = (Template.workspace_id == work.workspace, among(Template.id, set(kept)))
    newer = aliased(Template)
    saved_anew = (
        select(Template.name)
        .join(newer, (newer.name == Template.name) & (newer.workspace_id == Template.workspace_id))
        .where(*used, newer.version > Template.version)
    )
    rows = work.session.scalars(select(Template).where(*used)).all()
    broken = {row.name for row in rows if templates.content_hash(row) != kept[row.id]}
    return sorted(broken.union(work.session.scalars(saved_anew)))


def _frozen_step(work: Work, step: Step, number: int) -> dict[str, Any]:
    order = [channel for channel in dict.fromkeys(step.channel_order) if channel in step.templates]
    if not order:
        where = "channel_order" if not isinstance(step, FollowUp) else f"The channel_order of step {number}"
        msg = f"{where} names no channel that has a template."
        raise InvalidInput(msg)
    chosen = {
        channel: [_template(work, channel, name) for name in step.variants(channel)] for channel in step.templates
    }
    kept = {
        channel.value: [{"id": each.id, "sha256": templates.content_hash(each)} for each in variants]
        for channel, variants in chosen.items()
    }
    return {"templates": kept, "channel_order": [channel.value for channel in order]}


def _template(work: Work, channel: Channel, name: str) -> Template:
    template = templates.get(work, name)
    if template.channel != channel:
        msg = f"The template {template.name!r} is for {template.channel}, not for {channel}; choose another."
        raise InvalidInput(msg)
    return template


def _ids(step: Mapping[str, Any]) -> dict[Channel, list[str]]:
    return {Channel(channel): [each["id"] for each in kept] for channel, kept in step["templates"].items()}


def _lines(work: Work, plan: Plan, step: Mapping[str, Any], number: int) -> Lines:
    ids = _ids(step)
    order = [Channel(channel) for channel in step["channel_order"]]
    wanted = {each for channel in order for each in ids[channel]}
    rows = work.session.scalars(
        select(Template).where(Template.workspace_id == work.workspace, among(Template.id, wanted))
    )
    known = {row.id: row for row in rows}
    variants = {channel: [_line(work, plan, channel, known[each]) for each in ids[channel]] for channel in order}
    return Lines(number, order, variants)


def _line(work: Work, plan: Plan, channel: Channel, template: Template) -> Line:
    sender = sender_for(work, channel)
    used = fields_of_all(template)
    # Any message id has the length of every other.
    foresight = Foresight(template, own_fields(work.settings, template, "msg_" + "0" * 26))
    sandbox = plan.spec["sandbox"][channel.value]
    return Line(template, used, template.id, sandbox, sender.id if sender else None, foresight)
