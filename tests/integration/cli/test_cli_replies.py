"""The page docs/replies.md: its commands work on an empty home."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "replies.md"
Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_commands_of_the_page_work(overture: Overture) -> None:
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        done = overture(*shlex.split(line)[1:])
        assert (line, done.returncode, done.stderr) == (line, 0, "")


def test_a_task_that_does_not_exist_is_told(overture: Overture) -> None:
    done = overture("tasks", "done", "tsk_nope")
    assert (done.returncode, done.stderr) == (
        2,
        "overture: There is no task 'tsk_nope'; `overture tasks list` shows their ids.\n",
    )
