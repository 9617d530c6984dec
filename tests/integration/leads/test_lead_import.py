"""Importing: every row is accounted for, the same person is recognised, nothing is overwritten."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook
from pydantic import ValidationError
from sqlalchemy import func, select

from overture_core.errors import InvalidInput, NotFound, UnreadableFile
from overture_core.leads import imports, service
from overture_core.leads.chunks import CHUNK
from overture_core.leads.importing import Progress, import_leads
from overture_core.leads.imports import ImportReport, Reject
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Consent, ImportReject, Lead, LeadIdentity, LeadImport
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]
DATA = Path(__file__).parents[3] / "cli" / "overture_cli" / "data"


def counts(report: ImportReport) -> dict[str, int]:
    return report.model_dump(include={"created", "merged", "unchanged", "rejected"})


def stored(store: Store, *tables: type) -> list[int | None]:
    with store.read("default") as work:
        return [work.session.scalar(select(func.count()).select_from(table)) for table in tables]


def lead_by_email(store: Store, address: str) -> service.LeadView:
    with store.read("default") as work:
        lead = service.find_by_address(work, Channel.EMAIL, address)
        assert lead is not None
        return service.get(work, lead.id)


def from_data(store: Store, name: str, **options: object) -> ImportReport:
    source = Source.from_path(DATA / name, [DATA])
    return import_leads(store, source, ImportOptions.model_validate(options), workspace="default", actor="test")


def test_the_demos_file_is_taken_whole_and_a_second_time_changes_nothing(store: Store) -> None:
    first = from_data(store, "dormant_leads.csv")
    assert counts(first) == {"created": 194, "merged": 6, "unchanged": 4, "rejected": 8}
    assert (first.rows, first.encoding, first.delimiter, first.unmapped) == (
        212,
        "utf-8-sig",
        ",",
        ["Source", "Deal Value"],
    )
    before = stored(store, Lead, LeadIdentity, Consent)
    assert counts(from_data(store, "dormant_leads.csv")) == {"created": 0, "merged": 0, "unchanged": 204, "rejected": 8}
    assert stored(store, Lead, LeadIdentity, Consent) == before


def test_a_german_file_of_excel_is_read_by_its_own_rules(store: Store) -> None:
    report = from_data(store, "dormant_leads_de.csv")
    assert counts(report) == {"created": 6, "merged": 1, "unchanged": 0, "rejected": 1}
    assert (report.encoding, report.delimiter) == ("cp1252", ";")
    assert report.warnings == [
        "The encoding was guessed: cp1252. If names look wrong, import a copy saved as UTF-8, or name the encoding "
        "(encoding, on the command line --encoding), e.g. cp1250.",
        "5 consents recorded without the words agreed to",
    ]
    lead = lead_by_email(store, "k.grossmann@fennel.test")
    assert lead.model_dump(include={"first_name", "last_name", "phone", "country", "time_zone", "last_contact_at"}) == {
        "first_name": "Käthe",
        "last_name": "Großmann",
        "phone": "+491713920047",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "last_contact_at": datetime(2024, 5, 20, tzinfo=UTC),
    }


def test_a_row_fills_what_is_empty_and_overwrites_only_an_earlier_last_contact(store: Store, take: Import) -> None:
    take("email,company,last contact\nAda@example.com,Quill,2024-05-01\n")
    report = take(
        "email,company,title,phone,last contact,size\n"
        "ada@EXAMPLE.com,Other,Owner,+1 212 555 0123,2024-01-01,12\n"
        "ada@example.com,,,,2025-02-03,\n"
    )
    assert counts(report) == {"created": 0, "merged": 2, "unchanged": 0, "rejected": 0}
    shown = {"email", "company", "title", "phone", "last_contact_at", "custom", "time_zone"}
    assert lead_by_email(store, "ada@example.com").model_dump(include=shown) == {
        "email": "Ada@example.com",
        "company": "Quill",
        "title": "Owner",
        "phone": "+12125550123",
        "last_contact_at": datetime(2025, 2, 3, tzinfo=UTC),
        "custom": {"size": "12"},
        "time_zone": "America/New_York",
    }


def test_a_row_that_fits_two_leads_goes_to_the_stronger_identity_and_says_so(store: Store, take: Import) -> None:
    take("email,phone\na@example.com,\n,+12125550123\n")
    report = take("email,phone,title\na@example.com,+12125550123,Owner\n")
    assert counts(report) == {"created": 0, "merged": 1, "unchanged": 0, "rejected": 0}
    assert report.warnings == ["1 row whose addresses belong to two leads; the first of them was taken"]
    with store.read("default") as work:
        by_phone = service.find_by_address(work, Channel.SMS, "+12125550123")
        by_email = service.find_by_address(work, Channel.EMAIL, "a@example.com")
        assert by_phone is not None
        assert by_email is not None
        assert (by_phone.id != by_email.id, by_phone.title, by_email.title) == (True, None, "Owner")


def test_rejected_rows_are_kept_with_line_text_and_every_reason(store: Store, take: Import) -> None:
    report = take("email,phone\nnobody,12\nok@example.com,12\n,x,y\n")
    expected = [
        Reject(
            line=2,
            original="nobody,12",
            reasons=[
                "e-mail: 'nobody' is not an e-mail address (An email address must have an @-sign).",
                "phone: '12' is not a phone number (it needs a country or a leading +).",
            ],
        ),
        Reject(line=4, original=",x,y", reasons=["has 3 columns where the header has 2"]),
    ]
    assert report.reject_samples == expected
    assert report.warnings == ["1 row kept without one of its addresses, which was not valid"]
    assert report.import_id is not None
    with store.read("default") as work:
        assert list(imports.rejects(work, report.import_id)) == expected
        assert imports.get_report(work, report.import_id) == report


def test_consent_is_recorded_with_its_source_and_a_refusal_is_not_overruled(store: Store, take: Import) -> None:
    take("email,consent,sms opt in\na@example.com,email,no\n", filename="fair.csv")
    report = take("email,consent\na@example.com,email;sms\n", consent_source="Call of 3 May")
    assert counts(report) == {"created": 0, "merged": 0, "unchanged": 1, "rejected": 0}
    assert report.warnings == ["1 consent in the file that does not overrule an earlier refusal"]
    consents = lead_by_email(store, "a@example.com").consents
    assert {(c.channel, c.granted, c.source) for c in consents} == {
        (Channel.EMAIL, True, "import of fair.csv, line 2"),
        (Channel.SMS, False, "import of fair.csv, line 2"),
    }


@pytest.mark.parametrize(
    ("column", "cell", "refused"),
    [
        ("Unsubscribed", "yes", set(Channel)),
        ("Do Not Contact", "1", set(Channel)),
        ("OPTOUT_TIME", "2026-02-03 10:11:12", set(Channel)),
        ("HasOptedOutOfEmail", "TRUE", {Channel.EMAIL}),
        ("Unsubscribed from all email", "true", {Channel.EMAIL}),
        ("SMS opt-out", "x", {Channel.SMS}),
        ("Do Not Call", "yes", {Channel.SMS, Channel.VOICE}),
        ("consent_email", "no", {Channel.EMAIL}),
        ("Accepts Email Marketing", "no", {Channel.EMAIL}),
        ("Consent", "unsubscribed", set(Channel)),
        ("Unsubscribed", "no", set()),
        ("Do Not Contact", "", set()),
    ],
)
def test_a_refusal_is_taken_from_the_columns_in_which_other_programs_export_it(
    store: Store, take: Import, column: str, cell: str, refused: set[Channel]
) -> None:
    take(f"email,{column}\na@example.com,{cell}\n")
    assert {(c.channel, c.granted) for c in lead_by_email(store, "a@example.com").consents} == {
        (channel, False) for channel in refused
    }


def test_a_refusal_in_one_column_holds_whatever_the_others_say(store: Store, take: Import) -> None:
    take("email,consent,Unsubscribed,Do Not Contact\na@example.com,email;sms,no,yes\n")
    assert {(c.channel, c.granted) for c in lead_by_email(store, "a@example.com").consents} == {
        (channel, False) for channel in Channel
    }


def test_a_bare_yes_agrees_to_mail_alone_and_all_else_has_to_be_named(store: Store, take: Import) -> None:
    answers = {"a": "yes", "b": "1", "c": "all", "d": "yes;sms", "e": "whatsapp"}
    lines = "".join(f"{who}@example.com,+1212555010{n},{said}\n" for n, (who, said) in enumerate(answers.items()))
    assert take(f"email,phone,consent\n{lines}").warnings == ["6 consents recorded without the words agreed to"]
    assert {
        who: {c.channel for c in lead_by_email(store, f"{who}@example.com").consents if c.granted} for who in answers
    } == {
        **{who: {Channel.EMAIL} for who in "abc"},
        "d": {Channel.EMAIL, Channel.SMS},
        "e": {Channel.WHATSAPP},
    }


def test_what_is_too_long_is_cut_and_counted_by_column_and_an_id_too_long_costs_its_row(
    store: Store, take: Import
) -> None:
    long_id = "x" * 200
    report = take(
        "email,external id,company,notes,Bio\n"
        f"a@example.com,{long_id},{'c' * 301},{'n' * 10_001},{'b' * 2_001}\n"
        f"b@example.com,,{'c' * 300},{'n' * 10_001},{'b' * 2_000}\n"
        f"c@example.com,{long_id}1,,,\n"
    )
    assert counts(report) == {"created": 2, "merged": 0, "unchanged": 0, "rejected": 1}
    assert report.reject_samples[0].reasons == ["its external id has more than 200 characters"]
    assert report.warnings == [
        "1 value of 'Bio' cut at 2,000 characters",
        "1 value of company cut at 300 characters",
        "2 values of notes cut at 10,000 characters",
    ]
    lead = lead_by_email(store, "a@example.com")
    assert (lead.company, lead.notes, lead.custom) == ("c" * 300, "n" * 10_000, {"Bio": "b" * 2_000})


def test_full_names_are_split_and_guessed_dates_are_said(store: Store, take: Import) -> None:
    report = take('name,email,last contact\n"Byron, Ada",a@example.com,03/04/2024\n')
    assert report.warnings == [
        "Dates in 'last contact' could be day first or month first; they were read day first. If that is wrong, say so "
        "(dates, on the command line --dates month-first).",
        "1 full name split into first and last name",
    ]
    lead = lead_by_email(store, "a@example.com")
    assert (lead.first_name, lead.last_name, lead.last_contact_at) == ("Ada", "Byron", datetime(2024, 4, 3, tzinfo=UTC))


def test_a_mapping_a_country_and_tags_given_by_a_person_are_used(store: Store, take: Import) -> None:
    report = take(
        "Mejl,Kontaktnummer\na@example.com,07700 900123\n",
        mapping={"Mejl": "email", "Kontaktnummer": "phone"},
        default_country="gb",
        tags=["spring", " "],
    )
    assert report.mapping == {"Mejl": "email", "Kontaktnummer": "phone"}
    lead = lead_by_email(store, "a@example.com")
    assert (lead.phone, lead.tags, lead.import_id) == ("+447700900123", ["spring"], report.import_id)


@pytest.mark.parametrize("country", ["XX", "zz", "EU", "AQ", "USA", "", "+1"])
def test_a_country_without_phone_numbers_is_refused(country: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(f"There is no country '{country}'; give")):
        ImportOptions(default_country=country)


def test_a_country_is_taken_in_small_letters_and_as_people_abbreviate_it() -> None:
    given = ["us", "GB", "UK", "xk", None]
    assert [ImportOptions(default_country=each).default_country for each in given] == ["US", "GB", "GB", "XK", None]


def test_text_from_outside_is_stripped_of_control_characters(store: Store, take: Import) -> None:
    take(
        '{"email": "a@example.com", "company": "Qu\\u0000ill\\u001b[31m\\u202e", "s": "\\ud800"}\n',
        filename="leads.jsonl",
    )
    assert lead_by_email(store, "a@example.com").company == "Quill[31m"


def test_a_dry_run_reports_the_same_and_leaves_nothing(store: Store, take: Import) -> None:
    text = "email\na@example.com\nA@example.com\nbad\n"
    dry = take(text, dry_run=True)
    assert stored(store, Lead, LeadIdentity, LeadImport, ImportReject) == [0, 0, 0, 0]
    real = take(text)
    assert dry == real.model_copy(update={"import_id": None, "columns": dry.columns})


def test_an_import_of_several_chunks_reports_progress_and_recognises_across_them(store: Store) -> None:
    lines = ["email", *(f"p{number}@example.com" for number in range(CHUNK + 1)), "p0@example.com"]
    size = len("\n".join(lines))
    seen: list[Progress] = []
    report = import_leads(
        store,
        Source.from_text("\n".join(lines), "leads.csv"),
        ImportOptions(),
        workspace="default",
        actor="test",
        progress=seen.append,
    )
    assert counts(report) == {"created": CHUNK + 1, "merged": 0, "unchanged": 1, "rejected": 0}
    assert [each.rows for each in seen] == [CHUNK, CHUNK + 2]
    assert (seen[-1].read, seen[-1].size) == (size, size)


def test_a_file_that_breaks_in_the_middle_keeps_the_chunks_before(store: Store, tmp_path: Path) -> None:
    lines = [f"p{number}@example.com" for number in range(CHUNK)]
    whole, broken = tmp_path / "whole.xlsx", tmp_path / "broken.xlsx"
    book = Workbook()
    assert book.active is not None
    for line in ["email", *lines]:
        book.active.append([line])
    book.active.append([1.5])
    book.save(whole)
    book.close()
    with zipfile.ZipFile(whole) as parts, zipfile.ZipFile(broken, "w") as written:
        for name in parts.namelist():
            written.writestr(name, parts.read(name).replace(b"<v>1.5</v>", b"<v>4x</v>"))
    with pytest.raises(UnreadableFile, match=r"broken\.xlsx cannot be read as an Excel file"):
        import_leads(store, Source.from_path(broken, [tmp_path]), ImportOptions(), workspace="default", actor="test")
    assert stored(store, Lead) == [CHUNK]
    with store.read("default") as work:
        import_id = work.session.scalars(select(LeadImport.id)).one()
        with pytest.raises(NotFound, match="did not get to its end; import its file again, which goes on"):
            imports.get_report(work, import_id)
    again = import_leads(
        store, Source.from_text("\n".join(["email", *lines]), "a"), ImportOptions(), workspace="default", actor="test"
    )
    assert counts(again) == {"created": 0, "merged": 0, "unchanged": CHUNK, "rejected": 0}


@pytest.mark.parametrize(
    ("text", "why"),
    [("email,name\n", "has a header and no rows"), ("Adresse,Ort\nx,y\n", "No column was recognised")],
)
def test_a_file_that_holds_no_leads_is_refused_and_leaves_nothing(
    store: Store, take: Import, text: str, why: str
) -> None:
    with pytest.raises(InvalidInput, match=why):
        take(text)
    assert stored(store, LeadImport) == [0]


def test_an_import_stays_in_its_workspace(store: Store, take: Import, other: str) -> None:
    mine = take("email,title\na@example.com,Owner\nbad,\n")
    theirs = take("email,title\na@example.com,Buyer\n", workspace=other)
    assert counts(theirs) == {"created": 1, "merged": 0, "unchanged": 0, "rejected": 0}
    assert mine.import_id is not None
    with store.read(other) as work:
        for look in (imports.rejects, imports.get_report):
            with pytest.raises(NotFound, match="There is no import"):
                look(work, mine.import_id)


def test_a_column_that_only_late_objects_have_is_kept(store: Store) -> None:
    lines = [f'{{"email": "lead{number}@example.com"}}' for number in range(60)]
    source = Source.from_text("\n".join([*lines, '{"email": "late@example.com", "budget": "10"}']), "leads.jsonl")
    import_leads(store, source, ImportOptions(), workspace="default", actor="test")
    with store.read("default") as work:
        late = work.session.scalars(select(Lead).where(Lead.email == "late@example.com")).one()
        assert late.custom == {"budget": "10"}
