"""Consent recorded later: evidence for a grant, a refusal at once, and no tool over a refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.clock import ManualClock
from overture_core.contactability.gate import contactability
from overture_core.contactability.rules import Reason
from overture_core.errors import Conflict, InvalidInput, NotFound
from overture_core.leads import consenting
from overture_core.leads.tracing import trace
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

EVIDENCE: Any = {"source": "web form", "wording": "Yes, text me about offers."}
ROW = "First Name,E-mail,Phone,Country\nAda,ada@example.com,+12125550101,US\n"


@pytest.fixture
def ada(store: Store, take: Callable[..., object]) -> str:
    take(ROW)
    with store.read("default") as work:
        return work.session.scalars(select(Lead.id)).one()


def test_a_grant_with_its_evidence_counts_and_is_told(store: Store, ada: str, clock: ManualClock) -> None:
    with store.begin("default", actor="cli:ada") as work:
        day = work.now() - timedelta(days=1)
        done = consenting.record(work, ada, Channel.SMS, granted=True, given_at=day, by_person=True, **EVIDENCE)
        again = consenting.record(work, ada, Channel.SMS, granted=True, given_at=day, by_person=True, **EVIDENCE)
        assert (done.changed, again.changed) == (True, False)
        row = work.session.get_one(Lead, ada)
        assert contactability(work, row, Channel.SMS).reason is not Reason.CONSENT_MISSING
        (only,) = consenting.history(work, ada)
        assert (only.source, only.wording, only.given_at) == (*EVIDENCE.values(), day)
        assert "sms consent given" in [each.what for each in trace(work, ada).entries]
    with store.read("default") as work:
        assert [each.action for each in audit.list_(work)].count("consent.recorded") == 1


def test_a_grant_by_a_tool_names_the_tool_in_its_evidence(store: Store, ada: str) -> None:
    with store.begin("default", actor="mcp:desk") as work:
        done = consenting.record(work, ada, Channel.SMS, granted=True, **EVIDENCE)
    assert done.consent.source == "web form (recorded by mcp:desk)"


@pytest.mark.parametrize("lacking", [{"source": "web form"}, {"wording": "Yes"}, {}])
def test_a_grant_without_evidence_is_refused(store: Store, ada: str, lacking: Any) -> None:
    with store.begin("default", actor="cli:ada") as work, pytest.raises(InvalidInput, match="needs its evidence"):
        consenting.record(work, ada, Channel.SMS, granted=True, by_person=True, **lacking)


def test_only_a_person_overrules_a_refusal_and_only_with_a_newer_grant(
    store: Store, ada: str, clock: ManualClock
) -> None:
    with store.begin("default", actor="cli:ada") as work:
        consenting.record(work, ada, Channel.SMS, granted=False)
        before = work.now() - timedelta(hours=1)
    clock.advance(timedelta(hours=2))
    with store.begin("default", actor="cli:ada") as work:
        with pytest.raises(Conflict, match="no tool overrules"):
            consenting.record(work, ada, Channel.SMS, granted=True, given_at=work.now(), **EVIDENCE)
        for at in (None, before):
            with pytest.raises(Conflict, match="has to be newer"):
                consenting.record(work, ada, Channel.SMS, granted=True, given_at=at, by_person=True, **EVIDENCE)
        newer = consenting.record(work, ada, Channel.SMS, granted=True, given_at=work.now(), by_person=True, **EVIDENCE)
        assert newer.changed
        tomorrow = work.now() + timedelta(days=1)
        with pytest.raises(InvalidInput, match="yet to come"):
            consenting.record(work, ada, Channel.SMS, granted=False, given_at=tomorrow)


def test_no_tool_records_a_grant_of_somebody_who_is_suppressed(store: Store, ada: str) -> None:
    with store.begin("default", actor="mcp:desk") as work:
        suppress(work, "domain", "example.com", reason="asked", origin="test")
        with pytest.raises(Conflict, match="suppressed"):
            consenting.record(work, ada, Channel.EMAIL, granted=True, **EVIDENCE)
        assert consenting.record(work, ada, Channel.SMS, granted=True, **EVIDENCE).changed


def test_another_workspace_knows_no_such_lead(store: Store, other: str, ada: str) -> None:
    with store.begin(other, actor="test") as work:
        with pytest.raises(NotFound):
            consenting.record(work, ada, Channel.SMS, granted=False)
        with pytest.raises(NotFound):
            consenting.history(work, ada)
