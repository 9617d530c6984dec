"""Where the demo plays: its folder, its ports, its hour of the day, and nothing real."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic_core import PydanticUndefined

from overture_core.settings import Settings

# An hour at which it is day from California to Germany, so that the demo shows sends and quiet hours
# alike, whenever it is run.
HOUR = timedelta(hours=16, minutes=30)
CAMPAIGN = "Win-back"


def stage(folder: Path, leads: Path) -> Settings:
    """Return the demo's settings: embedded database and Redis, the sandbox, free ports, a fixed hour.

    Whatever is configured for real work is left out on purpose (docs/decisions/004).
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    http_port, sandbox_port = _free_ports(2)
    fields = Settings.model_fields.items()
    defaults = {name: field.default for name, field in fields if field.default is not PydanticUndefined}
    ours = {
        "data_dir": folder.resolve(),
        "sandbox_only": True,
        "http_port": http_port,
        "sandbox_url": f"http://127.0.0.1:{sandbox_port}",
        "email_from_name": "Overture Demo",
        "import_roots": [leads.resolve().parent],
        "clock_offset_s": _offset(folder),
    }
    return Settings(**{**defaults, **ours})


def _offset(folder: Path) -> float:
    """How far the demo's clock is moved; kept, so that a second run comes after the first."""
    kept = folder / "demo.json"
    if kept.exists():
        return float(json.loads(kept.read_text())["clock_offset_s"])
    now = datetime.now(UTC)
    offset = (now.replace(hour=0, minute=0, second=0, microsecond=0) + HOUR - now).total_seconds()
    kept.write_text(json.dumps({"clock_offset_s": offset}))
    return offset


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
