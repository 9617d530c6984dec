"""The page docs/audit.md: its commands work on an empty home; and a broken chain is told with exit code 5."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

from overture_core.leads import erasure_requests
from overture_core.leads.finding import lead_id_of
from overture_core.settings import Settings
from overture_core.storage.store import Store

PAGE = Path(__file__).parents[3] / "docs" / "audit.md"
Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def asked_for(data: Path, address: str) -> str:
    """Ask for an erasure as an MCP client does; returns its id."""
    store = Store(Settings(data_dir=data, sandbox_only=True))
    with store.begin("default", actor="mcp:desk") as work:
        asked = erasure_requests.ask(work, lead_id_of(work, address))
    store.close()
    return asked.id


def test_the_commands_of_the_page_work_and_a_changed_entry_is_named(overture: Overture, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]
    assert len(commands) >= 9
    said = {}
    asked = ""
    for command in commands:
        if command[0] == "erasures":
            asked = asked or asked_for(tmp_path / "data", "ada@example.com")
        done = overture(*[asked if word == "ERASURE" else word for word in command])
        assert (command, done.returncode, done.stderr) == (command, 0, "")
        said[" ".join(command)] = done.stdout
    actions = [each["action"] for each in json.loads(said["audit list --json"])]
    assert actions[:3] == ["leads.imported", "sending.stopped", "sending.let_go_on"]
    assert "good.csv" in said["trace ada@example.com"]
    assert json.loads(said["erase grace@example.com --yes --json"])["addresses"] == 1
    assert "Ada, ada@example.com" in " ".join(said["erasures list"].split())
    assert "is erased: 0 messages emptied" in said["erasures release ERASURE --yes"]
    with sqlite3.connect(tmp_path / "data" / "overture.db") as database:
        database.execute("UPDATE audit_entries SET actor = 'somebody else' WHERE number = 2")
    database.close()
    broken = overture("audit", "verify")
    assert broken.returncode == 5
    assert broken.stderr == (
        "overture: The audit is broken. Entry 2 (sending.stopped) is not what was written: its hash does not fit.\n"
    )
    assert json.loads(overture("audit", "verify", "--json").stdout)["intact"] is False


def test_an_entry_that_cannot_be_read_is_named_by_every_command(overture: Overture, tmp_path: Path) -> None:
    assert overture("import", "good.csv").returncode == 0
    with sqlite3.connect(tmp_path / "data" / "overture.db") as database:
        database.execute("UPDATE audit_entries SET detail = '{not json' WHERE number = 1")
    database.close()
    told = "overture: The audit is broken. Entry 1 is not what was written: it cannot be read.\n"
    for command in ("verify", "list"):
        done = overture("audit", command)
        assert (done.returncode, done.stderr) == (5, told)
