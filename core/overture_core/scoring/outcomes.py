"""What became of those who were written to: who was contacted through a campaign, and who of them revived."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    and_,
    case,
    exists,
    extract,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)

from overture_core.messages.channels import Channel
from overture_core.replies.intent import Intent
from overture_core.scoring.roles import band_of, words_of
from overture_core.settings import Settings
from overture_core.storage.schema import Lead, LeadTag, Message, Payment, Reply
from overture_core.storage.store import Work

WANTING = (Intent.INTERESTED, Intent.QUESTION)
ALL = "all"
# What leads are told apart by, in the order in which it is shown.
KINDS = ("country", "role", "size", "tag", "channel", "silence")
_UP_TO = ((90, "under 90 days"), (365, "90 to 364 days"), (730, "365 to 729 days"))
_LONGER, _UNKNOWN = "730 days and more", "unknown"


def in_this_world(settings: Settings) -> ColumnElement[bool]:
    """Return the condition that a message went where messages go by the present settings: what the sandbox's
    invented people did says nothing about real ones."""
    is_mail = Message.channel == Channel.EMAIL.value
    return or_(
        and_(is_mail, Message.sandbox.is_(settings.email_sandboxed)),
        and_(~is_mail, Message.sandbox.is_(settings.sms_sandboxed)),
    )


def size_of(work: Work) -> ColumnElement[Any]:
    """Return a lead's company size: the custom field that the settings name."""
    size: ColumnElement[Any] = Lead.custom[work.settings.score_size_field].as_string()
    return size


def counted(work: Work, *, least: int) -> CompoundSelect[Any]:
    """Return the statement of (kind, value, contacted, revived): one row for all leads, and one for each value that at
    least `least` contacted leads have, the commonest first."""
    mine = Message.workspace_id == work.workspace
    through_campaign = (Message.campaign_id.is_not(None), Message.accepted_at.is_not(None))
    got = (mine, *through_campaign, in_this_world(work.settings))
    first_at = func.min(Message.accepted_at).label("first_at")
    first = select(Message.lead_id, first_at).where(*got).group_by(Message.lead_id).cte("first_messages")
    answered = exists().where(
        Reply.lead_id == first.c.lead_id, Reply.intent.in_(WANTING), Reply.received_at >= first.c.first_at
    )
    paid = exists().where(Payment.lead_id == first.c.lead_id, Payment.at >= first.c.first_at)
    people = (
        select(
            first.c.lead_id,
            first.c.first_at,
            Lead.country.label("country"),
            band_of(words_of(Lead.title)).label("role"),
            size_of(work).label("size"),
            Lead.last_contact_at,
            case((or_(answered, paid), 1), else_=0).label("revived"),
        )
        .join(Lead, Lead.id == first.c.lead_id)
        .where(Lead.workspace_id == work.workspace, Lead.erased_at.is_(None))
        .cte("contacted")
    )
    number, good = func.count().label("number"), func.sum(people.c.revived).label("good")
    counts = [select(literal(ALL).label("kind"), literal("").label("value"), number, func.coalesce(good, 0))]
    tags = select(LeadTag.lead_id, LeadTag.tag.label("value")).where(LeadTag.workspace_id == work.workspace).subquery()
    channels = select(Message.lead_id, Message.channel.label("value")).where(*got).distinct().subquery()
    for kind, value, beside in (
        ("country", people.c.country, None),
        ("role", people.c.role, None),
        ("size", people.c.size, None),
        ("tag", tags.c.value, tags),
        ("channel", channels.c.value, channels),
        ("silence", _silence(work, people.c), None),
    ):
        rows = select(literal(kind), value, number, good).where(value.is_not(None)).group_by(value)
        if beside is not None:
            rows = rows.select_from(people.join(beside, beside.c.lead_id == people.c.lead_id))
        counts.append(rows.having(func.count() >= least))
    return union_all(*counts).order_by(text("3 DESC"), text("2"))


def _silence(work: Work, people: Any) -> ColumnElement[str]:
    """How long somebody had been silent when they were first written to."""
    at, before = people.first_at, people.last_contact_at
    if work.session.get_bind().dialect.name == "sqlite":
        days: ColumnElement[Any] = func.julianday(at) - func.julianday(before)
    else:
        days = extract("epoch", at - before) / 86_400
    bands = [(days < limit, name) for limit, name in _UP_TO]
    return case((before.is_(None), _UNKNOWN), *bands, else_=_LONGER)
