"""The bounds of a campaign's audience: what the brief allows, and how a proposal is kept inside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from overture_crew.brief import Brief
from overture_crew.errors import BadAnswer


def widest_filter(brief: Brief) -> dict[str, Any]:
    """Return the filter that holds everybody whom the brief allows."""
    audience = brief.audience
    bounds: dict[str, Any] = {"dormant_days_min": audience.dormant_days_min}
    if audience.countries:
        bounds["countries"] = audience.countries
    if audience.tags:
        bounds["tags_any"] = audience.tags
    if brief.channels == ["email"]:
        bounds["has_email"] = True
    if brief.channels == ["sms"]:
        bounds["has_phone"] = True
    return bounds


def within(proposed: Mapping[str, Any], bounds: Mapping[str, Any]) -> dict[str, Any]:
    """Return `proposed`, kept inside `bounds`: an agent may narrow the brief's audience, never widen it.

    Raises:
        BadAnswer: a proposed value does not fit its field.
    """
    kept = {key: value for key, value in proposed.items() if value is not None}
    for key, bound in bounds.items():
        value = kept.get(key, bound)
        if isinstance(bound, bool):
            kept[key] = bound
        elif isinstance(bound, int):
            if not isinstance(value, int):
                msg = f"The Campaign strategist proposed {value!r} for {key}, which is no number; run again."
                raise BadAnswer(msg)
            kept[key] = max(value, bound)
        else:
            kept[key] = [item for item in bound if item in value] or list(bound)
    return kept
