"""Signals that ask a command to end: noted when they come, acted on where the command waits.

A handler that raised could do so between the start of a process and the moment in which it is
remembered, and leave it running. So nothing is raised from the handler: who waits asks with `check`.
"""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked the command to end. Not an Exception: nothing that mends errors may go on after it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class Stop:
    """Notes SIGINT, SIGTERM and SIGHUP for as long as it is open; unopened, it never stops anything.

    Opened in the main thread only (`signal.signal`), asked from any. A SIGHUP that the caller had
    ignored (nohup) stays ignored.
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self._before: dict[int, Any] = {}
        self._shown_on: list[int] = []

    def __enter__(self) -> Self:
        # By number: a progress display puts an object of its own in the place of sys.stderr.
        self._shown_on = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]
        for number in _SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self.asked:
            return  # the command is ending: an impatient second signal must not cut that short
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._number is not None

    def check(self) -> None:
        """Return if no signal came.

        Raises:
            Interrupted: one did.
        """
        if self._number is not None:
            raise Interrupted(self._number)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._number is None:
            self._number = number
        if number == signal.SIGHUP:
            # The terminal is gone, and a write to it would fail in the middle of cleaning up.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for shown in self._shown_on:
                os.dup2(nowhere, shown)
            os.close(nowhere)
