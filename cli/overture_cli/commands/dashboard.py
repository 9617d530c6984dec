"""`overture dashboard`: a link by which a person opens the dashboard, once."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import typer

from overture_cli.context import actor, open_store, person
from overture_cli.output import JsonFlag, emit_json, progress_console
from overture_cli.processes import answers
from overture_core.settings import Settings
from overture_core.workspaces.page_sessions import LINK_LIFE, make_link


def dashboard(
    workspace: Annotated[str | None, typer.Option(help="Workspace; else the one in OVERTURE_WORKSPACE.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a link that opens the dashboard in a browser: once, within five minutes, for you and one workspace.

    Whoever opens it can approve and stop in your name, so give it to nobody, and to no model. The servers have to be
    up: run `overture up`, or `overture serve --http`.
    """
    from overture_servers.ui.paths import KEY, OPEN

    settings = Settings()
    named = workspace or settings.workspace
    with open_store(settings) as store, store.begin(named, actor=actor()) as work:
        link = f"{settings.page_url}{OPEN}?{urlencode({KEY: make_link(work, person())})}"
    listens = answers(f"{settings.page_url}/health")
    minutes = int(LINK_LIFE.total_seconds() // 60)
    if as_json:
        emit_json({"link": link, "workspace": named, "person": person(), "minutes": minutes, "listens": listens})
        return
    typer.echo(link)
    progress_console.print(f"For {person()} in the workspace {named}, once, within {minutes} minutes.", markup=False)
    if not listens:
        todo = "run `overture up`, or `overture serve --http`, in another terminal, then open the link."
        progress_console.print(f"Nothing answers at {settings.page_url} yet: {todo}", markup=False)
