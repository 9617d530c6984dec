"""What a mail program quoted, and what Overture wrote itself, is never taken for a person's word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.messages.content import SMS_OPT_OUT, UNSUBSCRIBE_PATH
from overture_core.replies.intent import Intent, classify
from overture_core.replies.quoting import own_words

LINK = f"https://overture.example{UNSUBSCRIBE_PATH}msg_1/0a1b"
FOOTER = f"Hi Ada\n\n-- \nAcme, 1 Road\nUnsubscribe: {LINK}"
WHO = "Overture <reply+msg_1@overture.example>"
HEADINGS = [
    f"On Fri, Nov 27, 2026 at 10:00 AM {WHO} wrote:",
    "On Friday, November 27, 2026 at 10:00 AM Overture at Acme Limited\n<reply+msg_1@overture.example>\nwrote:",
    f"Am Fr., 27. Nov. 2026 um 10:00 Uhr schrieb {WHO}:",
    f"Le ven. 27 nov. 2026 à 10:00, {WHO} a écrit :",
    "El vie, 27 nov 2026 a las 10:00, Overture\n(<reply+msg_1@overture.example>) escribió:",
    f"Il giorno ven 27 nov 2026 alle ore 10:00 {WHO} ha scritto:",
    f"Op vr 27 nov 2026 om 10:00 schreef {WHO}:",
    f"Em sex., 27 de nov. de 2026 às 10:00, {WHO} escreveu:",
    "2026-11-27 10:00 GMT+01:00 Overture <reply+msg_1@overture.example>:",
    f"From: {WHO}\nSent: Friday\nTo: Ada\nSubject: Hi",
    f"________________________________\nVon: {WHO}\nGesendet: Freitag\nAn: Ada\nBetreff: Hi",
    f"De : {WHO}\nEnvoyé : vendredi\nÀ : Ada\nObjet : Hi",
    f"*Da:* {WHO}\n*Inviato:* venerdì\n*A:* Ada\n*Oggetto:* Hi",
    "-----Ursprüngliche Nachricht-----",
    "-------- Messaggio originale --------",
]


@pytest.mark.parametrize("heading", HEADINGS)
def test_what_follows_a_heading_is_left_out(heading: str) -> None:
    assert own_words(f"Yes please\n\n{heading}\n\n{FOOTER}\n") == "Yes please"


@pytest.mark.parametrize("heading", HEADINGS[:9])  # Outlook marks no line of what it quotes
def test_what_stands_under_a_quotation_that_is_marked_is_kept(heading: str) -> None:
    quoted = "\n".join(f"> {line}" for line in FOOTER.splitlines())
    assert own_words(f"{heading}\n\n{quoted}\n\nNo, thanks")[-10:] == "No, thanks"


@pytest.mark.parametrize(
    "ours", [f"Unsubscribe: {LINK}", f"Unsubscribe:\n{LINK}", f"[Unsubscribe] <{LINK}>", f"Kein Interesse mehr? {LINK}"]
)
def test_our_own_lines_are_left_out_even_where_nothing_marks_them(ours: str) -> None:
    assert own_words(f"Yes please\n\n{ours}") == "Yes please"


def test_a_button_under_our_sms_is_no_wish_to_stop() -> None:
    assert classify(f"Liked \u201cHi Ada, interested?\n{SMS_OPT_OUT}\u201d") is Intent.OTHER
    assert classify(f"Yes! > Hi Ada {SMS_OPT_OUT}") is Intent.INTERESTED


@pytest.mark.parametrize(
    "text",
    ["From: me\nStop writing", "unsubscribe\nhttps://northwind.example", "On second thought: please stop emailing me"],
)
def test_a_wish_that_resembles_a_quotation_is_heard(text: str) -> None:
    assert classify(text) is Intent.STOP


@given(st.text(max_size=200) | st.text("On wrote:\n>-_From To@<", max_size=200))
def test_reading_it_twice_changes_nothing(text: str) -> None:
    once = own_words(text)
    assert own_words(once) == once
