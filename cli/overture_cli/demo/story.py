"""The demo's report: one object for programs, a story in tables for people."""

from __future__ import annotations

from pydantic import BaseModel, Field

from overture_cli.output import say, table
from overture_core.contactability.rules import EXPLANATIONS, Reason
from overture_core.messages.channels import Channel
from overture_core.payments.money import shown as money
from overture_core.payments.revenue import RevenueRow
from overture_core.text import quantity

NOBODY = "nobody to write to"
NAMES = {Channel.EMAIL: "e-mail", Channel.SMS: "SMS", Channel.WHATSAPP: "WhatsApp", Channel.VOICE: "calls"}


class Story(BaseModel):
    """What the demo did. Counts are of messages unless said otherwise, and 0 where there is no campaign."""

    imported: int = Field(description="Rows of the file that are leads now: created, merged or unchanged.")
    created: int
    merged: int
    unchanged: int
    rejected: int = Field(description="Rows that could not be taken.")
    reject_reasons: dict[str, int]
    leads: int = Field(description="Leads in the workspace.")
    in_segment: int = Field(description="Leads in the campaign's segment.")
    planned: int = Field(default=0, description="Leads to be written to, now or later.")
    excluded: dict[str, int] = Field(default_factory=dict, description="Leads never to be written to, by reason.")
    held: dict[str, int] = Field(default_factory=dict, description="Leads to be written to later, by reason.")
    accepted: int = Field(default=0, description="Taken by a provider.")
    accepted_by_channel: dict[Channel, int] = Field(default_factory=dict)
    sent_now: int = Field(default=0, description="Taken by a provider during this run.")
    accepted_twice: int = Field(description="Counted by the sandbox's own inbox: must be 0.")
    delivered: int = 0
    bounced: int = 0
    failed: int = 0
    complained: int = 0
    unknown: int = Field(default=0, description="Sent to a provider whose answer was lost.")
    opened: int = 0
    clicked: int = 0
    replied: int = Field(default=0, description="Leads who answered.")
    replies: dict[str, int] = Field(default_factory=dict, description="Replies by intent.")
    stopped: int = Field(default=0, description="Leads who asked to stop.")
    suppressed: int = Field(description="Addresses never to be written to again.")
    payment_links: int = Field(default=0, description="Links made for leads who said yes.")
    revenue: list[RevenueRow] = Field(default_factory=list, description="What was paid, by campaign, step and variant.")
    revenue_total: dict[str, int] = Field(default_factory=dict, description="By currency, in minor units.")
    linkedin_post: str | None = Field(default=None, description="The page of the post, if it was approved.")
    approved_by: str
    ending: str = Field(description="How the crew's run ended.")
    next_step: str = Field(description="What a person can do now.")
    brain: str
    database: str
    redis: str
    providers: str
    folder: str
    seconds: float = Field(description="How long it took, without the time that a person took to answer.")


def show(story: Story) -> None:
    """Print the story as tables."""
    table(
        "1. The list",
        ("what", "rows or leads"),
        [
            ("rows taken", story.imported),
            ("  new leads", story.created),
            ("  merged into a lead that was known", story.merged),
            ("  already known, nothing new", story.unchanged),
            ("rows rejected", story.rejected),
            *((f"  {reason}", number) for reason, number in story.reject_reasons.items()),
            ("leads now", story.leads),
        ],
    )
    table(
        "2. The plan",
        ("what", "leads"),
        [
            ("dormant, in the segment", story.in_segment),
            ("never written to", sum(story.excluded.values())),
            *((f"  {explained(reason)}", number) for reason, number in story.excluded.items()),
            ("to be written to", story.planned),
            *((f"  of them later: {explained(reason)}", number) for reason, number in story.held.items()),
        ],
    )
    table(
        "3. What came of it",
        ("what", "messages"),
        [
            ("taken by the provider", story.accepted),
            *((f"  by {NAMES[channel]}", number) for channel, number in story.accepted_by_channel.items()),
            ("  of them in this run", story.sent_now),
            ("delivered", story.delivered),
            ("bounced", story.bounced),
            ("failed", story.failed),
            ("complained", story.complained),
            ("outcome unknown", story.unknown),
            ("opened", story.opened),
            ("clicked", story.clicked),
            ("taken twice (by the sandbox's own count)", story.accepted_twice),
        ],
    )
    table(
        "4. Who answered",
        ("what", "number"),
        [
            ("people who answered", story.replied),
            ("people who asked to stop", story.stopped),
            ("replies, automatic ones too", sum(story.replies.values())),
            *((f"  {intent.replace('_', ' ')}", number) for intent, number in story.replies.items()),
            ("addresses never to be written to again", story.suppressed),
        ],
    )
    table(
        "5. What it brought in",
        ("step", "variant", "payments", "net"),
        [
            (each.step or "-", each.variant or "-", each.payments, money(each.net, each.currency))
            for each in story.revenue
        ],
    )
    if story.payment_links:
        say(
            f"{quantity(story.payment_links, 'payment link')} for who said yes, at a price of the allow-list. Who paid "
            "is written to no more."
        )
    post = story.linkedin_post
    say(f"On LinkedIn, at the sandbox: {post}" if post else "No post was published on LinkedIn.")
    table(
        "How",
        ("part", "used"),
        [
            ("brain", story.brain),
            ("approved by", story.approved_by),
            ("database", story.database),
            ("Redis", story.redis),
            ("providers", story.providers),
            ("folder", story.folder),
            ("time", f"{story.seconds:.1f} s"),
        ],
    )
    if story.unknown:
        say(
            f"Outcome unknown: {story.unknown}. The provider may or may not have taken them: they are not sent again "
            "by themselves, and are settled when its webhook comes, or by you: overture messages resolve."
        )
    if story.ending == NOBODY:
        say(f"Nobody was written to. {story.next_step}")
    elif story.ending != "finished":
        say(f"The crew's run ended: {story.ending}. {story.next_step}")
    if story.unknown or story.ending not in ("finished", NOBODY):
        say(f"The demo's data is in its own folder: put OVERTURE_DATA_DIR={story.folder} before such commands.")
    say("Nobody outside was contacted: the sandbox stood in for SendGrid, Twilio, LinkedIn and Stripe.")


def explained(reason: str) -> str:
    """Say why a lead is left out, or written to later."""
    if reason in set(Reason):
        return EXPLANATIONS[Reason(reason)]
    if reason.startswith("missing_field:"):
        return f"lacks the field {reason.removeprefix('missing_field:')} that the message needs"
    return {"already_in_campaign": "has a message of this campaign already"}.get(reason, reason)
