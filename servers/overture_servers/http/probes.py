"""What a load balancer and an operator ask: is the process alive, may it be given work, how much waits."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_core.errors import DatabaseUnavailable, NotFound, QueueUnavailable
from overture_servers.runtime import Runtime


def routes(runtime: Runtime) -> list[Route]:
    """Return `/health`, which asks nobody, and `/ready`.

    Ready is a process that reaches its database. Without Redis it still takes imports, plans, launches and webhooks,
    which wait in the database, so a balancer that took it away would only lose those: `degraded` says so instead.
    """

    def look() -> tuple[int, dict[str, object]]:
        try:
            with runtime.store.read(runtime.settings.workspace):  # it asks for the workspace's row
                database = "ok"
        except (DatabaseUnavailable, NotFound) as error:
            database = error.message
        try:
            queues, redis = runtime.queue_depths(), "ok"
        except QueueUnavailable as error:
            queues, redis = None, error.message
        ready = database == "ok"
        found = {"ready": ready, "degraded": redis != "ok", "database": database, "redis": redis, "queued_jobs": queues}
        return 200 if ready else 503, found

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_request: Request) -> Response:
        status, found = await to_thread.run_sync(look)
        return JSONResponse(found, status)

    return [Route("/health", health), Route("/ready", ready)]
