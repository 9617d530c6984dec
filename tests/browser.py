"""Chromium for tests that look at pages: Debian's, driven by Playwright.

Where the PATH has none it is installed by apt, once, if this machine is a Debian and we may.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path
from playwright.sync_api import Browser, BrowserContext, Frame, Page, ViewportSize, expect, sync_playwright

from tests.node_tools import installed

AXE = "axe-core@4.10.3"
DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
INSTALL_S = 400
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium, closed at the end."""
    with sync_playwright() as playwright:
        # Its sandbox needs a user that is not root; what it shows is our own.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=chromium(), args=[*options, "--disable-dev-shm-usage"])
        try:
            yield opened
        finally:
            opened.close()


@cache
def chromium() -> str:
    """Return the path of a Chromium, which is installed if there is none yet."""
    folder = user_cache_path("overture-tests", appauthor=False)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "chromium.lock"):
        if shutil.which("chromium") is None:
            assert shutil.which("apt-get"), "these tests need chromium on the PATH"
            assert os.geteuid() == 0, "these tests need chromium on the PATH: sudo apt-get install chromium"
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "chromium"]):
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=INSTALL_S, check=False, env=environment
                )
                assert done.returncode == 0, done.stderr
    found = shutil.which("chromium")
    assert found is not None
    return found


def opened(context: BrowserContext, link: str) -> Page:
    """Open a session on the dashboard by a link that the command line printed."""
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Open the dashboard").click()
    expect(page.get_by_role("heading", name="Campaigns", exact=True)).to_be_visible()
    return page


def faults(page: Page | Frame) -> list[str]:
    """Return what axe finds wrong with a document for people with disabilities, each with its place."""
    source = (installed(AXE) / "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(source)
    found: dict[str, Any] = page.evaluate("tags => axe.run({runOnly: tags})", _RULES)
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


def overflows(page: Page | Frame) -> bool:
    """Tell whether a document is wider than its window, so that it has to be moved sideways to be read."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def picture(page: Page, folder: Path, name: str) -> None:
    """Keep a picture of a whole page."""
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
