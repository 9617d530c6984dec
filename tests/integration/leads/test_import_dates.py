"""Dates that could be day first or month first, in files longer than what is looked at to recognise columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from overture_core.leads.imports import ImportReport
from overture_core.leads.understanding import SAMPLE
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]
EARLY = SAMPLE + 300


def as_csv(dates: list[str]) -> tuple[str, str]:
    return "\n".join(["email,last contact", *(f"p{n}@example.com,{date}" for n, date in enumerate(dates))]), "a.csv"


def as_json_lines(dates: list[str]) -> tuple[str, str]:
    rows = ({"email": f"p{n}@example.com", "last contact": date} for n, date in enumerate(dates))
    return "\n".join(json.dumps(row) for row in rows), "a.jsonl"


def contacts(store: Store) -> list[datetime | None]:
    """The times of last contact that are stored, each once."""
    with store.read("default") as work:
        found = set(work.session.scalars(select(Lead.last_contact_at)))
        return sorted(found, key=lambda moment: moment or datetime.min.replace(tzinfo=UTC))


@pytest.mark.parametrize("written", [as_csv, as_json_lines])
def test_a_late_date_tells_how_the_early_ones_are_read(
    store: Store, take: Import, written: Callable[[list[str]], tuple[str, str]]
) -> None:
    text, name = written(["03/04/2024"] * EARLY + ["12/25/2023"])
    report = take(text, filename=name)
    assert (report.created, report.warnings) == (EARLY + 1, [])
    assert contacts(store) == [datetime(2023, 12, 25, tzinfo=UTC), datetime(2024, 3, 4, tzinfo=UTC)]


def test_a_column_of_both_orders_stores_no_date_that_could_be_either_and_says_so(store: Store, take: Import) -> None:
    text, name = as_csv(["25/12/2023", *["03/04/2024"] * EARLY, "12/24/2023"])
    report = take(text, filename=name)
    assert report.warnings == [
        "Dates in 'last contact' are day first in some rows and month first in others; those that could be either "
        "were left out.",
        f"{EARLY} dates of last contact that could not be read, left out",
    ]
    assert contacts(store) == [None, datetime(2023, 12, 24, tzinfo=UTC), datetime(2023, 12, 25, tzinfo=UTC)]


def test_a_few_dates_against_many_are_left_out_and_said(store: Store, take: Import) -> None:
    text, name = as_csv(["25/12/2023"] * EARLY + ["12/24/2023", "03/04/2024"])
    report = take(text, filename=name)
    assert report.warnings == [
        "1 date in 'last contact' is not day first like the others and was left out.",
        "1 date of last contact that could not be read, left out",
    ]
    assert contacts(store) == [None, datetime(2023, 12, 25, tzinfo=UTC), datetime(2024, 4, 3, tzinfo=UTC)]


def test_dates_that_no_row_tells_apart_are_assumed_and_said(store: Store, take: Import) -> None:
    text, name = as_csv(["03/04/2024"] * EARLY)
    assert take(text, filename=name).warnings == [
        "Dates in 'last contact' could be day first or month first; they were read day first. If that is wrong, say so "
        "(dates, on the command line --dates month-first)."
    ]
    assert contacts(store) == [datetime(2024, 4, 3, tzinfo=UTC)]


def test_a_last_contact_that_is_yet_to_come_is_left_out_and_said(store: Store, take: Import) -> None:
    assert take("email,last contact\na@example.com,2199-01-01\n").warnings == [
        "1 date of last contact yet to come, left out"
    ]
    assert contacts(store) == [None]
    assert take("email,last contact\na@example.com,2026-11-24\n").warnings == []  # where it is tomorrow already
    take("email,last contact\na@example.com,2199-01-01\n")
    assert contacts(store) == [datetime(2026, 11, 24, tzinfo=UTC)]
