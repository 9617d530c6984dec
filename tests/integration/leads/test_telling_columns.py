"""Columns whose names no field has, and that tell of consent: read for refusals, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from overture_core.leads import service
from overture_core.leads.finding import lead_id_of
from overture_core.leads.imports import ImportReport
from overture_core.messages.channels import Channel
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]
NONE = dict.fromkeys(Channel, False)
EMAIL = {Channel.EMAIL: False}
CALLED = {Channel.SMS: False, Channel.VOICE: False}


def consents(store: Store, address: str = "a@n.example") -> dict[Channel, bool]:
    """What is on record for the lead of an address."""
    with store.read("default") as work:
        return {each.channel: each.granted for each in service.get(work, lead_id_of(work, address)).consents}


@pytest.mark.parametrize(
    ("column", "kept"),
    [
        *((name, EMAIL) for name in ("newsletter_subscribed", "subscribed_to_emails", "Inscrit newsletter")),
        *((name, EMAIL) for name in ("Mailing erlaubt", "OK to email", "Allow email", "mail_ok", "Receive emails")),
        *(
            (name, NONE)
            for name in ("is_subscribed", "Abonné", "Suscrito", "DSGVO", "RGPD", "Zustimmung", "Permission")
        ),
        *((name, NONE) for name in ("Marketing permission", "Marketing allowed", "Contactable", "Agreed", "isOptIn")),
    ],
)
def test_a_no_to_what_a_column_asks_refuses_and_a_yes_grants_nothing(
    store: Store, take: Import, column: str, kept: dict[Channel, bool]
) -> None:
    report = take(f"email,{column}\na@n.example,no\nb@n.example,yes\nc@n.example,\n")
    assert [consents(store, f"{each}@n.example") for each in "abc"] == [kept, {}, {}]
    assert report.unmapped == [column]
    assert [each for each in report.warnings if column in each] == [
        f"'{column}' was kept as a custom field and read for refusals by its name: a no refuses, a yes grants nothing. "
        "A mapping can settle it, to a field (consent, email_opt_in, opt_out, ...) or custom, where nothing is read."
    ]


@pytest.mark.parametrize(
    ("column", "cell", "kept"),
    [
        *((name, "yes", NONE) for name in ("STOP", "DND", "gesperrt", "Sperrvermerk", "Opposition", "Afgemeld")),
        *((name, "1", NONE) for name in ("Leiratkozott", "Revoked", "Withdrawn", "GDPR objection", "Declined")),
        *((name, "x", NONE) for name in ("Excluded", "Remove", "Opt-out by shop 7", "isOptOut", "Spam complaint")),
        *((name, "2026-03-01", NONE) for name in ("UNSUB_TIME", "Revoked at", "Consent withdrawn on")),
        ("No Mail", "true", EMAIL),
        ("emailBounced", "true", EMAIL),
        ("Unsubscribe reason", "too many mails", NONE),
    ],
)
def test_what_is_no_no_in_a_column_of_refusals_refuses(
    store: Store, take: Import, column: str, cell: str, kept: dict[Channel, bool]
) -> None:
    take(f"email,{column}\na@n.example,{cell}\nb@n.example,\n")
    assert (consents(store), consents(store, "b@n.example")) == (kept, {})


@pytest.mark.parametrize(
    ("column", "cell", "kept"),
    [
        ("SMS Status", "unsubscribed", {Channel.SMS: False}),
        ("WhatsApp Status", "opted out", {Channel.WHATSAPP: False}),
        ("Phone Status", "do not contact", CALLED),
        ("MEMBER_STATUS", "Unsubscribed", NONE),
        ("Marketing Contact Status", "Non-marketing contact", NONE),
        *((name, "Unsubscribed", NONE) for name in ("Subscription", "Lifecycle", "Stage", "List", "Tags", "Segment")),
        *((name, "Do not contact", NONE) for name in ("Lifecycle Stage", "Tags", "Kategorie")),
        ("Tags", "vip;DNC", NONE),
        ("Gruppe", "abgemeldet", NONE),
    ],
)
def test_a_status_or_a_label_that_says_that_somebody_is_off_refuses(
    store: Store, take: Import, column: str, cell: str, kept: dict[Channel, bool]
) -> None:
    take(f"email,{column}\na@n.example,{cell}\nb@n.example,Active\n")
    assert (consents(store), consents(store, "b@n.example")) == (kept, {})


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(("Status", each) for each in ("End", "Quit", "Cancel", "Stopover", "No answer")),
        *(("Subscription", each) for each in ("None", "no", "Cancelled", "0")),
        *(("Opposition", each) for each in ("Acme Ltd", "0.5")),
        *(("Marketing budget", each) for each in ("0", "no")),
        *((name, "no") for name in ("Remote work allowed", "Wants demo", "Accepts cards", "Agreed to meeting")),
        *((name, "yes") for name in ("Quote declined", "Casino Email sent", "Exclusive", "Blockchain", "Roadblock")),
        ("Unsubscribe URL", "https://n.example/unsubscribe"),
        ("Unsubscribe rate", "0.4"),
        ("Industry", "Opt-out: no"),
        ("Slogan", "Do not contact lenses wear out? Ours never do as you will see"),
        ("Deal owner status", "do not contact"),
        ("GDPR contact date", "2018-05-25"),
        ("Received", "no"),
    ],
)
def test_what_only_sounds_like_it_refuses_nothing(store: Store, take: Import, column: str, cell: str) -> None:
    take(f"email,{column}\na@n.example,{cell}\n")
    assert consents(store) == {}


def test_values_that_tell_of_something_else_are_pointed_out(store: Store, take: Import) -> None:
    report = take("email,Declined\na@n.example,price\nb@n.example,timing\nc@n.example,yes\n")
    assert consents(store, "c@n.example") == {}
    assert report.warnings == [
        "'Declined' sounds like a consent or a refusal, which its values do not: it was kept as a custom field; if it "
        "is one, map it (opt_out, email_opt_out, consent, ...)."
    ]


def test_whoever_maps_a_column_to_custom_wants_it_unread(store: Store, take: Import) -> None:
    report = take("email,DSGVO,Stage\na@n.example,no,Opted out\n", mapping={"DSGVO": "custom", "Stage": "custom"})
    assert (consents(store), report.warnings) == ({}, [])


def test_a_saved_mapping_does_not_silence_a_column(store: Store, take: Import) -> None:
    take("email,Zustimmung\na@n.example,ja\n", save_mapping="crm")
    take("email,Zustimmung\na@n.example,nein\n", mapping_name="crm")
    assert consents(store) == NONE


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("email, -sms", {Channel.EMAIL: True, Channel.SMS: False}),
        ("-email", EMAIL),
        ("- email - sms", {Channel.EMAIL: True, Channel.SMS: True}),
        ("email only", {Channel.EMAIL: True}),
        ("no (phone)", NONE),
        ("Nein, danke", NONE),
        *((word, NONE) for word in ("removed", "disagree", "brak zgody", "όχι", "لا", "không", "❌", "✗")),
        ("brak danych", {}),
        ("✅", {Channel.EMAIL: True}),
    ],
)
def test_the_forms_of_an_answer(store: Store, take: Import, cell: str, kept: dict[Channel, bool]) -> None:
    report = take(f'email,phone,consent\na@n.example,+12025550101,"{cell}"\n')
    assert consents(store) == kept
    assert any("not understood" in each for each in report.warnings) is (cell == "brak danych")
