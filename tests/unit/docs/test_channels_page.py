"""The examples of docs/channels.md are templates and settings that are taken."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from overture_core.errors import InvalidInput
from overture_core.messages.channels import Channel
from overture_core.messages.pricing import cost_of
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.templates import service as templates

PAGE = Path(__file__).parents[3] / "docs" / "channels.md"


def test_the_templates_can_be_saved(store: Store) -> None:
    examples = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)]
    assert examples
    for each in examples:
        with store.begin("default", actor="test") as work:
            saved = templates.save(work, **{**each, "channel": Channel(each["channel"])})
        assert saved.name == each["name"]


@pytest.mark.parametrize("body", ["See https://acme.example", "Go to www.acme.example", "{{ unsubscribe_url }}"])
def test_a_call_with_a_link_is_refused_as_the_page_says(store: Store, body: str) -> None:
    with store.begin("default", actor="test") as work, pytest.raises(InvalidInput, match="link cannot be"):
        templates.save(work, "call", Channel.VOICE, body)


def test_the_prices_can_be_set(tmp_path: Path) -> None:
    (prices,) = re.findall(r"OVERTURE_SMS_PRICES='(.*?)'", PAGE.read_text())
    settings = Settings.model_validate({"data_dir": tmp_path, "sms_prices": json.loads(prices)})
    assert str(cost_of(settings, {"DE": 1})) == "0.11 USD"
