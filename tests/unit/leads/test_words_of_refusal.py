"""What a cell of a column without a field refuses, by the words that files have in names and cells."""

from __future__ import annotations

import pytest

from overture_core.leads.answers import Said
from overture_core.leads.telling import said_in
from overture_core.messages.channels import Channel

EVERY = frozenset(Channel)
EMAIL, SMS, WHATSAPP = (frozenset({each}) for each in (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP))
CALLED = frozenset({Channel.SMS, Channel.VOICE})
NOBODY: frozenset[Channel] = frozenset()
DAY = "2026-03-01"


def refused(column: str, cell: str) -> frozenset[Channel]:
    """The channels that a cell refuses."""
    return said_in(column, cell, doubtful=False).refused


@pytest.mark.parametrize(
    ("column", "no", "yes", "channels"),
    [
        ("Send Marketing Materials", "Do Not Send", "Send", EVERY),
        ("Einwilligung E-Mail", "nein", "ja", EMAIL),
        ("Werbung erlaubt", "nein", "ja", EVERY),
        ("Werbung per SMS", "nein", "ja", SMS),
        ("Kontakt gewünscht", "nein", "ja", EVERY),
        ("Accepte emailing", "non", "oui", EMAIL),
        ("Acepta comunicaciones comerciales", "no", "sí", EVERY),
        ("OK to text", "no", "yes", SMS),
        ("May we email you?", "no", "yes", EMAIL),
        ("Подписан", "нет", "да", EVERY),
        ("メルマガ", "いいえ", "はい", EMAIL),
        *((f"Consent {each}", "N", "Y", EVERY) for each in ("(Y/N)", "(yes/no)", "[j/n]", "Y/N?")),
        ("Newsletter (oui/non)", "non", "oui", EMAIL),
        ("SMS-Newsletter", "no", "yes", SMS),
        ("WhatsApp newsletter", "no", "yes", WHATSAPP),
        ("SMS & Email newsletter", "no", "yes", EMAIL | SMS),
        # These tell of refusals, so that their yes refuses.
        ("Ne pas appeler", "oui", "non", CALLED),
        ("No llamar", "sí", "no", CALLED),
        *((f"Ne pas {each}", "oui", "non", EVERY) for each in ("démarcher", "envoyer")),
        ("No desea recibir", "sí", "no", EVERY),
        ("Darse de baja", "sí", "no", EVERY),
        ("Refuse emailing", "oui", "non", EMAIL),
        ("Please do not email me", "yes", "no", EMAIL),
        *((name, "yes", "no", EVERY) for name in ("Removed from list", "Suppress", "ShouldForget")),
        ("Do not contact (yes/no)", "yes", "no", EVERY),
        ("Mailsperre", "ja", "nein", EMAIL),
        ("Hard bounce", "yes", "no", EMAIL),
        ("donotsendmm", "1", "0", EVERY),
        ("donotsendmm", "Do Not Send", "Send", EVERY),
        ("msdyn_gdproptout", "1", "0", EVERY),
        ("Bounced", "hard", "soft", EMAIL),
        *((name, "550 user unknown", "soft", EMAIL) for name in ("EmailBouncedReason", "Email hard bounce reason")),
        *(("Email Suppressions", each, "[]", EMAIL) for each in ("USER_SUPPRESSED", "HARD_BOUNCE", '["HARD_BOUNCE"]')),
        ("Email Suppressions", "USER_SUPPRESSED", "SUBSCRIBED", EMAIL),
        *(("DND", no, yes, EVERY) for no, yes in (("active", "inactive"), ("enabled", "disabled"), ("on", "off"))),
        *(("DND", "on", yes, EVERY) for yes in ("not active", "0", "none")),
        ("dndSettings.Email.status", "active", "inactive", EMAIL),
        # A status is of somebody, and not of the refusal.
        ("Opt out status", "inactive", "active", EVERY),
        ("Darf kontaktiert werden", "nein", "ja", EVERY),
        ("Darf nicht kontaktiert werden", "ja", "nein", EVERY),
        ("Marked email as spam", "true", "false", EMAIL),
        ("Niet bellen", "ja", "nee", CALLED),
        ("Nie dzwonić", "tak", "nie", CALLED),
    ],
)
def test_one_answer_refuses_and_the_other_does_not(
    column: str, no: str, yes: str, channels: frozenset[Channel]
) -> None:
    assert (refused(column, no), said_in(column, yes, doubtful=False)) == (channels, Said())


@pytest.mark.parametrize(
    "column",
    [
        *("Dado de baja el", "Fecha baja", "Widerspruch vom", "Uitgeschreven op", "Afmelddatum", "Left list"),
        *("Off list since", "Deaktiviert", "Abgemeldet seit", "Gesperrt seit", "Дата отписки", "Abbestellt am"),
    ],
)
def test_a_date_says_since_when_somebody_is_off(column: str) -> None:
    assert (refused(column, DAY), refused(column, "1970-01-01")) == (EVERY, NOBODY)


@pytest.mark.parametrize(
    "column", ["No contact since", "Customer since", "Subscribed since", "Left company", "Baja laboral", "Send date"]
)
def test_other_dates_refuse_nothing(column: str) -> None:
    assert refused(column, DAY) == NOBODY


@pytest.mark.parametrize("column", ["Tags", "Categories", "Labels", "Lists", "Shop remark"])
@pytest.mark.parametrize(
    ("cell", "channels"),
    [
        *((each, EMAIL) for each in ("No Newsletter", "no-newsletter", "newsletter: no", "EmailOptOut", "emailoptout")),
        *((each, EVERY) for each in ("no marketing", "No promo", "Do not send", "no publicidad", "RGPD refus")),
        *((each, EVERY) for each in ("spam complaint", "Consent withdrawn", "Opt-in: no", "vip;Werbesperre")),
        *((each, SMS) for each in ("stop sms", "SMS stop", "SmsOptOut", "sms-dnd", "DND SMS")),
        *((each, EVERY) for each in ("DND", "do not disturb", "DND list", "removed from list", "status:unsubscribed")),
        ("vip;stop sms;No Newsletter", EMAIL | SMS),
        *(
            (each, NOBODY)
            for each in ("No marketing budget", "Do not send by post", "No contact yet", "newsletter: yes")
        ),
        *((each, NOBODY) for each in ("Marketing rejected", "Spam filter", "Stop over", "EmailOptIn", "Removed")),
    ],
)
def test_a_label_refuses_if_it_is_nothing_else(column: str, cell: str, channels: frozenset[Channel]) -> None:
    assert refused(column, cell) == channels


@pytest.mark.parametrize("label", ["No contact", "STOP", "baja"])
def test_no_contact_refuses_as_a_tag_and_is_named_as_a_stage(label: str) -> None:
    said = {column: said_in(column, label, doubtful=False) for column in ("Tags", "Lists", "Stage", "Call result")}
    refuses, named = Said(refused=EVERY), Said(unclear=True)
    assert said == {"Tags": refuses, "Lists": refuses, "Stage": named, "Call result": named}


@pytest.mark.parametrize("column", ["Status", "Subscription status", "Marketing status", "Email Status"])
@pytest.mark.parametrize(
    "cell",
    [
        *("Complained", "Spam complaint", "Marked as spam", "Reported spam", "Reported as spam"),
        *("Blocked", "Removed", "gesperrt", "Werbesperre"),
    ],
)
def test_a_status_says_that_somebody_is_not_to_be_written_to(column: str, cell: str) -> None:
    assert refused(column, cell) == (EMAIL if column == "Email Status" else EVERY)


@pytest.mark.parametrize("cell", ["Cleaned", "Bounced", "Hard bounced"])
def test_a_status_of_a_dead_address_is_about_e_mail(cell: str) -> None:
    assert refused("Status", cell) == refused("Email Status", cell) == EMAIL


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(("Status", each) for each in ("Cancelled", "Rejected", "Churned", "Lost", "Inactive", "Active", "Paused")),
        *(("Payment status", each) for each in ("Bounced", "Blocked", "Removed")),
        *(("Data status", each) for each in ("Cleaned", "Removed")),
        *(("Stage", each) for each in ("Bounced", "Blocked", "Complained")),
        *(("Email Status", each) for each in ("Soft bounce", "Not bounced", "Valid")),
    ],
)
def test_other_statuses_refuse_nothing(column: str, cell: str) -> None:
    assert refused(column, cell) == NOBODY


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(
            (name, "unsubscribed")
            for name in ("push_subscribe", "Web Push Subscription", "mobile_push.marketing.consent")
        ),
        *((f"{name} status", "opted out") for name in ("Push", "Fax", "Postal", "Post")),
        *(
            (name, "opted out")
            for name in ("Print mailing", "Direct mail", "Briefwerbung", "Courrier", "Photo consent")
        ),
        *((name, "opted out") for name in ("Data sharing", "Pension scheme", "Loyalty programme", "Cookies")),
        ("fax.opt_out", "yes"),
    ],
)
def test_what_is_about_something_else_refuses_nothing_here(column: str, cell: str) -> None:
    assert refused(column, cell) == NOBODY


@pytest.mark.parametrize(
    ("column", "cell", "channels"),
    [
        ("Push & Email status", "unsubscribed", EMAIL),
        ("SMS list", "Unsubscribed", SMS),
        ("dndSettings.Email.message", "Unsubscribed", EMAIL),
        ("Call result", "Do not contact", EVERY),
        ("Text consent", "No", SMS),
        ("Telephone opt-in", "No", CALLED),
        ("Preferred contact", "No phone calls", CALLED),
        ("Person - Marketing status", "Bounced", EMAIL),
        ("Person - Left list", "yes", EVERY),
        ("Loyalty newsletter", "unsubscribed", EMAIL),
        ("Fax status", "do not call", CALLED),
        ("E-Post status", "unsubscribed", EVERY),
        ("Post-sales status", "do not contact", EVERY),
    ],
)
def test_what_is_also_about_a_channel_of_ours_refuses(column: str, cell: str, channels: frozenset[Channel]) -> None:
    assert refused(column, cell) == channels
