"""The tools of the Stripe server. Every write is an operation; none of them approves anything: a person does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

from anyio import to_thread
from mcp.server.mcpserver import ElicitationResult, Resolve
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from overture_core.errors import InvalidInput
from overture_core.operations.models import Proposal
from overture_core.operations.states import OperationState
from overture_core.payments.money import shown
from overture_core.payments.revenue import Revenue, revenue
from overture_core.storage.store import Store
from overture_providers.endpoints import stripe_endpoint
from overture_providers.stripe import fees, finding, proposals
from overture_providers.stripe.client import StripeAccount, opened
from overture_providers.stripe.finding import Kind
from overture_providers.stripe.proposals import Action, By, Interval
from overture_providers.stripe.views import StripeObject, StripePage
from overture_servers.approving import Answer
from overture_servers.operating import SANDBOX, ask_about_operation, propose_and_run, run_approved
from overture_servers.runtime import told
from overture_servers.scopes import Scope
from overture_servers.stripe.account import Account, account_of, notes_on, price_lines
from overture_servers.tooling import Ctx, ToolSpec, answer, runtime_of

T = TypeVar("T")
RUN = "stripe_run_approved"
Lead = Annotated[str, Field(max_length=40)]
Id = Annotated[str, Field(max_length=200, pattern=r"^[\w-]+$")]
Minor = Annotated[int, Field(strict=True, ge=1, le=10**10)]  # `true` is no amount
Currency = Annotated[str, Field(min_length=3, max_length=3)]
Reference = Annotated[str, Field(max_length=60, description="Tells two equal ones apart.")]


class Asked(BaseModel):
    """An operation, as far as who asked for it goes on with it. `result` is the object at Stripe once it is done."""

    id: str
    state: OperationState
    why: list[str]
    approval_id: str | None
    result: dict[str, Any] | None
    error: str | None


async def stripe_get_account(ctx: Ctx) -> Annotated[CallToolResult, Account]:
    """Mode, kind of key, caps, and the prices that leads may be asked to pay without an approval."""
    found = await runtime_of(ctx).read(account_of)
    lines = [f"Stripe in {found.mode} mode.", *found.notes]
    lines += price_lines(found) or ["No price is allowed yet; a person runs `overture stripe allow PRICE`."]
    return answer(found, "\n".join(lines))


async def stripe_find(
    ctx: Ctx,
    kind: Kind,
    id: Annotated[Id | None, Field(description="One object.")] = None,
    query: Annotated[
        str | None, Field(max_length=500, description="Stripe search, e.g. email:'a@b.example' or amount>5000.")
    ] = None,
    lead_id: Annotated[Lead | None, Field(description="This lead's.")] = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 10,
    cursor: Annotated[str | None, Field(max_length=500)] = None,
) -> Annotated[CallToolResult, StripePage]:
    """Look objects up: status, amount in minor units, dashboard page. A payment_intent tells a payment's status."""

    workspace = runtime_of(ctx).workspace

    def find(store: Store, account: StripeAccount) -> StripePage:
        if sum(each is not None for each in (id, query, lead_id)) > 1:
            raise InvalidInput("Give one of id, query and lead_id, not several.")
        if lead_id is not None:
            return finding.of_lead(store, account, workspace, kind, lead_id, limit=limit, cursor=cursor)
        return finding.find(account, workspace, kind, id_=id, query=query, limit=limit, cursor=cursor)

    page = await _at_stripe(ctx, find)
    lines = [*map(_line, page.objects)] or ["There is none."]
    return answer(page, "\n".join([*lines, *notes_on(stripe_endpoint(runtime_of(ctx).settings))]))


async def stripe_ensure_customer(ctx: Ctx, lead_id: Lead) -> Annotated[CallToolResult, Asked]:
    """Make a lead a customer, or find the one they are."""
    return await _operate(ctx, lambda store, account, mine: proposals.customer(store, account, mine, lead_id))


async def stripe_request_payment(
    ctx: Ctx,
    by: By,
    lead_id: Lead,
    price: Annotated[Id, Field(description="price_..., best of the allow-list.")],
    quantity: Annotated[int, Field(ge=1, le=1_000)] = 1,
    days_until_due: Annotated[int, Field(ge=1, le=90, description="Invoice, quote, subscription.")] = 14,
    reference: Reference = "",
) -> Annotated[CallToolResult, Asked]:
    """Ask a lead to pay; result.link is where. An invoice or quote is a draft: stripe_change finalises and sends it.
    A payment stops the lead's pending messages and is credited to campaign, step and variant."""
    ask = partial(proposals.ask_for_payment, by=by, lead_id=lead_id, price_id=price, quantity=quantity)
    return await _operate(ctx, lambda *given: ask(*given, days_until_due=days_until_due, reference=reference))


async def stripe_change(ctx: Ctx, action: Action, id: Id) -> Annotated[CallToolResult, Asked]:
    """Move an invoice, quote, subscription, payment link or checkout session on, or end it."""
    return await _operate(ctx, lambda store, account, mine: proposals.change(store, account, mine, action, id))


async def stripe_create_price(
    ctx: Ctx,
    product: Annotated[str, Field(min_length=1, max_length=250)],
    amount: Minor,
    currency: Currency,
    interval: Annotated[Interval | None, Field(description="For a subscription.")] = None,
) -> Annotated[CallToolResult, Asked]:
    """Make a product with a price; a person approves it, and with that it is allowed."""
    make = partial(proposals.price, product=product, amount=amount, currency=currency, interval=interval)
    return await _operate(ctx, lambda _store, account, mine: make(account, mine))


async def stripe_create_discount(
    ctx: Ctx,
    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{3,40}$")],
    percent_off: Annotated[float | None, Field(gt=0, le=100)] = None,
    amount_off: Minor | None = None,
    currency: Currency | None = None,
    most: Annotated[int, Field(ge=1, le=10_000, description="Times it can be used.")] = 1,
    reference: Reference = "",
) -> Annotated[CallToolResult, Asked]:
    """Make a coupon with a promotion code; a person approves it."""
    off = partial(proposals.discount, percent_off=percent_off, amount_off=amount_off, currency=currency)
    make = partial(off, code=code, most=most, reference=reference)
    return await _operate(ctx, lambda _store, account, mine: make(account, mine))


async def stripe_refund(
    ctx: Ctx,
    payment: Annotated[Id, Field(description="pi_... or ch_...")],
    amount: Annotated[Minor | None, Field(description="All that is left without it.")] = None,
    currency: Annotated[Currency | None, Field(description="Checked against the payment's.")] = None,
    reference: Reference = "",
) -> Annotated[CallToolResult, Asked]:
    """Give a payment back; a person approves it."""
    make = partial(proposals.refund, payment=payment, amount=amount, currency=currency)
    return await _operate(ctx, lambda *given: make(*given, reference=reference))


async def stripe_report_revenue(ctx: Ctx, campaign: str | None = None) -> Annotated[CallToolResult, Revenue]:
    """What was paid by campaign, step and variant, after refunds and disputes; minor units."""
    sandbox = runtime_of(ctx).settings.stripe_sandboxed
    found = await runtime_of(ctx).read(lambda work: revenue(work, sandbox=sandbox, campaign=campaign))
    lines = [
        f"{each.campaign}, step {each.step or '-'}, {each.variant or '-'}: {shown(each.net, each.currency)} net of "
        f"{each.payments} payments"
        for each in found.rows
    ]
    lines = lines or ["Nothing was paid yet."]
    return answer(found, "\n".join([*lines, *notes_on(stripe_endpoint(runtime_of(ctx).settings))]))


async def stripe_report_fee(ctx: Ctx, campaign: str) -> Annotated[CallToolResult, Asked]:
    """Report the performance fee that is newly due for a campaign to the billing meter of the settings."""
    return await _operate(ctx, lambda store, account, mine: fees.fee(store, account, mine, campaign))


async def stripe_run_approved(
    ctx: Ctx, operation_id: Lead, person: Annotated[ElicitationResult[Answer], Resolve(ask_about_operation)]
) -> Annotated[CallToolResult, Asked]:
    """Run an operation that a person approved; asks them first if their client may."""
    return _with_notes(ctx, await run_approved(ctx, operation_id, person, run_tool=RUN))


async def _operate(ctx: Ctx, make: Callable[[Store, StripeAccount, str], Proposal]) -> CallToolResult:
    """Put an operation together from what Stripe says, then propose and run it."""
    workspace = runtime_of(ctx).workspace
    proposal = await _at_stripe(ctx, lambda store, account: make(store, account, workspace))
    return _with_notes(ctx, await propose_and_run(ctx, proposal, run_tool=RUN))


def _with_notes(ctx: Ctx, made: CallToolResult) -> CallToolResult:
    """Say with each result what mode and key it came by; the sandbox says so itself. Of the operation only what a
    caller goes on with is shown: every tool's schema costs each client."""
    notes = [note for note in notes_on(stripe_endpoint(runtime_of(ctx).settings)) if note != SANDBOX]
    text = " ".join([*(block.text for block in made.content if isinstance(block, TextContent)), *notes])
    return answer(Asked.model_validate(made.structured_content), text)


async def _at_stripe(ctx: Ctx, ask: Callable[[Store, StripeAccount], T]) -> T:
    runtime = runtime_of(ctx)

    def call() -> T:
        with opened(runtime.settings) as account:
            return ask(runtime.store, account)

    with told():
        return await to_thread.run_sync(call)


def _line(each: StripeObject) -> str:
    amount = f", {shown(each.amount, each.currency)}" if each.amount is not None and each.currency else ""
    return ", ".join(filter(None, (f"{each.kind} {each.id}{amount}", each.status, each.link)))


TOOLS = (
    ToolSpec(stripe_get_account, "Payment set-up", Scope.PAYMENTS_READ),
    ToolSpec(stripe_find, "Find at Stripe", Scope.PAYMENTS_READ),
    ToolSpec(stripe_ensure_customer, "Make a customer", Scope.PAYMENTS_WRITE, writes=True, outside=True),
    ToolSpec(stripe_request_payment, "Ask for payment", Scope.PAYMENTS_WRITE, writes=True, outside=True),
    ToolSpec(stripe_change, "Change at Stripe", Scope.PAYMENTS_WRITE, writes=True, destructive=True, outside=True),
    ToolSpec(stripe_create_price, "Make a price", Scope.PAYMENTS_WRITE, writes=True, outside=True),
    ToolSpec(stripe_create_discount, "Make a discount", Scope.PAYMENTS_WRITE, writes=True, outside=True),
    ToolSpec(stripe_refund, "Refund", Scope.PAYMENTS_WRITE, writes=True, destructive=True, outside=True),
    ToolSpec(stripe_report_revenue, "Revenue", Scope.PAYMENTS_READ, depth=1),
    ToolSpec(stripe_report_fee, "Report a fee", Scope.PAYMENTS_WRITE, writes=True, outside=True),
    ToolSpec(
        stripe_run_approved, "Run what was approved", Scope.PAYMENTS_WRITE, writes=True, destructive=True, outside=True
    ),
)
