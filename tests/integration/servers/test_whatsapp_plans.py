"""Whoever decides on a WhatsApp campaign is told which approved template leaves, in each of the ways to decide."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from mcp.types import ElicitResult
from pydantic import SecretStr

from overture_servers.http.app import create_app
from overture_servers.messaging.deciding import PATH
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
SID = "HX" + "0a" * 16
FAY = "First Name,Phone,Country,Consent\nFay,+12125550107,US,whatsapp\n"
TOLD = [
    "> Hi Fay, news for you.",
    f"WhatsApp sends its approved template {SID} in place of this text, with these variables:",
    "> 1: Fay",
    "> 2: https://evil.example/pay",
]


async def planned(desk: Any) -> tuple[dict[str, Any], str]:
    """Plan it; returns the plan and what the tool says of it."""
    async with desk.leads() as client:
        await desk.call(client, "leads_import_file", content=FAY)
        await desk.call(client, "leads_save_segment", name="all", where="country = US")
    variables = {"1": "{{ first_name }}", "2": "https://evil.example/pay"}
    made = {"body": "Hi {{ first_name }}, news for you.", "content_sid": SID, "content_variables": variables}
    asked = {"name": "Spring", "segment": "all", "templates": {"whatsapp": "news"}, "channel_order": ["whatsapp"]}
    async with desk.messaging() as client:
        await desk.call(client, "messaging_save_template", name="news", channel="whatsapp", **made)
        text = await desk.text(client, "messaging_plan_campaign", **asked)
        return await desk.call(client, "messaging_plan_campaign", **asked), text


async def test_the_plan_names_it_and_its_samples_have_the_values(desk: Any) -> None:
    plan, text = await planned(desk)
    assert text.endswith(f"WhatsApp sends {SID}; samples show the variables.")
    (sample,) = plan["samples"]
    assert (sample["content_sid"], sample["variables"]) == (SID, {"1": "Fay", "2": "https://evil.example/pay"})


async def test_a_preview_names_it_with_the_values_too(desk: Any) -> None:
    await planned(desk)
    async with desk.messaging() as client:
        made = await desk.call(client, "messaging_preview_template", name="news")
        text = await desk.text(client, "messaging_preview_template", name="news")
    (fay,) = made["renderings"]
    assert (fay["content_sid"], fay["variables"]) == (SID, {"1": "Fay", "2": "https://evil.example/pay"})
    assert f"WhatsApp sends its approved template {SID} in place of the body" in text


async def test_the_person_at_a_trusted_client_is_asked_with_it(desk: Any) -> None:
    plan, _ = await planned(desk)
    questions: list[str] = []

    async def yes(_context: Any, params: Any) -> ElicitResult:
        questions.append(params.message)
        return ElicitResult(action="accept", content={"approve": True})

    desk.trust("trusted")
    async with desk.messaging(name="trusted", ask=yes) as client:
        launched = await desk.call(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
    assert (launched["queued"] + launched["held"], questions[0].splitlines()[-len(TOLD) :]) == (1, TOLD)


async def test_the_page_has_it_in_its_text_and_in_the_plan(desk: Any, runtime: Runtime) -> None:
    plan, _ = await planned(desk)
    token = "ada-" + "x" * 32
    settings = runtime.settings.model_copy(update={"approvers": {"ada": SecretStr(token)}})
    served = httpx.ASGITransport(create_app(Runtime(settings, runtime.store)), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=served, base_url="http://127.0.0.1:8765", headers=headers) as http:
        shown = (await http.get(f"{PATH}/{plan['approval']['id']}")).json()
    assert (shown["text"][-len(TOLD) :], shown["plan"]["samples"][0]["content_sid"]) == (TOLD, SID)
