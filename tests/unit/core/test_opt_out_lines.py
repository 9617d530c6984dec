"""A text tells how to opt out by itself, or the line is added: the mere word is not enough."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from overture_core.messages.content import SMS_OPT_OUT, VOICE_OPT_OUT, compose
from overture_core.settings import Settings
from overture_core.storage.schema import Template


def composed(tmp_path: Path, channel: str, body: str) -> str:
    template = Template(
        id="tpl_1", workspace_id="w", name="t", version=1, channel=channel, body=body,
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
    )  # fmt: skip
    return compose(Settings(data_dir=tmp_path, sandbox_only=True), template, "msg_1", {"first_name": "STOP"}).body


@pytest.mark.parametrize(
    "body",
    [
        "Hi. Reply STOP to opt out.",
        "Hi. Txt 'STOP' to end",
        "Hi. STOP to unsubscribe",
        "Hi. Stop2End",
        "Hi. To opt out, reply with STOP",
        "Hi. Opt out: STOP",
        "Hallo. Antworten Sie mit STOP",
        "Hallo. Abmelden: STOP",
        "Hallo. STOP zum Abmelden",
        "Bonjour. Répondez STOP",
        "Bonjour. STOP au 36180",
        "Hola. Responde STOP para darte de baja",
        "Ciao. Rispondi STOP per cancellarti",
        "Hoi. Stuur STOP om je af te melden",
        "Olá. Envie STOP para sair",
    ],
)
def test_a_text_that_tells_how_stays_as_it_is(tmp_path: Path, body: str) -> None:
    assert composed(tmp_path, "sms", body) == body


@pytest.mark.parametrize(
    "body",
    [
        "Don't STOP me now {{ first_name }}",
        "NON-STOP flights",
        "STOP by our shop",
        "One STOP shop",
        "Do not reply STOP",
        "Our sale will STOP on Friday",
        "Hi {{ first_name }}",
    ],
)
def test_the_mere_word_does_not_keep_the_line_away(tmp_path: Path, body: str) -> None:
    assert composed(tmp_path, "sms", body).endswith(f"\n{SMS_OPT_OUT}")
    assert composed(tmp_path, "voice", body).endswith(f"\n{VOICE_OPT_OUT}")


def test_a_call_may_tell_the_key_in_its_own_words(tmp_path: Path) -> None:
    said = "Hallo, hier ist Ada. Drücken Sie die Taste 9, und wir rufen nicht mehr an."
    assert composed(tmp_path, "voice", said) == said
    assert composed(tmp_path, "sms", said).endswith(SMS_OPT_OUT)
