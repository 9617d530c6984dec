"""What a server process holds: settings, the database, and a way to nudge the worker.

Whatever serves a request asks a runtime for the workspace, and never the process's settings: over HTTP with
authentication it is the one of the request's token (`PrincipalRuntime`).

Tools run core's functions through `read` and `write`, which open the transaction in a thread and turn
errors into what a model may read: a `ToolError` keeps its text, anything else would not.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

import structlog
from anyio import to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS
from pydantic import ValidationError

from overture_core.errors import (
    ConfigurationError,
    InvalidInput,
    NotAllowed,
    NotFound,
    OvertureError,
    QueueUnavailable,
)
from overture_core.settings import Settings
from overture_core.storage.store import Store, Work
from overture_servers.principal import Principal, principal
from overture_servers.schemas import fields_at, meant
from overture_servers.scopes import Scope

if TYPE_CHECKING:
    from overture_queue.broker import RedisHandle
    from overture_queue.jobs import Job

T = TypeVar("T")
_LISTENS_S = 0.5
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool that ended: `outcome` is ok, asked (a person was), or refused with what the model reads."""

    server: str
    tool: str
    outcome: Literal["ok", "asked", "refused"]
    seconds: float


log = structlog.get_logger(__name__)


class Runtime:
    """One per process, shared by all servers in it. `open` prepares the database."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self._settings = settings
        self.store = store or Store(settings)
        self._redis: RedisHandle | None = None
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._opened = self._late = False
        self._has_page = False
        self._watchers: list[Callable[[ToolCall], None]] = []

    def watch(self, watcher: Callable[[ToolCall], None]) -> None:
        """Have `watcher` told of every call of a tool that ended."""
        self._watchers.append(watcher)

    def called(self, call: ToolCall) -> None:
        """Tell the watchers of a call."""
        for watcher in self._watchers:
            watcher(call)

    @property
    def settings(self) -> Settings:
        """The settings; their workspace is the one that this request works in."""
        return self._settings

    @property
    def workspace(self) -> str:
        """The workspace that this request works in."""
        return self.settings.workspace

    def has_page(self) -> None:
        """Say that this process serves the dashboard itself."""
        self._has_page = True

    def page(self) -> str | None:
        """Return where the dashboard is; None if nothing listens there now."""
        url = self.settings.page_url
        return url if self._has_page or _listens(url) else None

    def require(self, scope: Scope) -> None:
        """Make sure that whoever asks may. Whoever started the process may do all that it can."""

    def open(self) -> None:
        """Bring the database up to date, the first time.

        Raises:
            DatabaseUnavailable: it cannot be reached.
        """
        with self._opening:
            if not self._opened:
                self.store.prepare()
                self._opened = True

    def open_soon(self) -> None:
        """Open in a thread. What needs the database waits for that, and tries again where it failed."""
        self._late = True
        threading.Thread(target=self._open_quietly, name="overture-open", daemon=True).start()

    async def ready(self) -> None:
        """Wait until the database is open, if that was left for later.

        Raises:
            DatabaseUnavailable: it cannot be reached.
        """
        if self._late and not self._opened:
            await to_thread.run_sync(self.open)

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            if self._redis is not None:
                self._redis.close()
                self._redis = None
        self.store.close()

    def _open_quietly(self) -> None:
        try:
            self.open()
        except OvertureError as error:
            log.warning("database_away", detail=error.message)

    async def read(self, function: Callable[[Work], T]) -> T:
        """Run `function` in a read transaction of the workspace."""

        def run() -> T:
            with self.store.read(self.workspace) as work:
                return function(work)

        with told():
            await self.ready()
            return await to_thread.run_sync(run)

    async def write(self, actor: str, function: Callable[[Work], T]) -> T:
        """Run `function` in a write transaction on behalf of `actor`."""

        def run() -> T:
            with self.store.begin(self.workspace, actor=actor) as work:
                return function(work)

        with told():
            await self.ready()
            return await to_thread.run_sync(run)

    async def nudge(self, job: Job) -> bool:
        """Tell a worker that there is something to do; false if Redis is away, which costs only time.

        Never raises for that: what the job is about is already committed, and a worker finds it anyway.
        """
        return await to_thread.run_sync(self._nudge, job)

    def queue_depths(self) -> dict[str, int]:
        """Count the jobs of each queue. Starts no embedded server, and takes a second at most.

        Raises:
            QueueUnavailable: Redis does not answer in that time, or the embedded one does not run.
        """
        from overture_queue.broker import depths

        return depths(self.settings)

    def has_worker(self) -> bool:
        """Tell whether a worker runs, without which nothing is sent; otherwise as `queue_depths`."""
        from overture_queue.broker import has_worker

        return has_worker(self.settings)

    def _nudge(self, job: Job) -> bool:
        from overture_queue.broker import connect, enqueue

        handle = None
        try:
            with self._lock:
                handle = self._redis = self._redis or connect(self._settings)
            enqueue(handle.broker, job)
        except (QueueUnavailable, ConfigurationError) as error:
            log.warning("queue_away", detail=error.message)
            if handle is not None and handle.embedded:
                self._let_go(handle)
            return False
        return True

    def _let_go(self, handle: RedisHandle) -> None:
        # An embedded server that ended does not come back by itself; the next nudge starts another.
        with self._lock:
            if self._redis is handle:
                self._redis = None
                handle.close()


class PrincipalRuntime(Runtime):
    """The runtime of MCP servers that want a token: the same store and queue, in the workspace of the request's
    principal. What has lost its principal works in no workspace at all."""

    def __init__(self, shared: Runtime) -> None:
        super().__init__(shared.settings, shared.store)
        self._shared = shared

    @property
    def settings(self) -> Settings:
        return self._settings.model_copy(update={"workspace": _whoever_asks().workspace})

    @property
    def workspace(self) -> str:
        return _whoever_asks().workspace

    def require(self, scope: Scope) -> None:
        """Make sure that the principal has a scope.

        Raises:
            NotAllowed: they have not.
        """
        if scope not in _whoever_asks().scopes:
            raise NotAllowed(f"The token lacks the scope {scope}; ask for one that has it.")

    def open(self) -> None:
        self._shared.open()

    def close(self) -> None:
        self._shared.close()

    def called(self, call: ToolCall) -> None:
        self._shared.called(call)

    def page(self) -> str | None:
        return self._shared.page()

    async def nudge(self, job: Job) -> bool:
        return await self._shared.nudge(job)


def _whoever_asks() -> Principal:
    who = principal()
    if who is None:
        raise NotAllowed
    return who


def _listens(url: str) -> bool:
    at = urlsplit(url)
    try:
        with socket.create_connection((at.hostname or "", at.port or _PORTS[at.scheme]), timeout=_LISTENS_S):
            return True
    except OSError:
        return False


@contextmanager
def told() -> Iterator[None]:
    """Turn core's errors, and arguments that do not validate, into errors whose text a model sees."""
    try:
        yield
    except OvertureError as error:
        raise ToolError(error.message) from error
    except ValidationError as error:
        raise ToolError(validation_sentence(error)) from error


@contextmanager
def told_resource() -> Iterator[None]:
    """The same for resources: what is not there, and an address that makes no sense, are invalid params (-32602)."""
    try:
        yield
    except ToolError as error:
        if isinstance(error.__cause__, InvalidInput):
            raise MCPError(INVALID_PARAMS, str(error)) from error
        kind = ResourceNotFoundError if isinstance(error.__cause__, NotFound) else ResourceError
        raise kind(str(error)) from error


def validation_sentence(error: ValidationError, schema: Mapping[str, Any] | None = None) -> str:
    """Say in one sentence which argument is wrong and why; `schema` is the arguments' JSON schema, for the names
    that may have been meant."""
    parts = []
    for each in error.errors(include_url=False, include_context=False)[:3]:
        where = ".".join(str(part) for part in each["loc"])
        why = each["msg"].removeprefix("Value error, ").rstrip(".")
        if each["type"] == "extra_forbidden":
            known = fields_at(schema or {}, each["loc"][:-1])
            why = f"there is no such field{meant(str(each['loc'][-1]), known).rstrip('.') if known else ''}"
        elif each["type"].startswith("time_"):
            why = "it is no time of day such as 09:00"
        elif each["type"].startswith("datetime"):
            why = "it is no time such as 2026-12-01T09:00:00+01:00"
        parts.append(f"{where}: {why}" if where else why)
    return f"The arguments do not fit: {'; '.join(parts)}{'' if parts[-1].endswith('?') else '.'}"


def lifespan_of(runtime: Runtime) -> Callable[[MCPServer[Runtime]], AbstractAsyncContextManager[Runtime]]:
    """Return a lifespan that hands every server of the process the same runtime."""

    @asynccontextmanager
    async def lifespan(_server: MCPServer[Runtime]) -> AsyncIterator[Runtime]:
        yield runtime

    return lifespan
