"""Whose consent a file can grant: that of the lead whose address the row has, and of nobody who is suppressed. What it
refuses counts for everybody whose address the row has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.clock import ManualClock
from overture_core.contactability.explaining import explain
from overture_core.contactability.gate import contactability
from overture_core.contactability.rules import Reason
from overture_core.errors import Conflict
from overture_core.leads import consenting
from overture_core.leads.finding import lead_id_of
from overture_core.leads.imports import ImportReport
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress
from overture_core.storage.schema import Consent, Lead
from overture_core.storage.store import Store
from overture_core.suppressions import lifting

Import = Callable[..., ImportReport]
ELSEWHERE = "1 consent whose row does not have the lead's own address of that channel, left out"
SHUT = "1 consent of people who are suppressed, left out; a person records one by `overture consent record`"
FILE = 'email,phone,consent,consent text,consent source,consent at\n{},"I want it",form,2026-01-05\n'


def granted(store: Store) -> list[tuple[str, bool]]:
    with store.read("default") as work:
        rows = work.session.execute(select(Consent.channel, Consent.granted).order_by(Consent.id))
        return [(channel, said) for channel, said in rows]


@pytest.mark.parametrize(
    ("kind", "value", "row", "kept"),
    [
        ("email", "sup@n.example", "sup@n.example,,email", []),
        ("email", "sup+news@n.example", "sup@n.example,,email", []),
        ("domain", "n.example", "sup@mail.n.example,,email", []),
        ("phone", "+12025550101", "sup@n.example,+12025550101,sms", []),
        ("phone", "+12025550101", "sup@n.example,+12025550101,email", [("email", True)]),
        ("email", "sup@n.example", "sup@n.example,+12025550101,sms", [("sms", True)]),
    ],
)
def test_a_file_grants_nothing_to_a_suppressed_address(
    store: Store, take: Import, kind: Any, value: str, row: str, kept: list[tuple[str, bool]]
) -> None:
    with store.begin("default", actor="test") as work:
        suppress(work, kind, value, reason="unsubscribe", origin="test")
    report = take(FILE.format(row))
    assert report.created == 1
    assert (SHUT in report.warnings) == (not kept)
    assert granted(store) == kept


def test_a_file_grants_nothing_to_a_suppressed_person_and_lifts_nothing(
    store: Store, take: Import, clock: ManualClock
) -> None:
    take("email,consent\nsup@n.example,\n")
    with store.begin("default", actor="test") as work:
        who = lead_id_of(work, "sup@n.example")
        suppress(work, "person", who, reason="unsubscribe", origin="test")
    dry = take(FILE.format("sup@n.example,,email"), dry_run=True)
    report = take(FILE.format("sup@n.example,,email"))
    assert (SHUT in dry.warnings, report.unchanged, report.warnings) == (True, 1, [SHUT])
    assert granted(store) == []
    with store.begin("default", actor="test") as work, pytest.raises(Conflict):
        lifting.lift(work, "person", who, reason="they want it")
    assert take("email,opt out\nsup@n.example,yes\n").merged == 1
    assert ("email", False) in granted(store)


def test_a_time_of_consent_yet_to_come_is_left_out(store: Store, take: Import) -> None:
    report = take("email,consent,consent text,consent at\nann@n.example,email,I want it,2999-01-01\n")
    assert report.warnings == ["1 date of consent yet to come, left out"]
    with store.begin("default", actor="test") as work:
        who = lead_id_of(work, "ann@n.example")
        (only,) = consenting.history(work, who)
        assert (only.granted, only.given_at) == (True, None)
        suppress(work, "email", "ann@n.example", reason="unsubscribe", origin="test")
    with store.begin("default", actor="test") as work, pytest.raises(Conflict, match="theirs to take back"):
        lifting.lift(work, "email", "ann@n.example", reason="they want it")


def test_who_shares_a_number_does_not_agree_for_the_others_address(store: Store, take: Import) -> None:
    report = take(
        "email,phone,first name,email_opt_in,consent text,consent source\n"
        "ann@sw.example,+12025550199,Ann,,,\n"
        'bob@sw.example,+12025550199,Bob,yes,"Bob agrees","web form"\n'
    )
    assert (report.created, report.merged) == (1, 1)
    assert ELSEWHERE in report.warnings
    with store.read("default") as work:
        (said,) = explain(work, lead_id_of(work, "ann@sw.example"), [Channel.EMAIL]).channels
    assert "Bob agrees" not in " ".join(said.evidence)
    assert granted(store) == []


def test_a_grant_for_one_number_does_not_count_for_another(store: Store, take: Import) -> None:
    take("external id,email,phone\ne1,ann@n.example,+12025550101\n")
    report = take("external id,phone,consent\ne1,+12025550102,sms\n")
    assert (report.merged, report.warnings) == (1, [ELSEWHERE])
    assert granted(store) == []
    refused = take("external id,phone,consent\ne1,+12025550102,no\n")
    assert refused.merged == 1
    assert ("sms", False) in granted(store)


def test_a_grant_without_its_address_in_the_row_is_left_out(store: Store, take: Import) -> None:
    take("email,phone\nann@n.example,+12025550101\n")
    assert take("email,sms_opt_in\nann@n.example,yes\n").warnings == [ELSEWHERE]
    assert granted(store) == []


def test_a_grant_counts_for_an_address_that_becomes_the_leads_own(store: Store, take: Import) -> None:
    take("external id,email\ne1,ann@n.example\n")
    report = take("external id,email,phone,consent\ne1,ANN@n.example,+12025550102,email;sms\n")
    assert report.warnings == ["2 consents recorded without the words agreed to"]
    assert sorted(granted(store)) == [("email", True), ("sms", True)]


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("email sms", {"email": True, "sms": True}),
        ("EMAIL  sms; whatsapp", {"email": True, "sms": True, "whatsapp": True}),
        ("email/sms", {"email": True, "sms": True}),
        ("opted in", {"email": True}),
        ("opted out", dict.fromkeys(Channel, False)),
    ],
)
def test_channels_are_told_apart_by_blanks_and_by_signs(
    store: Store, take: Import, cell: str, kept: dict[str, bool]
) -> None:
    take(f"email,phone,consent\nsup@n.example,+12025550101,{cell}\n")
    assert dict(granted(store)) == kept


def test_what_a_row_refuses_everybody_refuses_whose_address_is_in_it(store: Store, take: Import) -> None:
    take("external_id,email,phone,country\nq1,a@example.com,,US\n,b@example.com,,US\n,c@example.com,+12125550123,US\n")
    report = take("external_id,email,phone,opt_out\nq1,b@example.com,+12125550123,yes\n")
    assert (report.created, report.merged) == (0, 1)
    with store.read("default") as work:
        leads = work.session.scalars(select(Lead)).all()
        assert [contactability(work, lead, Channel.EMAIL).reason for lead in leads] == [Reason.CONSENT_DENIED] * 3
