"""The routes of the dashboard."""

from __future__ import annotations

from http import HTTPStatus
from importlib.resources import files

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from overture_core.approvals import service as approvals
from overture_core.campaigns.launching import get_plan
from overture_core.campaigns.sampling import html_of
from overture_core.workspaces.page_sessions import open_session
from overture_servers.runtime import Runtime
from overture_servers.ui import paths, rendering, sign_in
from overture_servers.ui.deeds import DEEDS
from overture_servers.ui.serving import Serving, read_form
from overture_servers.ui.views import VIEWS
from overture_servers.ui.visitors import Visitor, Visitors

_FILES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}


def routes(runtime: Runtime) -> list[Route]:
    """Return every page, form and file of the dashboard."""
    visitors = Visitors(runtime.store, runtime.settings)
    serving = Serving(runtime, visitors)

    async def opening(request: Request) -> Response:
        """Show the button that spends a link: what fetches links ahead must not."""
        return rendering.page("open.html", {"key": request.query_params.get(paths.KEY, ""), "action": paths.OPEN})

    async def opened(request: Request) -> Response:
        visitors.require_own_page(request)
        form = await read_form(request)
        secret = await to_thread.run_sync(open_session, runtime.store, form.get(paths.KEY, ""))
        answer = RedirectResponse(paths.HOME, HTTPStatus.SEE_OTHER)
        visitors.remember(request, answer, secret)
        return answer

    async def sample(request: Request, visitor: Visitor) -> Response:
        def find() -> str | None:
            with runtime.store.read(visitor.workspace) as work:
                asked = approvals.get(work, request.path_params["approval_id"])
                return html_of(work, get_plan(work, asked.subject_id), request.path_params["number"])

        found = await to_thread.run_sync(find)
        if found is None:
            raise HTTPException(404)
        return HTMLResponse(found, headers=rendering.MAIL_HEADERS)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            raise HTTPException(404)
        content = files("overture_servers.ui").joinpath("static", name).read_bytes()
        return Response(content, media_type=_FILES[name], headers={"Cache-Control": "no-cache"})

    return [
        Route(paths.OPEN, serving.told(opening), methods=["GET"]),
        Route(paths.OPEN, serving.told(opened), methods=["POST"]),
        Route(paths.SAMPLE, serving.guarded(sample), methods=["GET"]),
        Route(paths.STATIC, serving.told(file), methods=["GET"]),
        *sign_in.routes(runtime, serving, visitors),
        *(serving.view(each) for each in VIEWS),
        *(serving.deed(each) for each in DEEDS),
    ]
