"""What the dashboard's pages load, how they are turned over, and which cookie they give."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from overture_core.operations import service as operations
from overture_core.operations.models import Proposal
from overture_core.storage.store import Store
from overture_servers.runtime import Runtime
from overture_servers.ui.views import PAGE
from tests.integration.servers.dashboard import address, browser, entered, link, opened, waiting

pytestmark = pytest.mark.anyio


async def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(desk: Any, runtime: Runtime) -> None:
    plan = await waiting(desk)
    async with browser(runtime) as http:
        closed = await http.get("/")
        await entered(http, runtime.store)
        for answer in (closed, await http.get("/"), await http.get(address(plan)), await http.get("/page/system")):
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
            assert "unsafe" not in policy
            assert answer.headers["Cache-Control"] == "no-store"
            assert re.findall(r"<script>|<style| style=| on[a-z]+=", answer.text) == []
            assert re.findall(r'(?:src|href|action|data-live)="(?![/#])', answer.text) == []


async def test_by_https_the_cookie_is_for_this_host_and_tls_alone(runtime: Runtime) -> None:
    public = "https://overture.example"
    async with browser(runtime, public_url=public, auth_local=True) as http:
        http.base_url = httpx.URL(public)
        answer = await opened(http, link(runtime.store), Origin=public)
        assert answer.status_code == 303
        name, _, rest = answer.headers["Set-Cookie"].partition("=")
        assert (name, "Secure" in rest, "Domain" in rest) == ("__Host-overture", True, False)
        assert (await opened(http, link(runtime.store), Origin="http://overture.example")).status_code == 403


async def test_another_host_gets_no_page(runtime: Runtime) -> None:
    async with browser(runtime) as http:
        assert (await http.get("/", headers={"Host": "evil.example"})).status_code == 421


async def test_approvals_are_turned_over_page_by_page(store: Store) -> None:
    with store.begin("default", actor="test") as work:
        asked = [
            operations.propose(
                work,
                Proposal("fake.refund", {"number": number}, ["Refund 12.00 EUR."], True, True, ["it gives money back"]),
            )
            for number in range(PAGE + 3)
        ]
    assert len({each.approval_id for each in asked}) == PAGE + 3
    async with browser(Runtime(store.settings, store)) as http:
        await entered(http, store)
        shown, path = [], "/page/approvals"
        while path:
            page = (await http.get(path)).text
            shown.append(re.findall(r'href="/page/approvals/(apr_\w+)"', page))
            older = re.search(r'href="(/page/approvals\?after=apr_\w+)">Older ones', page)
            path = older[1] if older is not None else ""
        assert [len(each) for each in shown] == [PAGE, 3]
        assert {each for some in shown for each in some} == {each.approval_id for each in asked}
        assert (await http.get("/page/approvals?after=apr_unknown")).status_code == 409
