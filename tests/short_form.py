"""Runs the short form of a suite that is a program of its own, as a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run_short_form(module: str, *options: str, within_s: float = 360) -> str:
    """Run a module and return what it printed; it has to end well, and in time."""
    command = [sys.executable, "-m", module, *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        try:
            told, _ = run.communicate(timeout=within_s)
        finally:
            run.terminate()  # it ends its own processes then; a kill would leave them behind
    assert run.returncode == 0, told
    return told
