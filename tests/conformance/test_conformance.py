"""The official conformance suite against the real servers, in both revisions of the protocol.

A server without sessions, which is how Overture serves, cannot ask back within a request of 2025-11-25: the SDK has
nowhere to put the answer. The scenarios that are about nothing else fail there, are named here, and pass on a server
with sessions. What the suite calls tasks, and does not score, the SDK lacks.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from overture_servers.registry import NAMES
from tests.node_tools import installed, node

SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
ROOT = Path(__file__).parents[2]
NEW, OLD = "2026-07-28", "2025-11-25"
WITH_SESSIONS = "messaging"
AT_ONCE = 2  # some checks wait less than a second for an answer
NEED_SESSIONS = {
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
    "tools-call-elicitation",
    "tools-call-sampling",
}
TASKS = {
    "tasks-capability-negotiation",
    "tasks-dispatch-and-envelope",
    "tasks-lifecycle",
    "tasks-mrtr-composition",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-request-state-removal",
    "tasks-required-task-error",
    "tasks-wire-fields",
}
# How many checks pass, and which scenarios do not.
EXPECTED: dict[tuple[str, str], tuple[int, set[str]]] = {
    **{(server, NEW): (169, TASKS) for server in NAMES},
    ("leads", OLD): (63, NEED_SESSIONS),
    (WITH_SESSIONS, OLD): (84, set()),
}


@pytest.fixture
def url(tmp_path: Path, sqlite_template: Path) -> Iterator[str]:
    """The base URL of a process with the suite's fixtures."""
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data" / "overture.db")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.server", "--sessions", WITH_SESSIONS],
            cwd=ROOT,
            env={**os.environ, "OVERTURE_DATA_DIR": str(tmp_path / "data")},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        assert port, (tmp_path / "log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_the_servers_pass_what_both_revisions_require(url: str, tmp_path: Path) -> None:
    program = installed(SUITE) / "dist" / "index.js"

    def run(server: str, revision: str) -> tuple[int, set[str]]:
        results = tmp_path / f"{server}-{revision}"
        results.mkdir()
        command = [node(), str(program), "server", "--url", f"{url}/{server}/mcp", "--requirements", revision]
        done = subprocess.run(
            [*command, "--output-dir", str(results)], cwd=results, capture_output=True, text=True, timeout=120
        )
        assert "=== SUMMARY ===" in done.stdout, done.stdout + done.stderr
        return read(results)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(EXPECTED, pool.map(lambda each: run(*each), EXPECTED), strict=True))
    for (server, revision), (passed, failing) in found.items():
        sys.stdout.write(f"{server}, {revision}: {passed} checks passed, {len(failing)} scenarios did not\n")
    assert found == EXPECTED, "the failed checks are printed above"


def read(results: Path) -> tuple[int, set[str]]:
    """Return how many checks passed, and the scenarios in which one failed; print those that failed."""
    passed, failing = 0, set()
    for path in sorted(results.glob("*/checks.json")):
        scenario = re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", path.parent.name)
        for check in json.loads(path.read_text(encoding="utf-8")):
            passed += check["status"] == "SUCCESS"
            if check["status"] == "FAILURE":
                failing.add(scenario)
                sys.stdout.write(f"{results.name}, {scenario}, {check['id']}: {check.get('errorMessage')}\n")
    return passed, failing
