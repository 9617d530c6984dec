"""requirements-crew.txt is what uv.lock says, and plain pip makes a working crew of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parents[3]
REQUIREMENTS = ROOT / "requirements-crew.txt"
JUST = Path(sys.executable).with_name("just")
INSTALL_S = 900


def said(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command, which has to succeed, and return what it prints."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_file_is_what_the_lock_says(tmp_path: Path) -> None:
    fresh = tmp_path / "requirements.txt"
    said(JUST, "requirements", fresh)
    assert REQUIREMENTS.read_text(encoding="utf-8") == fresh.read_text(encoding="utf-8"), (
        "uv.lock has changed; run: uv run just requirements"
    )


@pytest.fixture
def environment() -> Iterator[Path]:
    """A folder that is gone after the test, unlike pytest's own: a gigabyte."""
    with TemporaryDirectory(prefix="overture-pip-") as folder:
        yield Path(folder)


@pytest.mark.timeout(INSTALL_S)
def test_pip_makes_a_working_crew_of_it(environment: Path, tmp_path: Path) -> None:
    """uv puts the packages there from its cache, where pip asks for one after the other. pip then reads the file, has
    to find that nothing of it is missing, and installs our own wheel."""
    programs = environment / "bin"
    said("uv", "venv", "--quiet", "--seed", "--python", sys.executable, environment)
    said("uv", "build", "--quiet", "--wheel", "--out-dir", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    said("uv", "pip", "install", "--quiet", "--python", programs / "python", "--no-deps", "-r", REQUIREMENTS)
    said(programs / "python", "-m", "pip", "install", "--no-deps", "--no-index", "-r", REQUIREMENTS, wheel)
    program = (
        "import sys\n"
        "from importlib.metadata import version\n"
        "from pathlib import Path\n"
        "from overture_crew import engine\n"
        "engine.prepare(Path(sys.argv[1]))\n"
        "import overture_crew.flow\n"
        "sys.stdout.write(version('mcp'))\n"
    )
    assert said(programs / "python", "-c", program, tmp_path / "data", cwd=tmp_path).startswith("2.")
    assert "demo" in said(programs / "overture", "--help", cwd=tmp_path)
