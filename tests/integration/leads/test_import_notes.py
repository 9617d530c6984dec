"""What an import leaves out or doubts, and says so in its report."""

from __future__ import annotations

import json
from collections.abc import Callable

from overture_core.leads import service
from overture_core.leads.finding import lead_id_of
from overture_core.leads.imports import ImportReport
from overture_core.leads.service import LeadView
from overture_core.messages.channels import Channel
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]


def lead_by_email(store: Store, email: str) -> LeadView:
    with store.read("default") as work:
        return service.get(work, lead_id_of(work, email))


def test_only_names_that_were_split_are_counted(take: Import) -> None:
    report = take("name,email\nAda,a@example.com\nBo Ray,b@example.com\n")
    assert report.warnings == ["1 full name split into first and last name"]


def test_values_of_json_that_hold_nul_characters_are_counted(store: Store, take: Import) -> None:
    one = '{"email": "a@example.com", "company": "Qu\\u0000ill", "title": "Head"}\n'
    assert take(one, filename="leads.jsonl").warnings == [
        "1 value that was stripped of NUL characters, which no text has"
    ]
    two = '[{"email": "b@example.com", "title": "He\\u0000ad", "own": "\\u0000"}]'
    assert take(two, filename="leads.json").warnings == [
        "2 values that were stripped of NUL characters, which no text has"
    ]
    assert lead_by_email(store, "a@example.com").company == "Quill"
    assert lead_by_email(store, "b@example.com").custom == {}


def test_what_is_no_single_value_in_json_becomes_no_field(store: Store, take: Import) -> None:
    rows = [
        {
            "email": ["a@example.com"],
            "name": {"first": "Ann", "last": "Lee"},
            "tags": ["fair", "vip"],
            "unsubscribed": True,
        },
        {"email": "b@example.com", "name": ["Bo", "Ray"], "title": True, "email_opt_in": True},
        {"email": ["c@example.com", "d@example.com"], "phone": "+12125550101"},
    ]
    report = take("\n".join(map(json.dumps, rows)), filename="leads.jsonl")
    assert (report.created, report.rejected) == (3, 0)
    assert [each for each in report.warnings if "left out" in each] == [
        "1 value of email left out: a list where a text belongs",
        "1 value of full_name left out: a list where a text belongs",
        "1 value of title left out: true or false where a text belongs",
    ]
    ann, bo = lead_by_email(store, "a@example.com"), lead_by_email(store, "b@example.com")
    assert (ann.first_name, ann.last_name, ann.tags) == ("Ann", "Lee", ["fair", "vip"])
    assert {each.granted for each in ann.consents} == {False}
    assert (bo.first_name, bo.title) == (None, None)
    assert [(each.channel, each.granted) for each in bo.consents] == [(Channel.EMAIL, True)]


def test_rows_that_only_their_number_joins_to_somebody_else_are_said(take: Import) -> None:
    text = (
        "email,phone,name\n"
        "ann@sw.example,+12025550199,Ann Lee\n"
        "bob@sw.example,+12025550199,Bob Ray\n"
        "cy@sw.example,+12025550199,Cy Orr\n"
        "ann@home.example,+12025550199,ann lee\n"
        ",+12025550199,Dee\n"
    )
    for dry_run in (True, False):
        report = take(text, dry_run=dry_run)
        assert (report.created, report.merged + report.unchanged) == (1, 4)
        (said,) = [each for each in report.warnings if "phone alone" in each]
        assert said.startswith(
            "2 rows were joined by phone alone to a lead of another name and e-mail address, such as line 3; "
        )
    assert [each for each in take(text).warnings if "phone alone" in each] == []


def test_a_national_number_is_not_read_by_another_country_than_its_row_says(store: Store, take: Import) -> None:
    report = take(
        "email,phone,country\n,07700 900123,Nowhere\na@example.com,07700 900124,Nowhere\n,07700 900125,n/a\n",
        default_country="GB",
    )
    assert (report.created, report.rejected) == (2, 1)
    assert report.reject_samples[0].reasons[1] == "country: 'Nowhere' is not known"
    assert report.warnings == [
        "2 countries that were not recognised, left out",
        "1 row kept without one of its addresses, which was not valid",
    ]
    assert lead_by_email(store, "a@example.com").phone is None
