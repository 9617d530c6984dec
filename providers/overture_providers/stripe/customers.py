"""A lead's customer at Stripe: found by the lead's id, made once, never doubled."""

from __future__ import annotations

import hashlib
from typing import Any

from overture_core.errors import NotFound, ProviderBusy
from overture_core.leads.finding import lead_of
from overture_core.payments import objects
from overture_core.storage.store import Store, Work
from overture_providers.stripe.client import StripeAccount
from overture_providers.stripe.errors import KeyTaken
from overture_providers.stripe.metadata import LEAD, WORKSPACE

ACTOR = "stripe"
_NAME, _EMAIL = 256, 512  # Stripe's own limits


def known_customer(store: Store, account: StripeAccount, workspace: str, lead_id: str) -> Any | None:
    """Return the lead's customer: the one that we noted, else the one that has the lead's id on it."""
    sandbox = account.endpoint.sandbox
    with store.read(workspace) as work:
        noted = objects.customer_of(work, lead_id, sandbox=sandbox)
        gone = {noted, *objects.deleted_customers(work, lead_id, sandbox=sandbox)}
    if noted is not None and (found := _still_there(account, noted)) is not None:
        return found
    query = f"metadata['{LEAD}']:'{lead_id}' AND metadata['{WORKSPACE}']:'{workspace}'"
    # The oldest, should somebody have made a second one by hand. A deleted one is found for a while.
    matches = account.read(lambda client: client.v1.customers.search({"query": query, "limit": 100})).data
    return min(
        (each for each in matches if each.id not in gone), key=lambda each: (each.created, each.id), default=None
    )


def ensure_customer(store: Store, account: StripeAccount, workspace: str, lead_id: str) -> Any:
    """Return the lead's customer, made now if there is none, and note whose it is.

    Stripe's search lags by up to a minute; until then the idempotency key, which is the lead's, keeps two calls from
    making two. One who was deleted at Stripe is made anew, under a key that names the one before.

    Raises:
        NotFound: there is no such lead.
        ProviderBusy: one was made a moment ago that the search does not find yet.
    """
    found = known_customer(store, account, workspace, lead_id)
    sandbox = account.endpoint.sandbox
    with store.begin(workspace, actor=ACTOR) as work:
        noted = objects.customer_of(work, lead_id, sandbox=sandbox)
        if noted is not None and (found is None or found.id != noted):
            _note(work, lead_id, noted, "deleted", sandbox=sandbox)
        gone = objects.deleted_customers(work, lead_id, sandbox=sandbox)
    if found is None:
        found = _made(store, account, workspace, lead_id, gone)
    with store.begin(workspace, actor=ACTOR) as work:
        _note(work, lead_id, found.id, "created", sandbox=sandbox)
    return found


def _made(store: Store, account: StripeAccount, workspace: str, lead_id: str, gone: list[str]) -> Any:
    with store.read(workspace) as work:
        lead = lead_of(work, lead_id)
        name = " ".join(filter(None, (lead.first_name, lead.last_name))) or lead.company or ""
        email = lead.email
    params: dict[str, Any] = {"metadata": {WORKSPACE: workspace, LEAD: lead_id}}
    params |= {"name": name[:_NAME]} if name else {}
    params |= {"email": email[:_EMAIL]} if email else {}
    key = f"overture-{workspace}-customer-{lead_id}"
    if gone:
        key += f"-after-{hashlib.sha256(' '.join(gone).encode()).hexdigest()[:32]}"
    try:
        return account.write(key, lambda client, options: client.v1.customers.create(params, options))
    except KeyTaken as error:
        msg = "This lead became a customer a moment ago; wait a minute, then ask again."
        raise ProviderBusy(msg) from error


def _still_there(account: StripeAccount, customer: str) -> Any | None:
    try:
        found = account.read(lambda client: client.v1.customers.retrieve(customer))
    except NotFound:
        return None
    return None if getattr(found, "deleted", False) else found


def _note(work: Work, lead_id: str, customer: str, status: str, *, sandbox: bool) -> None:
    objects.note(work, customer, kind=objects.CUSTOMER, lead_id=lead_id, status=status, at=work.now(), sandbox=sandbox)
