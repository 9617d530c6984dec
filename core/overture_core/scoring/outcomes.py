"""What became of those who were written to: who was contacted through a campaign, and who of them revived."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Integer,
    Subquery,
    and_,
    case,
    cast,
    extract,
    func,
    literal,
    null,
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
    first = _past(work)
    people = (
        select(
            *first.c,
            Lead.country.label("country"),
            band_of(words_of(Lead.title)).label("role"),
            size_of(work).label("size"),
            Lead.last_contact_at,
            case((first.c.good_at >= first.c.first_at, 1), else_=0).label("revived"),
        )
        .join(Lead, Lead.id == first.c.lead_id)
        .where(Lead.workspace_id == work.workspace, Lead.erased_at.is_(None))
        .cte("contacted")
    )
    number, good = func.count().label("number"), func.sum(people.c.revived).label("good")
    counts = [select(literal(ALL).label("kind"), literal("").label("value"), number, func.coalesce(good, 0))]
    of = people.c
    values = {"country": of.country, "role": of.role, "size": of.size, "silence": _silence(work, of)}
    for kind, value in values.items():
        counts.append(select(literal(kind), value, number, good).where(value.is_not(None)).group_by(value))
    counts += [
        select(literal("channel"), literal(each.value), number, good).where(of[each.value] == 1) for each in Channel
    ]
    tagged = _tagged(work, of)
    of_tag = func.sum(tagged.c.revived)
    tags = select(literal("tag"), tagged.c.tag, func.count(), of_tag).group_by(tagged.c.tag)
    counts.append(tags.where(tagged.c.tag.is_not(None), tagged.c.revived.is_not(None)))
    every, *rest = counts
    return union_all(every, *(rows.having(func.count() >= least) for rows in rest)).order_by(text("3 DESC"), text("2"))


def _past(work: Work) -> CTE:
    """Who was contacted: since when, by which channels, and when they last did what counts as reviving. Stacked, as in
    parts.py: SQLite looked at all later replies of anybody for each lead."""
    channels = [case((Message.channel == each.value, 1), else_=0).label(each.value) for each in Channel]
    none, never = [literal(0).label(each.value) for each in Channel], cast(null(), Message.accepted_at.type)
    messages = select(Message.lead_id, Message.accepted_at.label("sent_at"), never.label("good_at"), *channels)
    replies = select(Reply.lead_id, never.label("sent_at"), Reply.received_at.label("good_at"), *none)
    payments = select(Payment.lead_id, never.label("sent_at"), Payment.at.label("good_at"), *none)
    through_campaign = (Message.campaign_id.is_not(None), Message.accepted_at.is_not(None))
    past = union_all(
        messages.where(Message.workspace_id == work.workspace, *through_campaign, in_this_world(work.settings)),
        replies.where(Reply.workspace_id == work.workspace, Reply.intent.in_(WANTING)),
        payments.where(Payment.workspace_id == work.workspace),
    ).subquery()
    of = past.c
    summed = select(
        of.lead_id,
        func.min(of.sent_at).label("first_at"),
        func.max(of.good_at).label("good_at"),
        *(func.max(of[each.value]).label(each.value) for each in Channel),
    )
    return summed.group_by(of.lead_id).having(func.min(of.sent_at).is_not(None)).cte("past")


def _tagged(work: Work, people: Any) -> Subquery:
    """Tags with whether their lead revived. Stacked, as in parts.py: a join would compare each tag with everybody."""
    tags = select(LeadTag.lead_id, LeadTag.tag, cast(null(), Integer).label("revived"))
    stacked = union_all(
        tags.where(LeadTag.workspace_id == work.workspace),
        select(people.lead_id, cast(null(), LeadTag.tag.type), people.revived),
    ).subquery()
    of_lead = func.max(stacked.c.revived).over(partition_by=stacked.c.lead_id)
    return select(stacked.c.tag, of_lead.label("revived")).subquery("tagged")


def _silence(work: Work, people: Any) -> ColumnElement[str]:
    """How long somebody had been silent when they were first written to."""
    at, before = people.first_at, people.last_contact_at
    if work.session.get_bind().dialect.name == "sqlite":
        days: ColumnElement[Any] = func.julianday(at) - func.julianday(before)
    else:
        days = extract("epoch", at - before) / 86_400
    bands = [(days < limit, name) for limit, name in _UP_TO]
    return case((before.is_(None), _UNKNOWN), *bands, else_=_LONGER)
