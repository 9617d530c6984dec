"""What every benchmark shares: interleaved rounds, medians, one table, the machine and the versions."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]


@dataclass(slots=True)
class Report:
    """One table, with what it was measured on."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: str = field(default_factory=lambda: describe_machine())
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def show(self, save_to: Path | None) -> None:
        """Print the table; with `save_to` keep everything measured as JSON too."""
        table = Table(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        width = None if sys.stdout.isatty() else 160
        console = Console(width=width, highlight=False)
        console.print(table)
        for note in self.notes:
            console.print(note)
        console.print(self.machine)
        console.print(", ".join(f"{name} {number}" for name, number in self.versions.items()))
        if save_to is not None:
            save_to.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows `--json`, `--rounds` is left to each benchmark."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the result as JSON in FILE")
    return parser


def describe_machine() -> str:
    """Return processor, cores, memory, system and Python in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.release()}"
    return f"{cores} cores of {model}, {memory:.0f} GiB, {system}, Python {platform.python_version()}"


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the installed versions of Python packages; those that are not installed are left out."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def program_version(*command: str) -> str:
    """Return the first line that a program says about its version."""
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()[0]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """Return the median with the lowest and the highest value."""
    return f"{number(median(values))} ({number(min(values))} to {number(max(values))})"


def number(value: float) -> str:
    """Return a figure with three significant digits, or all of its whole part."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cpu_s() -> float:
    """Return the processor seconds of this process with all its threads, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def environment(**values: str) -> dict[str, str]:
    """Return an environment for children that knows none of the developer's own Overture settings or keys."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_SETTINGS)}
    return {**kept, **_QUIET, **values}


_SETTINGS = ("OVERTURE_", "SENDGRID_", "TWILIO_", "STRIPE_", "OTEL_")
_QUIET = {"OVERTURE_SANDBOX_ONLY": "1", "OTEL_SDK_DISABLED": "true", "NO_PROXY": "*"}


class SinkProcess:
    """The sink, seen from outside."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid

    def counts(self) -> dict[str, int]:
        """Return what came since the last `reset`."""
        found: dict[str, int] = json.loads(self._ask("GET", "/counts"))
        return found

    def reset(self) -> None:
        """Count from nothing again."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str) -> bytes:
        # The standard library's client: asking must cost the machine next to nothing.
        address = self.url.removeprefix("http://")
        with closing(HTTPConnection(address, timeout=10)) as connection:
            connection.request(method, path)
            return connection.getresponse().read()

    def cpu_s(self) -> float:
        """Return the processor seconds that the sink has used, 0 where the system does not say."""
        return process_cpu_s(self.pid)


def process_cpu_s(pid: int) -> float:
    """Return the processor seconds of another process, 0 where the system does not say or it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_sink() -> Iterator[SinkProcess]:
    """Run the sink in a process of its own, on loopback."""
    command = [sys.executable, "-m", "bench.sink", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield SinkProcess(process.stdout.readline().strip(), process.pid)
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
