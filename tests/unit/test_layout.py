"""The layout that packaging, imports and readers rely on."""

from __future__ import annotations

import queue
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ["cli", "core", "crew", "providers", "queue", "servers", "worker"]
# A state machine, which is one class.
READ_AS_ONE = {"test_ledger_stateful.py"}
LONGEST_MODULE = 350


def modules() -> list[Path]:
    return sorted(path for root in [*SOURCE_ROOTS, "tests"] for path in (ROOT / root).rglob("*.py"))


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_a_source_root_holds_its_one_package_and_is_none_itself(root: str) -> None:
    packages = {path.parent.name for path in (ROOT / root).glob("*/__init__.py")}
    assert packages == {f"overture_{root}"}
    assert not (ROOT / root / "__init__.py").exists()


def test_the_wheel_and_the_import_contracts_name_every_source_root() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    packages = project["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(packages) == [f"{root}/overture_{root}" for root in SOURCE_ROOTS]
    assert sorted(project["importlinter"]["root_packages"]) == [f"overture_{root}" for root in SOURCE_ROOTS]


def test_every_folder_of_a_package_is_a_package() -> None:
    missing = [
        str(path.parent.relative_to(ROOT))
        for path in modules()
        if path.relative_to(ROOT).parts[0] != "tests" and not (path.parent / "__init__.py").exists()
    ]
    assert missing == []


def test_folders_of_tests_are_no_packages() -> None:
    # A tests/queue/__init__.py would stand in for the standard library's queue and break its importers.
    assert [path for path in modules() if path.is_relative_to(ROOT / "tests") and path.name == "__init__.py"] == []


def test_import_queue_is_the_standard_librarys() -> None:
    assert Path(queue.__file__) == Path(sysconfig.get_path("stdlib")) / "queue.py"


def test_no_module_is_too_long_to_read() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules()
        if path.parent.name != "versions"  # a migration is one generated list, written once
        and path.name not in READ_AS_ONE
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_the_root_holds_no_stray_documents() -> None:
    assert {path.name for path in ROOT.glob("*.md")} <= {
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "README.md",
        "SECURITY.md",
    }
