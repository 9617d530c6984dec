"""Lets a crew work while signals are heeded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from overture_cli.stopping import Stop
from overture_crew.report import CrewReport

_POLL_S = 0.1


def in_thread(work: Callable[[], CrewReport], stop: Stop) -> CrewReport:
    """Run `work` in a thread, as a crew waits in many places, and end the wait for it at a signal.

    Raises:
        Interrupted: a signal came; what went wrong on the way to the end that was asked for is no error.
    """
    threads = ThreadPoolExecutor(1, thread_name_prefix="overture-crew")
    running = threads.submit(work)
    threads.shutdown(wait=False)
    while not wait([running], timeout=_POLL_S).done:
        stop.check()
    stop.check()
    return running.result()
