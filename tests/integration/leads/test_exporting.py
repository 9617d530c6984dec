"""Leads in files: everything known of them, no formula, whole or not at all, and back again without a change."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.errors import Conflict, InvalidInput, NotFound
from overture_core.leads import export_requests, exporting, service
from overture_core.leads.erasing import erase
from overture_core.leads.finding import lead_id_of
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.leads.requests import MOST_WAITING, RequestState
from overture_core.segments.filter import LeadFilter, filter_of
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

HEAD = (
    "First Name,Last Name,E-mail,Phone,Company,Country,Last Contact,Tags,Notes,Size,Consent,Consent Text,Consent Date"
)
LEADS = f"""{HEAD},WhatsApp Opt-out,Call Opt-out
=1+1,O'Hara,ada@example.com,+12125550101,'90s Co,US,2024-01-02T03:04:05+00:00,"vip;old","a
b",'=7,"email,sms","Yes, do",2024-01-01,yes,
Bo,-Dash,bo@example.com,,"Quill, ""X"" Ltd",DE,,,,,no,,,,yes
"""


@pytest.fixture
def loaded(store: Store, take: Callable[..., Any]) -> Store:
    assert take(LEADS).created == 2
    return store


def exported(store: Store, place: Path, wanted: LeadFilter | None = None, **options: Any) -> int:
    found = LeadFilter() if wanted is None else wanted
    return exporting.export(store, place, found, workspace="default", actor="cli:ada", **options)


@pytest.mark.parametrize("ending", ["csv", "xlsx", "jsonl"])
def test_what_is_exported_comes_back_without_a_change(loaded: Store, tmp_path: Path, ending: str) -> None:
    place = tmp_path / f"leads.{ending}"
    assert exported(loaded, place) == 2
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    report = import_leads(loaded, Source.from_person(place), ImportOptions(), workspace="default", actor="test")
    assert (report.rows, report.unchanged, report.warnings) == (2, 2, [])


@pytest.mark.parametrize("ending", ["csv", "xlsx", "jsonl"])
@pytest.mark.parametrize("cell", ["=ada@x.example", "'=ada@x.example", '="ada@x.example"', "'ada@x.example"])
def test_an_address_is_kept_without_a_spreadsheets_sign_and_comes_back(
    store: Store, take: Callable[..., Any], tmp_path: Path, cell: str, ending: str
) -> None:
    place = tmp_path / f"leads.{ending}"
    assert take(f"email,memo\n{cell},=1+1\n").created == 1
    with store.read("default") as work:
        assert work.session.scalars(select(Lead.email)).all() == ["ada@x.example"]
    assert exported(store, place) == 1
    report = import_leads(store, Source.from_person(place), ImportOptions(), workspace="default", actor="test")
    assert (report.unchanged, report.warnings) == (1, [])


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_column_whose_name_is_a_formula_comes_back_by_that_name(
    store: Store, take: Callable[..., Any], tmp_path: Path, ending: str
) -> None:
    take("email,=cmd|calc,'=quoted\nada@example.com,1,2\n")
    place = tmp_path / f"leads.{ending}"
    exported(store, place)
    report = import_leads(store, Source.from_person(place), ImportOptions(), workspace="default", actor="test")
    assert (report.rows, report.unchanged) == (1, 1)
    with store.read("default") as work:
        assert service.get(work, lead_id_of(work, "ada@example.com")).custom == {"=cmd|calc": "1", "=quoted": "2"}


@pytest.mark.parametrize("ending", ["csv", "xlsx", "jsonl"])
def test_a_custom_field_that_is_called_like_a_field_comes_back_as_one(
    store: Store, take: Callable[..., Any], tmp_path: Path, ending: str
) -> None:
    head = "email,Firma,company,Company (2),City,custom.Size,Size,id,x,custom.custom.y"
    take(f"{head}\nada@example.com,A Ltd,B Ltd,C Ltd,Rome,7,8,17,,9\n", mapping={"id": "custom"})
    custom = {"company": "B Ltd", "Company (2)": "C Ltd", "City": "Rome", "Size": "8", "id": "17"}
    kept = {**custom, "custom.Size": "7", "custom.y": "9"}
    place = tmp_path / f"leads.{ending}"
    exported(store, place)
    report = import_leads(store, Source.from_person(place), ImportOptions(), workspace="default", actor="test")
    assert (report.rows, report.unchanged, report.warnings) == (1, 1, [])
    with store.read("default") as work:
        ada = service.get(work, lead_id_of(work, "ada@example.com"))
    assert (ada.company, ada.external_id, ada.custom) == ("A Ltd", None, kept)


def test_a_refusal_far_down_in_json_lines_comes_back_in_another_workspace(
    store: Store, other: str, take: Callable[..., Any], tmp_path: Path
) -> None:
    rows = "".join(f"p{number}@example.com,,\n" for number in range(260))
    assert take(f"E-mail,Phone,Email Opt-out\n{rows}z@example.com,+12125550101,yes\n").created == 261
    place, again = tmp_path / "leads.jsonl", tmp_path / "again.jsonl"
    assert exported(store, place) == 261
    assert "email_opt_out" in place.read_text(encoding="utf-8").splitlines()[-1]
    report = import_leads(store, Source.from_person(place), ImportOptions(), workspace="default", actor="test")
    assert (report.unchanged, report.mapping["email_opt_out"]) == (261, "email_opt_out")
    import_leads(store, Source.from_person(place), ImportOptions(), workspace=other, actor="test")
    exporting.export(store, again, LeadFilter(), workspace=other, actor="cli:ada")
    assert again.read_text(encoding="utf-8") == place.read_text(encoding="utf-8")
    seen = import_leads(
        store, Source.from_person(place), ImportOptions(dry_run=True, preview=True), workspace=other, actor="test"
    )
    assert "Only the first 200 objects were looked at for columns; later ones may have more." in seen.warnings


def test_a_csv_file_has_everything_and_no_formula(loaded: Store, tmp_path: Path) -> None:
    place = tmp_path / "leads.csv"
    exported(loaded, place, filter_of("email = ada@example.com"))
    with place.open(encoding="utf-8", newline="") as file:
        (ada,) = csv.DictReader(file)
    assert {name: cell for name, cell in ada.items() if cell} == {
        "email": "ada@example.com",
        "phone": "+12125550101",
        "first_name": "'=1+1",
        "last_name": "O'Hara",
        "company": "'90s Co",
        "country": "US",
        "time_zone": "America/New_York",
        "notes": "a\nb",
        "last_contact_at": "2024-01-02T03:04:05+00:00",
        "tags": "old;vip",
        "consent": "email;sms",
        "consent_source": "import of leads.csv, line 2",
        "consent_text": "Yes, do",
        "consent_at": "2024-01-01T00:00:00+00:00",
        "whatsapp_opt_out": "yes",
        "Size": "'=7",
    }


def test_a_sheet_holds_texts_and_no_formula(loaded: Store, tmp_path: Path) -> None:
    exported(loaded, tmp_path / "leads.xlsx", columns=["first_name", "custom.Size", "id"])
    cells = [cell for row in load_workbook(tmp_path / "leads.xlsx").active.iter_rows() for cell in row if cell.value]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells][:5] == ["first_name", "Size", "id", "'=1+1", "'=7"]


def test_more_than_a_page_of_leads_is_exported_once_each(
    store: Store, take: Callable[..., Any], tmp_path: Path
) -> None:
    number = exporting.PAGE + 5
    take("E-mail\n" + "".join(f"p{each}@example.com\n" for each in range(number)))
    assert exported(store, tmp_path / "leads.jsonl", columns=["email"]) == number
    lines = (tmp_path / "leads.jsonl").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(line)["email"] for line in lines}) == number


def test_a_file_is_not_written_over_and_a_failure_leaves_none(loaded: Store, tmp_path: Path) -> None:
    place = tmp_path / "out" / "leads.csv"
    with pytest.raises(InvalidInput, match="cannot be written"):
        exported(loaded, place)
    place.parent.mkdir()
    for wrong, said in (("shoes", "There is no column 'shoes'"), ("", "There is no column ''")):
        with pytest.raises(InvalidInput, match=said):
            exported(loaded, place, columns=[wrong])
    with pytest.raises(InvalidInput, match="should end in"):
        exported(loaded, place.with_suffix(".txt"))
    with pytest.raises(InvalidInput, match="there is no segment 'x'"):
        exported(loaded, place, filter_of("segment = x"))
    assert list(place.parent.iterdir()) == []
    exported(loaded, place)
    with pytest.raises(InvalidInput, match="--force"):
        exported(loaded, place)
    assert exported(loaded, place, force=True) == 2


def test_a_request_is_written_by_nobody_but_the_person_who_releases_it(loaded: Store, tmp_path: Path) -> None:
    with loaded.begin("default", actor="mcp:desk") as work:
        asked = export_requests.ask(work, "country = US", columns=["email"])
        assert export_requests.ask(work, "country = US", columns=["email"]) == asked
        assert (asked.leads, asked.asked_by, len(export_requests.list_(work))) == (1, "mcp:desk", 1)
    there: Any = {"workspace": "default", "actor": "cli:ada"}
    with pytest.raises(InvalidInput, match=r"ends in \.csv"):
        export_requests.release(loaded, asked.id, tmp_path / "x.xlsx", **there)
    assert export_requests.release(loaded, asked.id, tmp_path / "x.csv", **there) == (tmp_path / "x.csv", 1)
    assert (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines() == ["email", "ada@example.com"]
    with loaded.begin("default", actor="cli:ada") as work:
        (row,) = export_requests.list_(work)
        assert (row.state, row.decided_by) == (RequestState.RELEASED, "cli:ada")
        with pytest.raises(Conflict, match="was released by cli:ada"):
            export_requests.reject(work, asked.id)
        told = [each.action for each in audit.list_(work)]
        assert told[-3:] == ["export.requested", "leads.exported", "export.released"]


def test_requests_do_not_pile_up_and_another_workspace_sees_none(loaded: Store, other: str) -> None:
    with loaded.begin("default", actor="mcp:desk") as work:
        asked = [export_requests.ask(work, f"tag = t{n}") for n in range(MOST_WAITING)]
        with pytest.raises(Conflict, match="wait already"):
            export_requests.ask(work, None)
    with loaded.begin(other, actor="cli:ada") as work:
        assert export_requests.list_(work) == []
        with pytest.raises(NotFound):
            export_requests.reject(work, asked[0].id)


def test_erasing_somebody_takes_requests_that_name_them_along(loaded: Store, keyed: Store) -> None:
    with keyed.begin("default", actor="cli:ada") as work:
        export_requests.ask(work, "email = bo@example.com")
        kept = export_requests.ask(work, "country = US")
        erase(work, lead_id_of(work, "bo@example.com"))
        assert [each.id for each in export_requests.list_(work)] == [kept.id]
