"""Two workspaces in one server process: with a token for one, nothing of the other is read or changed.

Every tool, resource, prompt and completion that there is has to be in the lists here: a new one fails until it is.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, ResourceTemplateReference
from sqlalchemy import MetaData, select

from overture_core.storage.store import Store
from overture_servers.registry import NAMES, creator
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
RIVAL = "rival"
MARK = "zqx"  # as in conftest.py: in every text of the rival's
FILE = "First Name,E-mail\nOwn,own@own.example\n"
# What shows its owner what is there, asked in the same way.
SHOWING = (
    *("leads_search", "leads_get_lead", "leads_trace_lead", "leads_preview_segment", "leads_list_segments"),
    *("leads_list", "leads_list_suppressions", "leads_score", "messaging_list_templates", "messaging_preview_template"),
    *("messaging_get_campaign", "messaging_list_campaigns", "messaging_list_replies", "messaging_list_tasks"),
    *("messaging_simulate_campaign", "stripe_get_account", "stripe_find"),
)
# These make something of one's own under a name that the rival has too.
LAST = ("leads_import_file", "leads_save_segment", "messaging_save_template", "leads_upsert_lead", "leads_suppress")


def calls(it: Any) -> dict[str, list[dict[str, Any]]]:
    """For each tool, calls that would reach what the rival has, were the workspaces not apart."""
    post = "urn:li:share:7123"
    return {
        "leads_import_file": [
            {"path": f"leads://imports/{it.import_}/rejects", "dry_run": True},
            {"content": FILE, "mapping": it.name, "dry_run": True},
            {"kind": "signals", "content": f"email,kind,date\n{it.email},funding,2026-11-02\n"},
            {"kind": "suppressions", "content": f"{it.email}\n{it.lead}\nrival.example\n"},
        ],
        "leads_list": [
            {"what": "imports"},
            {"what": "mappings"},
            *({"what": "duplicates", "id": each} for each in (None, it.import_)),
            *({"what": "signals", "id": each} for each in (None, it.lead)),
            {"what": "merges", "id": it.lead},
        ],
        "leads_undo": [{"id": it.import_}, {"id": it.change}],
        "leads_search": [
            {},
            {"where": f'"{MARK}"'},
            {"where": f'segment = "{it.name}"'},
            {"where": f"import = {it.import_}"},
        ],
        "leads_get_lead": [{"lead_id": it.lead}],
        "leads_trace_lead": [{"lead_id": it.lead}, {"lead_id": it.email}],
        "leads_explain_contactability": [{"lead_id": it.lead}],
        "leads_preview_segment": [{"name": it.name}, {}],
        "leads_save_segment": [{"name": it.name, "where": ""}],
        "leads_list_segments": [{}],
        "leads_suppress": [{"kind": "person", "value": it.lead}],
        "leads_list_suppressions": [{}],
        "leads_upsert_lead": [{"fields": {"email": it.email, "company": "Own"}}],
        "leads_tag": [{"tag": "own", "lead_ids": [it.lead]}, {"tag": it.name, "where": "", "remove": True}],
        "leads_record_consent": [{"lead_id": it.lead, "channel": "email", "granted": False}],
        "leads_export": [{}],
        "leads_erase": [{"lead_id": it.lead}, {"lead_id": it.email}],
        "leads_score": [{"lead_id": it.lead}, {"segment": it.name}, {"where": ""}],
        "messaging_save_template": [{"name": it.name, "channel": "email", "subject": "Own", "body": "Own"}],
        "messaging_list_templates": [{}],
        "messaging_preview_template": [{"name": it.name, "lead_ids": [it.lead]}],
        "messaging_plan_campaign": [{"name": it.name, "segment": it.name, "templates": {"email": it.name}}],
        "messaging_launch_campaign": [{"plan_id": it.plan}],
        "messaging_send_message": [{"lead_id": it.lead, "template": it.name}],
        "messaging_get_campaign": [{"campaign": it.name}],
        "messaging_simulate_campaign": [{"campaign": it.name}],
        "messaging_get_health": [{}],
        "messaging_list_campaigns": [{}],
        "messaging_list_replies": [{}, {"campaign": it.name}, {"cursor": it.reply}],
        "messaging_list_tasks": [{}, {"done": True}],
        "messaging_complete_task": [{"task_id": it.task}],
        "messaging_stop_campaign": [{"campaign": it.name, "action": each} for each in ("pause", "resume", "cancel")],
        "messaging_stop_everything": [{}],
        "linkedin_connect": [{}],
        "linkedin_get_capabilities": [{}],
        "linkedin_get_profile": [{}],
        "linkedin_publish_post": [{"text": "Own"}],
        "linkedin_act_on_post": [{"post": post, "action": "delete"}],
        "linkedin_run_operation": [{"operation_id": it.asked}, {"operation_id": it.operation}],
        "linkedin_get_posts": [{}, {"post": post}],
        "linkedin_get_statistics": [{"page": "urn:li:organization:1"}],
        "linkedin_list_lead_forms": [{"owner": "urn:li:organization:1"}],
        "linkedin_import_leads": [{"owner": "urn:li:organization:1"}],
        "linkedin_prepare_task": [{"lead_id": it.lead, "kind": "message", "text": "Own"}],
        "stripe_get_account": [{}],
        "stripe_find": [
            {"kind": "customer", "lead_id": it.lead},
            {"kind": "customer", "id": it.customer},
            {"kind": "customer"},
            {"kind": "price", "id": it.price},
            {"kind": "product"},
            {"kind": "customer", "query": f"email:'{it.email}'"},
        ],
        "stripe_ensure_customer": [{"lead_id": it.lead}],
        "stripe_request_payment": [{"by": "payment_link", "lead_id": it.lead, "price": it.price}],
        "stripe_change": [{"action": "invoice_void", "id": "in_none"}],
        "stripe_create_price": [{"product": "Own", "amount": 100, "currency": "usd"}],
        "stripe_create_discount": [{"code": "OWN10", "percent_off": 10}],
        "stripe_refund": [{"payment": "pi_none"}],
        "stripe_report_revenue": [{}, {"campaign": it.name}],
        "stripe_report_fee": [{"campaign": it.name}],
        "stripe_run_approved": [{"operation_id": it.asked}, {"operation_id": it.operation}],
    }


def resources(it: Any) -> dict[str, str]:
    """For each resource and template, the address of the rival's."""
    cursors = {
        "imports": it.again,
        "duplicates": "0",
        "mappings": it.name,
        "signals": it.signal,
        "suppressions": f"sup_{'7Z'.ljust(26, 'Z')}",
    }
    return {
        "leads://leads/{lead_id}": f"leads://leads/{it.lead}",
        "leads://leads/{lead_id}/signals{?cursor}": f"leads://leads/{it.lead}/signals",
        "leads://leads/{lead_id}/merges{?cursor}": f"leads://leads/{it.lead}/merges",
        "leads://segments/{name}": f"leads://segments/{it.name}",
        "leads://mappings/{mapping}": f"leads://mappings/{it.name}",
        **{f"leads://{name}": f"leads://{name}" for name in cursors},
        **{f"leads://{name}{{?cursor}}": f"leads://{name}?cursor={cursor}" for name, cursor in cursors.items()},
        "leads://imports/{import_id}": f"leads://imports/{it.import_}",
        "leads://imports/{import_id}/rejects": f"leads://imports/{it.import_}/rejects",
        "leads://imports/{import_id}/duplicates{?cursor}": f"leads://imports/{it.import_}/duplicates",
        "leads://imports/{import_id}/rejects/{after_line}": f"leads://imports/{it.import_}/rejects/1",
        "ui://overture/campaign": "ui://overture/campaign",  # the same for everybody
        "messaging://campaigns/{name}": f"messaging://campaigns/{it.name}",
        "messaging://templates/{name}": f"messaging://templates/{it.name}",
        "linkedin://capabilities": "linkedin://capabilities",
        "linkedin://operations/{operation_id}": f"linkedin://operations/{it.operation}",
        "stripe://account": "stripe://account",
        "stripe://revenue/{campaign}": f"stripe://revenue/{it.name}",
    }


def rows_of(store: Store, workspace: str) -> dict[str, list[Any]]:
    """Every row of a workspace, table by table."""
    found = {}
    tables = MetaData()
    tables.reflect(store.engine)
    with store.look() as connection:
        for name, table in tables.tables.items():
            if "workspace_id" in table.c:
                rows = connection.execute(select(table).where(table.c.workspace_id == workspace)).all()
                found[name] = sorted(map(repr, rows))
    return found


def told(result: CallToolResult, given: dict[str, Any]) -> str:
    """What an answer says, but for the caller's own words."""
    text = json.dumps([result.structured_content, [block.model_dump() for block in result.content]], default=str)
    # Only part of an address or a filter may be said again.
    words = {
        part for word in _words(given) for part in [str(word), *re.split(r"[/\s\"']+", str(word))] if len(part) > 2
    }
    for each in sorted(words, key=len, reverse=True):
        text = text.replace(each, "")
    return text


def _words(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [word for each in value.values() for word in _words(each)]
    return [word for each in value for word in _words(each)] if isinstance(value, list) else [value]


async def test_no_tool_reads_or_changes_anything_of_another_workspace(
    mine: Any, rival: Any, runtime: Runtime, theirs: Any
) -> None:
    table = calls(theirs)
    servers = {name: creator(name)(runtime) for name in NAMES}
    there_are = [tool.name for each in servers.values() for tool in await each.list_tools()]
    assert sorted(table) == sorted(there_are)
    before = rows_of(runtime.store, RIVAL)
    assert before["leads"]
    assert before["operations"]
    hidden = [MARK, *(value for name, value in theirs.ids.items() if name != "name")]
    leaks = []
    for tool in sorted(table, key=LAST.__contains__):
        for arguments in table[tool]:
            said = told(await mine.say(tool, **arguments), arguments)
            leaks += [(tool, arguments, said) for each in hidden if each in said]
    assert not leaks, json.dumps(leaks, indent=1)
    # The same calls show their owner what is there, or this test would prove nothing.
    for tool in SHOWING:
        seen = [told(await rival.say(tool, **arguments), arguments) for arguments in table[tool]]
        assert any(each in said for each in hidden for said in seen), tool
    assert rows_of(runtime.store, RIVAL) == before


async def test_no_resource_shows_anything_of_another_workspace(
    mine: Any, rival: Any, runtime: Runtime, theirs: Any
) -> None:
    table = resources(theirs)
    listed, found, shown = [], [], {}
    for server in NAMES:
        async with mine.at(server) as client, rival.at(server) as other:
            uris = [each.uri_template for each in (await client.list_resource_templates()).resource_templates]
            uris += [str(each.uri) for each in (await client.list_resources()).resources]
            listed += uris
            for uri in uris:
                shown[uri] = await read(other, table[uri])
                found.append((await read(client, table[uri])).replace(theirs.name, "").replace(table[uri], ""))
    assert sorted(listed) == sorted(table)
    assert [answer for answer in found if MARK in answer] == []
    no_text = (
        "{after_line}",
        "capabilities",
        "{operation_id}",
        "account",
        "{campaign}",
        "mappings{?cursor}",
        "campaign",
    )
    assert [uri for uri in table if MARK not in shown[uri] and not uri.endswith(no_text)] == []


async def read(client: Client, uri: str) -> str:
    """What a resource says, or why it does not."""
    try:
        return (await client.read_resource(uri)).model_dump_json()
    except MCPError as error:
        return error.message


async def test_one_server_neither_shows_nor_runs_what_was_asked_of_another(
    mine: Any, rival: Any, runtime: Runtime, theirs: Any
) -> None:
    """Or a token for the one would do what takes a token for the other."""
    for operation in (theirs.operation, theirs.asked):
        result = await rival.say("linkedin_run_operation", operation_id=operation)
        assert f"There is no operation '{operation}' of the linkedin server" in told(result, {})
        async with rival.at("linkedin") as client:
            assert "There is no operation" in await read(client, f"linkedin://operations/{operation}")
    result = await rival.say("stripe_run_approved", operation_id=theirs.operation)
    assert f"There is no operation '{theirs.operation}' of the stripe server" in told(result, {})


async def test_no_completion_knows_a_name_of_another_workspace(
    mine: Any, rival: Any, runtime: Runtime, theirs: Any
) -> None:
    names = ("segment", "name", "tag", "company", "mapping", "import_id")
    reference = ResourceTemplateReference(type="ref/resource", uri="leads://segments/{name}")
    found: dict[str, dict[str, list[str]]] = {}
    for who in (mine, rival):
        async with who.at("leads") as client:
            answers = {each: await client.complete(reference, {"name": each, "value": ""}) for each in names}
            found[who.workspace] = {name: answer.completion.values for name, answer in answers.items()}
    assert found["default"] == {name: [] for name in names}
    assert all(found[RIVAL].values())


async def test_no_prompt_reads_anything(mine: Any, rival: Any, runtime: Runtime, theirs: Any) -> None:
    """They are words around what the caller says: the same for both workspaces."""
    said: dict[str, list[str]] = {}
    for who in (mine, rival):
        said[who.workspace] = []
        for server in NAMES:
            async with who.at(server) as client:
                for prompt in (await client.list_prompts()).prompts:
                    arguments = {
                        each.name: "30" if each.name == "days" else theirs.name for each in prompt.arguments or []
                    }
                    said[who.workspace].append((await client.get_prompt(prompt.name, arguments)).model_dump_json())
    assert len(said[RIVAL]) >= 8
    assert said["default"] == said[RIVAL]


async def test_the_audit_names_the_client_and_the_subject_of_the_token(
    mine: Any, rival: Any, runtime: Runtime, theirs: Any
) -> None:
    await mine.call("leads_save_segment", name="own", where="")
    entries = rows_of(runtime.store, "default")["audit_entries"]
    assert any("mcp:overture-token as default" in each for each in entries), entries
