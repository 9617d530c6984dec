"""What a load balancer and an operator ask: is the process alive, may it be given work, how much waits."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from anyio import CapacityLimiter, to_thread
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_core.errors import DatabaseUnavailable, NotFound, QueueUnavailable
from overture_servers.runtime import Runtime

ANSWER_WITHIN_S = 2.5
# Threads that may wait for a part that is silent; who asks meanwhile is answered without one.
WAITING = 2


def routes(runtime: Runtime) -> list[Route]:
    """Return `/health`, which asks nobody, and `/ready`, which answers within a few seconds whatever is silent.

    Ready is a process that reaches its database. Without Redis it still takes imports, plans, launches and webhooks,
    which wait in the database, so a balancer that took it away would only lose those: `degraded` says so instead.
    """
    threads = {"database": CapacityLimiter(WAITING), "redis": CapacityLimiter(WAITING)}

    def database() -> dict[str, object]:
        try:
            with runtime.store.read(runtime.settings.workspace) as work:
                work.session.execute(select(1))  # without a statement there is no connection either
            return {"database": "ok"}
        except (DatabaseUnavailable, NotFound) as error:
            return {"database": error.message}

    def redis() -> dict[str, object]:
        try:
            return {"redis": "ok", "queued_jobs": runtime.queue_depths()}
        except QueueUnavailable as error:
            return {"redis": error.message}

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_request: Request) -> Response:
        silent = f"It did not answer within {ANSWER_WITHIN_S} s; it hangs or is out of reach."
        found: dict[str, object] = {"database": silent, "redis": silent, "queued_jobs": None}

        async def ask(name: str, look: Callable[[], dict[str, object]]) -> None:
            with anyio.move_on_after(ANSWER_WITHIN_S):
                found.update(await to_thread.run_sync(look, abandon_on_cancel=True, limiter=threads[name]))

        async with anyio.create_task_group() as parts:
            parts.start_soon(ask, "database", database)
            parts.start_soon(ask, "redis", redis)
        is_ready = found["database"] == "ok"
        told = {"ready": is_ready, "degraded": found["redis"] != "ok", **found}
        return JSONResponse(told, 200 if is_ready else 503)

    return [Route("/health", health), Route("/ready", ready)]
