"""Writes docs/settings.md and .env.example from `Settings`: `uv run python docs/generate_settings.py`."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from overture_core.http_settings import TOOL_LIMITS
from overture_core.settings import Settings

PAGE = Path(__file__).with_name("settings.md")
EXAMPLE = Path(__file__).parents[1] / ".env.example"
# What a factory makes differs by machine and user; a new factory has to be described here.
FACTORIES = {
    "score_weights": '`{"recency": 25, "engagement": 25, "signals": 15, "fit": 15, "role": 10, "completeness": 10}`',
    "linkedin_scopes": '`["openid", "profile", "email", "w_member_social"]`',
    "sms_prices": '`{"US": 0.0083, "CA": 0.0083, "*": 0.1}`',
    "sms_hours": "none",
    "stripe_cap_call": '`{"*": 50000}`',
    "stripe_cap_customer": '`{"*": 100000}`',
    "stripe_cap_day": '`{"*": 200000}`',
    "approvers": "nobody",
    "allowed_hosts": "none",
    "secret_keys_accepted": "none",
    "secret_keys_retired": "none",
    "allowed_origins": "none",
    "rate_limit_tools": f"`{json.dumps(TOOL_LIMITS)}`",
    "test_addresses": "none",
    "email_warm_up": "`[50, 100, 500, 1000, 5000, ...]`",
    "data_dir": "the user's data folder",
    "import_roots": "the working folder",
}
HEAD = """# Settings

Every setting is an environment variable, or a line `NAME=value` in a file `.env` in the folder where the
command runs. The environment wins; a variable that is empty counts as not set. With none of them set,
Overture uses SQLite, an embedded Redis and the sandbox. `overture doctor` shows what comes of them.

This page is generated from `overture_core.settings`: `uv run python docs/generate_settings.py`.

| variable | default | meaning |
|---|---|---|
"""


EXAMPLE_HEAD = """\
# Settings of Overture: copy this file to .env beside it, and take the # from a line that you change. Each line shows
# the default, or nothing where there is none. Keep .env to yourself (chmod 600 .env); docs/settings.md is the same as
# a page, and `overture doctor --production` says what is missing. Made by docs/generate_settings.py.
"""
EXAMPLE_WIDTH = 118


def page() -> str:
    """The page's text."""
    rows = (
        f"| `OVERTURE_{name.upper()}` | {_default(name, field)} | {_cell(field.description or '')} |\n"
        for name, field in Settings.model_fields.items()
    )
    return HEAD + "".join(rows)


def example() -> str:
    """The example's text: every setting as a comment, so that a copy of it changes nothing."""
    return EXAMPLE_HEAD + "".join(_entry(name, field) for name, field in Settings.model_fields.items())


def _entry(name: str, field: FieldInfo) -> str:
    meaning = textwrap.wrap(
        " ".join((field.description or "").split()),
        EXAMPLE_WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    default = _default(name, field)
    value = default.strip("`") if default.startswith("`") and not default.endswith("...]`") else ""
    quoted = f"'{value}'" if value.startswith(("{", "[")) else value
    return "\n".join(["", *meaning, f"#OVERTURE_{name.upper()}={quoted}", ""])


def _default(name: str, field: FieldInfo) -> str:
    if field.default_factory is not None:
        return FACTORIES[name]
    if field.default is None or field.default is PydanticUndefined:
        return ""
    # A switch is 0 or 1 in an environment.
    return f"`{int(field.default) if isinstance(field.default, bool) else field.default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    EXAMPLE.write_text(example(), encoding="utf-8")
