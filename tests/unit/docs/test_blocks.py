"""Every block of the pages is what it says that it is, whether it is run (tests/e2e/test_pages.py) or not."""

from __future__ import annotations

import csv
import re
import runpy
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.pages import ROOT, Block, blocks, commands, objects, pages

OPERATORS = {"|", "||", "&&", "&", ";", ">", ">>", "<", "2>"}
NAMED = re.compile(r"tests/[\w/]+(?:\.py)?")
ALL = [block for page in pages() for block in blocks(page)]
WITH_COMMANDS = [block for block in ALL if block.language == "sh"]


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    """The options of every command, by its name."""
    contexts = runpy.run_path(str(ROOT / "docs" / "generate_cli.py"))["commands"]()
    return {
        context.command_path: {
            name
            for parameter in context.command.get_params(context)
            for name in [*parameter.opts, *parameter.secondary_opts]
        }
        for context in contexts
    }


def shell(block: Block) -> None:
    assert commands(block), block
    checked = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, f"{block}: {checked.stderr}"


def rows(block: Block) -> None:
    assert len({len(row) for row in csv.reader(block.text.splitlines())}) == 1, block


CHECKS: dict[str, Callable[[Block], Any]] = {
    "sh": shell,
    "json": lambda block: [dict(each) for each in objects(block)],
    "csv": rows,
    "yaml": lambda block: yaml.safe_load(block.text),
    "python": lambda block: compile(block.text, str(block), "exec"),
    "text": lambda block: block.text,
}


@pytest.mark.parametrize("block", ALL, ids=str)
def test_a_block_is_in_the_language_that_it_names(block: Block) -> None:
    assert block.language in CHECKS, f"{block}: name its language, one of {', '.join(CHECKS)}"
    CHECKS[block.language](block)


@pytest.mark.parametrize("block", WITH_COMMANDS, ids=str)
def test_the_commands_of_a_block_have_the_options_that_it_gives_them(
    block: Block, options: dict[str, set[str]]
) -> None:
    for words in overture_commands(block):
        name = next(
            (" ".join(words[:length]) for length in (3, 2) if " ".join(words[:length]) in options),
            None,
        )
        assert name, f"{block}: there is no command `{' '.join(words)}`"
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= options[name] | {"--help"}, f"{block}: `{name}` has no {given - options[name]}"


def overture_commands(block: Block) -> list[list[str]]:
    """The words of each `overture ...` in a block, without what a shell does with its output."""
    found = []
    for command in commands(block):
        parser = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
        parser.whitespace_split = True
        words = list(parser)
        for start in [place for place, word in enumerate(words) if word == "overture"]:
            end = next((place for place in range(start, len(words)) if words[place] in OPERATORS), len(words))
            found.append(words[start:end])
    return found


def test_a_block_that_is_run_elsewhere_names_a_test_that_knows_its_page() -> None:
    elsewhere = {block.test: block.page for block in ALL if block.test}
    missing = [
        f"{page}: {test}"
        for test, page in elsewhere.items()
        if not (ROOT / test).is_file() or page.rpartition("/")[2] not in (ROOT / test).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_what_is_not_run_has_a_reason(record_property: Callable[[str, object], None]) -> None:
    unrun = [block for block in ALL if block.reason]
    runnable = [block for block in ALL if block.language in {"sh", "json", "python"}]
    assert [each for block in unrun for each in NAMED.findall(str(block.reason)) if not (ROOT / each).exists()] == []
    record_property("figure", f"blocks of the pages: {len(runnable)}, of them not run: {len(unrun)}")
    for block in unrun:
        record_property("figure", f"  {block}: {block.reason}")
