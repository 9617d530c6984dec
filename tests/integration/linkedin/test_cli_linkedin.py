"""`overture linkedin ...` as real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import httpx
import pytest

from overture_core.linkedin import accounts

pytestmark = pytest.mark.anyio


def overture(linkedin: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "overture_cli", *arguments],
        env={**os.environ, **linkedin.settings.environment()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_connect_prints_the_link_and_takes_the_browser_back_itself(linkedin: Any) -> None:
    command = [sys.executable, "-m", "overture_cli", "linkedin", "connect"]
    environment = {**os.environ, **linkedin.settings.environment(), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Open within 15 minutes:\n"
        back = linkedin.decide(process.stdout.readline().strip())
        page = httpx.get(
            f"http://127.0.0.1:{linkedin.settings.http_port}/linkedin/oauth/callback", params=back, trust_env=False
        )
        assert "Overture is connected to Sandy Box" in page.text
        said, _ = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "Connected as Sandy Box (urn:li:person:Sb8oX2mmbr).\n")
    with linkedin.store.read("default") as work:
        _, tokens = accounts.get(work, sandbox=True)
    status = overture(linkedin, "linkedin", "status", "--json")
    shown = json.loads(status.stdout)
    assert (shown["name"], shown["missing"]) == ("Sandy Box", {})
    assert tokens.access not in status.stdout + said
    assert overture(linkedin, "linkedin", "disconnect").stdout == "Disconnected.\n"
    assert overture(linkedin, "linkedin", "status").stdout.startswith("Not connected to the sandbox;")


async def test_what_cannot_be_done_is_one_sentence_and_an_exit_code(linkedin: Any) -> None:
    watch = overture(linkedin, "linkedin", "watch", "urn:li:sponsoredAccount:1")
    assert (watch.returncode, watch.stderr) == (
        2,
        "overture: LinkedIn is not connected; a person opens the link of `overture linkedin connect`, or of "
        "linkedin_connect.\n",
    )
    look = overture(linkedin, "linkedin", "look", "opr_none")
    assert (look.returncode, "There is no operation 'opr_none'" in look.stderr) == (2, True)
