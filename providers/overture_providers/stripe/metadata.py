"""What we write on Stripe's objects, so that what happens to them finds its lead and what it is credited to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from overture_core.payments.credit import credit_of
from overture_core.storage.store import Work

WORKSPACE, LEAD, MESSAGE = "overture_workspace", "overture_lead", "overture_message"
CAMPAIGN, STEP, VARIANT = "overture_campaign", "overture_step", "overture_variant"
_OURS = re.compile(r"[\w-]{1,40}", re.ASCII)


def metadata_for(work: Work, lead_id: str) -> dict[str, str]:
    """Return what goes on an object that asks a lead for money."""
    made = {WORKSPACE: work.workspace, LEAD: lead_id}
    credit = credit_of(work, lead_id)
    if credit is not None:
        made |= {MESSAGE: credit.message_id, CAMPAIGN: credit.campaign_id, STEP: str(credit.step)}
        made[VARIANT] = credit.variant
    return made


def ours(metadata: Mapping[str, object] | None, name: str) -> str | None:
    """Return a value that has the shape of what we write; anybody with access to the account may have changed it."""
    value = (metadata or {}).get(name)
    return value if isinstance(value, str) and _OURS.fullmatch(value) else None
