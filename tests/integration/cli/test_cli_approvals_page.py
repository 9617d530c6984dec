"""The page docs/approvals.md: its commands work on an empty home, its settings and bodies are taken."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from overture_core.settings import Settings
from overture_servers.messaging.deciding import PATH, Decision

PAGE = (Path(__file__).parents[3] / "docs" / "approvals.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line) for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()
]


def test_the_commands_of_the_page_work(overture: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    commands = [command[1:] for command in COMMANDS if command[0] == "overture"]
    assert len(commands) == 6
    for command in commands:
        done = overture(*command)
        assert (command, done.returncode, done.stderr) == (command, 0, "")
    last = overture("approvals", "policy", "--json")
    assert json.loads(last.stdout) == {"pre_approval": None}


def test_the_tokens_and_the_decision_of_the_page_are_taken(tmp_path: Path) -> None:
    (export,) = [command[1] for command in COMMANDS if command[0] == "export"]
    approvers = json.loads(export.removeprefix("OVERTURE_APPROVERS="))
    assert list(Settings.model_validate({"data_dir": tmp_path, "approvers": approvers}).approvers) == ["ada"]
    (body,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
    assert Decision.model_validate_json(body).decision == "approve"
    assert f"`POST {PATH}/ID`" in PAGE
