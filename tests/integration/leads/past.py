"""Leads with a past, for the tests of scores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from overture_core.ids import new_id
from overture_core.scoring import keeping, signals
from overture_core.scoring.service import score_lead
from overture_core.scoring.signals import Source
from overture_core.scoring.weights import Part
from overture_core.storage.schema import Lead, Message, Payment, Reply
from overture_core.storage.store import Store, Work

WORKSPACE = "default"


def add_lead(work: Work, **values: Any) -> str:
    row = {"workspace_id": WORKSPACE, "custom": {}, "created_at": work.now(), "updated_at": work.now(), **values}
    lead = Lead(id=new_id("lead"), **row)
    work.session.add(lead)
    work.session.flush()
    return lead.id


def add_message(work: Work, lead: str, days: int, *, opened: bool = False, clicked: bool = False, **more: Any) -> str:
    at = work.now() - timedelta(days=days)
    row = {"workspace_id": WORKSPACE, "campaign_id": "cmp_1", "channel": "email", "template_id": "tpl_1", **more}
    times = {"accepted_at": at, "opened_at": at if opened else None, "clicked_at": at if clicked else None}
    times |= {"created_at": at, "updated_at": at}
    message: dict[str, Any] = {
        "id": new_id("msg"),
        "lead_id": lead,
        "address": "x",
        "merge": {},
        "state": "delivered",
        "step": 1,
    }
    work.session.execute(insert(Message).values(**message, **row, **times))
    return str(message["id"])


def add_reply(work: Work, lead: str, intent: str, days: int = 0, *, message: str | None = None) -> None:
    at = work.now() - timedelta(days=days)
    reply = {
        "id": new_id("rpl"),
        "lead_id": lead,
        "channel": "email",
        "body": "...",
        "intent": intent,
        "message_id": message,
    }
    work.session.execute(insert(Reply).values(workspace_id=WORKSPACE, received_at=at, **reply))


def add_payment(work: Work, lead: str) -> None:
    id_ = new_id("pay")
    paid = {"amount_micros": 1, "currency": "EUR", "source": "manual", "reference": id_}
    row = {"id": id_, "workspace_id": WORKSPACE, "lead_id": lead, "at": work.now()}
    work.session.execute(insert(Payment).values(**row, **paid))


def parts_of(work: Work, lead: str) -> dict[Part, float]:
    return {each.part: each.points for each in score_lead(work, lead).parts}


def with_weights(store: Store, **weights: int) -> Store:
    return Store(store.settings.model_copy(update={"score_weights": weights}), store.clock)


def keep(store: Store, size: int = 2) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        keeping.begin(work)
    done = 1
    while done:
        with store.begin(WORKSPACE, actor="test") as work:
            done = keeping.keep_page(work, size=size)


def made(work: Work, lead: dict[str, Any], **more: Any) -> str:
    silent = lead["silent"]
    last = None if silent is None else work.now() - timedelta(days=silent)
    values = {name: lead[name] for name in ("first_name", "email", "company", "country", "title")}
    id_ = add_lead(work, last_contact_at=last, **values, **more)
    for days, opened, clicked in lead["messages"]:
        add_message(work, id_, days, opened=opened, clicked=clicked, campaign_id=new_id("cmp"))
    for intent in lead["replies"]:
        add_reply(work, id_, intent)
    for _ in range(lead["paid"]):
        add_payment(work, id_)
    for kind, days in lead["signals"]:
        signals.record(work, id_, kind, at=work.now() - timedelta(days=days), source=Source.FILE)
    return id_
