"""A no in a file counts, in whatever words, column and order; what nobody understands is named."""

# ruff: noqa: RUF001 (letters that look like others are what this is about)
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal

import pytest

from overture_core.leads import service
from overture_core.leads.finding import lead_id_of
from overture_core.leads.imports import ImportReport
from overture_core.messages.channels import Channel
from overture_core.storage.store import Store
from overture_core.suppressions.service import suppressed

Import = Callable[..., ImportReport]
NONE = dict.fromkeys(Channel, False)
WORDS = (
    "unsubscribe|unsubscribed|optout|OPT_OUT|opt out|do not contact|DNC|stop|no consent|no email|not subscribed|no.",
    "No thanks|keine|abgelehnt|widerrufen|abgemeldet|refusé|désabonné|rechazado|rifiutato|nej|nei|nie|ne|нет|いいえ|否",
    "hayır|HAYIR|please stop emailing me|Bitte keine Werbung mehr|no contactar",
)


def consents(store: Store, address: str) -> dict[Channel, bool]:
    """What is on record for the lead of an address."""
    with store.read("default") as work:
        return {each.channel: each.granted for each in service.get(work, lead_id_of(work, address)).consents}


@pytest.mark.parametrize(
    ("header", "cells", "kept"),
    [
        ("email_opt_in,consent", "yes,no", NONE),
        ("consent,email_opt_in", "no,yes", NONE),
        ("consent,sms_opt_in", "no,yes", NONE),
        ("consent", "no;email", NONE),
        ("consent", "nein/ja", NONE),
        ("consent", '"no, yes"', NONE),
        ("email_opt_in,email_opt_in", "no,yes", {Channel.EMAIL: False}),
    ],
)
def test_a_no_in_a_row_wins_over_whatever_it_grants_and_the_report_names_the_line(
    store: Store, take: Import, header: str, cells: str, kept: dict[Channel, bool]
) -> None:
    report = take(f"email,phone,{header}\na@n.example,+12025550101,{cells}\n")
    assert consents(store, "a@n.example") == kept
    assert "1 row that grant and refuse the same channel (line 2): the refusal was taken" in report.warnings


def test_a_no_to_one_channel_leaves_the_yes_to_another(store: Store, take: Import) -> None:
    report = take('email,phone,consent\na@n.example,+12025550101,"email, no sms"\n')
    assert consents(store, "a@n.example") == {Channel.EMAIL: True, Channel.SMS: False}
    assert [each for each in report.warnings if "refuse" in each] == []


@pytest.mark.parametrize("column", ["consent", "email_opt_in", "Marketing Consent", "Einwilligung"])
def test_the_words_of_a_refusal_are_known_in_the_languages_of_lists(store: Store, take: Import, column: str) -> None:
    words = [word for line in WORDS for word in line.split("|")]
    rows = "".join(f"a{n}@n.example,{word}\n" for n, word in enumerate(words))
    report = take(f"email,{column}\n{rows}")
    assert [each for each in report.warnings if "not understood" in each] == []
    kept = {word: consents(store, f"a{n}@n.example").get(Channel.EMAIL) for n, word in enumerate(words)}
    assert kept == dict.fromkeys(words, False)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"email": False}, {Channel.EMAIL: False}),
        ({"email": "denied"}, {Channel.EMAIL: False}),
        ({"email": {"granted": False}, "sms": True}, {Channel.EMAIL: False, Channel.SMS: True}),
        ({"marketing": False}, NONE),
        ({"terms": True}, {}),
    ],
)
def test_an_object_of_json_says_yes_or_no_by_its_channels(
    store: Store, take: Import, said: dict[str, object], kept: dict[Channel, bool]
) -> None:
    row = {"email": "a@n.example", "phone": "+12025550101", "consent": said}
    take(json.dumps([row]), filename="leads.json")
    assert consents(store, "a@n.example") == kept


def test_what_is_not_understood_changes_nothing_and_is_named_with_its_first_line(store: Store, take: Import) -> None:
    take("email,consent\na@n.example,email\n")
    report = take("email,consent\na@n.example,maybe\nb@n.example,not unsubscribed\nc@n.example,maybe\n")
    assert consents(store, "a@n.example") == {Channel.EMAIL: True}
    assert consents(store, "b@n.example") == {}
    (said,) = [each for each in report.warnings if "not understood" in each]
    assert said.startswith(
        "3 consent values not understood, or not wholly, in 'consent' (3), such as 'maybe' in line 2, "
        "'not unsubscribed' in line 3: "
        "what is not changes nothing, and they are written to where nothing refuses; if it means no, write no there "
        "and import the file again"
    )


def test_a_date_in_a_column_of_consent_grants_nothing_and_the_report_says_what_to_do(
    store: Store, take: Import
) -> None:
    report = take("email,email_opt_in,consent\na@n.example,2026-03-01,maybe\nb@n.example,2026-03-02,\n")
    assert consents(store, "a@n.example") == {}
    (said,) = [each for each in report.warnings if "not understood" in each]
    assert said.startswith(
        "3 consent values not understood, or not wholly, in 'email_opt_in' (2), 'consent' (1), such as '2026-03-01'"
    )
    assert said.endswith("; a date is no yes: write yes there, and the date in a column mapped to consent_at")


@pytest.mark.parametrize("cell", ["n/a", "-", ""])
def test_an_empty_answer_says_nothing(store: Store, take: Import, cell: str) -> None:
    report = take(f"email,consent\na@n.example,{cell}\n")
    assert (consents(store, "a@n.example"), report.warnings) == ({}, [])


@pytest.mark.parametrize(
    ("column", "cell", "kept"),
    [
        *((name, "ja", NONE) for name in ("Nicht kontaktieren", "Werbesperre", "Kontaktsperre", "Global Opt Out")),
        *((name, "x", NONE) for name in ("Ne pas contacter", "No molestar", "Baja", "Suppressed", "Blacklisted")),
        *((name, "2025-03-01", NONE) for name in ("Unsubscribed", "Unsubscribed Date", "Opt-Out Datum")),
        *((name, "no", NONE) for name in ("Marketing Consent", "GDPR consent", "Werbeeinwilligung", "Consent Status")),
        ("Email Marketing", "no", {Channel.EMAIL: False}),
        ("Email Status", "unsubscribed", {Channel.EMAIL: False}),
        ("Subscription status", "unsubscribed", NONE),
        ("Status", "Do not contact", NONE),
        ("Status", "Not verified", {}),
        ("Email Status", "Verified", {}),
    ],
)
def test_columns_of_refusals_and_statuses_are_known_by_their_usual_names(
    store: Store, take: Import, column: str, cell: str, kept: dict[Channel, bool]
) -> None:
    take(f"email,{column}\na@n.example,{cell}\n")
    assert consents(store, "a@n.example") == kept


def test_every_column_of_consent_counts(store: Store, take: Import) -> None:
    report = take("email,consent,Einwilligung\na@n.example,,nein\n")
    assert (report.unmapped, consents(store, "a@n.example")) == ([], NONE)


def test_a_status_stays_a_custom_field(store: Store, take: Import) -> None:
    report = take("email,Email Status\na@n.example,Verified\n")
    assert report.unmapped == ["Email Status"]


def is_suppressed(store: Store, kind: Literal["email", "phone"], value: str) -> bool:
    with store.read("default") as work:
        return bool(suppressed(work, kind, [value]))


@pytest.mark.parametrize(
    ("header", "cells", "other"),
    [
        ("Email,Email 2,opt_out", "a@n.example,b@n.example,yes", "b@n.example"),
        ("Email,Secondary Email,consent", "a@n.example,b@n.example,no", "b@n.example"),
        ("Email,Courriel secondaire,opt_out", "a@n.example,b@n.example,x", "b@n.example"),
        ("Email,Phone,Mobile,opt_out", "a@n.example,+12025550101,+12025550102,yes", "+12025550102"),
        ("Email,Phone,Téléphone secondaire,opt_out", "a@n.example,,+12025550102,yes", "+12025550102"),
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
def test_a_row_that_refuses_does_so_for_every_address_in_it(
    store: Store, take: Import, header: str, cells: str, other: str, is_known: bool
) -> None:
    if is_known:
        take(f"email,phone\n{other if '@' in other else ''},{'' if '@' in other else other}\n")
    report = take(f"{header}\n{cells}\n")
    if is_known:
        assert consents(store, other) == NONE
    else:
        assert is_suppressed(store, "email" if "@" in other else "phone", other)
        assert "1 address of no lead yet in a row that refuses, suppressed" in report.warnings


def test_addresses_inside_an_object_of_json_refuse_with_their_row(store: Store, take: Import) -> None:
    contacts = {"private": "b@n.example", "more": ["c@n.example"], "owner": {"email": "me@n.example"}}
    take(json.dumps([{"email": "a@n.example", "contacts": contacts, "opt_out": True}]), filename="leads.json")
    assert not is_suppressed(store, "email", "me@n.example")
    assert is_suppressed(store, "email", "b@n.example")
    assert is_suppressed(store, "email", "c@n.example")


@pytest.mark.parametrize(
    "column",
    [
        *("Owner Email", "CSM", "KAM Email", "Account manager", "Accountmanager", "Sales representative", "AE Email"),
        *("Recruiter", "Support email", "Partner E-Mail", "Email du recruteur", "Assigned to", "Referred by"),
        *("Betreuer", "Kundenbetreuung", "Responsable", "Responsável", "Relatiebeheerder", "Opiekun", "Куратор"),
    ],
)
def test_addresses_of_our_own_people_and_in_remarks_do_not_refuse(store: Store, take: Import, column: str) -> None:
    take(f"email,{column},Remark,opt_out\na@n.example,me@n.example,see bob@n.example,yes\n")
    assert not is_suppressed(store, "email", "me@n.example")
    assert not is_suppressed(store, "email", "bob@n.example")


@pytest.mark.parametrize("column", ["Business Partner Email", "Supporter Email", "Secondary Email", "Homeowner"])
def test_an_address_that_only_sounds_like_somebody_elses_refuses_with_its_row(
    store: Store, take: Import, column: str
) -> None:
    take(f"email,{column},opt_out\na@n.example,b@n.example,yes\n")
    assert is_suppressed(store, "email", "b@n.example")


@pytest.mark.parametrize(
    ("column", "cell"),
    [("Owner Email", "bo@n.example"), ("Business Owner Email", "Bo <bo@n.example>"), ("Owner Phone", "+12025550101")],
)
def test_a_column_of_addresses_that_is_called_like_ours_is_pointed_out(take: Import, column: str, cell: str) -> None:
    text = f"email,{column},Assigned by\na@n.example,,@ada\nb@n.example,{cell},Bo\n"
    assert take(text).warnings == [
        f"'{column}' sounds like somebody else's: its addresses were not taken for the lead's. If they are, map it "
        "to email or phone, or call it Email 2 or Phone 2 beside another one."
    ]
    assert take(text, mapping={column: "custom"}).warnings == []


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("external_id,email,opt_out\nX7,broken,yes\n", "merged"),
        ("external_id,email,opt_out\nX7,,yes\n", "merged"),
        ("external_id,opt_out\nX7,yes\n", "merged"),
        ("linkedin,email,opt_out\nlinkedin.com/in/ada,,yes\n", "merged"),
        ("email,opt_out\nada@n.example; eve@n.example,yes\n", "rejected"),
        ("email,opt_out\nada@n.example.,yes\n", "merged"),
        ("email,opt_out\nada@n.example (old),yes\n", "rejected"),
        ("email,opt_out\nada@n.example,yes,more\n", "rejected"),
        ("name,email,opt_out\nLee, Ada,ada@n.example,yes\n", "rejected"),
    ],
)
def test_a_row_that_is_no_lead_refuses_for_the_one_it_names(
    store: Store, take: Import, text: str, outcome: str
) -> None:
    take("external_id,email,linkedin\nX7,ada@n.example,linkedin.com/in/ada\n")
    report = take(text)
    assert report.model_dump()[outcome] == report.rows == 1
    assert consents(store, "ada@n.example") == NONE
    assert [each.reasons[-1] for each in report.reject_samples] == (
        ["what it refuses was recorded for every address that could be read in it"] if outcome == "rejected" else []
    )


@pytest.mark.parametrize(
    "text",
    ["external_id,email,opt_out\nX8,broken,yes\n", "email,Phone,Work Phone,email_opt_out\nbroken,,+12025550101,yes\n"],
)
def test_a_row_that_refuses_and_names_nobody_is_rejected_with_that(take: Import, text: str) -> None:
    report = take(text)
    assert report.rejected == 1
    assert report.reject_samples[0].reasons[-1] == (
        "it refuses to be written to, and no lead was found by it: record that by hand"
    )


def test_a_row_that_cannot_be_read_says_to_look_whether_it_refuses(take: Import) -> None:
    report = take("email,opt_out\nada@n.example,y\x00es\nb@n.example,\n")
    assert report.reject_samples[0].reasons[-1] == (
        "whether it refuses could not be read: look at it, and record a refusal by hand"
    )
    assert len(take("email,name\nada@n.example,A\x00da\nc@n.example,\n").reject_samples[0].reasons) == 1


def test_a_row_of_another_width_whose_cells_only_slip_into_a_column_of_refusals_refuses_nothing(
    store: Store, take: Import
) -> None:
    take("email\nada@n.example\n")
    assert take("email,opt_out,name\nada@n.example,,Lee, Ada\n").rejected == 1
    assert consents(store, "ada@n.example") == {}


def test_a_report_names_no_address_that_stands_in_a_cell_of_consent(take: Import) -> None:
    (said,) = take("email,consent\na@n.example,see bob@n.example\n").warnings
    assert "such as one with an address in line 2" in said
    assert "bob" not in said


@pytest.mark.parametrize("unknown", ["Not asked", "No response", "Pending"])
def test_a_refusal_among_answers_that_nobody_gave_counts(store: Store, take: Import, unknown: str) -> None:
    others = "".join(f"n{number}@n.example,{unknown}\n" for number in range(8))
    take(f"email,SMS marketing\n{others}a@n.example,Opted out\n")
    assert (consents(store, "a@n.example"), consents(store, "n1@n.example")) == ({Channel.SMS: False}, {})


@pytest.mark.parametrize(
    ("said", "kept"), [("sms", {Channel.SMS: False}), ("email, sms", {Channel.EMAIL: False, Channel.SMS: False})]
)
def test_an_opt_out_that_names_channels_alone_is_about_them(
    store: Store, take: Import, said: str, kept: dict[Channel, bool]
) -> None:
    take(f'email,opt_out\na@n.example,"{said}"\n')
    assert consents(store, "a@n.example") == kept
