"""A question of a server: put before the person at the terminal, until they answer or end the command."""

from __future__ import annotations

import os
import select
import sys
import termios
import time

from overture_cli.output import console
from overture_cli.stopping import Stop
from overture_crew.sessions import Answer, Question

POLL_S = 0.1
MOST_BYTES = 4_096
CANCELLED = Answer("cancel")
ANSWERS = {
    "y": Answer("accept", {"approve": True}),
    "yes": Answer("accept", {"approve": True}),
    "n": Answer("decline"),
    "no": Answer("decline"),
    "": Answer("decline"),
}


class Terminal:
    """Asks on stdin and stdout; `waited_s` is how long the person took, in seconds.

    It runs in a thread of the crew's client, which cannot be ended from outside. So it never waits in a
    read: once `stop` tells of a signal, nothing that is typed counts any more.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._typed = b""
        self.waited_s = 0.0

    def ask(self, question: Question) -> Answer:
        """Put a server's question; an input that has ended, or a signal, cancels it and decides nothing."""
        console.print(question.message, markup=False)
        if sys.stdin.isatty():
            termios.tcflush(sys.stdin, termios.TCIFLUSH)  # typed before the question was there: no answer to it
        began = time.monotonic()
        try:
            return self._answer()
        finally:
            self.waited_s += time.monotonic() - began

    def _answer(self) -> Answer:
        while True:
            console.print("Approve? [y/n] (n): ", markup=False, end="")
            line = self._line()
            if line is None:
                return CANCELLED
            given = ANSWERS.get(line.strip().lower())
            if given is not None:
                return CANCELLED if self._stop.asked else given
            console.print("Please answer y or n.", markup=False)

    def _line(self) -> str | None:
        while b"\n" not in self._typed:
            # Not sys.stdin itself: what lies in its buffer is nothing that select sees.
            while not select.select([sys.stdin], [], [], POLL_S)[0]:
                if self._stop.asked:
                    return None
            read = os.read(sys.stdin.fileno(), MOST_BYTES)
            if not read:
                return None
            self._typed += read
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode(errors="replace")
