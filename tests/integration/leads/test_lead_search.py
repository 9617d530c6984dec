"""Searching, segments, tags: each sees its own workspace alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError
from sqlalchemy import delete, select

from overture_core.errors import InvalidInput, NotFound
from overture_core.leads import service
from overture_core.leads.imports import ImportReport
from overture_core.leads.searching import Sort, search
from overture_core.messages.channels import Channel
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter, as_expression
from overture_core.segments.fulltext import has_words
from overture_core.segments.service import SegmentPreview, SegmentSample
from overture_core.storage.schema import Lead
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
    found = search(work, LeadFilter.model_validate(conditions))
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
        said = as_expression(LeadFilter.model_validate(conditions))
        assert sorted(map(str, names(work, **({"where": said} if said else {})))) == expected


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
            page = search(work, LeadFilter(), limit=3, cursor=cursor)
        seen += [lead.id for lead in page.leads]
        cursor = page.next_cursor
        assert (page.total, cursor is not None) == (4, left)
        take("email\nlater@example.com\n", dry_run=True)
    assert len(seen) == len(set(seen)) == 4
    assert seen == sorted(seen)


@pytest.mark.parametrize("cursor", ["nonsense", "", "é", "AA==", "bGVhZF8A"])
def test_a_cursor_that_was_never_given_is_refused(store: Store, cursor: str) -> None:
    with store.read("default") as work, pytest.raises(InvalidInput, match="The cursor is not one of"):
        search(work, LeadFilter(), cursor=cursor)


def test_a_preview_counts_by_country_channel_and_dormancy(store: Store, take: Import) -> None:
    take(LEADS)
    with store.read("default") as work:
        preview = segments.preview(work, LeadFilter(tags_none=["vip"]))
        ids = {lead.first_name: lead.id for lead in search(work, LeadFilter()).leads}
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
        assert [(s.name, s.count, s.where) for s in segments.list_(work)] == [("dormant", 2, "dormant_days >= 365")]
        assert segments.preview_named(work, "dormant").count == 2
        with pytest.raises(NotFound, match=r"There is no segment 'dormnat'; the segments are: dormant\."):
            segments.get(work, "dormnat")
        with pytest.raises(InvalidInput, match="1 to 100 characters"):
            segments.save(work, " ", LeadFilter())


def test_tags_are_added_once(store: Store, take: Import) -> None:
    take(LEADS)
    with store.begin("default", actor="test") as work:
        ada = search(work, LeadFilter(query="ada@")).leads[0].id
        for _ in range(2):
            service.add_tags(work, [ada, ada], ["vip", "autumn"])
        assert service.get(work, ada).tags == ["autumn", "old", "vip"]


def test_leads_segments_and_tags_of_another_workspace_are_not_seen(store: Store, take: Import, other: str) -> None:
    take(LEADS)
    with store.begin("default", actor="test") as work:
        segments.save(work, "all", LeadFilter())
        ada = search(work, LeadFilter(query="ada@")).leads[0].id
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


# --- the filter language ---


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("country = us", ["Ada"]),
        ("country in (US, DE)", ["Ada", "Bo"]),
        ("country != US", ["Bo", "Cleo", "Dana"]),  # whose country nobody knows is not in the US
        ("not country = US", ["Bo", "Cleo", "Dana"]),
        ("country is unknown", ["Dana"]),
        ("email = ADA@example.com", ["Ada"]),
        ("phone is known and email is known", ["Ada"]),
        ("tag = vip", ["Ada"]),
        ("tag in (vip, old) and not tag = vip", ["Bo"]),
        ("tag is unknown", ["Cleo", "Dana"]),
        ('company ~ "quill"', ["Ada", "Bo"]),
        ('company = "Quill Street"', ["Bo"]),
        ("last_name is unknown and (country = DE or country = GB)", ["Bo", "Cleo"]),
        ('"quil boo"', ["Ada"]),
        ('text ~ "fenn"', ["Cleo"]),
        ("dormant_days >= 365", ["Ada", "Dana"]),
        ("dormant_days < 90", ["Bo"]),
        ("last_contact < 2026-05-02", ["Ada", "Cleo"]),
        ("last_contact = 2026-05-01", ["Cleo"]),
        ("last_contact > 2026-05-01", ["Bo"]),
        ("last_contact is unknown", ["Dana"]),
        ("created >= 2020-01-01", ["Ada", "Bo", "Cleo", "Dana"]),
        ("first_name ~ a", ["Ada", "Dana"]),
        ("consent.email is unknown", ["Ada", "Bo", "Cleo", "Dana"]),
        ('custom."Shoe Size" = 9', []),
    ],
)
def test_an_expression_selects(store: Store, take: Import, expression: str, expected: list[str]) -> None:
    take(LEADS)
    with store.read("default") as work:
        assert names(work, where=expression) == expected


def test_consents_and_columns_of_ones_own_are_asked_for(store: Store, take: Import) -> None:
    take("first name,email,consent,Shoe Size\nAda,a@example.com,email,9\nBo,b@example.com,no,10\nCy,c@example.com,,\n")
    with store.read("default") as work:
        assert names(work, where="consent.email = yes") == ["Ada"]
        assert names(work, where="consent.email = no") == ["Bo"]
        assert names(work, where="consent.email is known") == ["Ada", "Bo"]
        assert names(work, where='custom."Shoe Size" in (9, 10) and not custom."Shoe Size" = 10') == ["Ada"]
        assert names(work, where='custom."Shoe Size" is unknown') == ["Cy"]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("contry = US", "at 'contry = US' (character 1): there is no such field; did you mean country?"),
        ("country = US and", "at its end: conditions are like"),
        ("country == US", "at '= US' (character 10)"),
        ("(country = US", "at its end"),
        ('country = "US', "at '\"US' (character 11): the quotation mark that opens here is never closed."),
        ("ada and 'bo", 'at "and \'bo" (character 5): conditions are like'),
        (" not", "at 'not' (character 2): a word alone is no condition"),
        ("and", "at 'and' (character 1): a word alone is no condition"),
        ("ada", 'a word alone is no condition; to look for it, put it in quotation marks: "ada".'),
        ("dormant_days >= soon", "with a number of days"),
        ("last_contact > yesterday", "with a day such as 2025-12-31"),
        ("tag ~ v", "tag takes =, !=, in, is known, not ~"),
        ("consent = yes", "write consent and a channel"),
        ("consent.email = maybe", "consent.email = yes, no or unknown"),
        ("email.domain = x", "email has no parts"),
        ("custom = 9", "write custom and a column"),
        ("country > US", "country takes =, !=, ~, in, is known, not >"),
        ('"..."', "there is no word"),
        ("", "it is empty"),
        # An agent's filter that would break out of the parentheses that the crew puts around it.
        ("country = US) or (country = DE", "at ') or (country = DE' (character 13)"),
        ("country = USA", "'USA' is not a two-letter country code"),
        ("(" * 900 + "a = b" + ")" * 900, "too deep"),
        (" or ".join(["country = US"] * 101), "more than 100 conditions"),
    ],
)
def test_an_expression_that_cannot_be_read_says_where(expression: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LeadFilter(where=expression)
    assert said in str(caught.value)


def test_segments_are_joined_cut_and_taken_away(store: Store, take: Import) -> None:
    take(LEADS)
    with store.begin("default", actor="test") as work:
        segments.save(work, "Old ones", LeadFilter(tags_any=["old"]))
        segments.save(work, 'Say "US"', LeadFilter(where="country = US"))
        assert names(work, where='segment = "Old ones" and segment = "Say \\"US\\""') == ["Ada"]
        assert names(work, where='segment in ("Old ones", "Say \\"US\\"")') == ["Ada", "Bo"]
        assert names(work, where='segment = "Old ones" and not segment = "Say \\"US\\""') == ["Bo"]
        assert names(work, where='segment != "Old ones"') == ["Cleo", "Dana"]
        segments.save(work, "Rest", LeadFilter(where='segment != "Old ones"'))
        with pytest.raises(InvalidInput, match="would contain itself"):
            segments.save(work, "Old ones", LeadFilter(where="segment = Rest"))
        with pytest.raises(InvalidInput, match="there is no segment 'Nobody'"):
            search(work, LeadFilter(where="segment = Nobody"))


def test_a_frozen_segment_keeps_who_was_in_it(store: Store, take: Import) -> None:
    take(LEADS)
    with store.begin("default", actor="test") as work:
        live = segments.save(work, "live", LeadFilter(tags_any=["old"]))
        frozen = segments.save(work, "frozen", LeadFilter(tags_any=["old"]), frozen=True)
        assert (live.count, live.frozen_at, frozen.count, frozen.frozen_at) == (2, None, 2, work.now())
        dana = search(work, LeadFilter(query="dana")).leads[0].id
        service.add_tags(work, [dana], ["old"])
        counted = {each.name: each.count for each in segments.list_(work)}
        assert counted == {"live": 3, "frozen": 2}
        assert segments.preview_named(work, "frozen").count == 2
        assert names(work, where="segment = live and not segment = frozen") == ["Dana"]
        again = segments.save(work, "frozen", LeadFilter(tags_any=["old"]))
        assert (again.count, again.frozen_at) == (3, None)


# --- orders ---


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.OLDEST, ["Ada", "Bo", "Cleo", "Dana"]),
        (Sort.NEWEST, ["Dana", "Cleo", "Bo", "Ada"]),
        (Sort.LONGEST_SILENT, ["Dana", "Ada", "Cleo", "Bo"]),
        (Sort.RECENTLY_CONTACTED, ["Bo", "Cleo", "Ada", "Dana"]),
    ],
)
def test_pages_keep_an_order_while_leads_are_added(store: Store, take: Import, sort: Sort, expected: list[str]) -> None:
    take(LEADS)
    ours = "email is unknown or email ~ example.com"
    found: list[str | None] = []
    cursor = None
    for turn in range(9):
        with store.read("default") as work:
            page = search(work, LeadFilter(where=ours), limit=1, cursor=cursor, sort=sort)
        found += [lead.first_name for lead in page.leads]
        take(f"first name,email,last contact\nNew{turn},n{turn}@example.net,2025-01-0{turn + 1}\n")
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == expected
    other = Sort.NEWEST if sort is Sort.OLDEST else Sort.OLDEST
    with store.read("default") as work:
        first = search(work, LeadFilter(), limit=1, sort=sort)
        with pytest.raises(InvalidInput, match="in this order"):
            search(work, LeadFilter(), cursor=first.next_cursor, sort=other)


# --- words ---


def test_a_common_word_finds_whom_a_rare_one_would(store: Store, take: Import) -> None:
    take(LEADS)
    with store.read("default") as work:
        for words in ("quill", "ada quill", "example", "nobody"):
            rare, common = has_words(work, words), has_words(work, words, many=0)
            assert rare is not None
            assert common is not None
            found = [
                work.session.scalars(select(Lead.id).where(each).order_by(Lead.id)).all() for each in (rare, common)
            ]
            assert found[0] == found[1]
            assert (str(rare.compile(store.engine)) == str(common.compile(store.engine))) is (
                store.engine.dialect.name == "postgresql"
            )


def test_words_are_those_that_a_lead_has_now(store: Store, take: Import) -> None:
    take(LEADS)
    with store.begin("default", actor="test") as work:
        ada = work.session.scalars(select(Lead).where(Lead.first_name == "Ada")).one()
        ada.company, ada.first_name = "Northwind O'Hara & Søn", "Adela"
        work.session.flush()
        assert names(work, query="quill") == ["Bo"]
        assert names(work, query="north søn O'HARA") == ["Adela"]
        work.session.execute(delete(Lead).where(Lead.first_name == "Bo"))
        assert names(work, query="quill") == []
    if store.engine.dialect.name == "sqlite":  # VACUUM numbers rows anew
        with store.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("BEGIN")
    with store.read("default") as work:
        assert names(work, query="fennel") == ["Cleo"]
        assert names(work, query="dana@example") == ["Dana"]
        assert names(work, query="'); DROP TABLE leads; --") == []
        assert names(work, query='* " OR') == []
