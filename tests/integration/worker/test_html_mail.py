"""Mail with an HTML part: everybody gets, from a shared request, what a rendering for them alone gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from overture_core.messages.content import compose
from overture_core.storage.schema import Template
from overture_core.storage.store import Store

pytestmark = pytest.mark.anyio
LEADS = "Ada,ada@example.com,,US,\n<b>Ben</b>,ben@example.com,,US,\n-html-,cleo@example.com,,US,\n"
HTML = "<body><p>Dear {{ first_name }}, <a href='https://x.example'>look</a></p></body>"


def expected(store: Store, row: Any) -> Any:
    with store.read("default") as work:
        template = work.session.get_one(Template, row.template_id)
        return compose(store.settings, template, row.id, row.merge)


@pytest.mark.parametrize("html", [HTML, "auto", HTML.replace("look", "x" * 12_000)], ids=["own", "made", "long"])
async def test_both_parts_and_the_headers_are_those_of_a_mail_alone(scene: Any, sandbox: Any, html: str) -> None:
    scene.launched(LEADS, html=html)
    assert await scene.deliver() == 3
    inbox = {each["message_id"]: each for each in sandbox.inbox()}
    for row in scene.rows():
        mail, alone = inbox[row.id], expected(scene.store, row)
        assert (mail["subject"], mail["body"], mail["html"]) == (alone.subject, alone.body, alone.html)
        assert f'href="{alone.unsubscribe_url}"' in mail["html"]
        assert scene.store.settings.postal_address in mail["html"]
        assert json.loads(mail["headers"]) == {
            "List-Unsubscribe": f"<{alone.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    assert "&lt;b&gt;Ben&lt;/b&gt;" in next(each["html"] for each in inbox.values() if "ben@" in each["recipient"])


async def test_without_an_html_part_mail_is_text_alone(scene: Any, sandbox: Any) -> None:
    scene.launched(LEADS)
    assert await scene.deliver() == 3
    assert {each["html"] for each in sandbox.inbox()} == {None}
