"""Puts what an MCP Bundle holds into a folder: `uv run python docs/stage_bundle.py leads` fills `dist/leads` anew.

It takes what it names and nothing else, so that no `.env`, database or test comes along. `just bundle leads` packs it.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path

from overture_core.errors import InvalidInput
from overture_servers.registry import creator

ROOT = Path(__file__).parents[1]
FILES = ("pyproject.toml", "uv.lock", "README.md", "LICENSE")


def stage(name: str, folder: Path) -> None:
    """Fill an empty or new folder."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, folder / file)
    shutil.copy(ROOT / "clients" / "bundles" / name / "manifest.json", folder / "manifest.json")


if __name__ == "__main__":
    server = sys.argv[1]
    try:
        creator(server)
    except InvalidInput as error:
        sys.exit(error.message)
    staged = ROOT / "dist" / server
    if staged.exists():
        shutil.rmtree(staged)
    stage(server, staged)
