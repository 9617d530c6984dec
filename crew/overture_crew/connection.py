"""One session with an MCP server: how it opens, what it lists, and what is known about its end.

With client.py, which keeps these sessions, it is the seam between the crew and the MCP SDK.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2  # the HTTP client that mcp itself depends on and asks for
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp import Client, StdioServerParameters
from mcp.client.session import ElicitationFnT
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation

from overture_crew.sessions import HttpServer, Server, ToolInfo

CLIENT_NAME = "overture-crew"


@dataclass(slots=True)
class Attempt:
    """A call on its way: whether its request was begun, and whether it is certain that no server took it."""

    begun: bool = False
    unsent: bool = False


current_attempt: ContextVar[Attempt] = ContextVar("current_attempt")
"""The call that is being made; the SDK sends a request in the context of its caller."""


class Connection:
    """A session that is open until `closing` is set."""

    def __init__(self, client: Client, tools: dict[str, ToolInfo], ended: Callable[[], bool]) -> None:
        self.client = client
        self.tools = tools
        self.closing = anyio.Event()
        self.closed = anyio.Event()
        self.answered_at = anyio.current_time()
        self._ended = ended

    def gone(self) -> bool:
        """Say whether the server is known to have ended the session."""
        return self.closed.is_set() or self._ended()

    def answered_within(self, seconds: float) -> bool:
        """Say whether the server answered so recently."""
        return anyio.current_time() - self.answered_at < seconds


@asynccontextmanager
async def opened(
    server: Server, *, call_s: float, log: Path | None, elicit: ElicitationFnT | None
) -> AsyncIterator[Connection]:
    """Open a session and list the tools; `log` takes what a child process writes to stderr."""
    async with AsyncExitStack() as stack:
        if isinstance(server, HttpServer):
            headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}
            http = _Http(headers=headers, timeout=httpx2.Timeout(30, read=call_s))
            await stack.enter_async_context(http)
            transport = streamable_http_client(server.url, http_client=http)
        else:
            parameters = StdioServerParameters(
                command=server.command, args=list(server.args), env=dict(server.env), cwd=server.cwd
            )
            if log is None:
                transport = stdio_client(parameters)
            else:
                stderr = stack.enter_context(log.open("a", encoding="utf-8"))
                transport = stdio_client(parameters, errlog=stderr)
        streams = await stack.enter_async_context(transport)
        client = Client(
            nullcontext(streams),
            read_timeout_seconds=call_s,
            client_info=Implementation(name=CLIENT_NAME, version="1"),
            elicitation_callback=elicit,
        )
        await stack.enter_async_context(client)

        def ended() -> bool:
            # A child process that ended has closed its output, which closes the sending side of this stream.
            read = streams[0]
            return isinstance(read, MemoryObjectReceiveStream) and read.statistics().open_send_streams == 0

        yield Connection(client, await _list_tools(client), ended)


class _Http(httpx2.AsyncClient):
    """Notes of a call that there was no server to connect to.

    Only its first request can tell: what follows (an answer to a question, a stream taken up again, a cancellation)
    comes after something that a server may have taken.
    """

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        call = current_attempt.get(None)
        first = call is not None and not call.begun
        if call is not None:
            call.begun = True
        try:
            return await super().send(request, **options)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            if call is not None and first:
                call.unsent = True
            raise


async def _list_tools(client: Client) -> dict[str, ToolInfo]:
    tools: dict[str, ToolInfo] = {}
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            hints = tool.annotations
            read_only = bool(hints and hints.read_only_hint)
            tools[tool.name] = ToolInfo(
                name=tool.name,
                description=tool.description or tool.name,
                schema=tool.input_schema,
                read_only=read_only,
                repeatable=read_only or bool(hints and hints.idempotent_hint),
            )
        cursor = page.next_cursor
        if cursor is None:
            return tools
