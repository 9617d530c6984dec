"""docs/security.md: every promise names a test that there is, and the scopes are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from overture_servers.scopes import MEANING

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_promise_names_a_test_that_there_is() -> None:
    promises = PAGE.partition("## What is promised")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \| `(tests/\S+\.py)::(test_\w+)` \|$", promises, re.MULTILINE)
    assert len(rows) == promises.count("\n| ") - 1  # but for the table's head
    missing = [
        name for _, path, name in rows if not re.search(rf"def {name}\(", (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert missing == []


def test_the_scopes_are_those_of_the_code() -> None:
    assert re.findall(r"^\| `([a-z]+:[a-z]+)` \| (.+) \|$", PAGE, re.MULTILINE) == list(MEANING.items())
