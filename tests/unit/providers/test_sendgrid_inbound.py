from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import InvalidInput
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import InboundMessage
from overture_providers.email.inbound import parse_inbound

DATA = Path(__file__).parents[2] / "data" / "inbound"
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def form(name: str) -> dict[str, str]:
    raw = b"Content-Type: multipart/form-data; boundary=xYzZY\n\n" + (DATA / name).read_bytes()
    parts = message_from_bytes(raw).get_payload()
    assert isinstance(parts, list)
    fields: dict[str, str] = {}
    for part in parts:
        assert isinstance(part, Message)
        key = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(key, str) and isinstance(content, bytes):
            fields[key] = content.decode()
    return fields


@pytest.mark.parametrize("name", ["default_data.txt", "raw_data.txt", "raw_data_with_attachments.txt"])
def test_recorded_forms_give_sender_and_words(name: str) -> None:
    parsed = parse_inbound(form(name), now=NOW)
    assert parsed == InboundMessage(
        provider="sendgrid",
        dedupe_key=parsed.dedupe_key,
        channel=Channel.EMAIL,
        at=NOW,
        sender="test@example.com",
        recipient=parsed.recipient,
        subject=parsed.subject,
        body="Hello Twilio SendGrid!",
    )
    assert parsed.recipient.startswith("inbound@inbound.")


def fields(**changes: str) -> dict[str, str]:
    base = {
        "from": "Ada <ada@lead.example>",
        "to": "Overture <reply+msg_01ABC@overture.example>",
        "subject": "Re: Hello",
        "text": "Yes please\r\n\r\nOn Mon, 1 Nov 2026 at 10:00, Overture wrote:\r\n> unsubscribe here\r\n",
        "headers": "Message-ID: <a@lead.example>\n",
    }
    return base | changes


def test_reply_names_the_message_it_answers_and_leaves_out_the_quote() -> None:
    parsed = parse_inbound(fields(), now=NOW)
    assert (parsed.in_reply_to, parsed.body, parsed.opt_out) == ("msg_01ABC", "Yes please", False)


def test_same_mail_twice_has_one_key_and_another_mail_another() -> None:
    first, again, other = (
        parse_inbound(each, now=NOW).dedupe_key
        for each in (fields(), fields(spam_score="1"), fields(headers="Message-ID: <b@lead.example>\n"))
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    "words",
    [{"text": " Unsubscribe. "}, {"subject": "STOP"}, {"text": "stop\n> quoted"}, {"text": "\uff33\uff34\uff2f\uff30"}],
)
def test_opt_out_words_are_heard(words: dict[str, str]) -> None:
    assert parse_inbound(fields(**words), now=NOW).opt_out


@pytest.mark.parametrize("text", ["Please do not stop", "Where does it end?", "cancel culture"])
def test_opt_out_words_inside_a_sentence_are_not(text: str) -> None:
    assert not parse_inbound(fields(text=text), now=NOW).opt_out


def test_html_only_mail_is_read_as_text() -> None:
    parsed = parse_inbound(fields(text="", html="<style>p{}</style><p>Yes &amp; no</p>"), now=NOW)
    assert parsed.body == "Yes & no"


@pytest.mark.parametrize(
    "broken", [{}, {"from": "a@b.example"}, {"from": "", "to": "x@y.example"}, {"from": "nobody", "to": "x@y.example"}]
)
def test_mail_without_sender_or_recipient_is_invalid_input(broken: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        parse_inbound(broken, now=NOW)


@pytest.mark.parametrize(
    "to",
    [
        "Bob <bob@x.example>, Overture <reply+msg_01ABC@overture.example>",
        "bob@x.example reply+msg_01ABC@overture.example",
        'Bob "the <bob@x.example>, reply+msg_01ABC@overture.example',
    ],
)
def test_our_address_is_found_behind_others_without_an_envelope(to: str) -> None:
    parsed = parse_inbound(fields(to=to), now=NOW)
    assert (parsed.recipient, parsed.in_reply_to) == ("reply+msg_01ABC@overture.example", "msg_01ABC")


def test_field_that_is_not_text_is_invalid_input() -> None:
    wrong: dict[str, Any] = {"from": b"a@b.example"}
    with pytest.raises(InvalidInput):
        parse_inbound(wrong, now=NOW)


FOOTER = "Hi Ada<br>Acme, 1 Road<br><a href='https://click.example/x'>Unsubscribe</a>"


@pytest.mark.parametrize(
    "html",
    [
        "<p>Yes please</p><blockquote>Hi<br>Unsubscribe: https://x.example</blockquote>",
        f"<div>Yes please</div><blockquote type='cite'><blockquote>old</blockquote>{FOOTER}</blockquote>",
        "<div>Yes please</div><div class='gmail_quote'><div class='gmail_attr'>On Mon Overture wrote:<br></div>"
        f"<blockquote class='gmail_quote'>{FOOTER}</blockquote></div>",
        f"<p>Yes please</p><hr><div id='divRplyFwdMsg'><b>From:</b> Overture</div><div>{FOOTER}</div>",
        f"<p>Yes please</p><div id='appendonsend'></div><hr>{FOOTER}",
        f"<p>Yes please</p><div class='yahoo_quoted' id='y1'><div>On Mon Overture wrote:</div>{FOOTER}</div>",
        f"<p>Yes please</p><p><b>Von:</b> Overture<br><b>Gesendet:</b> Montag<br><b>An:</b> Ada</p>{FOOTER}",
        "<p>Yes please</p><a href='https://click.example/x'>Unsubscribe</a>",
    ],
)
def test_what_a_mail_program_quotes_in_html_is_nobodys_word(html: str) -> None:
    parsed = parse_inbound(fields(text="", html=html), now=NOW)
    assert (parsed.body, parsed.opt_out) == ("Yes please", False)


def test_an_answer_under_the_quotation_is_read() -> None:
    html = "<div class='gmail_attr'>On Mon, Overture wrote:</div><blockquote>Hi</blockquote><div>Unsubscribe</div>"
    assert parse_inbound(fields(text="", html=html), now=NOW).opt_out


NAMES = st.sampled_from(["from", "to", "subject", "text", "html", "email", "headers", "envelope"])
TEXTS = st.text(max_size=60) | st.sampled_from(
    [
        "<!DOCTYPE [<",
        "<![if",
        '{"to": 5, "from": []}',
        "Content-Type: text/plain; charset=nope\n\nx",
        "a@b.example",
        "<",
    ]
)


@given(st.dictionaries(NAMES, TEXTS))
def test_whatever_comes_is_read_or_invalid_input(given_fields: dict[str, str]) -> None:
    try:
        parsed = parse_inbound({"from": "a@b.example", "to": "c@d.example"} | given_fields, now=NOW)
    except InvalidInput:
        return
    assert len(parsed.body) <= 10_000


@pytest.mark.parametrize(
    ("headers", "sender", "automatic"),
    [
        ("Auto-Submitted: auto-replied\n", "ada@example.com", True),
        ("Auto-Submitted: no\n", "ada@example.com", False),
        ("Subject: Re: Hi\nX-Autoreply: yes\n", "ada@example.com", True),
        ("Precedence: auto_reply\n", "ada@example.com", True),
        ("Content-Type: multipart/report; report-type=delivery-status\n", "ada@example.com", True),
        ("Subject: Undeliverable\n", "MAILER-DAEMON@example.com", True),
        # Exchange puts it on what people write, too.
        ("X-Auto-Response-Suppress: All\n", "ada@example.com", False),
        ("Subject: Auto-Submitted: auto-replied\n", "ada@example.com", False),
        ("", "ada@example.com", False),
    ],
)
def test_the_headers_tell_whether_a_person_wrote_it(headers: str, sender: str, automatic: bool) -> None:
    fields = {"headers": headers, "from": sender, "to": "reply+msg_1@overture.example", "text": "Hello"}
    raw = f"{headers}\nHello\n\nAuto-Submitted: auto-replied\n"
    for form in (fields, *({**fields, "headers": "", "email": each} for each in (raw, raw.replace("\n", "\r\n")))):
        assert parse_inbound(form, now=datetime(2026, 11, 24, tzinfo=UTC)).automatic is automatic
