"""Text that a receiving server made up, or that was cut in the middle, costs no event of its batch."""

from __future__ import annotations

import json

import pytest

from overture_providers.email.events import parse


@pytest.mark.parametrize("name", ["reason", "response", "status", "url"])
def test_half_a_letter_in_one_event_refuses_none_of_the_batch(name: str) -> None:
    event = {"event": "delivered", "timestamp": 1700000000, "sg_event_id": "e1", "sg_message_id": "req-1.filter"}
    # json.dumps writes the half as an escape, as a provider that cut the text would.
    raw = json.dumps([{**event, name: "no\ud83d one"}, {**event, "sg_event_id": "e2"}]).encode()
    assert [each.dedupe_key for each in parse(raw)] == ["e1", "e2"]
