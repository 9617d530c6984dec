"""From a claimed chunk to messages that may leave: the gate is asked again, and each is rendered.

Reads only, so that the work of a thousand messages holds up no writer. What it decides is written in the
transaction that marks the first wave; a STOP that comes between has cancelled the row by then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from overture_core.campaigns import sequence, world
from overture_core.campaigns.drafting import NO_COMMON_HOURS, SEND_WINDOW
from overture_core.campaigns.timetable import SendWindow
from overture_core.contactability.facts import Person, hours, zones
from overture_core.contactability.gate import Decisions, contactabilities
from overture_core.contactability.rules import Reason, Verdict
from overture_core.errors import TemplateError
from overture_core.health import senders as health
from overture_core.messages import ledger
from overture_core.messages.channels import Channel
from overture_core.messages.content import Content, compose
from overture_core.messages.ledger import Claimed
from overture_core.storage.among import among
from overture_core.storage.schema import Lead, Plan, Sender, Template
from overture_core.storage.store import Work
from overture_queue.jobs import DeliverChunk

SAME_LEAD_REST = timedelta(days=1)
WORLD_REST = timedelta(hours=1)
OVER_LIMIT_REST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that is ready to leave."""

    id: str
    workspace: str
    to: str
    sender: str
    sender_name: str
    content: Content


@dataclass(slots=True)
class Prepared:
    """A chunk's messages that may leave, and what the gate decided of the others: ids by reason."""

    ready: list[Outgoing] = field(default_factory=list)
    held: dict[tuple[str, datetime], list[str]] = field(default_factory=lambda: defaultdict(list))
    skipped: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def prepare(work: Work, job: DeliverChunk) -> Prepared:
    """Prepare what a chunk still holds; nothing, if its lease is gone or another process has it done."""
    made = Prepared()
    rows = _in_their_world(work, job.channel, ledger.claimed(work, job.chunk), made)
    rows = _from_senders_who_may(work, job.channel, rows, made)
    rows = _pass_gate(work, job.channel, rows, made)
    templates = {id_: work.session.get_one(Template, id_) for id_ in {row.template_id for row in rows}}
    senders = {id_: work.session.get_one(Sender, id_) for id_ in {row.sender_id for row in rows}}
    for row in rows:
        try:
            content = compose(work.settings, templates[row.template_id], row.id, row.merge)
        except TemplateError as error:
            made.skipped[error.code].append(row.id)
            continue
        sender = senders[row.sender_id]
        made.ready.append(Outgoing(row.id, row.workspace_id, row.address, sender.address, sender.name, content))
    return made


def write_down(work: Work, job: DeliverChunk, prepared: Prepared) -> None:
    """Write what the gate decided: hold and skip rows that this chunk still holds."""
    for (reason, until), ids in prepared.held.items():
        ledger.hold(work, job.chunk, ids, reason=reason, until=until)
    for reason, ids in prepared.skipped.items():
        ledger.skip(work, job.chunk, ids, reason=reason)


def _in_their_world(work: Work, channel: Channel, rows: Sequence[Claimed], made: Prepared) -> list[Claimed]:
    """Hold what was approved for the sandbox while providers are real, and the other way round."""
    here = world.sandboxed(work.settings, channel)
    if strangers := [row.id for row in rows if row.sandbox is not here]:
        made.held["approved_for_other_providers", work.now() + WORLD_REST] = strangers
    return [row for row in rows if row.sandbox is here]


def _from_senders_who_may(work: Work, channel: Channel, rows: Sequence[Claimed], made: Prepared) -> list[Claimed]:
    """Hold direct messages whose sender went over a limit of delivery health since they were made; what belongs to a
    campaign waits because that is paused."""
    direct = {row.sender_id for row in rows if row.plan_id is None and row.sender_id is not None}
    if channel is not Channel.EMAIL or not direct:
        return list(rows)
    over = {sender.id for sender, _ in health.over(work, among(Sender.id, direct))}
    held = [row.id for row in rows if row.plan_id is None and row.sender_id in over]
    if held:
        made.held[Reason.SENDER_OVER_LIMIT, work.now() + OVER_LIMIT_REST] = held
    return [row for row in rows if row.id not in held]


def _pass_gate(work: Work, channel: Channel, rows: Sequence[Claimed], made: Prepared) -> list[Claimed]:
    """Ask the gate for every row just before sending; returns those that may leave now."""
    asked = select(Lead.id, Lead.email, Lead.phone, Lead.linkedin_url, Lead.country, Lead.time_zone)
    # The workspace stands in a function: by its index a database may read every lead there is.
    ours = func.coalesce(Lead.workspace_id, "") == work.workspace
    leads = work.session.execute(asked.where(ours, among(Lead.id, {row.lead_id for row in rows}))).all()
    decisions = _decisions(work, channel, leads, rows)
    windows = _windows(work, rows)
    known = {lead.id: lead for lead in leads}
    now = work.now()
    passed: list[Claimed] = []
    served: set[str] = set()
    for row in rows:
        decision = decisions[row.lead_id][channel]
        if decision.verdict is Verdict.NEVER:
            made.skipped[str(decision.reason)].append(row.id)
        elif decision.verdict is Verdict.LATER and decision.not_before is not None:
            made.held[str(decision.reason), decision.not_before].append(row.id)
        elif row.lead_id in served:  # two messages, one chunk: the cap counts the first one already
            made.held[Reason.FREQUENCY_CAP, work.now() + SAME_LEAD_REST].append(row.id)
        elif (opening := _opening(work, channel, windows.get(row.plan_id), known[row.lead_id], now)) is None:
            made.skipped[NO_COMMON_HOURS].append(row.id)
        elif opening > now:
            made.held[SEND_WINDOW, opening].append(row.id)
        else:
            served.add(row.lead_id)
            passed.append(row)
    return passed


def _opening(work: Work, channel: Channel, window: SendWindow | None, lead: Person, now: datetime) -> datetime | None:
    return now if window is None else window.opening(now, zones(lead), hours(work, channel, lead))


def _decisions(work: Work, channel: Channel, leads: Sequence[Person], rows: Sequence[Claimed]) -> dict[str, Decisions]:
    """Ask the gate; on WhatsApp apart for those who would get free text. A chunk is of one campaign, or of none."""
    direct = not any(row.plan_id for row in rows)
    freely = _free(work, rows) if channel is Channel.WHATSAPP else set()
    free = [lead for lead in leads if lead.id in freely]
    other = [lead for lead in leads if lead.id not in freely]
    return {
        **contactabilities(work, other, [channel], direct=direct),
        **contactabilities(work, free, [channel], free_text=True, direct=direct),
    }


def _free(work: Work, rows: Sequence[Claimed]) -> set[str]:
    """Return the leads who would get free text, none of Meta's approved templates."""
    approved = select(Template.id).where(
        among(Template.id, {row.template_id for row in rows}), Template.content_sid.is_not(None)
    )
    known = set(work.session.scalars(approved))
    return {row.lead_id for row in rows if row.template_id not in known}


def _windows(work: Work, rows: Sequence[Claimed]) -> dict[str | None, SendWindow]:
    """Return the hours that plans name, by plan: a message that waited may have waited out of them."""
    plans = select(Plan.id, Plan.spec).where(among(Plan.id, {row.plan_id for row in rows if row.plan_id}))
    named = ((plan_id, sequence.window_of(spec)) for plan_id, spec in work.session.execute(plans))
    return {plan_id: window for plan_id, window in named if window is not None}
