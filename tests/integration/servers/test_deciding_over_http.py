"""Approvals over HTTP: a person's token, the content that they saw, and nothing without both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from overture_core.settings import Settings
from overture_servers.http.app import create_app
from overture_servers.messaging.deciding import PATH
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
TOKEN = "ada-" + "x" * 32
ADA = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def page(runtime: Runtime, **approvers: str) -> AsyncIterator[httpx.AsyncClient]:
    """The application, where only these people may approve. The runtime is the desk's, and stays open."""
    secrets = {name: SecretStr(token) for name, token in approvers.items()}
    served = Runtime(runtime.settings.model_copy(update={"approvers": secrets}), runtime.store)
    transport = httpx.ASGITransport(create_app(served), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as client:
        yield client


async def waiting(desk: Any) -> dict[str, Any]:
    await desk.filled()
    plan: dict[str, Any] = await desk.planned()
    return plan


def decision(read: dict[str, Any], word: str = "approve", **more: str) -> dict[str, str]:
    return {"decision": word, "content_hash": read["content_hash"], **more}


async def test_a_person_reads_what_waits_and_approves_it_and_the_launch_says_who(desk: Any, runtime: Runtime) -> None:
    plan = await waiting(desk)
    async with page(runtime, ada=TOKEN, bob="b" * 40) as http:
        (listed,) = (await http.get(PATH, headers=ADA)).json()["approvals"]
        assert (listed["id"], listed["state"]) == (plan["approval"]["id"], "pending")
        shown = (await http.get(f"{PATH}/{listed['id']}", headers=ADA)).json()
        assert shown["content_hash"] == shown["plan"]["content_hash"] == plan["content_hash"]
        assert "Recipients: 2 of segment 'dormant' (2 by email)." in shown["text"]
        made = await http.post(f"{PATH}/{listed['id']}", headers=ADA, json=decision(plan, reason="fine"))
        assert (made.status_code, made.json()["state"], made.json()["decided_by"]) == (200, "approved", "ada")
        assert made.headers["Cache-Control"] == "no-store"
        assert (await http.get(PATH, headers=ADA)).json()["approvals"] == []
        assert len((await http.get(f"{PATH}?all", headers=ADA)).json()["approvals"]) == 1
    async with desk.messaging() as client:
        launched = await desk.call(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
    assert (launched["approved_by"], launched["approved_via"]) == ("ada", "web")


async def test_a_page_that_shows_an_operation_has_all_that_its_decision_needs(desk: Any, runtime: Runtime) -> None:
    await desk.filled()
    async with desk.leads() as client:
        (lead,) = (await desk.call(client, "leads_search", where='"Ada"'))["leads"]
    async with desk.messaging() as client:
        asked = await desk.call(client, "messaging_send_message", lead_id=lead["id"], template="hello")
    async with page(runtime, ada=TOKEN) as http:
        url = f"{PATH}/{asked['approval_id']}"
        shown = (await http.get(url, headers=ADA)).json()
        assert "> Subject: Hello Ada" in shown["text"]
        made = await http.post(url, headers=ADA, json=decision(shown))
    assert (made.status_code, made.json()["state"], made.json()["decided_by"]) == (200, "approved", "ada")


async def test_a_rejected_plan_is_not_launched(desk: Any, runtime: Runtime) -> None:
    plan = await waiting(desk)
    async with page(runtime, ada=TOKEN) as http:
        url = f"{PATH}/{plan['approval']['id']}"
        assert (await http.post(url, headers=ADA, json=decision(plan, "reject", reason="too soon."))).is_success
        again = await http.post(url, headers=ADA, json=decision(plan))
        assert (again.status_code, again.json()["error"]) == (409, "conflict")
    async with desk.messaging() as client:
        text = await desk.refused(client, "messaging_launch_campaign", plan_id=plan["plan_id"])
    assert text == "ada rejected this plan: too soon; plan the campaign again once it is changed."


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}],
    ids=["none", "empty", "wrong", "another scheme"],
)
async def test_without_a_token_nothing_is_read_and_nothing_decided(
    desk: Any, runtime: Runtime, headers: dict[str, str]
) -> None:
    plan = await waiting(desk)
    url = f"{PATH}/{plan['approval']['id']}"
    async with page(runtime, ada=TOKEN) as http:
        answers = [
            await http.get(PATH, headers=headers),
            await http.get(url, headers=headers),
            await http.post(url, headers=headers, json=decision(plan)),
        ]
    assert [each.status_code for each in answers] == [401] * 3
    assert plan["content_hash"] not in "".join(each.text for each in answers)
    async with desk.messaging() as client:
        await desk.refused(client, "messaging_launch_campaign", plan_id=plan["plan_id"])


async def test_where_nobody_is_named_there_is_nothing(desk: Any, runtime: Runtime) -> None:
    plan = await waiting(desk)
    async with page(runtime) as http:
        answer = await http.post(f"{PATH}/{plan['approval']['id']}", headers=ADA, json=decision(plan))
    assert answer.status_code == 404
    assert answer.json()["message"] == "Approvals over HTTP are off; set OVERTURE_APPROVERS to use them."


async def test_a_decision_on_other_content_or_in_another_shape_decides_nothing(desk: Any, runtime: Runtime) -> None:
    plan = await waiting(desk)
    url = f"{PATH}/{plan['approval']['id']}"
    async with page(runtime, ada=TOKEN) as http:
        other = await http.post(url, headers=ADA, json={**decision(plan), "content_hash": "0" * 64})
        assert (other.status_code, other.json()["error"]) == (409, "conflict")
        for body in (
            b"",
            b"[]",
            b'{"decision": "approve"}',
            b'{"decision": "maybe", "content_hash": "x"}',
            b"{" * 9_000,
        ):
            answer = await http.post(url, headers=ADA, content=body)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_input")
        long = await http.post(url, headers=ADA, content=b"{" * 20_000)
        assert (long.status_code, long.json()["error"]) == (413, "too_large")
        assert (await http.get(f"{PATH}/apr_nope", headers=ADA)).status_code == 404
        assert len((await http.get(PATH, headers=ADA)).json()["approvals"]) == 1


@pytest.mark.parametrize(
    ("approvers", "told"),
    [
        ({"ada": "short"}, "the token of ada is too short; it needs at least 32 characters"),
        ({"ada": TOKEN, "bob": TOKEN}, "two approvers have the same token; give each one of their own"),
        ({" ": TOKEN}, "an approver has no name"),
    ],
)
def test_tokens_that_tell_nobody_apart_are_refused(approvers: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Settings.model_validate({"approvers": approvers})


def test_own_addresses_are_read_as_those_of_leads_are() -> None:
    read = Settings.model_validate({"test_addresses": [" Me@Example.com ", "+1 212 555 0100"]})
    assert read.test_addresses == ["Me@example.com", "+12125550100"]
    with pytest.raises(ValidationError, match="'nonsense' is neither an e-mail address nor a number such as"):
        Settings.model_validate({"test_addresses": ["nonsense"]})


def test_tokens_travel_to_children_and_are_not_shown(settings: Settings) -> None:
    made = settings.model_copy(update={"approvers": {"ada": SecretStr(TOKEN)}})
    assert TOKEN in made.environment()["OVERTURE_APPROVERS"]
    assert TOKEN not in repr(made)
