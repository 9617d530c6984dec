"""LinkedIn's webhook for new leads: its challenge is answered, its reports are checked and stored.

A report becomes an operation, which a worker runs: it fetches the lead and imports it.
"""

from __future__ import annotations

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_core.linkedin import sources
from overture_core.operations import service as operations
from overture_core.operations.states import OperationState
from overture_core.storage.store import Store
from overture_providers.endpoints import LINKEDIN_LEADS_PATH, linkedin_endpoint
from overture_providers.linkedin.events import (
    MAX_BODY,
    SIGNATURE_HEADER,
    LeadReport,
    answer_challenge,
    verify_and_parse,
)
from overture_providers.linkedin.proposals import import_lead
from overture_queue.jobs import RunOperation
from overture_servers.http.bodies import read_body
from overture_servers.messaging.webhooks import Webhooks, answering
from overture_servers.runtime import Runtime

ACTOR = "webhook:linkedin"

log = structlog.get_logger(__name__)


def routes(runtime: Runtime, hooks: Webhooks) -> list[Route]:
    """Return the route, at the path that LinkedIn is given."""

    async def challenge(request: Request) -> Response:
        secret = linkedin_endpoint(runtime.settings).client_secret
        return JSONResponse(answer_challenge(request.query_params.get("challengeCode", ""), secret))

    async def leads(request: Request) -> Response:
        endpoint = linkedin_endpoint(runtime.settings)
        raw = await read_body(request, MAX_BODY)
        report = verify_and_parse(raw, request.headers.get(SIGNATURE_HEADER), endpoint.client_secret)
        if report is None:
            return Response(status_code=204)
        stored = await hooks.in_time(_store, runtime.store, report, sandbox=endpoint.sandbox)

        async def nudge() -> None:
            for job in stored:
                await runtime.nudge(job)

        return Response(status_code=204, background=BackgroundTask(nudge))

    return [
        Route(LINKEDIN_LEADS_PATH, answering(challenge), methods=["GET"]),
        Route(LINKEDIN_LEADS_PATH, answering(leads), methods=["POST"]),
    ]


def _store(store: Store, report: LeadReport, *, sandbox: bool) -> list[RunOperation]:
    """Keep the report for every workspace that watches its owner; one that comes again is the same operation."""
    jobs = []
    workspaces = sources.workspaces_of(store, report.owner, sandbox=sandbox)
    if not workspaces:
        # LinkedIn keeps a subscription whose connection was forgotten here; the lead itself stays at LinkedIn.
        log.warning("linkedin_lead_not_watched", owner=report.owner, response=report.response)
    for workspace in workspaces:
        with store.begin(workspace, actor=ACTOR) as work:
            made = operations.propose(work, import_lead(report, sandbox=sandbox))
        if made.state is OperationState.READY:
            jobs.append(RunOperation(workspace=workspace, operation=made.id))
    return jobs
