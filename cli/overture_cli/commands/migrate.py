"""`overture migrate`: brings the database up to date before anything else runs."""

from __future__ import annotations

from typing import Annotated

import typer

from overture_cli.context import open_store
from overture_cli.output import JsonFlag, emit_json, say
from overture_core.settings import Settings
from overture_core.storage import migrate as migrations
from overture_core.storage.store import Store

BEHIND = 3


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 3 if the database is behind this release.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Bring the database up to this release. Processes do so when they start; a deployment does it before."""
    if check:
        stands, current = _looked_at(Settings())
    else:
        with open_store() as store:
            stands, current = migrations.version(store.engine), True
    newest = migrations.head()
    if as_json:
        emit_json({"stands": stands, "newest": newest, "current": current})
    elif not current:
        say(f"The database stands at {stands or 'nothing'} and this release needs {newest}; run overture migrate.")
    elif stands == newest:
        say(f"The database stands at {newest}, the newest of this release.")
    else:
        say(f"The database stands at {stands}, beyond {newest}, the newest of this release; nothing was changed.")
    if not current:
        raise typer.Exit(BEHIND)


def _looked_at(settings: Settings) -> tuple[str | None, bool]:
    if settings.database_url is None and not (settings.data_dir / "overture.db").exists():
        return None, False
    store = Store(settings)
    try:
        with store.look():  # says so if the database is away
            pass
        return migrations.version(store.engine), migrations.is_current(store.engine)
    finally:
        store.close()
