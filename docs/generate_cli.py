"""Writes docs/cli.md from the command line itself: `uv run python docs/generate_cli.py`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from overture_cli.main import app

PAGE = Path(__file__).with_name("cli.md")
HEAD = """# Commands

Run them as `uv run overture ...` in the project's folder. Every command has `--help`. Results go to
stdout, progress, logs and errors to stderr; with `--json`, an error is one JSON object on stderr.
`overture --version` prints the version. Files that commands make are readable by their user alone.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | a fault of Overture's own |
| 2 | bad input: an argument, a file, a name or a setting |
| 3 | a part that Overture depends on is away |
| 4 | a person has to approve first |
| 5 | the audit's chain does not hold (`overture audit verify`) |
| 129, 130, 143 | interrupted by a hang-up (SIGHUP), by Ctrl-C (SIGINT), by SIGTERM |

This page is generated from `overture_cli`: `uv run python docs/generate_cli.py`.
"""


def page() -> str:
    """The page's text."""
    return HEAD + "".join(_section(context) for context in commands())


def commands() -> Iterator[typer.Context]:
    """Every command that can be run, as a context that knows its full name, in the order of the help."""
    yield from _within(typer.Context(typer.main.get_command(app), info_name="overture"))


def _within(context: typer.Context) -> Iterator[typer.Context]:
    below: dict[str, Any] = getattr(context.command, "commands", {})
    if not below:
        yield context
    for name, command in below.items():
        yield from _within(typer.Context(command, info_name=name, parent=context))


def _section(context: typer.Context) -> str:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    rows = [
        f"| `{_cell(record[0])}` | {_cell(record[1])} |\n" for record in records if record and "--help" not in record[0]
    ]
    table = "".join(["\n| argument or option | meaning |\n|---|---|\n", *rows]) if rows else ""
    return f"\n## {context.command_path}\n\n{inspect.cleandoc(command.help or '')}\n\n```\n{usage}\n```\n{table}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
