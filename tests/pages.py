"""The examples of README.md and docs/: every fenced block, and what its page says about running it.

A page says it in an HTML comment before the block, which no reader sees:

    <!-- not run: REASON -->                 nobody runs it
    <!-- run by tests/FOLDER/FILE.py -->     a test of its own runs it
    <!-- ends with 4: REASON -->             the last command ends with that exit code, and not with 0
    <!-- keeps running -->                   a process that serves until it is stopped
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
GENERATED = ["docs/cli.md", "docs/tools.md", "docs/settings.md"]
_NOTE = re.compile(
    r"<!-- (?:not run: (?P<reason>.+)|run by (?P<test>tests/\S+\.py)|"
    r"ends with (?P<code>\d+): .+|(?P<keeps>keeps running)) -->"
)


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its opening fence."""

    page: str
    line: int
    language: str
    text: str
    reason: str | None = None
    test: str | None = None
    code: int = 0
    keeps: bool = False

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def unrun(self) -> bool:
        """Whether the page says that it is not run here."""
        return bool(self.reason or self.test)


def pages() -> list[str]:
    """Every page that people write, by its path in the project."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted({path.relative_to(ROOT).as_posix() for path in found} - set(GENERATED))


@cache
def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    return list(_blocks(page, (ROOT / page).read_text(encoding="utf-8")))


def _blocks(page: str, text: str) -> Iterator[Block]:
    note = ""
    for token in MarkdownIt().parse(text):
        if token.type == "fence":
            assert token.map is not None
            yield _block(page, token.map[0] + 1, token.info.strip(), token.content, note)
        note = token.content.strip() if token.type == "html_block" else ""


def _block(page: str, line: int, language: str, text: str, note: str) -> Block:
    if not note:
        return Block(page, line, language, text)
    said = _NOTE.fullmatch(note)
    assert said, f"{page}:{line}: the comment before the block is none that is understood: {note}"
    found = said.groupdict()
    return Block(
        page,
        line,
        language,
        text,
        reason=found["reason"],
        test=found["test"],
        code=int(found["code"] or 0),
        keeps=found["keeps"] is not None,
    )


def objects(block: Block) -> list[Any]:
    """The objects of a block of `json`, one after the other, each on as many lines as it likes."""
    found, rest = [], block.text.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        found.append(value)
        rest = rest[end:].lstrip()
    return found


def commands(block: Block) -> list[str]:
    """The commands of a block of `sh`, without comments; one that goes on after a backslash is put together."""
    found: list[str] = []
    waiting = ""
    for line in block.text.splitlines():
        waiting += line + "\n"
        if _is_whole(waiting):
            found.append(waiting.replace("\\\n", "").strip())
            waiting = ""
    assert not waiting, f"{block}: the last command has no end"
    return [each for each in found if each and not each.startswith("#")]


def _is_whole(text: str) -> bool:
    bare = re.sub(r"\\.|'[^']*'", "", text, flags=re.DOTALL)
    return not text.endswith("\\\n") and bare.count('"') % 2 == 0 and "'" not in re.sub(r'"[^"]*"', "", bare)
