"""A proxy before the MCP servers that does harm at an exact moment of a tool's call. It changes nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

import anyio
import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

Victim = Literal["crew", "server", "answer"]
Moment = Literal["before", "during", "after"]
UPSTREAM_S = 60.0
BEGUN_S = 0.03  # after which a call that was handed over is under way
_OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "content-encoding", "accept-encoding"}


@dataclass(frozen=True, slots=True)
class Harm:
    """What happens to the next call of a tool: its victim is killed, or its answer never comes.

    `before`: the server has not heard of the call; a killed crew's call still reaches it. `during`: the server works on
    it. `after`: it took effect, and the answer is lost.
    """

    tool: str
    moment: Moment
    victim: Victim


class Gate:
    """Passes everything on to `upstream`; the harms happen one after the other, each to the first call of its tool."""

    def __init__(self, upstream: str, kill: Callable[[Victim], None]) -> None:
        self._upstream = upstream
        self._kill = kill
        self._harms: list[Harm] = []
        self.done = 0

    def arm(self, harms: list[Harm]) -> None:
        """Set the harms to do."""
        self._harms = list(harms)

    @property
    def armed(self) -> int:
        """How many are still to do."""
        return len(self._harms)

    @contextmanager
    def open(self, port: int) -> Iterator[str]:
        """Listen at a port of loopback, and yield the address."""
        app = Starlette(routes=[Route("/{path:path}", self._pass, methods=["GET", "POST", "DELETE"])])
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, name="gate", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join(10)

    async def _pass(self, request: Request) -> Response:
        body = await request.body()
        harm = self._due(body)
        client = httpx.AsyncClient(timeout=UPSTREAM_S, trust_env=False)
        headers = [(key, value) for key, value in request.headers.items() if key not in _OWN_HEADERS]
        ahead = client.build_request(
            request.method, f"{self._upstream}{request.url.path}", headers=headers, content=body
        )
        if harm is not None:
            async with client:
                return await self._harmed(harm, client, ahead, request)
        try:
            answer = await client.send(ahead, stream=True)
        except httpx.HTTPError:  # the server is away
            await client.aclose()
            return Response(status_code=502)
        kept = {key: value for key, value in answer.headers.items() if key not in _OWN_HEADERS}
        return StreamingResponse(_whole(answer), answer.status_code, kept, background=BackgroundTask(client.aclose))

    def _due(self, body: bytes) -> Harm | None:
        if not self._harms or b'"tools/call"' not in body:
            return None
        if json.loads(body)["params"]["name"] != self._harms[0].tool:
            return None
        self.done += 1
        return self._harms.pop(0)

    async def _harmed(self, harm: Harm, client: httpx.AsyncClient, ahead: httpx.Request, request: Request) -> Response:
        if harm.moment == "before":
            self._kill(harm.victim)
            if harm.victim == "crew":
                await client.send(ahead)
        elif harm.moment == "during":
            async with anyio.create_task_group() as calls:
                calls.start_soon(_ignoring_its_end, client, ahead)
                await anyio.sleep(BEGUN_S)
                self._kill(harm.victim)
        else:
            await client.send(ahead)
            self._kill(harm.victim)
            while harm.victim == "answer" and not await request.is_disconnected():
                await anyio.sleep(0.05)
        return StreamingResponse(_cut_off(), media_type="application/json")


async def _ignoring_its_end(client: httpx.AsyncClient, ahead: httpx.Request) -> None:
    with suppress(httpx.HTTPError):  # the server was killed
        await client.send(ahead)


async def _whole(answer: httpx.Response) -> AsyncIterator[bytes]:
    async for chunk in answer.aiter_bytes():
        yield chunk


async def _cut_off() -> AsyncIterator[bytes]:
    yield b" "
    raise ConnectionAbortedError
