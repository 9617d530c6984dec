"""A child that Overture started ends with the process that started it, however that one ended."""

from __future__ import annotations

import os
import signal
import threading
import time

VARIABLE = "STARTED_BY_OVERTURE"
POLL_S = 0.5


def watch_parent() -> None:
    """If a supervisor started this process, send it SIGTERM as soon as that supervisor is gone.

    A supervisor that is killed ends nobody, and what it left would go on sending and keep its ports.
    """
    started_by = os.environ.pop(VARIABLE, None)
    if started_by is not None and started_by.isdecimal():
        threading.Thread(target=_watch, args=(int(started_by),), name="overture-parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)
