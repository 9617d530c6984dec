"""What a run looks like while it works: a table that grows, lines, or JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from overture_cli.output import progress_console
from overture_crew.report import CrewEvent

_MARKS = {"finished": ("done", "green"), "tool": ("tool", "cyan"), "model": ("model", "magenta")}


class Watcher(Protocol):
    """Is told of each event."""

    def __call__(self, event: CrewEvent) -> None:
        """Show the event."""
        ...


class Lines:
    """One line for each event, on stderr."""

    def __call__(self, event: CrewEvent) -> None:
        """Print the event; progress that says nothing is left out."""
        if event.text:
            progress_console.print(f"  {event.elapsed_s:7.1f} s  {_sentence(event)}", markup=False, soft_wrap=True)


class JsonLines:
    """One JSON object a line, on stdout."""

    def __call__(self, event: CrewEvent) -> None:
        """Print the event."""
        sys.stdout.write(f'{{"event": {event.model_dump_json(exclude_none=True)}}}\n')
        sys.stdout.flush()


class Board:
    """A table of the steps so far: what each does, which agent is at it, how long it took."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, str]] = {}
        self._spinner = Spinner("dots")
        self._tokens = 0

    def __call__(self, event: CrewEvent) -> None:
        """Take the event in; the display shows it at its next refresh."""
        row = self._rows.setdefault(event.step, {"began": str(event.elapsed_s), "agent": ""})
        self._tokens += event.tokens or 0
        if event.kind == "started":
            self._rows[event.step] = row = {"began": str(event.elapsed_s), "agent": event.agent or ""}
        if event.kind == "finished":
            row["took"] = f"{event.elapsed_s - float(row['began']):.1f} s"
        if event.agent:
            row["agent"] = event.agent
        if event.text:
            row["said"] = event.text if event.kind == "finished" else _sentence(event, with_agent=False)

    def __rich__(self) -> Table:
        board = Table.grid(padding=(0, 2))
        for step, row in self._rows.items():
            mark = Text("✓", style="green") if "took" in row else self._spinner
            said = Text(row.get("said", ""), overflow="fold")
            board.add_row(mark, Text(step, style="bold"), Text(row["agent"], style="cyan"), said, row.get("took", ""))
        if self._tokens:
            board.add_row("", "", "", Text(f"{self._tokens:,} tokens", style="magenta"), "")
        return board


@contextmanager
def watcher(*, as_json: bool, asks: bool) -> Iterator[Watcher]:
    """Return what shows events: JSON lines for programs, a live table for who looks, plain lines elsewhere."""
    if as_json:
        yield JsonLines()
    elif asks or not progress_console.is_terminal:  # a table and a question would write over each other
        yield Lines()
    else:
        board = Board()
        with Live(board, console=progress_console, refresh_per_second=8):
            yield board


def _sentence(event: CrewEvent, *, with_agent: bool = True) -> str:
    counted = f" ({event.done:g} of {event.total:g})" if event.done is not None and event.total else ""
    tokens = f" ({event.tokens:,} tokens)" if event.tokens else ""
    mark = f"{_MARKS[event.kind][0]}: " if event.kind in _MARKS else ""
    agent = f"{event.agent}: " if event.agent and with_agent else ""
    return f"{agent}{mark}{event.text}{counted}{tokens}"
