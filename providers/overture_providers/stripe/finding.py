"""Looking things up at Stripe.

Workspaces may share an account there. What was made for one is nothing that another finds; what bears no workspace was
made by somebody at Stripe, and is everybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from overture_core.errors import InvalidInput, NotFound
from overture_core.leads.finding import lead_of
from overture_core.payments import objects
from overture_core.storage.store import Store
from overture_core.text import quoted
from overture_providers.stripe.client import StripeAccount
from overture_providers.stripe.customers import known_customer
from overture_providers.stripe.metadata import LEAD, WORKSPACE, ours
from overture_providers.stripe.views import StripePage, view

if TYPE_CHECKING:
    import stripe

Kind = Literal[
    "customer",
    "product",
    "price",
    "payment_link",
    "checkout_session",
    "invoice",
    "subscription",
    "quote",
    "coupon",
    "promotion_code",
    "payment_intent",
    "charge",
    "refund",
]
SEARCHED = frozenset({"customer", "product", "price", "invoice", "subscription", "payment_intent", "charge"})
# What Stripe searches by the customer too, and what it lists by the customer.
_CUSTOMER_SEARCHED = frozenset({"invoice", "payment_intent", "charge"})
_CUSTOMER_LISTED = _CUSTOMER_SEARCHED | {"subscription", "quote", "checkout_session", "promotion_code"}
_OF_LEAD = _CUSTOMER_LISTED | {"customer", "payment_link"}
_SERVICES: dict[str, Callable[[stripe.StripeClient], Any]] = {
    "customer": lambda client: client.v1.customers,
    "product": lambda client: client.v1.products,
    "price": lambda client: client.v1.prices,
    "payment_link": lambda client: client.v1.payment_links,
    "checkout_session": lambda client: client.v1.checkout.sessions,
    "invoice": lambda client: client.v1.invoices,
    "subscription": lambda client: client.v1.subscriptions,
    "quote": lambda client: client.v1.quotes,
    "coupon": lambda client: client.v1.coupons,
    "promotion_code": lambda client: client.v1.promotion_codes,
    "payment_intent": lambda client: client.v1.payment_intents,
    "charge": lambda client: client.v1.charges,
    "refund": lambda client: client.v1.refunds,
}


def get(account: StripeAccount, workspace: str, kind: Kind, id_: str) -> Any:
    """Return one of the SDK's objects.

    Raises:
        NotFound: there is none, or it is another workspace's.
    """
    found = account.read(lambda client: _SERVICES[kind](client).retrieve(id_))
    require_mine(account, workspace, found, id_)
    return found


def require_mine(account: StripeAccount, workspace: str, found: Any, id_: str) -> None:
    """Make sure that one of the SDK's objects is not another workspace's, nor one of a customer of theirs: an
    invoice's payment does not carry what the invoice does.

    Raises:
        NotFound: it is, in the words for what there is not.
    """
    customer = getattr(found, "customer", None)
    anothers = _is_anothers(found, workspace)
    if not anothers and customer is not None:
        whose = str(getattr(customer, "id", customer))
        anothers = _is_anothers(account.read(lambda client: client.v1.customers.retrieve(whose)), workspace)
    if anothers:
        msg = f"Stripe has nothing called {quoted(id_)} in this account; stripe_find shows what there is."
        raise NotFound(msg)


def _is_anothers(found: Any, workspace: str) -> bool:
    return ours(found.to_dict().get("metadata"), WORKSPACE) not in (None, workspace)


def find(
    account: StripeAccount,
    workspace: str,
    kind: Kind,
    *,
    id_: str | None = None,
    query: str | None = None,
    limit: int = 10,
    cursor: str | None = None,
) -> StripePage:
    """Return one object, those that a query in Stripe's search language finds, or all of the account. A page may be
    shorter than `limit`, where what is another workspace's was left out of it.

    Raises:
        NotFound: there is none by that id.
        InvalidInput: the kind cannot be searched.
    """
    if id_ is not None:
        return _page(account, workspace, [get(account, workspace, kind, id_)])
    if query is not None:
        if kind not in SEARCHED:
            msg = f"Stripe cannot search {kind} objects, only {', '.join(sorted(SEARCHED))}; leave the query out."
            raise InvalidInput(msg)
        page = _search(account, kind, query, limit, cursor)
        return _page(account, workspace, page.data, page.next_page)
    listed = _list(account, kind, limit, cursor)
    return _page(account, workspace, listed.data, listed.data[-1].id if listed.has_more and listed.data else None)


def of_lead(
    store: Store,
    account: StripeAccount,
    workspace: str,
    kind: Kind,
    lead_id: str,
    *,
    limit: int = 10,
    cursor: str | None = None,
) -> StripePage:
    """Return a lead's objects: those that have the lead's id on them, and those of the customer that the lead is.

    Stripe's search lags by up to a minute, so the newest of the customer stand on the first page too; what cannot be
    searched is what we noted when we made it. A page may have some more than `limit`.

    Raises:
        NotFound: there is no such lead.
        InvalidInput: objects of this kind are nobody's.
    """
    if kind not in _OF_LEAD:
        msg = f"A {kind} is no lead's; leave the lead out, or ask for {', '.join(sorted(_OF_LEAD))}."
        raise InvalidInput(msg)
    sandbox = account.endpoint.sandbox
    with store.read(workspace) as work:
        lead_of(work, lead_id)
        noted_as = "checkout.session" if kind == "checkout_session" else kind
        noted = objects.of_lead(work, lead_id, kind=noted_as, sandbox=sandbox, limit=limit)
    customer = known_customer(store, account, workspace, lead_id)
    if kind == "customer":
        return _page(account, workspace, [customer] if customer is not None else [])
    found: list[Any] = []
    following: str | None = None
    if kind in SEARCHED:
        also = f" OR customer:'{customer.id}'" if customer is not None and kind in _CUSTOMER_SEARCHED else ""
        searched = _search(account, kind, f"metadata['{LEAD}']:'{lead_id}'{also}", limit, cursor)
        found, following = searched.data, searched.next_page
    elif cursor is None:
        found = [each for id_ in noted if (each := _there(account, workspace, kind, id_)) is not None]
    if customer is not None and kind in _CUSTOMER_LISTED and (cursor is None or kind not in SEARCHED):
        listed = _list(account, kind, limit, cursor, customer=customer.id)
        found = [*found, *listed.data]
        if kind not in SEARCHED and listed.has_more and listed.data:
            following = listed.data[-1].id
    unlike = {each.id: each for each in found}
    return _page(account, workspace, sorted(unlike.values(), key=lambda each: -getattr(each, "created", 0)), following)


def _there(account: StripeAccount, workspace: str, kind: Kind, id_: str) -> Any | None:
    try:
        return get(account, workspace, kind, id_)
    except NotFound:
        return None


def _search(account: StripeAccount, kind: Kind, query: str, limit: int, cursor: str | None) -> Any:
    asked: dict[str, Any] = {"query": query, "limit": limit, **({"page": cursor} if cursor else {})}
    return account.read(lambda client: _SERVICES[kind](client).search(asked))


def _list(account: StripeAccount, kind: Kind, limit: int, cursor: str | None, **wanted: str) -> Any:
    asked: dict[str, Any] = {"limit": limit, **({"starting_after": cursor} if cursor else {}), **wanted}
    return account.read(lambda client: _SERVICES[kind](client).list(asked))


def _page(account: StripeAccount, workspace: str, found: list[Any], following: str | None = None) -> StripePage:
    mine = [view(each, account.endpoint) for each in found if not _is_anothers(each, workspace)]
    return StripePage(objects=mine, next_cursor=following)
