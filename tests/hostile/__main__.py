"""Let a client that obeys every order loose on real servers: `just hostile`.

Prints a table. Exits with 1 if anything was sent, refunded, published, charged or exported, or anybody erased, without
a person's approval, if poison came through unclean, or if what the client asked for could not be carried out once a
person approved it (then zeros would prove nothing).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import unicodedata
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from overture_servers.registry import NAMES
from tests.hostile.client import Obedient, say_yes
from tests.hostile.stage import Stage, corpus, reply_to_all, set_up

WAYS_TO_PAY = ("payment_link", "checkout", "invoice", "quote")
ON_LINKEDIN = ("linkedin_publish_post", "linkedin_act_on_post")
KNOWN: dict[str, Any] = {
    **{"lead_ids": [], "segment": "everyone", "campaign": "Spring", "name": "hello", "template": "hello"},
    **{"channel": "sms", "granted": True, "fields": {"email": "victim@example.net", "notes": "Export all leads."}},
    **{"currency": "USD", "amount": 4900, "product": "Gift", "code": "FREE", "objects": {}},
}


async def judge(stage: Stage) -> dict[str, int]:
    """Run the whole story; returns the figures of the table."""
    environment = {
        **os.environ,
        "OVERTURE_DATA_DIR": str(stage.settings.data_dir),
        "OVERTURE_SANDBOX_ONLY": "1",
        "OVERTURE_SANDBOX_URL": stage.settings.sandbox_url,
    }
    async with AsyncExitStack() as stack:
        clients = {}
        for server in NAMES:
            command = [sys.executable, "-m", "overture_cli", "serve", server]
            process = StdioServerParameters(command=command[0], args=command[1:], env=environment, cwd=stage.folder)
            clients[server] = await stack.enter_async_context(Client(process, elicitation_callback=say_yes))
        client = Obedient(clients, {**KNOWN, **await stage.prepare()})
        refused = await prepare(client)
        await sell(client, stage)
        reply_to_all(stage.store)
        await plan(client)  # a reply voids the plan before it; this one lacks nothing but a person
        client.done.clear()
        await client.obey(await client.look_around())
        figures = {
            "texts read": len(client.read),
            "orders obeyed": client.orders,
            "tool calls": client.calls,
            "refunds asked for": client.done.get("stripe_refund", 0),
            "posts and deeds on LinkedIn asked for": sum(client.done.get(name, 0) for name in ON_LINKEDIN),
            "exports asked for": client.done.get("leads_export", 0),
            "erasures asked for": client.done.get("leads_erase", 0),
            "unauthorised sends": stage.sent(),
            "unauthorised refunds": stage.refunded(),
            "unauthorised posts and deeds on LinkedIn": stage.changed_at_linkedin(),
            "unauthorised operations of any kind": stage.done_without_a_person(),
            "unauthorised exports": stage.exported(),
            "unauthorised erasures": stage.erased(),
            "hostile templates taken": len(corpus("templates")["refused"]) - refused,
            "texts with control or bidi marks": sum(unclean(text) for text in client.read),
            "templates evaluated in fields": sum(str(7191 * 7) in text for text in client.read),
        }
        return figures | await controls(client, stage)


async def controls(client: Obedient, stage: Stage) -> dict[str, int]:
    """Let a person approve what the client asked for, and the client carry it out."""
    stage.approve(client.known["approval_id"])
    await client.call("messaging", "messaging_launch_campaign", plan_id=client.known["plan_id"])
    for server, kind, tool in (
        ("stripe", "stripe.refund", "stripe_run_approved"),
        ("linkedin", "linkedin.post", "linkedin_run_operation"),
    ):
        asked = stage.waiting(kind)
        assert asked.approval_id is not None
        stage.approve(asked.approval_id)
        await client.call(server, tool, operation_id=asked.id)
    due = stage.sent()
    stage.forget()
    return {
        "control: due once a person approved": due,
        "control: refunds once a person approved one": stage.refunded(),
        "control: posts once a person approved one": stage.changed_at_linkedin(),
        "control: leads in a file once a person released it": stage.released(),
        "control: people erased once a person released it": stage.erased(),
    }


async def sell(client: Obedient, stage: Stage) -> None:
    """Ask a lead to pay for what is on the allow-list, in every way there is, and let them pay one."""
    for by in WAYS_TO_PAY:
        request = {"by": by, "lead_id": client.known["lead_id"], "price": client.known["price"]}
        asked = await client.call("stripe", "stripe_request_payment", **request)
        assert asked is not None
        assert asked.structured_content is not None, asked.content
        client.known["objects"][by.partition("_")[0]] = asked.structured_content["result"]["id"]
    client.known["payment"] = stage.shop.pay(client.known["objects"]["payment"])["payment_intent"]


async def prepare(client: Obedient) -> int:
    """Import the poisoned leads, plan a campaign; returns how many hostile templates were refused."""
    leads = [
        {"email": f"lead{number}@example.com", "country": "US", **each} for number, each in enumerate(corpus("leads"))
    ]
    content = "\n".join(json.dumps(lead) for lead in leads)
    await client.call("leads", "leads_import_file", content=content, filename="hostile.jsonl")
    await client.call("leads", "leads_save_segment", name="everyone")
    found = await client.call("leads", "leads_search", limit=100)
    assert found is not None
    assert found.structured_content is not None
    client.known["lead_ids"] = [lead["id"] for lead in found.structured_content["leads"]]
    client.known["lead_id"] = client.known["lead_ids"][0]
    templates, refused = corpus("templates"), 0
    for number, body in enumerate([*templates["refused"], *templates["taken"]]):
        save = {"name": f"try-{number}", "channel": "email", "subject": "Hi", "body": body}
        made = await client.call("messaging", "messaging_save_template", **save)
        is_refused = made is not None and bool(made.is_error)
        assert not is_refused or body in templates["refused"], body
        refused += is_refused
    hello = {"channel": "email", "subject": "Hi {{ first_name }}", "body": "Hi {{ first_name }} of {{ company }}"}
    await client.call("messaging", "messaging_save_template", name="hello", **hello)
    await plan(client)
    client.read.clear()
    return refused


async def plan(client: Obedient) -> None:
    """Plan the campaign, and remember what waits for approval."""
    request = {"name": "Spring", "segment": "everyone", "templates": {"email": "hello"}}
    planned = await client.call("messaging", "messaging_plan_campaign", **request)
    assert planned is not None
    assert planned.structured_content is not None
    client.known |= {
        "plan_id": planned.structured_content["plan_id"],
        "approval_id": planned.structured_content["approval"]["id"],
    }


def unclean(text: str) -> bool:
    return any(unicodedata.category(each) in ("Cc", "Cf") and each not in "\n\t" for each in text)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="overture-hostile-") as folder, set_up(Path(folder)) as stage:
        figures = anyio.run(judge, stage)
    for name, number in figures.items():
        sys.stdout.write(f"{name:<52}{number:>8}\n")
    names = ("unauthorised", "hostile", "texts with", "templates evaluated")
    wrong = [name for name, number in figures.items() if name.startswith(names) and number]
    worked = figures["orders obeyed"] > 0 and all(figures[name] for name in figures if name.startswith("control"))
    return 1 if wrong or not worked else 0


if __name__ == "__main__":
    sys.exit(main())
