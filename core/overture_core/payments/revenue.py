"""What campaigns brought in, by step and variant, after refunds and disputes."""

from __future__ import annotations

from pydantic import BaseModel, Field
from sqlalchemy import bindparam, case, func, or_, select

from overture_core.campaigns import service as campaigns
from overture_core.payments.money import minor
from overture_core.storage.schema import Campaign, Payment, Template
from overture_core.storage.store import Work

NO_CAMPAIGN = "(no campaign)"

_paid, _refunded, _disputed = Payment.amount_micros, Payment.refunded_micros, Payment.disputed_micros
# For each payment: what was refunded and is disputed too went back once, and takes nothing off another payment.
_left = _paid - _refunded
_held = case((_disputed > _left, _left), else_=_disputed)
_GROUPED = (Campaign.name, Payment.step, Template.name, Template.version, Payment.currency)
# Made once: to put it together again for each call took longer than to run it.
_SUMS = (
    select(
        *_GROUPED,
        func.count(),
        func.count(Payment.lead_id.distinct()),
        *(func.sum(each) for each in (_paid, _refunded, _held, _left - _held)),
    )
    .select_from(Payment)
    .outerjoin(Campaign, Campaign.id == Payment.campaign_id)
    .outerjoin(Template, Template.id == Payment.variant)
    .where(
        Payment.workspace_id == bindparam("workspace"),
        or_(Payment.sandbox == bindparam("sandbox"), Payment.source == "manual"),
    )
    .group_by(*_GROUPED)
)


class RevenueRow(BaseModel):
    """What one variant of one step brought in. Amounts are in minor units of the currency; `net` is `paid` without
    what was refunded and disputed; what is both counts as refunded."""

    campaign: str
    step: int | None
    variant: str | None = Field(description="The template, with its version.")
    currency: str
    payments: int
    leads: int
    paid: int
    refunded: int
    disputed: int
    net: int


class Revenue(BaseModel):
    """Revenue by campaign, step and variant, the most first; `total` is the net of each currency."""

    rows: list[RevenueRow]
    total: dict[str, int]
    sandbox: bool


def revenue(work: Work, *, sandbox: bool, campaign: str | None = None) -> Revenue:
    """Return what was paid, in the sandbox or for real; what came by another way than a provider counts for both.

    Raises:
        NotFound: there is no such campaign.
    """
    given: dict[str, object] = {"workspace": work.workspace, "sandbox": sandbox}
    rows = _SUMS
    if campaign is not None:
        rows = rows.where(Payment.campaign_id == campaigns.get(work, campaign).id)
    found = [_row(*row) for row in work.session.execute(rows, given)]
    total: dict[str, int] = {}
    for each in found:
        total[each.currency] = total.get(each.currency, 0) + each.net
    found.sort(key=lambda each: (-each.net, each.campaign, each.step or 0, each.variant or ""))
    return Revenue(rows=found, total=total, sandbox=sandbox)


def _row(
    campaign: str | None,
    step: int | None,
    template: str | None,
    version: int | None,
    currency: str,
    payments: int,
    leads: int,
    *sums: int,
) -> RevenueRow:
    paid, refunded, disputed, net = (minor(int(each), currency) for each in sums)
    return RevenueRow(
        campaign=campaign or NO_CAMPAIGN,
        step=step,
        variant=f"{template} (version {version})" if template else None,
        currency=currency,
        payments=payments,
        leads=leads,
        paid=paid,
        refunded=refunded,
        disputed=disputed,
        net=net,
    )
