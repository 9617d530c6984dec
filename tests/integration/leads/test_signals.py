"""Signals: recorded once, from a person or a file whose every row is accounted for, and gone with an erased lead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.errors import InvalidInput, NotFound
from overture_core.leads.erasing import erase
from overture_core.leads.imports import ImportReport
from overture_core.leads.reading import Source as File
from overture_core.leads.tracing import trace
from overture_core.scoring import keeping, signals
from overture_core.scoring.importing import CHUNK, SignalReject, SignalReport, import_signals
from overture_core.scoring.signals import Kind, Source
from overture_core.storage.schema import Lead, LeadScore, LeadSignal
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]

WORKSPACE = "default"
LEADS = """\
First Name,E-mail,Phone,LinkedIn,Customer ID
Ada,ada@a.example,+12125550123,https://www.linkedin.com/in/ada,7
Bo,bo@b.example,,,8
"""
SIGNALS = """\
E-mail;Phone;Linkedin URL;Customer ID;Signal;Date;Note
ADA@a.example;;;;Job change;20.11.2026;now at Quill\x07
;+1 212 555 0123;;;funding;2026-11-01;
;;linkedin.com/in/Ada/;;hiring;2026-10-01;
;;;8;promotion;2026-10-01;
nobody@x.example;;;;hiring;2026-10-01;
bo@b.example;;;;wedding;2026-10-01;
bo@b.example;;;;hiring;soon;
bo@b.example;;;;hiring;2027-10-01;
bo@b.example;;;;hiring
"""


def load(store: Store, text: str, *, dry_run: bool = False) -> SignalReport:
    source = File.from_text(text, "signals.csv")
    return import_signals(store, source, workspace=WORKSPACE, actor="test", dry_run=dry_run)


def lead_named(store: Store, first: str) -> str:
    with store.read(WORKSPACE) as work:
        return work.session.scalars(select(Lead.id).where(Lead.first_name == first)).one()


def test_every_row_of_a_file_is_accounted_for_and_the_file_again_changes_nothing(store: Store, take: Import) -> None:
    take(LEADS)
    reasons = {
        6: "no lead has its address or id",
        7: "there is no kind 'wedding'; the kinds are job_change, promotion, funding, hiring, expansion, acquisition, "
        "event",
        8: "'soon' is no date",
        9: "A signal of 2027-10-01 lies in the future; record it once it has happened.",
        10: "has 5 columns where the header has 7",
    }
    lines = SIGNALS.splitlines()
    expected = SignalReport(
        filename="signals.csv",
        encoding="utf-8",
        delimiter=";",
        columns={
            "E-mail": "email",
            "Phone": "phone",
            "Linkedin URL": "linkedin_url",
            "Customer ID": "external_id",
            "Signal": "kind",
            "Date": "at",
            "Note": "notes",
        },
        rows=9,
        recorded=4,
        unchanged=0,
        rejected=5,
        rejects=[SignalReject(line=n, original=lines[n - 1], reason=why) for n, why in reasons.items()],
        warnings=[],
    )
    assert load(store, SIGNALS, dry_run=True) == expected
    with store.read(WORKSPACE) as work:
        assert signals.list_(work) == []
        assert "signals.imported" not in [each.action for each in audit.list_(work)]
    assert load(store, SIGNALS) == expected
    assert load(store, SIGNALS) == expected.model_copy(update={"recorded": 0, "unchanged": 4})
    with store.read(WORKSPACE) as work:
        found = signals.list_(work, lead_id=lead_named(store, "Ada"))
        assert [(each.kind, each.source, each.note) for each in found] == [
            (Kind.JOB_CHANGE, Source.FILE, "now at Quill"),
            (Kind.FUNDING, Source.FILE, None),
            (Kind.HIRING, Source.FILE, None),
        ]
        assert found[0].observed_at == datetime(2026, 11, 20, tzinfo=UTC)
        first = signals.list_(work, limit=1)
        assert [*first, *signals.list_(work, cursor=first[0].id)] == signals.list_(work)
        assert signals.list_(work, cursor="sig_none") == []
        assert [each.action for each in audit.list_(work)][-2:].count("signals.imported") == 2


@pytest.mark.parametrize("cell", ['"=""ada@a.example"""', "'Ada@a.example'", "Ada <ada@a.example>"])
def test_a_lead_is_found_by_an_address_as_imports_of_leads_read_it(store: Store, take: Import, cell: str) -> None:
    take(f"E-mail\n{cell}\n")
    assert load(store, f"E-mail,Signal,Date\n{cell},hiring,2026-10-01\n").recorded == 1


def test_a_file_that_breaks_off_leaves_an_entry_of_what_was_stored(store: Store, take: Import) -> None:
    take(LEADS)
    days = [date(2026, 1, 1) + timedelta(number % 300) for number in range(2 * CHUNK)]
    source = File.from_text("email,kind,date\n" + "".join(f"bo@b.example,hiring,{day}\n" for day in days), "s.csv")

    def interrupted(_rows: int) -> None:
        raise KeyboardInterrupt  # as Ctrl-C does behind the first chunk

    with pytest.raises(KeyboardInterrupt):
        import_signals(store, source, workspace=WORKSPACE, actor="test", progress=interrupted)
    with store.read(WORKSPACE) as work:
        last = audit.list_(work)[-1]
    counts = {"rows": CHUNK, "recorded": 300, "unchanged": CHUNK - 300, "rejected": 0}
    assert (last.action, last.detail) == ("signals.imported", {**counts, "broke_off": True})


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("kind,date\nhiring,2026-01-01\n", "No column names the lead"),
        ("email,date\nada@a.example,2026-01-01\n", "No column is the signal's kind"),
        ("email,kind\nada@a.example,hiring\n", "No column is the signal's date"),
    ],
)
def test_a_file_without_a_needed_column_is_refused(store: Store, text: str, missing: str) -> None:
    with pytest.raises(InvalidInput, match=missing):
        load(store, text)


def test_a_signal_is_kept_once_and_not_of_the_future_or_of_nobody(store: Store, take: Import) -> None:
    take(LEADS)
    ada = lead_named(store, "Ada")
    with store.begin(WORKSPACE, actor="test") as work:
        first, fresh = signals.record(work, ada, Kind.HIRING, source=Source.LINKEDIN, note=" " * 10)
        again = signals.record(work, ada, Kind.HIRING, source=Source.PERSON)
        assert (fresh, first.note, again) == (True, None, (first, False))
        with pytest.raises(InvalidInput, match="lies in the future"):
            signals.record(work, ada, Kind.HIRING, at=work.now() + timedelta(days=2), source=Source.PERSON)
        with pytest.raises(NotFound):
            signals.record(work, "lead_x", Kind.HIRING, source=Source.PERSON)


def test_an_erased_lead_has_no_signals_and_no_score(store: Store, take: Import) -> None:
    take(LEADS)
    load(store, SIGNALS)
    ada = lead_named(store, "Ada")
    keyed = Store(store.settings.model_copy(update={"secret_key": SecretStr("k" * 32)}), store.clock)
    with keyed.begin(WORKSPACE, actor="test") as work:
        keeping.begin(work)
        assert keeping.keep_page(work) == 2
        told = [(each.what, each.cause, each.text) for each in trace(work, ada).entries]
        assert ("signal job_change recorded", "file", "now at Quill") in told
        erase(work, ada)
        assert ada not in work.session.scalars(select(LeadSignal.lead_id)).all()
        assert ada not in work.session.scalars(select(LeadScore.lead_id)).all()
    keyed.close()
