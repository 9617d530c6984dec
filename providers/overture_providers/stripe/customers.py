"""A lead's customer at Stripe: found by the lead's id, made once, never doubled."""

from __future__ import annotations

from typing import Any

from overture_core.errors import NotFound, ProviderBusy
from overture_core.leads.finding import lead_of
from overture_core.payments import objects
from overture_core.storage.store import Store
from overture_providers.stripe.client import StripeAccount
from overture_providers.stripe.errors import KeyTaken
from overture_providers.stripe.metadata import LEAD, WORKSPACE

ACTOR = "stripe"
_NAME, _EMAIL = 256, 512  # Stripe's own limits


def known_customer(store: Store, account: StripeAccount, workspace: str, lead_id: str) -> Any | None:
    """Return the lead's customer: the one that we noted, else the one that has the lead's id on it."""
    with store.read(workspace) as work:
        noted = objects.customer_of(work, lead_id, sandbox=account.endpoint.sandbox)
    if noted is not None:
        try:
            found = account.read(lambda client: client.v1.customers.retrieve(noted))
        except NotFound:
            found = None
        if found is not None and not getattr(found, "deleted", False):
            return found
    query = f"metadata['{LEAD}']:'{lead_id}' AND metadata['{WORKSPACE}']:'{workspace}'"
    # The oldest, should somebody have made a second one by hand.
    matches = account.read(lambda client: client.v1.customers.search({"query": query, "limit": 100})).data
    return min(matches, key=lambda each: (each.created, each.id), default=None)


def ensure_customer(store: Store, account: StripeAccount, workspace: str, lead_id: str) -> Any:
    """Return the lead's customer, made now if there is none, and note whose it is.

    Stripe's search lags by up to a minute; until then the idempotency key, which is the lead's, keeps two calls from
    making two.

    Raises:
        NotFound: there is no such lead.
        ProviderBusy: one was made a moment ago that the search does not find yet.
    """
    found = known_customer(store, account, workspace, lead_id)
    if found is None:
        with store.read(workspace) as work:
            lead = lead_of(work, lead_id)
            name = " ".join(filter(None, (lead.first_name, lead.last_name))) or lead.company or ""
            email = lead.email
        params: dict[str, Any] = {"metadata": {WORKSPACE: workspace, LEAD: lead_id}}
        params |= {"name": name[:_NAME]} if name else {}
        params |= {"email": email[:_EMAIL]} if email else {}
        key = f"overture-{workspace}-customer-{lead_id}"
        try:
            found = account.write(key, lambda client, options: client.v1.customers.create(params, options))
        except KeyTaken as error:
            msg = "This lead became a customer a moment ago; wait a minute, then ask again."
            raise ProviderBusy(msg) from error
    with store.begin(workspace, actor=ACTOR) as work:
        objects.note(
            work,
            found.id,
            kind=objects.CUSTOMER,
            lead_id=lead_id,
            status="created",
            at=work.now(),
            sandbox=account.endpoint.sandbox,
        )
    return found
