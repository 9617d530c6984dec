"""Nobody who said no becomes contactable by an undo, and nothing that somebody asked for hangs in the air after one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import ApprovalState, Via
from overture_core.clock import ManualClock
from overture_core.contactability.gate import contactability
from overture_core.contactability.rules import Reason
from overture_core.errors import Conflict
from overture_core.leads import service
from overture_core.leads.finding import lead_id_of
from overture_core.leads.imports import ImportReport
from overture_core.leads.staying import Left
from overture_core.leads.undoing import Undone, undo_change, undo_import
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress
from overture_core.operations import service as operations
from overture_core.operations.models import OperationView, Proposal
from overture_core.operations.states import OperationState
from overture_core.segments import service as segments
from overture_core.segments.filter import filter_of
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store
from overture_core.suppressions import lifting
from overture_core.suppressions.service import Kind

Import = Callable[..., ImportReport]
PAGE = "https://www.linkedin.com/in/ada-quill"
OPERATION = Proposal(
    kind="email.send", params={}, told=["Write to them."], sandbox=True, repeatable=True, why=["it writes to a person"]
)


def undone(store: Store, report: ImportReport) -> Undone:
    assert report.import_id is not None
    return undo_import(store, report.import_id, workspace="default", actor="test")


def lead_id(store: Store, address: str) -> str:
    with store.read("default") as work:
        return lead_id_of(work, address)


def reason(store: Store, channel: Channel, *, page: str | None = None, address: str | None = None) -> Reason | None:
    """Return why the lead of an address or a page may not be contacted; None if they may."""
    with store.read("default") as work:
        mine = Lead.linkedin_url == page if address is None else Lead.id == lead_id_of(work, address)
        return contactability(work, work.session.scalars(select(Lead).where(mine)).one(), channel).reason


def suppressed(store: Store, kind: Kind, value: str) -> None:
    with store.begin("default", actor="test") as work:
        suppress(work, kind, value, reason="manual", origin="test")


def asked(store: Store, address: str, reference: str = "") -> OperationView:
    with store.begin("default", actor="test") as work:
        about = replace(OPERATION, lead_id=lead_id_of(work, address), reference=reference)
        return operations.propose(work, about)


def test_the_address_by_which_somebody_refused_stays_with_the_refusal(store: Store, take: Import) -> None:
    take("email,phone,consent,country\na@example.com,+12125550123,email sms,US\n")
    second = take("email,phone,opt_out,title\nb@example.com,+12125550123,yes,Owner\n")
    result = undone(store, second)
    ada = lead_id(store, "a@example.com")
    assert result.left == [
        Left(lead_id=ada, what="email", why="they refused a channel"),
        *[Left(lead_id=ada, what="consent", why="a refusal is never taken back")] * len(Channel),
    ]
    with store.read("default") as work:
        assert service.get(work, ada).title is None
    again = take("email,first_name,consent,country\nb@example.com,W,email,US\n")
    assert (again.created, again.merged) == (0, 1)
    assert reason(store, Channel.EMAIL, address="b@example.com") is Reason.CONSENT_DENIED


def test_a_refusal_that_came_later_by_an_address_keeps_it(store: Store, take: Import) -> None:
    take("external_id,phone\nX1,+12125550123\n")
    second = take("external_id,email,linkedin_url\nX1,b@example.com,linkedin.com/in/Ada-Quill\n")
    take("email,opt_out\nb@example.com,yes\n")
    assert {each.what for each in undone(store, second).left} == {"email", "linkedin_url"}
    take("email,consent,country\nb@example.com,email,US\n")
    assert reason(store, Channel.EMAIL, address="b@example.com") is Reason.CONSENT_DENIED
    assert reason(store, Channel.LINKEDIN, page=PAGE) is Reason.CONSENT_DENIED


@pytest.mark.parametrize(
    ("kind", "value"),
    [("email", "ada@shut.example"), ("email", "Ada+news@shut.example"), ("domain", "shut.example"), ("person", "")],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_suppressed_address_stays_with_its_lead(
    store: Store, take: Import, kind: Kind, value: str, *, whole: bool
) -> None:
    take(f"external_id,phone,linkedin_url,country\nX1,+12125550123,{PAGE},US\n")
    second = take("external_id,email\nX1,ada@shut.example\n")
    ada = lead_id(store, "ada@shut.example")
    suppressed(store, kind, value or ada)
    if whole:
        result = undone(store, second)
    else:
        with store.begin("default", actor="test") as work:
            result = undo_change(work, service.changes(work, ada)[0].id)
    assert result.left == [Left(lead_id=ada, what="email", why="they are suppressed")]
    assert reason(store, Channel.LINKEDIN, page=PAGE) is Reason.SUPPRESSED
    assert lead_id(store, "ada@shut.example") == ada


def test_a_lead_of_whom_any_address_is_suppressed_is_not_removed(store: Store, take: Import) -> None:
    first = take(f"external_id,email,linkedin_url\nX1,a@example.com,{PAGE}\nX2,free@example.com,\n")
    suppressed(store, "email", "a@example.com")
    result = undone(store, first)
    assert (result.removed, result.stayed) == (1, {"they are suppressed": 1})
    take(f"external_id,email,linkedin_url,country\nX1,new@example.com,{PAGE},US\n")
    assert reason(store, Channel.LINKEDIN, page=PAGE) is Reason.SUPPRESSED


def test_an_address_that_stayed_goes_once_it_is_no_longer_suppressed(store: Store, take: Import) -> None:
    take("email,phone\na@example.com,+12125550123\n")
    second = take("email,phone\nb@example.com,+12125550123\n")
    suppressed(store, "email", "b@example.com")
    assert undone(store, second).stayed == {"they are suppressed": 1}
    with store.begin("default", actor="test") as work:
        lifting.lift(work, "email", "b@example.com", reason="typed wrongly")
    assert undone(store, second).stayed == {}
    assert take("email\nb@example.com\n").created == 1


def test_who_is_in_a_frozen_segment_or_asked_about_stays(store: Store, take: Import, clock: ManualClock) -> None:
    report = take(
        "email,country\nkept@example.com,DE\n"
        + "".join(f"{name}@example.com,US\n" for name in ("asked", "no", "late", "free"))
    )
    with store.begin("default", actor="test") as work:
        segments.save(work, "kept", filter_of("country = DE"), frozen=True)
    late = asked(store, "late@example.com")
    clock.advance(operations.APPROVAL_HOLDS - timedelta(hours=1))
    waiting, refused = (asked(store, f"{name}@example.com") for name in ("asked", "no"))
    assert refused.approval_id is not None
    with store.begin("default", actor="test") as work:
        approvals.decide(work, refused.approval_id, approve=False, by="ada", via=Via.CLI)
    clock.advance(timedelta(hours=2))
    result = undone(store, report)
    assert result.removed == 3
    assert {each.lead_id: each.why for each in result.left} == {
        lead_id(store, "kept@example.com"): "they are in a frozen segment",
        lead_id(store, "asked@example.com"): "an operation about them was asked for",
    }
    with store.read("default") as work:
        assert segments.preview_named(work, "kept").count == 1
        states = [operations.get(work, each.id).state for each in (waiting, refused, late)]
    assert states == [OperationState.WAITING, OperationState.CANCELLED, OperationState.CANCELLED]


def test_what_was_asked_about_a_lead_who_was_removed_ends_with_the_reason(
    store: Store, take: Import, clock: ManualClock
) -> None:
    report = take("email\na@example.com\n")
    operation = asked(store, "a@example.com")
    clock.advance(operations.APPROVAL_HOLDS)
    undone(store, report)
    why = "the lead whom it is about was removed when their import was taken back"
    with store.begin("default", actor="test") as work:
        ended = operations.get(work, operation.id)
        assert ended.error == why
        assert ended.told == ["something about a lead who was removed when their import was taken back"]
        asked_for = approvals.for_subject(work, operation.id)
        assert (asked_for.state, asked_for.reason) == (ApprovalState.VOID, why)
        with pytest.raises(Conflict, match=rf"already void \({why}\)"):
            approvals.decide(work, asked_for.id, approve=True, by="ada", via=Via.CLI)
