"""The page docs/health.md: its commands work on an empty home."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "health.md"


def test_the_commands_of_the_page_work(overture: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]
    assert len(commands) >= 2
    for command in commands:
        done = overture(*command)
        assert (command, done.returncode, done.stderr) == (command, 0, "")


def test_a_campaign_that_does_not_exist_is_not_resumed(
    overture: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = overture("resume", "Nowhere")
    assert done.returncode == 2
    assert "There is no campaign 'Nowhere'" in done.stderr
