"""The demo's post: LinkedIn is connected without a browser, a post proposed, approved and published, in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import anyio
import httpx

from overture_cli.context import actor, person
from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.approvals.subjects import subject
from overture_core.linkedin import accounts
from overture_core.linkedin.accounts import AccountView
from overture_core.operations import service as operations
from overture_core.operations.states import OperationState
from overture_core.storage.store import Store
from overture_crew.sessions import Answer, Question
from overture_providers import operations as running
from overture_providers.linkedin import proposals
from overture_providers.linkedin.session import invite, welcome

TEXT = "We are back with revival calls: half an hour on what has changed since we last spoke. #revival"


def publish(store: Store, ask: Callable[[Question], Answer] | None) -> str | None:
    """Publish the post and return its page; None if the person did not approve. Without `ask` the one who started the
    demo approves, as they do by its written policy: for the sandbox alone."""
    workspace = store.settings.workspace
    account = anyio.run(_connected, store)
    with store.begin(workspace, actor=actor()) as work:
        asked = operations.propose(work, proposals.post(account, TEXT))
        approval = asked.approval_id if asked.state is OperationState.WAITING else None
        about = subject(work, approval) if approval else None
    if approval and about:
        said = ask(Question("linkedin", "\n".join([about.question, *about.lines]), {})) if ask else None
        if said is not None and said.action != "accept":
            return None
        with store.begin(workspace, actor=actor()) as work:
            approvals.decide(work, approval, approve=True, by=person(), via=Via.CLI)

    async def run() -> str | None:
        done = await running.run(store, workspace, asked.id, actor=actor())
        return str((done.result or {}).get("url", "")) or None

    return anyio.run(run)


async def _connected(store: Store) -> AccountView:
    """Return the connection; without one, press the button on the sandbox's page as a person does."""
    settings = store.settings
    with store.begin(settings.workspace, actor=actor()) as work:
        known = accounts.find(work, sandbox=True)
        if known is not None and not known.expired:
            return known
        page, _, query = invite(work, settings).url.partition("?")
    async with httpx.AsyncClient(trust_env=False) as browser:
        back = await browser.post(page, data={**dict(parse_qsl(query)), "decision": "allow"})
    given = dict(parse_qsl(urlsplit(back.headers["location"]).query))
    return await welcome(store, settings, given["state"], given["code"], None)
