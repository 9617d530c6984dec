"""The page behind a payment link of the sandbox, and what its inbox shows of Stripe."""

from __future__ import annotations

from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from overture_core.payments.money import shown as money
from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.stripe import paying
from overture_providers.sandbox.stripe.forms import ApiError
from overture_providers.sandbox.stripe.state import State

SHOWN = 100
_HIDDEN = frozenset({"event", "invoiceitem", "invoice_payment", "payment_intent"})
_HEADERS = {"Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'"}


def pay_page(sandbox: Sandbox, request: Request, *, pays: bool) -> Response:
    """Show what is to be paid, or pay it. Only from this page itself: browsers say where a form comes from."""
    id_ = str(request.path_params["id"])
    here = str(request.base_url).rstrip("/")
    if pays and request.headers.get("origin") != here:
        return _page("Not paid", "<p>Open the page itself and press its button.</p>", 403)
    try:
        with sandbox.inbox.write() as db:
            state = State(db, sandbox, here, None)
            due = paying.due(state, id_)
            if pays:
                paying.pay(state, id_)
    except ApiError as error:
        return _page("Nothing to pay", f"<p>{escape(str(error))}</p>", error.status)
    if pays:
        sandbox.tell()
        return _page("Paid", "<p>No money moved: this is the sandbox.</p>")
    what = escape(", ".join(due["for"]))
    amount = escape(money(due["amount"], due["currency"].upper()))
    return _page(f"{amount}", f"<p>{what}</p><form method='post'><button>Pay</button></form>")


def listed(sandbox: Sandbox) -> list[dict[str, Any]]:
    """What there is, newest first, of the kinds that a person looks for."""
    with sandbox.inbox.write() as db:
        rows = db.execute(
            "SELECT kind, id, json_extract(body, '$.status') AS status,"
            " coalesce(json_extract(body, '$.amount_total'), json_extract(body, '$.total'),"
            " json_extract(body, '$.amount'), json_extract(body, '$.unit_amount')) AS amount,"
            " json_extract(body, '$.currency') AS currency, json_extract(body, '$.url') AS url,"
            " json_extract(body, '$.metadata') AS metadata FROM stripe_objects ORDER BY n DESC LIMIT ?",
            (SHOWN * 5,),
        ).fetchall()
    found = [dict(row) for row in rows if row["kind"] not in _HIDDEN]
    return found[:SHOWN]


def section(objects: list[dict[str, Any]]) -> str:
    """The part of the inbox's page about Stripe."""
    if not objects:
        return ""
    lines = "".join(f"<li>{_line(each)}</li>" for each in objects)
    return f"<details><summary>Stripe: {len(objects)} objects</summary><ul>{lines}</ul></details>"


def _line(each: dict[str, Any]) -> str:
    parts = [each["kind"].replace("_", " "), each["id"], each["status"] or ""]
    if each["amount"] is not None and each["currency"]:
        parts.append(money(each["amount"], each["currency"].upper()))
    text = escape(" · ".join(part for part in parts if part))
    return f"<a href='{escape(each['url'])}'>{text}</a>" if each["url"] else text


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><h1>{title}</h1>{body}</body></html>",
        status,
        headers=_HEADERS,
    )
