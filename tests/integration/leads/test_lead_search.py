"""Searching, segments, tags: each sees its own workspace alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from overture_core.errors import InvalidInput, NotFound
from overture_core.leads import service
from overture_core.leads.importing import ImportReport
from overture_core.messages.channels import Channel
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.segments.service import SegmentPreview, SegmentSample
from overture_core.storage.store import Store, Work

Import = Callable[..., ImportReport]
# The clock stands at 2026-11-23.
LEADS = """\
first name,email,phone,company,country,last contact,tags
Ada,ada@example.com,+12125550123,Quill 100% Books,US,2024-01-01,vip;old
Bo,bo@example.com,,Quill Street,DE,2026-11-01,old
Cleo,,+447700900123,Fennel,GB,2026-05-01,
Dana,dana@example.com,,,,,
"""


def names(work: Work, **conditions: object) -> list[str | None]:
    found = service.search(work, LeadFilter.model_validate(conditions))
    assert found.total == len(found.leads)
    return [lead.first_name for lead in found.leads]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, ["Ada", "Bo", "Cleo", "Dana"]),
        ({"query": "QUILL ada"}, ["Ada"]),
        ({"query": "100%"}, ["Ada"]),
        ({"query": "_"}, []),
        ({"query": "bo\x00"}, ["Ada", "Bo"]),
        ({"company_contains": "quill"}, ["Ada", "Bo"]),
        ({"dormant_days_min": 90}, ["Ada", "Cleo", "Dana"]),
        ({"dormant_days_max": 300}, ["Bo", "Cleo"]),
        ({"dormant_days_min": 90, "dormant_days_max": 300}, ["Cleo"]),
        ({"countries": ["us", "GB"]}, ["Ada", "Cleo"]),
        ({"countries": []}, []),
        ({"tags_any": ["vip", "none"]}, ["Ada"]),
        ({"tags_none": ["vip"]}, ["Bo", "Cleo", "Dana"]),
        ({"has_email": True, "has_phone": False}, ["Bo", "Dana"]),
        ({"has_email": False}, ["Cleo"]),
        ({"import_id": "imp_other"}, []),
    ],
)
def test_every_condition_has_to_hold(
    store: Store, take: Import, conditions: dict[str, object], expected: list[str]
) -> None:
    take(LEADS)
    with store.read("default") as work:
        assert sorted(map(str, names(work, **conditions))) == expected


def test_a_filter_of_an_unknown_field_or_country_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        LeadFilter.model_validate({"city": "Rome"})
    with pytest.raises(ValidationError, match="'Germany' is not a two-letter country code such as US or DE"):
        LeadFilter(countries=["Germany"])


def test_pages_follow_one_another_without_gap_or_repetition(store: Store, take: Import) -> None:
    take(LEADS)
    seen: list[str] = []
    cursor = None
    for left in (True, False):
        with store.read("default") as work:
            page = service.search(work, LeadFilter(), limit=3, cursor=cursor)
        seen += [lead.id for lead in page.leads]
        cursor = page.next_cursor
        assert (page.total, cursor is not None) == (4, left)
        take("email\nlater@example.com\n", dry_run=True)
    assert len(seen) == len(set(seen)) == 4
    assert seen == sorted(seen)


@pytest.mark.parametrize("cursor", ["nonsense", "", "é", "AA==", "bGVhZF8A"])
def test_a_cursor_that_was_never_given_is_refused(store: Store, cursor: str) -> None:
    with store.read("default") as work, pytest.raises(InvalidInput, match="The cursor is not valid"):
        service.search(work, LeadFilter(), cursor=cursor)


def test_a_preview_counts_by_country_channel_and_dormancy(store: Store, take: Import) -> None:
    take(LEADS)
    with store.read("default") as work:
        preview = segments.preview(work, LeadFilter(tags_none=["vip"]))
        ids = {lead.first_name: lead.id for lead in service.search(work, LeadFilter()).leads}
    assert preview.model_copy(update={"sample": []}) == SegmentPreview(
        count=3,
        by_country={"DE": 1, "GB": 1, "unknown": 1},
        by_channel={"email": 2, "sms": 1},
        dormant_days={"under 90": 1, "90 to 364": 1, "unknown": 1},
        sample=[],
    )
    assert sorted(preview.sample, key=lambda lead: lead.name) == [
        SegmentSample(lead_id=ids["Bo"], name="Bo", company="Quill Street", country="DE"),
        SegmentSample(lead_id=ids["Cleo"], name="Cleo", company="Fennel", country="GB"),
        SegmentSample(lead_id=ids["Dana"], name="Dana", company=None, country=None),
    ]


def test_a_segment_is_saved_replaced_listed_and_counted_anew(store: Store, take: Import) -> None:
    with store.begin("default", actor="test") as work:
        assert segments.save(work, " dormant ", LeadFilter(dormant_days_min=90)).count == 0
    take(LEADS)
    with store.begin("default", actor="test") as work:
        segments.save(work, "dormant", LeadFilter(dormant_days_min=365))
        assert [(s.name, s.count, s.filter) for s in segments.list_(work)] == [
            ("dormant", 2, LeadFilter(dormant_days_min=365))
        ]
        assert segments.preview_named(work, "dormant").count == 2
        with pytest.raises(NotFound, match=r"There is no segment 'dormnat'; the segments are: dormant\."):
            segments.get(work, "dormnat")
        with pytest.raises(InvalidInput, match="1 to 100 characters"):
            segments.save(work, " ", LeadFilter())


def test_tags_are_added_once(store: Store, take: Import) -> None:
    take(LEADS)
    with store.begin("default", actor="test") as work:
        ada = service.search(work, LeadFilter(query="ada@")).leads[0].id
        for _ in range(2):
            service.add_tags(work, [ada, ada], ["vip", "autumn"])
        assert service.get(work, ada).tags == ["autumn", "old", "vip"]


def test_leads_segments_and_tags_of_another_workspace_are_not_seen(store: Store, take: Import, other: str) -> None:
    take(LEADS)
    with store.begin("default", actor="test") as work:
        segments.save(work, "all", LeadFilter())
        ada = service.search(work, LeadFilter(query="ada@")).leads[0].id
    with store.read(other) as work:
        assert names(work) == []
        assert service.find_by_address(work, Channel.EMAIL, "ada@example.com") is None
        assert segments.list_(work) == []
        assert segments.preview(work, LeadFilter()).count == 0
        with pytest.raises(NotFound, match="There is no lead"):
            service.get(work, ada)
        with pytest.raises(NotFound, match="the segments are: none yet"):
            segments.get(work, "all")
    with store.begin(other, actor="test") as work, pytest.raises(NotFound, match="There is no lead"):
        service.add_tags(work, [ada], ["theirs"])
    with store.read("default") as work:
        assert service.get(work, ada).tags == ["old", "vip"]
