"""What the providers say of senders, asked of a sandbox process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from overture_core.messages.channels import Channel
from overture_core.settings import Settings
from overture_core.workspaces.senders import Answer, SenderView
from overture_providers.senders import ask

pytestmark = pytest.mark.anyio


def view(channel: Channel, address: str) -> SenderView:
    return SenderView(channel=channel, address=address, verified=True, said_by=None, said_at=None, note=None)


async def test_the_sandbox_verifies_senders_until_it_is_told_otherwise(start_sandbox: Callable[..., Any]) -> None:
    sandbox = start_sandbox()
    settings = sandbox.settings
    known = [view(Channel.EMAIL, settings.email_from), view(Channel.SMS, settings.sms_from)]
    assert [each.verified for each in await ask(settings, known)] == [True, True]
    for each in known:
        told = {"address": each.address, "verified": False}
        httpx.post(f"{settings.sandbox_url}/sandbox/senders", json=told, trust_env=False).raise_for_status()
    assert [each.verified for each in await ask(settings, known)] == [False, False]
    assert await ask(settings, known, real_only=True) == []
    wrong = httpx.post(f"{settings.sandbox_url}/sandbox/senders", json={"verified": "maybe"}, trust_env=False)
    assert (wrong.status_code, "verified is true or false" in wrong.json()["error"]) == (422, True)
    assert "pydantic" not in wrong.text


async def test_a_provider_that_cannot_be_asked_says_nothing(tmp_path: Path) -> None:
    away = Settings(data_dir=tmp_path, sandbox_url="http://127.0.0.1:1", sandbox_only=True)
    answers = await ask(away, [view(Channel.EMAIL, "a@b.example"), view(Channel.WHATSAPP, "+15005550006")])
    assert answers == [
        Answer(Channel.EMAIL, "a@b.example", None, "The provider could not be asked; try again later."),
        Answer(
            Channel.WHATSAPP,
            "+15005550006",
            None,
            "Twilio's API tells of ordinary phone numbers alone; look at the sender in its console.",
        ),
    ]
