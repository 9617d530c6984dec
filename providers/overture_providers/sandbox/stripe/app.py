"""The routes of the sandbox's Stripe: its API under `/v1`, and what a customer does under `/sandbox/stripe`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.stripe import billing, catalog, pages, paying, payments, selling, subscribing
from overture_providers.sandbox.stripe.forms import ApiError, Params, decoded, taken
from overture_providers.sandbox.stripe.selling import shown
from overture_providers.sandbox.stripe.shapes import Json, page
from overture_providers.sandbox.stripe.state import State

MAX_BODY = 256 * 1024
_IDENTITY = re.compile(r"[\x20-\x7e]{1,255}")
_PATH = re.compile(r"(?P<name>[a-z_]+(?:/(?:sessions|meters|meter_events))?)(?:/(?P<id>\w+))?(?:/(?P<deed>\w+))?")
_CHANGEABLE = frozenset({"active", "metadata", "name", "email", "description", "phone", "nickname", "default_price"})
_SEARCHED = frozenset({"charge", "customer", "invoice", "payment_intent", "price", "product", "subscription"})


class _Resource(NamedTuple):
    """An object's kind, what makes one, and what else can be done with one."""

    kind: str
    params: type[Params] | None = None
    create: Callable[[State, Any], Json] | None = None
    deeds: dict[str, Callable[[State, Json], Json]] = {}  # noqa: RUF012 - never changed


_RESOURCES = {
    "customers": _Resource("customer", catalog.Customer, catalog.create_customer),
    "products": _Resource("product", catalog.Product, catalog.create_product),
    "prices": _Resource("price", catalog.Price, catalog.create_price),
    "coupons": _Resource("coupon", catalog.Coupon, catalog.create_coupon),
    "promotion_codes": _Resource("promotion_code", catalog.PromotionCode, catalog.create_promotion_code),
    "billing/meters": _Resource("billing.meter", catalog.Meter, catalog.create_meter),
    "billing/meter_events": _Resource("billing.meter_event", catalog.MeterEvent, catalog.create_meter_event),
    "payment_links": _Resource("payment_link", selling.PaymentLink, selling.create_payment_link),
    "checkout/sessions": _Resource(
        "checkout.session", selling.Session, selling.create_session, {"expire": selling.expire_session}
    ),
    "invoices": _Resource(
        "invoice",
        billing.Invoice,
        billing.create_invoice,
        {
            "finalize": billing.finalize_invoice,
            "send": billing.send_invoice,
            "void": billing.void_invoice,
            "pay": lambda state, invoice: paying.pay(state, invoice["id"]),
        },
    ),
    "invoiceitems": _Resource("invoiceitem", billing.InvoiceItem, billing.create_invoice_item),
    "subscriptions": _Resource("subscription", subscribing.Subscription, subscribing.create_subscription),
    "quotes": _Resource(
        "quote",
        subscribing.Quote,
        subscribing.create_quote,
        {
            "finalize": subscribing.finalize_quote,
            "accept": subscribing.accept_quote,
            "cancel": subscribing.cancel_quote,
        },
    ),
    "payment_intents": _Resource(
        "payment_intent",
        payments.PaymentIntent,
        payments.create_intent,
        {"confirm": payments.confirm_intent, "cancel": payments.cancel_intent},
    ),
    "refunds": _Resource("refund", payments.Refund, payments.create_refund),
    "charges": _Resource("charge"),
    "disputes": _Resource("dispute"),
    "events": _Resource("event"),
    "invoice_payments": _Resource("invoice_payment"),
}


class Pay(BaseModel):
    """What a customer is to pay: a link, a session, an invoice or a subscription."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(max_length=200)
    fails: bool = False


class Dispute(BaseModel):
    """What a customer's bank is to say of a payment."""

    model_config = ConfigDict(extra="forbid")

    payment_intent: str = Field(max_length=200)
    status: Literal["needs_response", "under_review", "won", "lost"] = "needs_response"


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes."""

    async def api(request: Request) -> Response:
        body = await request.body()
        if len(body) > MAX_BODY:
            return JSONResponse(ApiError("The request is too large.").body, 400)
        answer = await to_thread.run_sync(_answer, sandbox, request, body)
        sandbox.tell()
        return answer

    async def pay(request: Request) -> Response:
        return await _ours(sandbox, request, Pay, lambda state, given: paying.pay(state, given.id, fails=given.fails))

    async def dispute(request: Request) -> Response:
        act: Callable[[State, Any], Json] = lambda state, given: payments.dispute(  # noqa: E731
            state, given.payment_intent, given.status
        )
        return await _ours(sandbox, request, Dispute, act)

    async def show(request: Request) -> Response:
        return await to_thread.run_sync(partial(pages.pay_page, sandbox, request, pays=request.method == "POST"))

    async def objects(_request: Request) -> Response:
        return JSONResponse({"objects": await to_thread.run_sync(pages.listed, sandbox)})

    return [
        Route("/v1/{path:path}", api, methods=["GET", "POST", "DELETE"]),
        Route("/sandbox/stripe.json", objects, methods=["GET"]),
        Route(selling.PAY, pay, methods=["POST"]),
        Route(f"{selling.PAY}/{{id}}", show, methods=["GET", "POST"]),
        Route("/sandbox/stripe/dispute", dispute, methods=["POST"]),
    ]


def _answer(sandbox: Sandbox, request: Request, body: bytes) -> Response:
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if given != sandbox.keys.stripe_api_key:
        hint = f"{given[:8]}***{given[-4:]}" if len(given) > 12 else "***"
        return _error(ApiError(f"Invalid API Key provided: {hint}", status=401, code="api_key_invalid"))
    if key is not None and not _IDENTITY.fullmatch(key):
        return _error(ApiError("Idempotency keys have at most 255 characters.", kind="idempotency_error"))
    path, text = request.url.path.removeprefix("/v1/"), body.decode("utf-8", "replace")
    asked = hashlib.sha256(f"{path}\n{text}".encode()).hexdigest()
    with sandbox.inbox.write() as db:
        state = State(db, sandbox, str(request.base_url), key)
        state.api_version = request.headers.get("stripe-version", "")
        if key is not None and (kept := state.answered(key)) is not None:
            return _again(key, asked, kept["request"], kept["status"], kept["body"])
        try:
            query = request.url.query if request.method == "GET" else text
            made, status = _called(state, request.method, path, decoded(query)), 200
        except ApiError as error:
            # One refused for its parameters leaves no answer behind (docs.stripe.com/api/idempotent_requests).
            return _error(error)
        said = json.dumps(made)
        if key is not None:
            state.remember(key, asked, status, said)
    return Response(said, media_type="application/json", headers={"Request-Id": "req_sandbox"})


def _again(key: str, asked: str, known: str, status: int, body: str) -> Response:
    if asked != known:
        msg = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{key}' if you meant to execute a different request."
        )
        return _error(ApiError(msg, kind="idempotency_error"))
    headers = {"Idempotent-Replayed": "true", "Request-Id": "req_sandbox"}
    return Response(body, status, media_type="application/json", headers=headers)


def _called(state: State, method: str, path: str, given: Json) -> Json:
    given.pop("expand", None)
    if (method, path) == ("GET", "balance"):
        return payments.balance(state)
    found = _PATH.fullmatch(path)
    resource = _RESOURCES.get(found["name"]) if found else None
    if found is None or resource is None:
        raise ApiError(f"Unrecognized request URL ({method}: /v1/{path}).", status=404)
    id_, deed = found["id"], found["deed"]
    if method == "GET":
        return _read(state, resource, path, id_, deed, given)
    if method == "DELETE":
        about = state.get(resource.kind, id_ or "")
        ended = subscribing.cancel_subscription if resource.kind == "subscription" else State.remove
        return shown(ended(state, about))
    if id_ is None:
        if resource.create is None or resource.params is None:
            raise ApiError(f"Unrecognized request URL (POST: /v1/{path}).", status=404)
        return shown(resource.create(state, taken(resource.params, given)))
    about = state.get(resource.kind, id_)
    if deed is not None:
        if deed not in resource.deeds:
            raise ApiError(f"Unrecognized request URL (POST: /v1/{path}).", status=404)
        return shown(resource.deeds[deed](state, about))
    return shown(_changed(state, about, given))


def _read(state: State, resource: _Resource, path: str, id_: str | None, deed: str | None, given: Json) -> Json:
    if id_ is None:
        found = state.listed(resource.kind, given, f"/v1/{path}")
    elif id_ == "search" and resource.kind in _SEARCHED:
        found = state.searched(resource.kind, given, f"/v1/{path}")
    elif deed == "line_items":
        return page(state.get(resource.kind, id_)["line_items"]["data"], f"/v1/{path}")
    else:
        return shown(state.get(resource.kind, id_))
    return {**found, "data": [shown(each) for each in found["data"]]}


def _changed(state: State, about: Json, given: Json) -> Json:
    unknown = sorted(set(given) - (_CHANGEABLE & set(about)))
    if unknown:
        raise ApiError(f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
    if "metadata" in given:
        merged = {**about["metadata"], **(given["metadata"] or {})}
        given["metadata"] = {name: value for name, value in merged.items() if value != ""}
    if "active" in given:
        given["active"] = given["active"] == "true"
    return state.save({**about, **given})


async def _ours(
    sandbox: Sandbox, request: Request, model: type[BaseModel], act: Callable[[State, Any], Json]
) -> Response:
    """Do what a customer does. Only a body that says it is JSON: a form on another site cannot send one."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        given = model.model_validate_json(await request.body() if kind == "application/json" else b"")
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return JSONResponse({"error": f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"}, 400)

    def done() -> Response:
        try:
            with sandbox.inbox.write() as db:
                made = act(State(db, sandbox, str(request.base_url), None), given)
        except ApiError as error:
            return _error(error)
        return JSONResponse(shown(made))

    answer = await to_thread.run_sync(done)
    sandbox.tell()
    return answer


def _error(error: ApiError) -> Response:
    return JSONResponse(error.body, error.status, headers={"Request-Id": "req_sandbox"})
