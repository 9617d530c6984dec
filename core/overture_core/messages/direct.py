"""Direct messages: one to one lead, by a template, outside of any campaign.

Each is an operation first, so that a person approves exactly what is sent; running it makes a row of the ledger, which
the worker delivers like any other. Addresses that a person named as their own need no approval: so a test is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from overture_core.campaigns import world
from overture_core.campaigns.showing import explained
from overture_core.contactability.gate import contactabilities
from overture_core.contactability.rules import EXPLANATIONS, Decision, Verdict
from overture_core.errors import Conflict, InvalidInput, NotFound
from overture_core.health import senders
from overture_core.ids import new_id
from overture_core.leads.finding import lead_of
from overture_core.leads.normalise import email_key
from overture_core.messages import direct_showing
from overture_core.messages.channels import BY_HAND, Channel
from overture_core.messages.content import compose
from overture_core.messages.states import State, change, record
from overture_core.operations import service as operations
from overture_core.operations.claims import Claim
from overture_core.operations.models import Proposal
from overture_core.replies import service as replies
from overture_core.storage.schema import Lead, Message, Template
from overture_core.storage.store import Work
from overture_core.templates import service as templates
from overture_core.templates.render import fields_of_all, merge_values
from overture_core.text import quoted
from overture_core.workspaces.service import sender_for

KIND = "send"
WHY = "it writes to a person outside of any campaign"
_SHOWN_ID = "msg_" + "0" * 26  # any message's id has this length


class Standing(BaseModel):
    """Where the message of a direct send stands in the ledger; `due_at` is when it leaves, or is asked about again."""

    model_config = ConfigDict(from_attributes=True)

    message_id: str = Field(validation_alias="id")
    state: State
    reason: str | None
    due_at: datetime | None

    def __str__(self) -> str:
        why = f": the lead {explained(self.reason)}" if self.reason else ""
        match self.state:
            case State.DUE | State.CLAIMED | State.SENDING:
                return "It is on its way."
            case State.HELD:
                return f"It is held until {self.due_at:%Y-%m-%d %H:%M} UTC{why}."
            case State.SKIPPED:
                return f"It is NOT sent{why}."
            case _:
                return f"It is {self.state}{f' ({self.reason})' if self.reason else ''}."


def proposal(work: Work, lead_id: str, template: str, *, reference: str = "") -> Proposal:
    """Return what a person approves: the text as this lead gets it.

    Raises:
        NotFound: there is no such lead or template.
        TemplateError: the lead lacks a field of the template.
        InvalidInput: the lead has no address for it, or the channel is one that a person sends by hand.
        Conflict: the gate says that this lead may not be written to, with the reason, or the sender is over a limit of
            delivery health.
    """
    lead, row = lead_of(work, lead_id), templates.get(work, template)
    channel = Channel(row.channel)
    if channel in BY_HAND:
        msg = f"{quoted(row.name)} is for a channel that a person sends by hand; prepare a task instead."
        raise InvalidInput(msg)
    _refuse_over_limit(work, channel)
    decision = _asked(work, lead, channel, row)
    if decision.verdict is Verdict.NEVER and decision.reason is not None:
        msg = f"This lead may not be written to: the lead {EXPLANATIONS[decision.reason]}."
        raise Conflict(msg)
    address = lead.email if channel is Channel.EMAIL else lead.phone
    assert address  # or the gate had said no
    merge = merge_values(lead, fields_of_all(row))
    content = compose(work.settings, row, _SHOWN_ID, merge)
    wrote = replies.newest(work, lead.id)
    told = direct_showing.told(work.settings, row, lead, address, content=content, merge=merge)
    proposed = Proposal(
        kind=f"{channel}.{KIND}",
        # The text, not the version that has it: a template that was changed and changed back is the same message.
        params={
            "template": row.name,
            "sha256": templates.content_hash(row),
            "address": address,
            "merge": merge,
            "rendered": direct_showing.shown(content),
            "answers": wrote.id if wrote else None,
        },
        told=[*told, *direct_showing.answered(wrote), *direct_showing.when(decision)],
        sandbox=world.sandboxed(work.settings, channel),
        repeatable=True,
        replaces=("template",),
        why=[] if _is_own(work, channel, address) else [WHY],
        lead_id=lead.id,
        reference=reference,
    )
    return operations.as_done(work, proposed, apart_from="answers")


def enqueue(work: Work, claim: Claim) -> Standing:
    """Make the row of the ledger that an approved operation stands for; a second time changes nothing.

    The gate is asked again: the row is due, held until a time, or skipped with the reason.

    Raises:
        Conflict: the template has another text now, the lead wrote since, or the sender is over a limit of delivery
            health.
        NotFound: the lead was erased.
    """
    params: dict[str, Any] = claim.params
    known = select(Message).where(Message.workspace_id == work.workspace, Message.idempotency_key == claim.id)
    if (made := work.session.scalar(known)) is not None:
        return Standing.model_validate(made)
    assert claim.lead_id is not None
    lead = lead_of(work, claim.lead_id)
    template = _as_approved(work, lead, params)
    channel = Channel(template.channel)
    _refuse_over_limit(work, channel)
    sender = sender_for(work, channel)
    now = work.now()
    row = Message(
        id=new_id("msg"),
        workspace_id=work.workspace,
        lead_id=lead.id,
        idempotency_key=claim.id,
        channel=channel,
        address=params["address"],
        sandbox=claim.sandbox,
        sender_id=sender.id if sender else None,
        template_id=template.id,
        merge=params["merge"],
        state=State.DRAFT,
        created_at=now,
        updated_at=now,
    )
    work.session.add(row)
    work.session.flush()
    record(work, [row.id], None, State.DRAFT, cause="direct")
    decision = _asked(work, lead, channel, template)
    mine = Message.id == row.id
    reason = str(decision.reason) if decision.reason else None
    if decision.verdict is Verdict.NEVER:
        change(work, State.DRAFT, State.SKIPPED, mine, cause="gate", values={"reason": reason})
    elif decision.verdict is Verdict.LATER:
        values = {"reason": reason, "due_at": decision.not_before}
        change(work, State.DRAFT, State.HELD, mine, cause="gate", values=values)
    else:
        change(work, State.DRAFT, State.DUE, mine, cause="direct", values={"due_at": now})
    work.session.refresh(row)
    return Standing.model_validate(row)


def standing(work: Work, message_id: str) -> Standing:
    """Return where a direct message stands.

    Raises:
        NotFound: there is none by that id.
    """
    mine = select(Message).where(Message.workspace_id == work.workspace, Message.id == message_id)
    row = work.session.scalar(mine)
    if row is None:
        msg = f"There is no message {quoted(message_id)}; its lead may have been erased."
        raise NotFound(msg)
    return Standing.model_validate(row)


def obstacle(work: Work, lead_id: str, params: Mapping[str, Any]) -> str | None:
    """Return why what was asked for would not leave now, for whoever decides on it; None if it would."""
    try:
        lead = lead_of(work, lead_id)
        template = _as_approved(work, lead, params)
        _refuse_over_limit(work, Channel(template.channel))
    except (Conflict, NotFound) as error:
        return error.message
    decision = _asked(work, lead, Channel(template.channel), template)
    if decision.verdict is Verdict.NEVER and decision.reason is not None:
        return f"The lead {EXPLANATIONS[decision.reason]}."
    return None


def _as_approved(work: Work, lead: Lead, params: Mapping[str, Any]) -> Template:
    """Return the template, if its text and what it answers still are what a person approved."""
    template = templates.get(work, params.get("template", ""))
    if templates.content_hash(template) != params["sha256"]:
        msg = (
            f"The template {quoted(template.name)} was saved with another text after this was asked for, so that its "
            "approval is worth nothing; ask for it again."
        )
        raise Conflict(msg)
    wrote = replies.newest(work, lead.id)
    if (wrote.id if wrote else None) != params.get("answers"):
        msg = (
            "The lead wrote after this was asked for, so that its approval is worth nothing; read what they wrote, and "
            "ask for it again if it still fits."
        )
        raise Conflict(msg)
    return template


def _refuse_over_limit(work: Work, channel: Channel) -> None:
    if (trouble := senders.trouble(work, [channel])) is not None:
        raise Conflict(trouble)


def _asked(work: Work, lead: Lead, channel: Channel, template: Template) -> Decision:
    free_text = template.content_sid is None
    return contactabilities(work, [lead], [channel], free_text=free_text, direct=True)[lead.id][channel]


def _is_own(work: Work, channel: Channel, address: str) -> bool:
    own = work.settings.test_addresses
    if channel is Channel.EMAIL:
        return email_key(address) in {email_key(each) for each in own}
    return address in own
