"""Saving templates: what a name stands for."""

from __future__ import annotations

import pytest

from overture_core.errors import Conflict
from overture_core.messages.channels import Channel
from overture_core.storage.store import Store
from overture_core.templates import service as templates

WORKSPACE = "default"


@pytest.mark.parametrize(
    ("taken", "wanted"), [(Channel.EMAIL, Channel.SMS), (Channel.SMS, Channel.EMAIL)], ids=["sms", "email"]
)
def test_a_name_never_changes_its_channel(store: Store, taken: Channel, wanted: Channel) -> None:
    subject = {Channel.EMAIL: "Hello", Channel.SMS: None}
    with store.begin(WORKSPACE, actor="model") as work:
        first = templates.save(work, "hello", taken, "Hi there", subject[taken])
    with (
        pytest.raises(
            Conflict, match=f"^The name 'hello' belongs to a template for {taken}; choose another name for {wanted}.$"
        ),
        store.begin(WORKSPACE, actor="model") as work,
    ):
        templates.save(work, " hello ", wanted, "Hi there", subject[wanted])
    with store.read(WORKSPACE) as work:
        assert templates.list_(work) == [first]
