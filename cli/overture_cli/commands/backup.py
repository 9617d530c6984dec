"""`overture backup` and `overture restore`: the whole database to a file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from overture_cli.context import actor
from overture_cli.output import JsonFlag, emit_json, say
from overture_core.settings import Settings
from overture_core.storage.backup import back_up
from overture_core.storage.backup import restore as restore_from


def backup(
    file: Annotated[Path, typer.Argument(help="A file that does not exist yet.")], as_json: JsonFlag = False
) -> None:
    """Write the whole database to a file, as it is at one moment, while everything goes on."""
    settings = Settings()
    back_up(settings, file)
    size = file.stat().st_size
    key = settings.secret_key is None
    if as_json:
        emit_json({"file": str(file), "bytes": size, "key_in_data_folder": key})
        return
    say(f"The database is in {file} ({size:,} bytes).")
    if key:
        say(f"The key that signs links is not in it: keep {settings.data_dir / 'secret.key'} too, and apart from it.")


def restore(
    file: Annotated[Path, typer.Argument(help="What overture backup wrote.")], as_json: JsonFlag = False
) -> None:
    """Make an empty database from a backup. All sending is stopped in it until a person lifts that.

    Stop servers and workers first.
    """
    found = restore_from(Settings(), file, actor=actor())
    if as_json:
        emit_json({"workspaces": found})
    else:
        say(f"The database is restored, and all sending is stopped in {', '.join(found)}.")
        say("Read docs/production.md before `overture stop --lift`: what was sent after the backup is due again.")
