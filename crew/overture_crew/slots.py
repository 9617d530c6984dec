"""Which messages a brief asks for: one draft for each step, channel and variant, under a name that the flow gives."""

from __future__ import annotations

from dataclasses import dataclass

from overture_crew.brief import Brief, Channel

_VARIANTS = "abc"


@dataclass(frozen=True, slots=True)
class Slot:
    """A message to draft. `step` 1 is the first message, the later ones are follow-ups; `variant` counts from 1."""

    step: int
    channel: Channel
    variant: int = 1

    def name(self, brief: Brief) -> str:
        """Return the name of the slot's template, which begins with the campaign's."""
        step = "" if self.step == 1 else f"-{self.step}"
        variant = "" if brief.variants == 1 else f"-{_VARIANTS[self.variant - 1]}"
        return f"{brief.slug}-{self.channel}{step}{variant}"

    def __str__(self) -> str:
        which = "the first message" if self.step == 1 else f"follow-up {self.step - 1}"
        return f"{which} by {self.channel}, variant {self.variant}"


def slots(brief: Brief) -> list[Slot]:
    """Return the slots of a brief, in the order in which they are drafted."""
    by_step = [brief.channels, *(each.channels for each in brief.follow_ups)]
    return [
        Slot(step, channel, variant)
        for step, channels in enumerate(by_step, start=1)
        for channel in channels
        for variant in range(1, brief.variants + 1)
    ]


def templates_of(brief: Brief, step: int) -> dict[str, str | list[str]]:
    """Return a step's templates by channel, as a plan takes them: a name, or several as variants."""
    found: dict[str, list[str]] = {}
    for slot in slots(brief):
        if slot.step == step:
            found.setdefault(slot.channel, []).append(slot.name(brief))
    return {channel: names[0] if len(names) == 1 else names for channel, names in found.items()}
