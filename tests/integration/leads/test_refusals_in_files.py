"""A no in a file counts, in whatever words, column and order; what nobody understands is named."""

# ruff: noqa: RUF001 (letters that look like others are what this is about)
from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from overture_core.leads import service
from overture_core.leads.finding import lead_id_of
from overture_core.leads.imports import ImportReport
from overture_core.messages.channels import Channel
from overture_core.storage.store import Store

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
        "3 consent values not understood, such as 'maybe' in line 2, 'not unsubscribed' in line 3: these people stay "
        "as they were, and are written to where they were; if it means no, write no there and import the file again"
    )


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
