"""The bounds of a campaign's audience, in the leads server's filter language: what the brief allows, and how a proposal
is kept inside it."""

from __future__ import annotations

from overture_crew.brief import Brief


def widest_filter(brief: Brief) -> str:
    """Return the filter that holds everybody whom the brief allows."""
    audience = brief.audience
    bounds = [f"dormant_days >= {audience.dormant_days_min}"]
    if audience.countries:
        bounds.append(f"country in ({_values(audience.countries)})")
    if audience.tags:
        bounds.append(f"tag in ({_values(audience.tags)})")
    if brief.channels == ["email"]:
        bounds.append("email is known")
    if brief.channels == ["sms"]:
        bounds.append("phone is known")
    return " and ".join(bounds)


def within(proposed: str, bounds: str) -> str:
    """Return `proposed`, kept inside `bounds`: an agent may narrow the brief's audience, never widen it.

    The server has to have read `proposed` by itself before: what is a filter alone stays one in parentheses.
    """
    return bounds if proposed.strip() in ("", bounds) else f"{bounds} and ({proposed})"


def quoted(value: str) -> str:
    """Return a value as the filter language writes it."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _values(values: list[str]) -> str:
    return ", ".join(map(quoted, values))
