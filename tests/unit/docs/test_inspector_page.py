"""What docs/inspector.md shows of a tool is what the tool says of itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "inspector.md").read_text(encoding="utf-8")


def test_the_tool_that_is_shown_is_described_as_it_is() -> None:
    shown = re.findall(r'"name": "([a-z_]+)",\n +"title": "(.*)",\n +"description": "(.*)"', PAGE)
    assert shown
    for name, title, description in shown:
        tool = json.loads((ROOT / "tests" / "toolsnaps" / f"{name}.json").read_text(encoding="utf-8"))
        assert (tool["title"], tool["description"]) == (title, description)
