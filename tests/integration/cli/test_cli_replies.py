"""`overture tasks` of what there is not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_task_that_does_not_exist_is_told(overture: Overture) -> None:
    done = overture("tasks", "done", "tsk_nope")
    assert (done.returncode, done.stderr) == (
        2,
        "overture: There is no task 'tsk_nope'; `overture tasks list` shows their ids.\n",
    )
