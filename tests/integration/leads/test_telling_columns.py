"""Columns whose names no field has, and that tell of consent: read for refusals, and for nothing else."""

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
EMAIL = {Channel.EMAIL: False}
STAYS = "What is stored stays refused: look at a dry run first, and map a column that tells of something else to unread"
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
        f"Kept as custom fields and read for refusals by their names, granting nothing: '{column}'. A mapping can "
        "settle them: to a field such as email_opt_in or opt_out, or to unread.",
        f"Refused by columns that are no field of consent: '{column}' in 1 row. {STAYS}",
    ]


@pytest.mark.parametrize(
    ("column", "cell", "kept"),
    [
        *((name, "yes", NONE) for name in ("STOP", "DND", "gesperrt", "Sperrvermerk", "Opposition", "Afgemeld")),
        *((name, "1", NONE) for name in ("Leiratkozott", "Revoked", "Withdrawn", "GDPR objection", "Declined")),
        *((name, "x", NONE) for name in ("Excluded", "Remove", "isOptOut", "Spam complaint")),
        *((name, "2026-03-01", NONE) for name in ("UNSUB_TIME", "Revoked at", "Consent withdrawn on")),
        *((name, "yes", EMAIL) for name in ("No Mail", "Kein Newsletter", "Pas de mail", "Does not want emails")),
        ("Newslettersperre", "ja", EMAIL),
        *((name, "oui", NONE) for name in ("Retrait consentement", "Keine Einwilligung", "Consenso revocato")),
        ("Do not allow Emails", "Do Not Allow", EMAIL),
        ("donotemail", "yes", EMAIL),
        ("Opted out of email: One to One", "true", EMAIL),
        ("emailBounced", "true", EMAIL),
        ("Unsubscribe reason", "too many mails", NONE),
        ("CLEAN_TIME", "2026-03-01 10:00:00", EMAIL),
        ("deactivated", "1714521600", NONE),
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
        ("Email Status", "Bounced", EMAIL),
        ("Status", "Do-Not-Contact", NONE),
        ("Status", "Nicht kontaktieren", NONE),
        *((name, "Unsubscribed", NONE) for name in ("Subscription", "Lifecycle", "Stage", "List", "Tags", "Segment")),
        *((name, "Do not contact", NONE) for name in ("Lifecycle Stage", "Tags", "Kategorie")),
        *(("Tags", label, NONE) for label in ("Keine Werbung", "Niet mailen")),
        ("Tags", "Do not email", EMAIL),
        *((name, "Do not call", CALLED) for name in ("Tags", "Status", "Kategorie")),
        ("Tags", "vip;DNC", NONE),
        ("Gruppe", "abgemeldet", NONE),
        ("Labels", "* myContacts ::: Unsubscribed", NONE),
        ("Interests", "cars;Do not call;books", CALLED),
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
        ("\U000a4d09", "no"),
        ("!?", "no"),
        *((f"(Do Not Modify) {name}", "2026-03-01") for name in ("Lead", "Row Checksum", "Modified On")),
        *(("Do not allow Emails", each) for each in ("Allow", "no")),
        ("donotemail", "Allow"),
        ("Marketing contact status", "Non-marketing contact"),
        *((f"Marketing emails {each}", "0") for each in ("delivered", "opened", "clicked")),
        *(
            (name, "no")
            for name in ("Email Marketing Double Opt In", "IsOptInPending", "Consent required", "Photo consent")
        ),
        *(
            (name, "no")
            for name in ("Retrait consentement", "Opt-in withdrawn", "Keine Einwilligung", "Consenso revocato")
        ),
        ("No Contact Since", "2026-03-01"),
        ("Fire suppression system", "yes"),
        ("Pension opt-out", "yes"),
        *(("Opt out", each) for each in ("f", "1970-01-01", "0001-01-01T00:00:00Z", "01/01/1900")),
        ("Follow Email Activity", "Do Not Allow"),
        ("Newslettersperre", "nein"),
        ("Opted out of tracking", "yes"),
        *((name, "1970-01-01") for name in ("CLEAN_TIME", "UNSUB_TIME", "deactivated", "Revoked at")),
        *((name, "0") for name in ("CLEAN_TIME", "UNSUB_TIME", "deactivated")),
        *((name, "yes") for name in ("CLEAN_TIME", "deactivated", "Clean email")),
        *(
            ("Contact preference", each)
            for each in ("Email only", "Post", "No preference", "Keine Präferenz", "-None-")
        ),
        ("Preferred Method of Contact", "None"),
        ("Kontaktart", "Ohne Termin"),
    ],
)
def test_what_only_sounds_like_it_refuses_nothing(store: Store, take: Import, column: str, cell: str) -> None:
    take(f"email,{column}\na@n.example,{cell}\n")
    assert consents(store) == {}


@pytest.mark.parametrize(
    ("rows", "column", "why"),
    [
        ("a@n.example,price\nb@n.example,timing\nc@n.example,yes\n", "Declined", "their names sound like it"),
        ("c@n.example,yes\n", "Opt-out by shop 7", "their names sound like it"),
        ("c@n.example,yes\n", "Consent required", "their names sound like it"),
        ("c@n.example,yes\n", "HasOptedOutOfFax", "their names sound like it"),
        ("c@n.example,yes\n", "Not unsubscribed", "their names sound like it"),
        ("c@n.example,yes\n", "Opt-out withdrawn", "their names sound like it"),
        ("a@n.example,x\nc@n.example,\n", "Jatka", "they hold yes and no"),
        ("a@n.example,yes\nc@n.example,no\n", "Jatka", "they hold yes and no"),
        ("a@n.example,t\nc@n.example,f\n", "Happy to hear from us", "they hold yes and no"),
        ("a@n.example,1\nc@n.example,0\n", "Email status", "they hold yes and no"),
        ("a@n.example,0\nb@n.example,3\nc@n.example,1\n", "Marketing emails bounced", "their names sound like it"),
        ("a@n.example,2\nb@n.example,0\nc@n.example,1\n", "Spam complaints", "their names sound like it"),
        ("c@n.example,2026-03-01\n", "Deactivated at", "their names sound like it"),
        ("a@n.example,no\nc@n.example,yes\n", "deactivated", "their names sound like it"),
        ("c@n.example,2\n", "CONTACT_ALLOWANCE", "their names sound like it"),
        ("c@n.example,2026-03-01\n", "Data cancellazione", "their names sound like it"),
        ("a@n.example,opted out\nc@n.example,unsubscribed\n", "push_subscribe", "their names sound like it"),
    ],
)
def test_columns_that_may_tell_of_consent_and_are_not_read_are_named(
    store: Store, take: Import, rows: str, column: str, why: str
) -> None:
    report = take(f"email,{column}\n{rows}")
    assert consents(store, "c@n.example") == {}
    (said,) = report.warnings
    assert said.startswith(f"Not read for consent, though {why}: '{column}'. If people agree or refuse in one, map it")


@pytest.mark.parametrize(
    ("column", "cell", "kept"),
    [
        *(
            ("Contact preference", each, NONE)
            for each in ("No contact", "None", "do not contact", "Nicht kontaktieren")
        ),
        ("Contact preference", "No calls", CALLED),
        *((name, "none", NONE) for name in ("Communication Preferences", "Contact_Preferences__c")),
        ("Email preferences", "none", EMAIL),
        ("Kontaktpräferenzen", "kein Kontakt", NONE),
        ("Preferred Method of Contact", "No contact", NONE),
    ],
)
def test_a_no_among_preferences_refuses(
    store: Store, take: Import, column: str, cell: str, kept: dict[Channel, bool]
) -> None:
    report = take(f"email,{column}\na@n.example,{cell}\nb@n.example,Email\n")
    assert (consents(store), consents(store, "b@n.example")) == (kept, {})
    assert report.warnings[-1] == f"Refused by columns that are no field of consent: '{column}' in 1 row. {STAYS}"


def test_a_way_of_contact_that_is_none_is_named(store: Store, take: Import) -> None:
    (said,) = take("email,Preferred Method of Contact\na@n.example,None\nb@n.example,Email\n").warnings
    assert said.startswith(
        "1 consent value not understood, or not wholly, in 'Preferred Method of Contact' (1), such as 'None' in"
    )


def test_a_column_of_bounces_that_holds_no_greater_number_is_read(store: Store, take: Import) -> None:
    take("email,Marketing emails bounced\na@n.example,1\nb@n.example,0\n")
    assert (consents(store), consents(store, "b@n.example")) == (EMAIL, {})


@pytest.mark.parametrize("others", ["0", "2026-03-01", ""])
def test_a_hard_bounce_refuses_whatever_else_the_column_holds(store: Store, take: Import, others: str) -> None:
    take(f"email,Bounced\na@n.example,hard\nb@n.example,soft\nc@n.example,{others}\n")
    assert (consents(store), consents(store, "b@n.example")) == (EMAIL, {})


def test_a_list_of_subscribers_alone_holds_no_yes_and_no(take: Import) -> None:
    assert take("email,status\na@n.example,subscribed\nb@n.example,subscribed\n").warnings == []


def test_the_columns_tell_of_one_whose_values_are_counts(take: Import) -> None:
    report = take("email,Marketing emails bounced\na@n.example,1\nb@n.example,2\n")
    assert [each.why for each in report.columns] == [
        "its name",
        "its name sounds like consent and its values do not, so it is not read for refusals",
    ]


def test_hidden_columns_of_dynamics_are_not_named(take: Import) -> None:
    names = ",".join(f"(Do Not Modify) {name}" for name in ("Contact", "Row Checksum", "Modified On"))
    assert take(f"email,{names}\na@n.example,5f1c,xK9=,2026-03-01\n").warnings == []


def test_dates_under_a_name_that_asks_are_understood_to_grant_nothing(store: Store, take: Import) -> None:
    report = take("email,SubscribedAt\na@n.example,2026-03-01\nb@n.example,1 March 2026\n")
    assert consents(store) == {}
    assert [each for each in report.warnings if "not understood" in each] == []


def test_of_many_columns_of_yes_and_no_ten_are_named_and_all_marked(take: Import) -> None:
    names = [f"Flag {number}" for number in range(13)]
    report = take(f"email,{','.join(names)}\na@n.example{',true' * 13}\nb@n.example{',false' * 13}\n")
    told = ", ".join(f"'{name}'" for name in names[:10])
    assert report.warnings == [
        f"Not read for consent, though they hold yes and no: {told} and 3 more, which the list of columns marks. If "
        "people agree or refuse in one, map it to a field such as email_opt_in or opt_out."
    ]
    assert [
        each.column for each in report.columns if each.why.endswith("; holds yes and no, not read for consent")
    ] == (names)


def test_a_column_that_begins_late_is_named_all_the_same(take: Import) -> None:
    rows = "".join(f"a{number}@n.example,{'n/a' if number % 2 else ''}\n" for number in range(300))
    (said,) = take(f"email,Jatka\n{rows}z@n.example,no\n").warnings
    assert said.startswith("Not read for consent, though they hold yes and no: 'Jatka'.")
    assert take(f"email,Jatka\n{rows}z@n.example,no\ny@n.example,blue\n").warnings == []


def test_a_report_counts_the_rows_that_a_column_without_a_field_refuses(take: Import) -> None:
    report = take("email,Stage,Tags\na@n.example,Opted out,vip\nb@n.example,Opted out,DNC\nc@n.example,Won,vip\n")
    assert report.warnings == [
        f"Refused by columns that are no field of consent: 'Stage' in 2 rows, 'Tags' in 1 row. {STAYS}"
    ]


def test_a_field_that_refuses_most_of_a_list_is_pointed_out(store: Store, take: Import) -> None:
    rows = "".join(f"a{number}@n.example,keep\n" for number in range(12))
    (said,) = take(f"email,opt_out\n{rows}", dry_run=True).warnings
    assert said.startswith("'opt_out', read as opt_out, refuses 12 of 12 rows. What is stored stays refused")


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ({"preferences": {"newsletter": False, "sms": True}}, EMAIL),
        ({"subscriptions": {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}}, EMAIL),
        ({"properties": {"hs_email_optout": "true"}}, EMAIL),
        ({"properties": {"stage": "Unsubscribed"}}, NONE),
        ({"customer": {"accepts_marketing": False}}, EMAIL),
        ({"meta": {"email_opt_out": True}}, EMAIL),
        ({"flags": {"do_not_contact": True}}, NONE),
        ({"cookies": {"consent": False}}, {}),
        ({"custom_fields": [{"name": "Size", "value": "no"}, {"name": "Newsletter", "value": "no"}]}, EMAIL),
        ({"lists": ["vip", "Unsubscribed"]}, NONE),
        ({"custom_attributes": {"contact_preferences": "none", "clean_time": ""}}, NONE),
        ({"properties": {"plan": "no", "seats": [1, 2]}}, {}),
    ],
)
def test_what_stands_inside_an_object_of_json_is_read_by_its_names(
    store: Store, take: Import, row: dict[str, object], kept: dict[Channel, bool]
) -> None:
    take(json.dumps([{"email": "a@n.example", **row}]), filename="leads.json")
    assert consents(store) == kept


def test_what_is_mapped_to_unread_is_kept_and_not_read_then_and_by_the_saved_mapping(
    store: Store, take: Import
) -> None:
    text = "email,DSGVO,Stage\na@n.example,no,Opted out\n"
    report = take(text, mapping={"DSGVO": "unread", "Stage": "unread"}, save_mapping="crm")
    assert (consents(store), report.warnings, report.unmapped) == ({}, [], ["DSGVO", "Stage"])
    report = take(text.replace("a@", "b@"), mapping_name="crm")
    assert (consents(store, "b@n.example"), report.warnings) == ({}, [])


def test_a_saved_mapping_does_not_silence_a_column(store: Store, take: Import) -> None:
    take("email,Zustimmung\na@n.example,ja\n", save_mapping="crm")
    report = take("email,Zustimmung\na@n.example,nein\n", mapping_name="crm")
    assert consents(store) == NONE
    assert "Kept as custom fields and read for refusals" in report.warnings[0]


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
