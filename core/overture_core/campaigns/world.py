"""Whether a plan's messages reach real people or the sandbox: part of what is approved.

An approval given while the sandbox stands in says nothing about real people, and the other way round.
The answer is frozen in the plan and in each of its messages, under its content hash. It is asked again at
launch and before sending.
"""

from __future__ import annotations

from collections.abc import Iterable

from overture_core.messages.channels import BY_HAND, Channel
from overture_core.settings import Settings
from overture_core.storage.schema import Plan

SANDBOX, A_PERSON = "sandbox", "a person"
PROVIDERS = dict.fromkeys(Channel, "Twilio") | {Channel.EMAIL: "SendGrid", Channel.LINKEDIN: A_PERSON}


def sandboxed(settings: Settings, channel: Channel) -> bool:
    """Tell whether a channel goes to the sandbox by the present settings."""
    if channel in BY_HAND:
        return settings.sandbox_only  # there is no provider to stand in for
    return settings.email_sandboxed if channel is Channel.EMAIL else settings.sms_sandboxed


def frozen(settings: Settings, channels: Iterable[Channel]) -> dict[str, bool]:
    """Return {channel: goes to the sandbox}, to be kept in a plan's spec."""
    return {channel.value: sandboxed(settings, channel) for channel in channels}


def holds(settings: Settings, plan: Plan, channel: Channel) -> bool:
    """Tell whether a channel still goes where the plan said. A plan that does not say fails closed."""
    return plan.spec.get("sandbox", {}).get(channel.value) is sandboxed(settings, channel)


def goes_to(plan: Plan, channel: Channel) -> str:
    """Name where a channel of a plan goes: the sandbox, or the provider, by what the plan froze."""
    return SANDBOX if plan.spec.get("sandbox", {}).get(channel.value) is True else PROVIDERS[channel]


def all_sandboxed(plans: Iterable[Plan]) -> bool:
    """Tell whether plans went to the sandbox alone, by what they froze."""
    return all(all(plan.spec.get("sandbox", {"unknown": False}).values()) for plan in plans)
