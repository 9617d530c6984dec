"""What a preview says in words."""

from __future__ import annotations

from typing import Any

import pytest

from overture_servers.tooling import UNTRUSTED

pytestmark = pytest.mark.anyio
FILE = """First Name,E-mail,Country
Ada,ada@northwind.example,US
,bob@fabrikam.example,US
,cleo@fabrikam.example,US
"""


async def test_it_counts_who_could_be_rendered_and_says_why_others_could_not(desk: Any) -> None:
    async with desk.leads() as client:
        await desk.call(client, "leads_import_file", content=FILE)
    async with desk.messaging() as client:
        template = {"name": "hello", "channel": "email", "subject": "Hi", "body": "Hi {{ first_name }}"}
        await desk.call(client, "messaging_save_template", **template)
        text = await desk.text(client, "messaging_preview_template", name="hello")
    assert text == (
        f"1 rendered, 2 could not be rendered. {UNTRUSTED}\n"
        "Not rendered (2): The lead has no first_name; give it one, or write {{ first_name | default('...') }} in the "
        "template."
    )


async def test_with_nobody_to_render_for_it_says_so(desk: Any) -> None:
    await desk.filled()
    async with desk.leads() as client:
        await desk.call(client, "leads_save_segment", name="nobody", where="country = NZ")
    async with desk.messaging() as client:
        text = await desk.text(client, "messaging_preview_template", name="hello-sms", segment="nobody")
    assert text == "There is nobody to render it for: no lead asked for has an address for sms."
