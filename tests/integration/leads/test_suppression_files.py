"""Suppression lists of other programs taken in, row by row; written out again; and lifted by the rule."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from overture_core.audit import service as audit
from overture_core.clock import ManualClock
from overture_core.errors import Conflict, InvalidInput, NotFound, OvertureError
from overture_core.leads import consenting
from overture_core.leads.erasing import erase
from overture_core.leads.finding import lead_id_of
from overture_core.leads.public_mail import everybodys
from overture_core.leads.reading import Source
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress
from overture_core.storage.store import Store
from overture_core.suppressions import files, lifting, service
from overture_core.suppressions.columns import kind_of
from overture_core.suppressions.files import SuppressionReport

SENDGRID = """email,reason,created
ada@example.com,"550 5.1.1 no such user, and much more text than fits",1700000000
Ada@Example.com,Bounced Address,1700000001
not an address,Invalid,1700000002
"""
TWILIO = "To,Status,Date\n+12125550101,Unsubscribed,2026-01-01\n+44 7700 900123,Unsubscribed,2026-01-01\n"
HUBSPOT = "Email,Unsubscribed from all email,Opt-out Reason\nbo@example.com,true,spam\n,true,\n"
PLAIN = "shut.example\nada@example.com\n+12125550101\n"
ADDRESS_FIRST = "ada@example.com\nshut.example\n+12125550101\n"
ADDRESSES_ABOVE = "ada@example.com\nbo@example.com\ncy@example.com\n+12125550101\nshut.example\n@Gmail.com\n"
JSON_VALUES = dict.fromkeys(("ada@example.com", "+12125550101", "shut.example"), "imported")


def taken(store: Store, text: str, name: str = "list.csv") -> SuppressionReport:
    return files.take_file(store, Source.from_text(text, name), workspace="default", actor="test")


def interrupted(_rows: int) -> None:
    """What Ctrl-C does behind the first chunk."""
    raise KeyboardInterrupt


def there(store: Store) -> dict[str, str]:
    with store.read("default") as work:
        return {each.value: each.reason for each in service.list_(work).suppressions}


@pytest.mark.parametrize(
    ("text", "counts", "values"),
    [
        (SENDGRID, (3, 1, 1, 1), {"ada@example.com": "550 5.1.1 no such user, and much more te"}),
        (TWILIO, (2, 2, 0, 0), {"+12125550101": "Unsubscribed", "+447700900123": "Unsubscribed"}),
        (HUBSPOT, (2, 1, 0, 1), {"bo@example.com": "spam"}),
        (ADDRESS_FIRST, (3, 3, 0, 0), dict.fromkeys(("ada@example.com", "shut.example", "+12125550101"), "imported")),
        (
            ADDRESSES_ABOVE,
            (6, 5, 0, 1),
            dict.fromkeys(
                ("ada@example.com", "bo@example.com", "cy@example.com", "+12125550101", "shut.example"), "imported"
            ),
        ),
        ('["ada@example.com", "+1 212 555 0101", "shut.example", null]', (4, 3, 0, 1), JSON_VALUES),
        ('{"suppressed": ["ada@example.com", "+1 212 555 0101", "shut.example"]}', (1, 1, 0, 0), JSON_VALUES),
        (PLAIN, (3, 3, 0, 0), dict.fromkeys(("shut.example", "ada@example.com", "+12125550101"), "imported")),
    ],
)
def test_every_row_of_a_list_is_accounted_for(
    store: Store, text: str, counts: tuple[int, ...], values: dict[str, str]
) -> None:
    report = taken(store, text)
    assert (report.rows, report.added, report.unchanged, report.rejected) == counts
    assert there(store) == values
    again = taken(store, text)
    assert (again.added, again.unchanged) == (0, counts[1] + counts[2])


@pytest.mark.parametrize(
    ("text", "counts", "values"),
    [
        ("c1@s.example,c2@s.example\nd1@s.example,d2@s.example\n", (2, 2, 0, 0), "c1 c2 d1 d2"),
        ("s1@s.example; s2@s.example; s3@s.example\n", (1, 1, 0, 0), "s1 s2 s3"),
        ("email,email 2\na@s.example,b@s.example\n,c@s.example\n", (2, 2, 0, 0), "a b c"),
        (
            "Email Address,Secondary Email,Phone,Work Phone,Email sent,Owner Email\n"
            "a@s.example,b@s.example,+1 212 555 0101,+1 212 555 0102,2026-01-01 10:00,us@ours.example\n",
            (1, 1, 0, 0),
            "a b +12125550101 +12125550102",
        ),
        ("E-Mail,Betreuer E-Mail,Vertriebler\na@s.example,us@ours.example,me@ours.example\n", (1, 1, 0, 0), "a"),
        ("Właściciel,Osoba\nus@ours.example,a@s.example\nus@ours.example,b@s.example\n", (2, 2, 0, 0), "a b"),
        ("mobile,landline\n+12125550101,+12125550102\n", (1, 1, 0, 0), "+12125550101 +12125550102"),
        ("0664 1234567\na@s.example\nb@s.example\n", (3, 2, 0, 1), "a b"),
        ("https://www.s.example/x\na@s.example\n", (2, 2, 0, 0), "s.example a"),
        ("030 901820,DE\n020 7946 0018,GB\n", (2, 2, 0, 0), "+4930901820 +442079460018"),
    ],
)
def test_every_address_of_a_row_is_suppressed_and_the_first_line_is_a_row_where_it_has_one(
    store: Store, text: str, counts: tuple[int, ...], values: str
) -> None:
    report = taken(store, text)
    assert (report.rows, report.added, report.unchanged, report.rejected) == counts
    assert set(there(store)) == {
        each if each[0] == "+" or "." in each else f"{each}@s.example" for each in values.split()
    }


def test_a_rejected_row_is_told_with_its_line_and_reason(store: Store) -> None:
    (row,) = taken(store, SENDGRID).rejects
    assert (row.line, row.original) == (4, "not an address,Invalid,1700000002")
    assert "is not an e-mail address" in row.reasons[0]


def test_a_dry_run_reports_the_same_and_leaves_nothing(store: Store) -> None:
    dry = files.take_file(store, Source.from_text(PLAIN, "list.csv"), workspace="default", actor="test", dry_run=True)
    assert there(store) == {}
    with store.read("default") as work:
        assert audit.list_(work) == []
    assert taken(store, PLAIN) == dry


def test_a_list_that_breaks_off_leaves_an_entry_of_what_was_stored(store: Store) -> None:
    rows = "".join(f"p{number}@example.com\n" for number in range(2 * files.CHUNK))
    with pytest.raises(KeyboardInterrupt):
        files.take_file(
            store, Source.from_text(rows, "list.txt"), workspace="default", actor="test", progress=interrupted
        )
    with store.read("default") as work:
        last = audit.list_(work)[-1]
    counts = {"rows": files.CHUNK, "added": files.CHUNK, "unchanged": 0, "rejected": 0}
    assert (last.action, last.detail) == ("suppressions.imported", {**counts, "broke_off": True})


def test_control_characters_in_an_address_hide_it_from_nobody(store: Store) -> None:
    taken(store, '{"email": "ada\\u0000@example.com"}\n{"email": "bo\u200b@example.com"}\n', "list.jsonl")
    assert sorted(there(store)) == ["ada@example.com", "bo@example.com"]


def test_a_part_of_a_list_is_a_file_that_comes_back_unchanged(store: Store) -> None:
    taken(store, PLAIN)
    with store.read("default") as work:
        part = service.list_(work, limit=2)
    text = files.part_csv(part, more="there")
    assert text.splitlines()[-1] == ",there are more,there,,"
    again = taken(store, text)
    assert (again.rows, again.unchanged, again.rejected) == (2, 2, 0)


def test_a_file_without_addresses_is_refused(store: Store) -> None:
    with pytest.raises(InvalidInput, match="no column of e-mail addresses"):
        taken(store, "colour,size\nred,4\n")


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_an_exported_list_comes_back_unchanged_and_names_nobody_who_was_erased(
    store: Store, keyed: Store, tmp_path: Path, take: Callable[..., object], ending: str
) -> None:
    take("First Name,E-mail,Country\nAda,ada@example.com,US\n")
    with keyed.begin("default", actor="test") as work:
        for value in ("ada@example.com", "shut.example", "+12125550101"):
            suppress(work, kind_of(value), value, reason="=1+1", origin="test")
        erase(work, lead_id_of(work, "ada@example.com"))
    place = tmp_path / "out" / f"list.{ending}"
    place.parent.mkdir()
    with store.read("default") as work:
        assert files.export(work, place) == 2
        with pytest.raises(InvalidInput, match="--force"):
            files.export(work, place)
    text = place.read_text(encoding="utf-8")
    assert ("ada@" not in text, stat.S_IMODE(place.stat().st_mode)) == (True, 0o600)
    assert "'=1+1" in text if ending == "csv" else json.loads(text.splitlines()[0])["reason"] == "=1+1"
    report = files.take_file(store, Source.from_person(place), workspace="default", actor="test")
    assert (report.rows, report.unchanged) == (2, 2)
    assert list(place.parent.iterdir()) == [place]


def test_only_what_was_added_by_hand_is_lifted_without_a_newer_consent(
    store: Store, take: Callable[..., object], clock: ManualClock
) -> None:
    take("First Name,E-mail,Country\nAda,ada@example.com,US\n")
    with store.begin("default", actor="cli:ada") as work:
        suppress(work, "email", "ada@example.com", reason="stop", origin="sms")
        suppress(work, "domain", "shut.example", reason="manual", origin="cli:ada")
        assert lifting.lift(work, "domain", "shut.example", reason="typed wrongly").consent is None
        with pytest.raises(NotFound):
            lifting.lift(work, "domain", "shut.example", reason="again")
        with pytest.raises(InvalidInput, match="Say why"):
            lifting.lift(work, "email", "ada@example.com", reason=" ")
        with pytest.raises(Conflict, match="theirs to take back"):
            lifting.lift(work, "email", "ada@example.com", reason="we want to")
    clock.advance(timedelta(days=1))
    with store.begin("default", actor="cli:ada") as work:
        ada = lead_id_of(work, "ada@example.com")
        consenting.record(
            *(work, ada, Channel.EMAIL),
            granted=True,
            source="form",
            wording="Write to me again",
            given_at=work.now(),
            by_person=True,
        )
        lifted = lifting.lift(work, "email", "ada@example.com", reason="signed up again")
        assert lifted.consent is not None
        assert lifted.consent.endswith("(form): Write to me again")
        assert service.suppressed(work, "email", ["ada@example.com"]) == set()


def test_what_was_added_by_hand_and_is_then_asked_for_is_theirs_to_take_back(store: Store, clock: ManualClock) -> None:
    with store.begin("default", actor="cli:ada") as work:
        suppress(work, "email", "ada@example.com", reason="manual", origin="cli:ada")
        clock.advance(timedelta(days=1))
        again = suppress(work, "email", "ada@example.com", reason="stop", origin="sms")
        assert (again.reason, again.created_at) == ("stop", work.now())
        with pytest.raises(Conflict, match="theirs to take back"):
            lifting.lift(work, "email", "ada@example.com", reason="we want to")


def test_another_workspace_lifts_and_exports_nothing(store: Store, other: str, tmp_path: Path) -> None:
    with store.begin("default", actor="test") as work:
        suppress(work, "email", "ada@example.com", reason="manual", origin="test")
    with store.begin(other, actor="test") as work:
        with pytest.raises(OvertureError, match="not suppressed"):
            lifting.lift(work, "email", "ada@example.com", reason="x")
        assert files.export(work, tmp_path / "list.csv") == 0


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("email\nmailto:ada@x.example\nBo <bo@x.example>\n", "list.csv", {"ada@x.example", "bo@x.example"}),
        ("email,why\nada@x.example;bo@x.example,\n", "list.csv", {"ada@x.example", "bo@x.example"}),
        ('email\n"ada@x.example,"\n', "list.csv", {"ada@x.example"}),
        ('{"email": ["ada@x.example", "bo@x.example"]}\n', "list.jsonl", {"ada@x.example", "bo@x.example"}),
        ('{"phone": ["+12125550101", "+12125550102"]}\n', "list.jsonl", {"+12125550101", "+12125550102"}),
        ("domain,why\na.example;b.example,\n", "list.csv", {"a.example", "b.example"}),
        ("value,why\nada@x.example;+12125550101,\n", "list.csv", {"ada@x.example", "+12125550101"}),
    ],
)
def test_every_value_of_a_cell_is_suppressed_as_leads_have_it(
    store: Store, text: str, name: str, values: set[str]
) -> None:
    report = taken(store, text, name)
    assert (set(there(store)), report.rejected, report.partly) == (values, 0, 0)


@pytest.mark.parametrize("cell", ["@x.example", "ada@x..example", "ada at x.example"])
def test_what_would_match_nobody_is_rejected(store: Store, cell: str) -> None:
    report = taken(store, f"email,reason\n{cell},stop\n")
    assert (report.added, report.rejected, there(store)) == (0, 1, {})
    assert "is not an e-mail address" in report.rejects[0].reasons[0]


def test_a_domain_beside_an_address_suppresses_nobody_else(store: Store) -> None:
    report = taken(
        store,
        "email,domain\nada@gmail.com,gmail.com\nnobody,gmail.com\n,gmail.com\n,shut.example\n",
    )
    assert set(there(store)) == {"ada@gmail.com", "shut.example"}
    assert [(row.line, row.reasons) for row in report.rejects] == [
        (3, ["'nobody' is not an e-mail address (An email address must have an @-sign)."]),
        (4, [everybodys("gmail.com")]),
    ]


def test_a_domain_where_anybody_has_an_address_counts_only_where_domains_are_meant(store: Store) -> None:
    report = taken(store, "email\nada@x.example\n*@gmail.com\n*@shut.example\n")
    assert [(row.line, row.reasons) for row in report.rejects] == [(3, [everybodys("gmail.com")])]
    report = taken(store, "hotmail.de\ngithub.io\nme.github.io\n*.closed.example\n")
    assert [row.reasons[0] for row in report.rejects] == [
        everybodys("hotmail.de"),
        "'github.io' holds the domains of everybody there; give the one of a company, such as example.github.io.",
    ]
    report = taken(store, "kind,value\ndomain,gmail.com\n")
    assert (report.added, report.rejected) == (1, 0)
    assert set(there(store)) == {"ada@x.example", "shut.example", "me.github.io", "closed.example", "gmail.com"}


def test_a_bad_number_beside_a_good_address_costs_the_number_alone(store: Store) -> None:
    told: list[files.SuppressionReject] = []
    source = Source.from_text("email,phone,domain\nada@x.example,07700 900123,x.example\n", "list.csv")
    report = files.take_file(store, source, workspace="default", actor="test", on_reject=told.append)
    assert (set(there(store)), report.added, report.rejected, report.partly) == ({"ada@x.example"}, 1, 0, 1)
    assert report.left_out == told
    assert told[0].reasons == ["'07700 900123' is not a phone number (it needs a country or a leading +)."]


def test_a_list_suppresses_leads_that_are_there_by_their_id(store: Store, take: Callable[..., object]) -> None:
    take("email\nada@example.com\n")
    with store.read("default") as work:
        ada = lead_id_of(work, "ada@example.com")
    report = taken(store, f"kind,value\nperson,{ada}\nperson,lead_x\n")
    assert (set(there(store)), report.added) == ({ada}, 1)
    assert report.rejects[0].reasons == ["There is no lead 'lead_x'; leads_search finds leads and their ids."]


@pytest.mark.parametrize(
    ("text", "country", "values"),
    [
        ("phone\n(212) 555-8001\n", "US", {"+12125558001"}),
        ("phone,country\n(212) 555-8001,US\n020 7946 0001,United Kingdom\n", None, {"+12125558001", "+442079460001"}),
        ("phone,country\n020 7946 0001,GB\n(212) 555-8001,\n", "US", {"+12125558001", "+442079460001"}),
        ("value,Country\n(212) 555-8001;ada@x.example,us\n", None, {"+12125558001", "ada@x.example"}),
        ("(212) 555-8001\n(212) 555-8002\n", "us", {"+12125558001", "+12125558002"}),
    ],
)
def test_a_national_number_is_taken_by_the_country_of_its_row_or_of_the_file(
    store: Store, text: str, country: str | None, values: set[str]
) -> None:
    source = Source.from_text(text, "list.csv")
    report = files.take_file(store, source, workspace="default", actor="test", country=country)
    assert (set(there(store)), report.rejected, report.partly) == (values, 0, 0)


def test_a_national_number_is_not_read_by_another_country_than_its_row_says(store: Store) -> None:
    rows = "phone,email,country\n(212) 555-8001,,Nowhere\n+12125558002,,Nowhere\n(212) 555-8003,a@x.example,Nowhere\n"
    source = Source.from_text(f"{rows}(212) 555-8004,,n/a\n", "list.csv")
    report = files.take_file(store, source, workspace="default", actor="test", country="US")
    assert set(there(store)) == {"+12125558002", "a@x.example", "+12125558004"}
    why = "is not a phone number (it needs a country or a leading +). The country 'Nowhere' is not known."
    told = [(row.line, row.reasons) for row in (*report.rejects, *report.left_out)]
    assert told == [(2, [f"'(212) 555-8001' {why}"]), (4, [f"'(212) 555-8003' {why}"])]


def test_a_country_that_there_is_not_is_refused(store: Store) -> None:
    source = Source.from_text(TWILIO, "list.csv")
    with pytest.raises(InvalidInput, match=r"There is no country 'XX'; give its two letters \(ISO 3166\), e\.g\. US\."):
        files.take_file(store, source, workspace="default", actor="test", country="XX")


@pytest.mark.parametrize("head", ["email,reason", "kind,value,reason"])
def test_a_list_of_a_header_alone_is_refused_as_a_file_of_leads_is(
    store: Store, take: Callable[..., object], head: str
) -> None:
    sentence = "list.csv has a header and no rows; export it again."
    for refused in (taken, lambda _store, text: take(text, filename="list.csv")):
        with pytest.raises(InvalidInput) as caught:
            refused(store, head.replace("kind", "email") + "\n")
        assert caught.value.message == sentence
