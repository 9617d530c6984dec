"""tests/data/awkward: files as programs, people and accidents make them, with what has to become of each.

`expected.json` says for every file how it is read and what becomes of each row, or the sentence it is
refused with. Its numbers were counted by hand; a change of them is a change of what an import promises.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.errors import InvalidInput
from overture_core.leads.importing import import_leads
from overture_core.leads.imports import rejects
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

FOLDER = Path(__file__).parents[2] / "data" / "awkward"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


def outcome(store: Store, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Import a file of the folder, and say everything that became of it as `expected.json` does."""
    chosen = ImportOptions.model_validate(options)
    try:
        report = import_leads(store, Source.from_path(name, [FOLDER]), chosen, workspace="default", actor="test")
    except InvalidInput as error:
        return {"refused": error.message}
    assert report.import_id is not None
    with store.read("default") as work:
        rejected = {str(each.line): each.reasons for each in rejects(work, report.import_id)}
        leads = [_shown(lead) for lead in work.session.scalars(select(Lead))]
    assert report.rows == report.created + report.merged + report.unchanged + len(rejected)
    return {
        **report.model_dump(include={"encoding", "delimiter", "mapping", "created", "merged", "unchanged"}),
        "rejected": rejected,
        "leads": sorted(leads),
        "warnings": [each for each in report.warnings if not each[0].isdigit()],  # those of rows are told by others
    }


def _shown(lead: Lead) -> str:
    contact = f"{lead.last_contact_at:%Y-%m-%d %H:%M}" if lead.last_contact_at else None
    who = (lead.email, lead.phone, lead.first_name, lead.last_name, lead.company, lead.country, contact)
    return " | ".join(each for each in who if each)


def test_every_file_of_the_folder_is_expected() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*EXPECTED, "expected.json"}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_awkward_file_becomes_what_is_expected_and_nothing_more_the_second_time(
    sqlite_store: Store, name: str
) -> None:
    expected = EXPECTED[name]
    options = expected.get("options", {})
    first = outcome(sqlite_store, name, options)
    assert first == {key: value for key, value in expected.items() if key != "options"}
    if "refused" not in first:
        again = outcome(sqlite_store, name, options)
        taken = first["created"] + first["merged"] + first["unchanged"]
        assert again == {**first, "created": 0, "merged": 0, "unchanged": taken}
    else:
        assert first["refused"].endswith(".")
        assert "\n" not in first["refused"]
