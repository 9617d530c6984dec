"""The performance fee: a share of what a campaign brought in, reported to a billing meter.

Percentage, currency, customer and meter are settings, so no caller says an amount. What was reported before is taken
off, so that the same revenue is never billed twice.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from functools import partial

from sqlalchemy import select

from overture_core.campaigns import service as campaigns
from overture_core.errors import ConfigurationError, InvalidInput
from overture_core.operations.models import Money, Proposal
from overture_core.operations.states import OPEN, OperationState
from overture_core.payments.money import shown
from overture_core.payments.revenue import revenue
from overture_core.storage.schema import Operation
from overture_core.storage.store import Store, Work
from overture_core.text import quoted
from overture_providers.stripe.caps import ASKS, over_caps
from overture_providers.stripe.client import StripeAccount

KIND = "stripe.fee"


def fee(store: Store, account: StripeAccount, workspace: str, campaign: str) -> Proposal:
    """Report what is due for a campaign since the last report.

    Raises:
        NotFound: there is no such campaign.
        ConfigurationError: no meter or customer is set.
        InvalidInput: nothing new is due.
    """
    settings = store.settings
    meter, customer = settings.stripe_fee_meter, settings.stripe_fee_customer
    if meter is None or customer is None:
        msg = "No performance fee is set up; set OVERTURE_STRIPE_FEE_METER and OVERTURE_STRIPE_FEE_CUSTOMER."
        raise ConfigurationError(msg)
    with store.read(workspace) as work:
        found = campaigns.get(work, campaign)
        net = revenue(work, sandbox=account.endpoint.sandbox, campaign=found.id).total.get(
            settings.stripe_fee_currency, 0
        )
        reported = already_reported(work, found.id, sandbox=account.endpoint.sandbox)
        share = Decimal(net) * settings.stripe_fee_percent / 100
        money = Money(int(share.to_integral_value(ROUND_DOWN)) - reported, settings.stripe_fee_currency)
        if money.amount <= 0:
            msg = (
                f"Nothing new is due for the campaign {quoted(found.name)}: it brought in "
                f"{shown(net, money.currency)}, and {shown(reported, money.currency)} was reported."
            )
            raise InvalidInput(msg)
    told = [
        f"Report a performance fee of {shown(money.amount, money.currency)} for the campaign {quoted(found.name)} to "
        f"the meter {meter}, for the customer {customer}.",
        f"That is {settings.stripe_fee_percent:g} % of {shown(net, money.currency)}, without the "
        f"{shown(reported, money.currency)} reported before.",
    ]
    params = {
        "workspace": workspace,
        "campaign": found.id,
        "meter": meter,
        "customer": customer,
        "value": money.amount,
        "before": reported,
    }
    return Proposal(
        kind=KIND,
        params=params,
        told=told,
        sandbox=account.endpoint.sandbox,
        repeatable=True,
        money=money,
        guard=partial(over_caps, kinds=ASKS, money=money, lead_id=None),
    )


def already_reported(work: Work, campaign_id: str, *, sandbox: bool, besides: str = "") -> int:
    """Return what was reported for a campaign, or is about to be, by other operations than `besides`."""
    counts = [state for state in OPEN if state is not OperationState.WAITING] + [OperationState.DONE]
    rows = select(Operation.params).where(
        Operation.workspace_id == work.workspace,
        Operation.kind == KIND,
        Operation.state.in_(counts),
        Operation.sandbox == sandbox,
        Operation.id != besides,
    )
    found = [params for params in work.session.scalars(rows) if params.get("campaign") == campaign_id]
    return sum(int(each["value"]) for each in found)
