"""The programs in docs/clients.md run as they stand there, but for the folder and the port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EXAMPLE_DATA = "/tmp/overture-example"  # noqa: S108  # a name in the page, never used
SAID = {
    "McpSessions": "segments",
    "StdioServerParameters": "tools over 2026-07-28\nFalse 0\n",
    "ElicitResult": "False",
    "httpx2": "tools\n",
}


def test_every_program_of_the_page_is_run() -> None:
    assert len(PROGRAMS) == len(SAID)


@pytest.mark.parametrize("mark", SAID)
def test_a_program_of_the_page_works(mark: str, url: str, data_dir: Path) -> None:
    program = next(each for each in PROGRAMS if mark in each)
    program = program.replace("http://127.0.0.1:8765", url).replace(EXAMPLE_DATA, str(data_dir))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "MCP_TOKEN": "none is asked for"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SAID[mark] in done.stdout
