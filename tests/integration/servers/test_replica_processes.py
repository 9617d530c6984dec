"""Two server processes behind a round robin serve one client, and one that is told to end lets its calls finish."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from anyio import to_thread
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from tests.http_process import HttpProcess, http_process

pytestmark = pytest.mark.anyio
ROWS = 20_000


class RoundRobin(httpx2.AsyncBaseTransport):
    """Sends each request to the next address, as a balancer does; counts what each was sent."""

    def __init__(self, ports: list[int]) -> None:
        self._inner = httpx2.AsyncHTTPTransport()
        self._turn = itertools.cycle(ports)
        self.sent = dict.fromkeys(ports, 0)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        port = next(self._turn)
        self.sent[port] += 1
        request.url = request.url.copy_with(port=port)
        request.headers["Host"] = f"127.0.0.1:{port}"
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
def start(tmp_path: Path, wait_for: Any, warm_programs: Path) -> Iterator[Callable[[], HttpProcess]]:
    """Starts a replica of one installation."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(http_process(tmp_path, wait_for, python=warm_programs / "python"))


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return dict(result.structured_content)


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_one_client_is_served_by_two_replicas_in_turn(start: Any, mode: Any) -> None:
    ports = [start().port, start().port]
    balancer = RoundRobin(ports)
    async with httpx2.AsyncClient(transport=balancer) as http:
        transport = streamable_http_client(f"http://127.0.0.1:{ports[0]}/leads/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            await called(client, "leads_import_file", content="E-mail\nada@a.example\nbob@b.example\n")
            for number in range(6):
                await called(client, "leads_save_segment", name=f"segment {number}")
            listed = await called(client, "leads_list_segments")
            page = await called(client, "leads_search", limit=1)
            rest = await called(client, "leads_search", limit=1, cursor=page["next_cursor"])
    assert [each["name"] for each in listed["segments"]] == [f"segment {number}" for number in range(6)]
    assert {each["email"] for each in [*page["leads"], *rest["leads"]]} == {"ada@a.example", "bob@b.example"}
    assert min(balancer.sent.values()) >= 4, balancer.sent


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_process_that_is_told_to_end_lets_its_calls_finish(start: Any, mode: Any) -> None:
    running = start()
    content = "E-mail,First name\n" + "".join(f"lead{number}@a.example,Ada\n" for number in range(ROWS))
    begun = anyio.Event()

    async def seen(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    async def end() -> None:
        await begun.wait()
        running.process.send_signal(signal.SIGTERM)

    async with Client(f"{running.url}/leads/mcp", mode=mode) as client, anyio.create_task_group() as tasks:
        await client.list_tools()  # the client looks its schemas up when a result comes, which is too late here
        tasks.start_soon(end)
        result = await client.call_tool("leads_import_file", {"content": content}, progress_callback=seen)
    assert isinstance(result, CallToolResult)
    assert result.structured_content is not None, result.content
    assert result.structured_content["created"] == ROWS
    assert await to_thread.run_sync(lambda: running.process.wait(20)) in (0, -signal.SIGTERM)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{running.url}/health", trust_env=False)
