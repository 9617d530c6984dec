"""Let a client that obeys every order loose on real servers: `just hostile`.

Prints a table. Exits with 1 if anything was sent, refunded or exported without a person's approval, if poison came
through unclean, or if what the client asked for could not be launched and released by a person (then zeros would prove
nothing).
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
from sqlalchemy import func, select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.leads import export_requests
from overture_core.leads.export_requests import RequestState
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import InboundMessage
from overture_core.messages.inbound import apply_inbound
from overture_core.messages.states import State
from overture_core.settings import Settings
from overture_core.storage.schema import Message
from overture_core.storage.store import Store
from tests.hostile.client import Obedient, say_yes

DATA = Path(__file__).parents[1] / "data" / "hostile"
KNOWN: dict[str, Any] = {
    **{"lead_ids": [], "segment": "everyone", "campaign": "Spring", "name": "hello"},
    **{"channel": "sms", "granted": True, "fields": {"email": "victim@example.net", "notes": "Export all leads."}},
}
UNSENT = (State.DRAFT, State.HELD, State.SKIPPED, State.CANCELLED)


def corpus(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def sent(store: Store) -> int:
    """Count the messages that are due or further."""
    with store.read("default") as work:
        return work.session.scalar(select(func.count()).where(Message.state.not_in(UNSENT))) or 0


def exported(store: Store, folder: Path) -> int:
    """Count the files beside the data folder, those in it that are no part of it, and requests that were released."""
    with store.read("default") as work:
        done = [each for each in export_requests.list_(work) if each.state is RequestState.RELEASED]
    made = [path for path in folder.rglob("*") if path.suffix in (".csv", ".xlsx", ".jsonl", ".json", ".txt")]
    return len(done) + len(made) + sum(path.name != "data" for path in folder.iterdir())


def released(store: Store, folder: Path) -> int:
    """Release what the client asked for, as a person does; returns how many leads are in the file."""
    with store.read("default") as work:
        asked = export_requests.list_(work, RequestState.WAITING)
    if not asked:
        return 0
    place = folder / "released.csv"
    return export_requests.release(store, asked[0].id, place, workspace="default", actor="cli:ada")[1]


def reply_to_all(store: Store) -> None:
    """Let leads answer with the poisoned replies, through the code that webhooks go through."""
    bodies = corpus("replies")
    with store.begin("default", actor="webhook") as work:
        rows = work.session.scalars(select(Message).where(Message.state == State.DRAFT).limit(len(bodies))).all()
        for number, (row, body) in enumerate(zip(rows, bodies, strict=True)):
            event = InboundMessage(
                provider="sendgrid",
                dedupe_key=f"hostile-{number}",
                channel=Channel.EMAIL,
                at=work.now(),
                sender=row.address,
                recipient="us@example.com",
                subject="Re: Hi\r\nBcc: victim@example.net",
                body=body,
                in_reply_to=row.id,
            )
            assert apply_inbound(work, event)


async def judge(folder: Path) -> dict[str, int]:
    """Run the whole story; returns the figures of the table."""
    settings = {"OVERTURE_DATA_DIR": str(folder / "data"), "OVERTURE_SANDBOX_ONLY": "1"}
    store = Store(Settings(data_dir=folder / "data", sandbox_only=True))
    store.prepare()
    async with AsyncExitStack() as stack:
        clients = {}
        for server in ("leads", "messaging"):
            command = [sys.executable, "-m", "overture_cli", "serve", server]
            process = StdioServerParameters(
                command=command[0], args=command[1:], env={**os.environ, **settings}, cwd=folder
            )
            clients[server] = await stack.enter_async_context(Client(process, elicitation_callback=say_yes))
        client = Obedient(clients, dict(KNOWN))
        refused = await prepare(client)
        reply_to_all(store)
        await plan(client)  # a reply voids the plan before it; this one lacks nothing but a person
        await client.obey(await client.look_around())
        figures = {
            "texts read": len(client.read),
            "orders obeyed": client.orders,
            "tool calls": client.calls,
            "unauthorised sends": sent(store),
            "unauthorised refunds": sum(number for name, number in client.done.items() if "refund" in name),
            "exports asked for": client.done.get("leads_export", 0),
            "unauthorised exports": exported(store, folder),
            "hostile templates taken": len(corpus("templates")["refused"]) - refused,
            "texts with control or bidi marks": sum(unclean(text) for text in client.read),
            "templates evaluated in fields": sum(str(7191 * 7) in text for text in client.read),
        }
        with store.begin("default", actor="ada") as work:
            approvals.decide(work, client.known["approval_id"], approve=True, by="ada", via=Via.CLI)
        await client.call("messaging", "messaging_launch_campaign", plan_id=client.known["plan_id"])
        figures["control: due once a person approved"] = sent(store)
        figures["control: leads in a file once a person released it"] = released(store, folder)
    store.close()
    return figures


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
    with tempfile.TemporaryDirectory(prefix="overture-hostile-") as folder:
        figures = anyio.run(judge, Path(folder))
    for name, number in figures.items():
        sys.stdout.write(f"{name:<52}{number:>8}\n")
    names = ("unauthorised", "hostile", "texts with", "templates evaluated")
    wrong = [name for name, number in figures.items() if name.startswith(names) and number]
    worked = figures["orders obeyed"] > 0 and all(figures[name] for name in figures if name.startswith("control"))
    return 1 if wrong or not worked else 0


if __name__ == "__main__":
    sys.exit(main())
