"""Where the demo plays: its folder, its ports, its hour of the day, and nothing real."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import PydanticUndefined

from overture_core.errors import InvalidInput
from overture_core.settings import Settings

# An hour at which it is day from California to Germany, so that the demo shows sends and quiet hours
# alike, whenever it is run.
HOUR = timedelta(hours=16, minutes=30)
HOST = "127.0.0.1"
FILE_NAME = "demo.json"


class Kept(BaseModel):
    """What a later run in the same folder needs: how far the clock is moved, so that it comes after the
    first one, and the ports, which messages on their way carry in the addresses of their webhooks."""

    clock_offset_s: float = Field(ge=-86_400, le=86_400, allow_inf_nan=False)
    http_port: int | None = Field(default=None, ge=1, le=65_535)
    sandbox_port: int | None = Field(default=None, ge=1, le=65_535)


def stage(folder: Path, leads: Path, on_event: Callable[[str], None]) -> Settings:
    """Return the demo's settings: embedded database and Redis, the sandbox, free ports, a fixed hour.

    Whatever is configured for real work is left out on purpose (docs/decisions/004).

    Raises:
        InvalidInput: the folder cannot be used, or what an earlier run kept there is damaged.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = _kept(folder / FILE_NAME, on_event)
    except (FileExistsError, NotADirectoryError) as error:
        msg = f"{folder} is not a folder, or lies in a file; give --folder another place for the demo's data."
        raise InvalidInput(msg) from error
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError to some versions of pathlib
        reason = error.strerror if isinstance(error, OSError) else "it leads back to itself"
        msg = f"The demo cannot keep its data in {folder} ({reason}); give --folder another place."
        raise InvalidInput(msg) from error
    fields = Settings.model_fields.items()
    defaults = {name: field.default for name, field in fields if field.default is not PydanticUndefined}
    ours = {
        "data_dir": folder.resolve(),
        "sandbox_only": True,
        "http_port": kept.http_port,
        "sandbox_url": f"http://{HOST}:{kept.sandbox_port}",
        "email_from_name": "Overture Demo",
        "import_roots": [leads.parent],
        "clock_offset_s": kept.clock_offset_s,
    }
    return Settings(**{**defaults, **ours})


def _kept(path: Path, on_event: Callable[[str], None]) -> Kept:
    found = _read(path)
    ports = [found.http_port, found.sandbox_port]
    if None in ports or not all(_is_free(port) for port in ports if port is not None):
        fresh = _free_ports(2)
        if None not in ports:
            on_event(
                f"Port {ports[0]} or {ports[1]} of the earlier run is in use; this run listens on {fresh[0]} and "
                f"{fresh[1]}, and SMS reports of the earlier one may not arrive"
            )
        found = found.model_copy(update={"http_port": fresh[0], "sandbox_port": fresh[1]})
    # Whole or not at all: a run may be killed while it writes.
    draft = path.with_suffix(".new")
    draft.write_text(found.model_dump_json(), encoding="utf-8")
    draft.replace(path)
    return found


def _read(path: Path) -> Kept:
    try:
        return Kept.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        now = datetime.now(UTC)
        start = now.replace(hour=0, minute=0, second=0, microsecond=0) + HOUR
        return Kept(clock_offset_s=(start - now).total_seconds())
    except ValidationError as error:
        msg = f"{path} is damaged; remove the demo's folder to begin anew, or give --folder another place."
        raise InvalidInput(msg) from error


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
