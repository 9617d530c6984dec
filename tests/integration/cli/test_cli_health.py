"""`overture resume` of what there is not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable


def test_a_campaign_that_does_not_exist_is_not_resumed(
    overture: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = overture("resume", "Nowhere")
    assert done.returncode == 2
    assert "There is no campaign 'Nowhere'" in done.stderr
