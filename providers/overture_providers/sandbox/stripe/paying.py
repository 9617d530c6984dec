"""What a customer does: pays a link, a checkout session or an invoice, or fails to."""

from __future__ import annotations

from overture_providers.sandbox.stripe.billing import finalize_invoice
from overture_providers.sandbox.stripe.forms import ApiError
from overture_providers.sandbox.stripe.payments import PaymentIntent, confirm_intent, create_intent, decline
from overture_providers.sandbox.stripe.selling import is_recurring, open_session
from overture_providers.sandbox.stripe.shapes import Json
from overture_providers.sandbox.stripe.state import State
from overture_providers.sandbox.stripe.subscribing import start_subscription, subscription_invoice

CARD, BAD_CARD = "pm_card_visa", "pm_card_chargeDeclined"


def pay(state: State, id_: str, *, fails: bool = False) -> Json:
    """Pay what is called `id_`; returns the session or the invoice.

    Raises:
        ApiError: there is nothing to be paid by that id, or no more.
    """
    if id_.startswith("plink_"):
        return _pay_link(state, state.get("payment_link", id_), fails=fails)
    if id_.startswith("cs_"):
        return _pay_session(state, state.get("checkout.session", id_), fails=fails)
    if id_.startswith("sub_"):
        id_ = state.get("subscription", id_)["latest_invoice"] or id_
    return _pay_invoice(state, state.get("invoice", id_), fails=fails)


def due(state: State, id_: str) -> Json:
    """Return what is to be paid, for the page: amount, currency, and what for."""
    kind = {"pl": "payment_link", "cs": "checkout.session"}.get(id_[:2], "invoice")
    found = state.get(kind, id_)
    lines = (found["lines"] if kind == "invoice" else found["line_items"])["data"]
    amount = sum(each["amount" if kind == "invoice" else "amount_total"] for each in lines)
    return {"id": id_, "amount": amount, "currency": found["currency"], "for": [each["description"] for each in lines]}


def _pay_link(state: State, link: Json, *, fails: bool) -> Json:
    limits = (link["restrictions"] or {}).get("completed_sessions")
    if not link["active"] or (limits and limits["count"] >= limits["limit"]):
        raise ApiError("This payment link is not active any more.")
    lines = link["line_items"]["data"]
    session = open_session(
        state,
        lines,
        mode="subscription" if is_recurring(lines) else "payment",
        carried={name: link[name] for name in ("payment_intent_data", "subscription_data")},
        metadata=link["metadata"],
        payment_link=link["id"],
        allow_promotion_codes=link["allow_promotion_codes"],
        success_url=None,
    )
    done = _pay_session(state, session, fails=fails)
    if limits and done["status"] == "complete":
        limits["count"] += 1
        state.save({**link, "active": limits["count"] < limits["limit"]})
    return done


def _pay_session(state: State, session: Json, *, fails: bool) -> Json:
    if session["status"] != "open":
        raise ApiError(f"This checkout session is {session['status']}.")
    carried = session["_carried"]
    if session["mode"] == "payment":
        metadata = (carried["payment_intent_data"] or {}).get("metadata") or {}
        intent = _charged(state, session["amount_total"], session, metadata, fails=fails)
        made = {**session, "payment_intent": intent["id"]}
        if fails:
            return state.save(made)
    else:
        if fails:
            return session
        metadata = (carried["subscription_data"] or {}).get("metadata") or {}
        customer = (
            state.get("customer", session["customer"])
            if session["customer"]
            else state.new("customer", "cus", email="somebody@example.com", metadata={})
        )
        lines = session["line_items"]["data"]
        started = start_subscription(state, customer, lines, metadata)
        invoice = finalize_invoice(state, subscription_invoice(state, started, customer, lines))
        paid = _pay_invoice(state, invoice, fails=False)
        state.save({**started, "latest_invoice": paid["id"]})
        made = {**session, "customer": customer["id"], "subscription": started["id"], "invoice": paid["id"]}
    made = state.save({**made, "status": "complete", "payment_status": "paid", "url": None})
    state.tell("checkout.session.completed", {name: value for name, value in made.items() if name[0] != "_"})
    return made


def _pay_invoice(state: State, invoice: Json, *, fails: bool) -> Json:
    if invoice["status"] != "open":
        raise ApiError(f"This invoice is {invoice['status']}, so it cannot be paid.")
    amount = invoice["amount_due"]
    intent = _charged(state, amount, invoice, {}, fails=fails)
    if fails:
        state.tell("invoice.payment_failed", invoice)
        return invoice
    payment = state.new(
        "invoice_payment",
        "inpay",
        invoice=invoice["id"],
        amount_paid=amount,
        amount_requested=amount,
        currency=invoice["currency"],
        is_default=True,
        status="paid",
        payment={"type": "payment_intent", "payment_intent": intent["id"], "charge": None, "payment_record": None},
        status_transitions={"paid_at": state.now, "canceled_at": None},
    )
    made = state.save(
        {
            **invoice,
            "status": "paid",
            "amount_paid": amount,
            "amount_remaining": 0,
            "status_transitions": {**invoice["status_transitions"], "paid_at": state.now},
        }
    )
    state.tell("invoice_payment.paid", payment)
    state.tell("invoice.paid", made)
    return made


def _charged(state: State, amount: int, paid: Json, metadata: Json, *, fails: bool) -> Json:
    intent = create_intent(
        state,
        PaymentIntent(amount=amount, currency=paid["currency"], customer=paid["customer"], metadata=metadata),
    )
    intent = {**intent, "payment_method": BAD_CARD if fails else CARD}
    return decline(state, intent) if fails else confirm_intent(state, intent)
