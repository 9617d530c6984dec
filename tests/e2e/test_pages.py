"""Every command and example of README.md and docs/ is run as its page writes it, page by page.

Pages that need nothing but the command line have an empty home each. The others follow each other at one running
system, in the order in which a newcomer reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import browser
from tests.page_place import Place
from tests.pages import Block, blocks, pages

LONG = 120_000  # milliseconds
LEADS = """First Name,Last Name,E-mail,Phone,Country,Company,Title,Last Contact,Consent,Team
Ada,Moss,ada@example.com,+13055550123,US,Northwind,Chief Buyer,2024-01-05,email sms,North
Bo,Reed,bo@example.com,,US,Quill,Head of Sales,2024-03-01,email,
Bo,Reed,bo.reed@example.com,,DE,Quill,Head of Sales,2024-03-01,email,
Grace,Hill,grace@example.com,,US,Tailspin,,2024-03-01,email,
Eve,,not an address,,US,,,,,
"""
# What lies in the reader's folder, and what the reader has done before, where that is more than LEADS.
FILES = {
    "docs/duplicates.md": {"known.csv": "email,country\nada@example.com,US\n"},
    "docs/consent.md": {"bounces.csv": "email,reason,created\nx@example.com,Bounced,1700000000\nnobody,Bounced,1\n"},
    "docs/importing.md": {"leads.csv": "Mejl,Ring,Junk\nada@example.com,020 7946 0958,x\n"},
    "docs/scoring.md": {
        "leads.csv": "First Name,E-mail,Country\nAda,ada@a.example,US\nBo,bo@b.example,DE\n",
        "signals.csv": "email,kind,date,note\nada@a.example,funding,2026-11-02,Series B\n",
    },
}
BEFORE = {
    "docs/consent.md": "overture import leads.csv",
    "docs/duplicates.md": "overture import known.csv",
    "docs/production.md": "overture import leads.csv",
    "docs/scoring.md": "overture import leads.csv",
    "docs/segments.md": "overture import leads.csv",
}
TOGETHER = [
    "README.md",
    "docs/start.md",
    "docs/leads.md",
    "docs/campaigns.md",
    "docs/simulation.md",
    "docs/linkedin.md",
    "docs/dashboard.md",
    "docs/clients.md",
    "docs/monitoring.md",
    "docs/audit.md",
]


def run_here(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.language in {"sh", "json"} and not block.unrun]


ALONE = [page for page in pages() if page not in TOGETHER and run_here(page)]


@contextmanager
def place(folder: Path, warm_programs: Path, files: dict[str, str]) -> Iterator[Place]:
    made = Place(folder, warm_programs)
    for name, text in {"leads.csv": LEADS, "good.csv": LEADS, **files}.items():
        (folder / name).write_text(text, encoding="utf-8")
    try:
        yield made
    finally:
        made.end()


def follow(reader: Place, page: str) -> None:
    for block in run_here(page):
        if block.language == "json":
            reader.call(block)
            continue
        printed = reader.run(block)
        if page == "docs/start.md" and "overture dashboard" in block.text:
            approve_and_launch(printed[0].strip())


def approve_and_launch(link: str) -> None:
    """Do what docs/start.md has its reader do in the browser, and wait for what it promises to be seen there."""
    with browser() as opened:
        page = opened.new_page()
        page.goto(link)
        page.get_by_role("button", name="Open the dashboard").click()
        page.get_by_role("link", name=re.compile("^campaign Spring, ")).click()
        page.get_by_role("button", name="Approve exactly this").click()
        page.get_by_role("button", name="Launch it now").click()
        expect(page.get_by_role("heading", name="Spring")).to_be_visible()
        expect(page.locator("dt:text-is('accepted') + dd")).to_have_text(re.compile("[1-9][0-9]+"), timeout=LONG)
        expect(page.locator("dt:text-is('answered') + dd")).to_have_text(re.compile("[1-9]"), timeout=LONG)
        page.get_by_role("link", name="Replies").click()
        expect(page.get_by_role("link", name=re.compile("^(interested|question|stop|not now)")).first).to_be_visible()


@pytest.mark.parametrize("page", ALONE)
def test_a_page_of_the_command_line_works_in_an_empty_home(page: str, warm_programs: Path, tmp_path: Path) -> None:
    with place(tmp_path, warm_programs, FILES.get(page, {})) as reader:
        if page in BEFORE:
            reader.run(Block(page, 0, "sh", BEFORE[page]))
        follow(reader, page)


@pytest.mark.timeout(600)
def test_a_newcomer_reads_the_pages_and_everything_works(warm_programs: Path, tmp_path: Path) -> None:
    with place(tmp_path, warm_programs, {}) as reader:
        for page in TOGETHER:
            follow(reader, page)
