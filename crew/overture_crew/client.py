"""The crew's MCP client: one session per server, kept open on one event loop in one background thread.

With connection.py it is the only seam between the crew and the MCP SDK. Four rules make it safe for agents and flows:

- A lost connection is opened again by the next call.
- A call that was interrupted is repeated only if the tool says that a repetition does no harm
  (`readOnlyHint` or `idempotentHint`), or if there was no server to take it. Any other ends in
  `OutcomeUnknown`: it may have happened.
- Before a write, a session that was silent for a while has to answer, so that nothing is sent into one that is gone.
- Arguments that are null are left out, since strict tool schemas make models send every optional one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import anyio.to_thread
import httpx2  # the HTTP client that mcp itself depends on and asks for
from anyio.abc import TaskGroup, TaskStatus
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import MCPError
from mcp.client import ClientRequestContext
from mcp.types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    TextContent,
)
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from overture_crew.connection import Attempt, Connection, current_attempt, opened
from overture_crew.errors import CrewError, OutcomeUnknown, ServerUnavailable
from overture_crew.sessions import Ask, Progress, Question, Server, ToolInfo, ToolOutcome

_CONNECT_S = 60.0
_RECONNECT_S = 15.0
_PAUSE_S = 0.5
CALL_S = 300.0
_IDLE_S = 1.0
_REFUSED = {INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS}  # the server answered: it did nothing

_log = logging.getLogger(__name__)


class _Interrupted(Exception):
    """A call got no answer, and may be sent again."""


class McpSessions:
    """Open sessions to `servers` (name: how to reach it), usable from any thread.

    Use it as a context manager; a session opens at its first call. `ask` puts a server's question
    before a person; without it the servers are told that nobody can be asked, so that they leave an
    approval waiting instead of having it declined. `log` takes what servers write to stderr. A session that
    has not answered for `idle_s` is asked for a sign of life before a write. A server that answered before and
    is gone has `reconnect_s` to come back.
    """

    def __init__(
        self,
        servers: Mapping[str, Server],
        *,
        ask: Ask | None = None,
        log: Path | None = None,
        call_s: float = CALL_S,
        idle_s: float = _IDLE_S,
        reconnect_s: float = _RECONNECT_S,
    ) -> None:
        self._servers = dict(servers)
        self._seen: set[str] = set()
        self._ask = ask
        self._log_path = log
        self._call_s = call_s
        self._idle_s = idle_s
        self._reconnect_s = reconnect_s
        self._connections: dict[str, Connection] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._portal: BlockingPortal = self._stack.enter_context(start_blocking_portal())
        self._finished, _ = self._portal.start_task(self._keep_open)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.call(self._stop.set)
        self._finished.result()
        self._stack.close()

    def call(
        self, server: str, tool: str, args: Mapping[str, Any] | None = None, progress: Progress | None = None
    ) -> ToolOutcome:
        """Call a tool and return what it answered, an error of the tool included.

        Raises:
            ServerUnavailable: the server cannot be reached; nothing was done.
            OutcomeUnknown: the connection was lost, or the answer did not come, during a write.
        """
        return self._portal.call(partial(self._call, server, tool, without_nulls(args or {}), progress))

    def tools(self, server: str) -> list[ToolInfo]:
        """Return the server's tools in the order in which it lists them."""
        return list(self._portal.call(self._connect, server).tools.values())

    async def _keep_open(self, *, task_status: TaskStatus[None]) -> None:
        self._stop = anyio.Event()
        self._locks = {name: anyio.Lock() for name in self._servers}
        async with anyio.create_task_group() as self._holders:
            task_status.started()
            await self._stop.wait()
            for connection in self._connections.values():
                connection.closing.set()

    async def _connect(self, name: str) -> Connection:
        if (connection := self._connections.get(name)) is not None:
            return connection
        if name not in self._servers:
            msg = f"There is no MCP server named {name!r} here; the servers are: {', '.join(sorted(self._servers))}."
            raise CrewError(msg)
        async with self._locks[name]:
            if name not in self._connections:
                # A server that answered before may be on its way up again; one that never did is not there.
                patience = self._reconnect_s if name in self._seen else 0
                retrying = AsyncRetrying(stop=stop_after_delay(patience), wait=wait_fixed(_PAUSE_S), reraise=True)
                try:
                    async for attempt in retrying:
                        with attempt, anyio.fail_after(_CONNECT_S):
                            holders: TaskGroup = self._holders
                            self._connections[name] = await holders.start(self._hold, name)
                except (Exception, BaseExceptionGroup) as error:
                    msg = f"The MCP server {name!r} cannot be reached ({_reason(error)}); start it, then run again."
                    raise ServerUnavailable(msg) from error
                self._seen.add(name)
            return self._connections[name]

    async def _hold(self, name: str, *, task_status: TaskStatus[Connection]) -> None:
        """Own one session: the SDK wants it opened and closed by the same task."""
        connection: Connection | None = None
        try:
            elicit = partial(self._elicit, name) if self._ask else None
            session = opened(self._servers[name], call_s=self._call_s, log=self._log_path, elicit=elicit)
            async with session as connection:
                task_status.started(connection)
                await connection.closing.wait()
        except Exception:
            if connection is None:
                raise
            _log.info("The session to %s ended with an error.", name, exc_info=True)
        finally:
            if connection is not None:
                connection.closed.set()

    async def _elicit(self, name: str, _context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        if self._ask is None or not isinstance(params, ElicitRequestFormParams):
            return ElicitResult(action="decline")
        question = Question(server=name, message=params.message, schema=params.requested_schema)
        answer = await anyio.to_thread.run_sync(self._ask, question)
        return ElicitResult(action=answer.action, content=dict(answer.content) if answer.action == "accept" else None)

    async def _call(self, name: str, tool: str, args: dict[str, Any], progress: Progress | None) -> ToolOutcome:
        connection = await self._connect(name)
        info = connection.tools.get(tool)
        if info is None:
            msg = f"The server {name!r} has no tool {tool!r}; its tools are: {', '.join(connection.tools)}."
            return ToolOutcome({}, msg, is_error=True)
        if not info.repeatable:
            connection = await self._proven(name, connection)
        try:
            return await self._send(name, connection, info, args, progress)
        except _Interrupted:
            connection = await self._connect(name)
        try:
            return await self._send(name, connection, info, args, progress)
        except _Interrupted as error:
            msg = f"{tool} was interrupted twice ({error}); look at the log of the server {name!r}."
            raise ServerUnavailable(msg) from error

    async def _proven(self, name: str, connection: Connection) -> Connection:
        """Return a session that answers. One that died while idle is opened anew, so that a write which was
        never sent is not reported as unknown."""
        if connection.gone() or not (connection.answered_within(self._idle_s) or await _answers(connection)):
            _log.info("The session to %s had ended; opening it again.", name)
            await self._drop(name, connection)
            return await self._connect(name)
        return connection

    async def _send(
        self, name: str, connection: Connection, info: ToolInfo, args: dict[str, Any], on_progress: Progress | None
    ) -> ToolOutcome:
        """Call the tool once.

        Raises:
            OutcomeUnknown: the connection was lost, or no answer came, and a repetition might do harm.
            _Interrupted: the same, but a repetition does no harm.
        """

        async def report(progress: float, total: float | None, message: str | None) -> None:
            if on_progress is not None:
                on_progress(progress, total, message)

        this = Attempt()
        current_attempt.set(this)
        try:
            result = await connection.client.call_tool(info.name, args, progress_callback=report)
        except Exception as error:
            if isinstance(error, MCPError) and error.code in _REFUSED:
                return ToolOutcome({}, f"{info.name} was refused: {error}", is_error=True)
            await self._drop(name, connection)
            if info.repeatable or this.unsent:
                raise _Interrupted(_reason(error)) from error
            msg = (
                f"{info.name} was interrupted ({_reason(error)}): whether it took effect is unknown. "
                f"Look at the status before you ask for it again; it was not repeated."
            )
            raise OutcomeUnknown(msg) from error
        connection.answered_at = anyio.current_time()
        return _outcome(info.name, result)

    async def _drop(self, name: str, connection: Connection) -> None:
        if self._connections.get(name) is connection:
            del self._connections[name]
        connection.closing.set()
        await connection.closed.wait()


def without_nulls(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return `args` without the null values, in nested objects too."""
    return {
        key: without_nulls(value) if isinstance(value, Mapping) else value
        for key, value in args.items()
        if value is not None
    }


async def _answers(connection: Connection) -> bool:
    """Ask for a sign of life. Lists are what servers of every protocol era answer, and change nothing."""
    try:
        await connection.client.list_tools(cache_mode="bypass")
    except (MCPError, anyio.ClosedResourceError, anyio.BrokenResourceError, httpx2.HTTPError):
        return False
    return True


def _outcome(tool: str, result: CallToolResult) -> ToolOutcome:
    text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    if result.is_error:
        text = text.removeprefix(f"Error executing tool {tool}: ")  # the Python SDK's servers put it there
    return ToolOutcome(dict(result.structured_content or {}), text, is_error=bool(result.is_error))


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
