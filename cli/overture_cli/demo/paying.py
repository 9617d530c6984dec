"""The demo's last act: who said yes is asked to pay, and the sandbox pays.

The rule is ours: a reply labelled as interested gets a link for the one price on the allow-list. What the lead wrote
chooses neither. The demo stands in for the person who answers with the link, and for the customer who follows it.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import anyio
from sqlalchemy import select

from overture_cli.context import actor
from overture_core.operations import service as operations
from overture_core.payments import prices
from overture_core.replies import tasks
from overture_core.replies.intent import Intent
from overture_core.storage.schema import BillingObject, Operation, Payment, Reply, Task
from overture_core.storage.store import Store, Work
from overture_providers import operations as running
from overture_providers.stripe import proposals
from overture_providers.stripe.client import StripeAccount, opened
from overture_providers.stripe.proposals import By

PRODUCT, AMOUNT, CURRENCY = "Revival call", 4_900, "USD"
MOST = 20  # links a run, within the cap of a day
LINK: By = "payment_link"
REFUSED = 400


def ask_to_pay(store: Store) -> int:
    """Make a link for each lead who said yes and was not asked yet; returns how many."""
    workspace = store.settings.workspace
    with store.read(workspace) as work:
        asked = select(Operation.lead_id).where(
            Operation.workspace_id == workspace, Operation.kind == f"stripe.{LINK}", Operation.lead_id.is_not(None)
        )
        said_yes = (
            select(Reply.lead_id)
            .where(Reply.workspace_id == workspace, Reply.intent == Intent.INTERESTED, Reply.lead_id.not_in(asked))
            .group_by(Reply.lead_id)
            .order_by(Reply.lead_id)
            .limit(MOST)
        )
        leads = list(work.session.scalars(said_yes))
    if leads:
        with opened(store.settings) as account:
            price = _price(store, account)
            for lead in leads:
                _ask(store, account, lead, price)
    return len(leads)


def pay(store: Store) -> None:
    """Answer who has a link and did not pay yet, and pay at the sandbox as they would."""
    workspace = store.settings.workspace
    with store.begin(workspace, actor=actor()) as work:
        paid = select(Payment.lead_id).where(Payment.workspace_id == workspace)
        unpaid = select(BillingObject.id, BillingObject.lead_id).where(
            BillingObject.workspace_id == workspace, BillingObject.kind == LINK, BillingObject.lead_id.not_in(paid)
        )
        links = list(work.session.execute(unpaid.order_by(BillingObject.id)))
        for link, lead in links:
            _answer(work, lead, link)
    for link, _ in links:
        _pay(f"{store.settings.sandbox_url}/sandbox/stripe/pay", link)


def _price(store: Store, account: StripeAccount) -> str:
    """Put the demo's price on the allow-list. Its keys are fixed, so that a second run finds the first one's."""
    named = {"name": PRODUCT}
    product = account.write("demo-product", lambda client, options: client.v1.products.create(named, options))
    params = {"product": product.id, "unit_amount": AMOUNT, "currency": CURRENCY.lower()}
    made = account.write("demo-price", lambda client, options: client.v1.prices.create(params, options))
    with store.begin(store.settings.workspace, actor=actor()) as work:
        allowed = prices.allow(
            work, made.id, product=PRODUCT, amount=AMOUNT, currency=CURRENCY, interval=None, sandbox=True
        )
    return allowed.id


def _ask(store: Store, account: StripeAccount, lead: str, price: str) -> None:
    workspace = store.settings.workspace
    asked = proposals.ask_for_payment(store, account, workspace, by=LINK, lead_id=lead, price_id=price)
    with store.begin(workspace, actor=actor()) as work:
        proposed = operations.propose(work, asked)

    async def run() -> None:
        await running.run(store, workspace, proposed.id, actor=actor())

    anyio.run(run)


def _answer(work: Work, lead: str, link: str) -> None:
    """Do what a person has to do about a lead who said yes: send them their link."""
    open_ = select(Task.id).where(
        Task.workspace_id == work.workspace,
        Task.lead_id == lead,
        Task.kind == Intent.INTERESTED,
        Task.done_at.is_(None),
    )
    for task in work.session.scalars(open_).all():
        tasks.complete(work, task, by=actor(), note=f"answered with {link}")


def _pay(address: str, link: str) -> None:
    body, kind = json.dumps({"id": link}).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(address, body, kind)  # noqa: S310 - our own sandbox on loopback
    try:
        urllib.request.urlopen(request, timeout=10.0).close()  # noqa: S310 - as above
    except urllib.error.HTTPError as error:
        # Paid by an earlier run that ended before it heard of it: the webhook is on its way.
        if error.code != REFUSED:
            raise
