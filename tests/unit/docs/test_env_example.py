""".env.example is what its generator makes, and a copy of it with every line taken in changes nothing."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from overture_core.settings import Settings

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / ".env.example"


def test_the_example_is_what_its_generator_makes_now() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "generate_settings.py"))["example"]()
    assert EXAMPLE.read_text(encoding="utf-8") == made, "run: uv run python docs/generate_settings.py"


def test_every_setting_is_in_the_example_once() -> None:
    named = re.findall(r"^#(OVERTURE_[A-Z0-9_]+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert named == [f"OVERTURE_{name.upper()}" for name in Settings.model_fields]


def test_a_copy_with_every_line_taken_in_has_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"OVERTURE_{name.upper()}", raising=False)
    taken_in = re.sub(r"^#OVERTURE_", "OVERTURE_", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    copy = tmp_path / ".env"
    copy.write_text(taken_in, encoding="utf-8")
    assert read_with(copy) == read_with(None)


def read_with(env_file: Path | None) -> Settings:
    values: dict[str, Any] = {"_env_file": env_file}
    return Settings(**values)
