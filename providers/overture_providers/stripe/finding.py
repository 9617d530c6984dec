"""Looking things up at Stripe.

Workspaces may share an account there. What was made for one is nothing that another finds; what bears no workspace was
made by somebody at Stripe, and is everybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from overture_core.errors import InvalidInput, NotFound
from overture_core.text import quoted
from overture_providers.stripe.client import StripeAccount
from overture_providers.stripe.metadata import WORKSPACE, ours
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
_OF_CUSTOMER = frozenset(
    {"invoice", "subscription", "quote", "payment_intent", "charge", "checkout_session", "promotion_code"}
)
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
    customer: str | None = None,
    limit: int = 10,
    cursor: str | None = None,
) -> StripePage:
    """Return one object, those that a query in Stripe's search language finds, or all of a customer or of the account.
    A page may be shorter than `limit`, where what is another workspace's was left out of it.

    Raises:
        NotFound: there is none by that id.
        InvalidInput: the kind cannot be searched, or has no customer.
    """
    endpoint = account.endpoint
    if id_ is not None:
        return StripePage(objects=[view(get(account, workspace, kind, id_), endpoint)], next_cursor=None)
    if query is not None:
        if kind not in SEARCHED:
            msg = f"Stripe cannot search {kind} objects, only {', '.join(sorted(SEARCHED))}; leave the query out."
            raise InvalidInput(msg)
        asked: dict[str, Any] = {"query": query, "limit": limit, **({"page": cursor} if cursor else {})}
        page = account.read(lambda client: _SERVICES[kind](client).search(asked))
        mine = [view(each, endpoint) for each in page.data if not _is_anothers(each, workspace)]
        return StripePage(objects=mine, next_cursor=page.next_page)
    if customer is not None and kind not in _OF_CUSTOMER:
        msg = f"A {kind} is no customer's; leave the lead out, or ask for {', '.join(sorted(_OF_CUSTOMER))}."
        raise InvalidInput(msg)
    wanted: dict[str, Any] = {"limit": limit, **({"starting_after": cursor} if cursor else {})}
    wanted |= {"customer": customer} if customer else {}
    listed = account.read(lambda client: _SERVICES[kind](client).list(wanted))
    mine = [view(each, endpoint) for each in listed.data if not _is_anothers(each, workspace)]
    return StripePage(objects=mine, next_cursor=listed.data[-1].id if listed.has_more and listed.data else None)
