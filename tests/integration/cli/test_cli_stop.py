"""`overture stop`: anybody may stop, lifting is asked for."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_stop_stands_until_a_person_lifts_it(overture: Overture) -> None:
    stopped = overture("stop", "--reason", "wrong text")
    assert stopped.returncode == 0
    assert stopped.stdout.startswith("All sending is stopped since ")
    assert stopped.stdout.endswith(" (wrong text). `overture stop --lift` lets it go on.\n")
    again = overture("stop", "--reason", "another")
    assert "(wrong text). It was before this." in again.stdout
    unasked = overture("stop", "--lift")
    assert unasked.returncode == 2
    assert unasked.stderr == "overture: Sending would go on at once, with all that is due; add --yes to do so.\n"
    assert json.loads(overture("stop", "--json").stdout)["stopped"] is True
    assert overture("stop", "--lift", "--yes").stdout == "Sending goes on.\n"
    assert overture("stop", "--lift", "--yes").stdout == "Nothing was stopped.\n"
