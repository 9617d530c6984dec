"""What the dashboard's pages say where nothing leaves: no worker, no Redis, all sending stopped."""

from __future__ import annotations

import re
from typing import Any

import pytest

from overture_core.workspaces import emergency
from overture_queue.broker import RedisHandle, tell_of_worker
from overture_servers.runtime import Runtime
from overture_servers.ui.views import NO_WORKER
from tests.integration.servers.dashboard import browser, launched

pytestmark = pytest.mark.anyio
NO_WORKER_SHOWN = re.sub(r"`([^`]+)`", r"<code>\1</code>", NO_WORKER)
RUNS = 'It is <span class="state running">running</span>'


async def test_without_a_worker_every_page_that_shows_progress_says_what_to_run(
    desk: Any, runtime: Runtime, redis_handle: RedisHandle
) -> None:
    async with browser(runtime) as http:
        pages = ["/", await launched(http, desk), "/page/system"]
        for page in pages:
            assert (await http.get(page)).text.count(NO_WORKER_SHOWN) == 1
        tell_of_worker(redis_handle.client, "host:1")
        for page in pages:
            assert "No worker runs" not in (await http.get(page)).text


async def test_without_redis_the_pages_say_why_nothing_goes_out(desk: Any, runtime: Runtime) -> None:
    away = Runtime(runtime.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}), runtime.store)
    async with browser(away) as http:
        for page in ("/", await launched(http, desk), "/page/system"):
            text = (await http.get(page)).text
            assert "start it, or correct OVERTURE_REDIS_URL. What is due waits in the database" in text
            assert "No worker runs" not in text


async def test_while_all_sending_is_stopped_a_campaign_promises_nothing(desk: Any, runtime: Runtime) -> None:
    async with browser(runtime) as http:
        campaign = await launched(http, desk)
        running = (await http.get(campaign)).text
        assert f"{RUNS} Sandbox" in running
        assert "The next message goes out at" in running
        with runtime.store.begin("default", actor="ada") as work:
            emergency.stop(work, reason="wrong <b>text</b>")
        stopped = (await http.get(campaign)).text
    assert f"{RUNS} but all sending is stopped, so nothing leaves." in stopped
    assert "The next message goes out at" not in stopped
    assert stopped.count("by ada (wrong &lt;b&gt;text&lt;/b&gt;). A person lets it go on with ") == 1
    assert stopped.count("<code>overture stop --lift</code>") == 1
    assert "`" not in stopped
