"""CrewAI loads for the demo alone, calls nobody, and reaches servers by the crew's own client."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from importlib.metadata import requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
BENCH_OF_CREWAIS_OWN_WAYS = ROOT / "bench" / "crew_others.py"
OFF = {
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_TRACKING": "true",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "OTEL_SDK_DISABLED": "true",
}


def test_crewai_still_refuses_the_mcp_sdk_that_the_servers_need() -> None:
    (wanted,) = [each for each in map(Requirement, requires("crewai") or []) if each.name == "mcp"]
    assert not wanted.specifier.contains(version("mcp")), (
        f"crewai {version('crewai')} asks for {wanted} now, so the override can go: remove override-dependencies from "
        "pyproject.toml and --no-deps from the justfile's requirements and the README, and amend docs/decisions/002."
    )


def test_nothing_uses_mcps() -> None:
    # Imports of CrewAI's adapters are banned by ruff (pyproject.toml).
    sources = [*ROOT.glob("*/overture_*/**/*.py"), *(ROOT / "bench").glob("*.py"), *(ROOT / "tests").rglob("*.py")]
    assert sources
    users = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources
        if path != BENCH_OF_CREWAIS_OWN_WAYS
        for line in lines_with_mcps(path.read_text(encoding="utf-8"))
    }
    assert users == set()


def test_uses_of_mcps_are_found() -> None:
    source = "Agent(\n mcps=[1])\nagent.mcps = []\nagent.get_mcp_tools([])\nclass A:\n  mcps: list = []\nmcp = 'mcps'"
    assert lines_with_mcps(source) == {2, 3, 4, 6}


def lines_with_mcps(source: str) -> set[int]:
    """Return the lines that give an agent MCP servers in CrewAI's own way."""
    lines: set[int] = set()
    if "mcps" not in source and "get_mcp_tools" not in source:  # most are not worth parsing
        return lines
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.keyword(arg="mcps") | ast.Name(id="mcps") | ast.Attribute(attr="mcps" | "get_mcp_tools"):
                lines.add(node.lineno)
    return lines


def test_no_command_loads_crewai_before_it_runs() -> None:
    program = (
        "import importlib, sys\n"
        "from overture_cli.main import COMMANDS\n"
        "for place in COMMANDS.values():\n"
        "    importlib.import_module('overture_cli.commands.' + place.partition(':')[0])\n"
        "sys.stdout.write(' '.join(name for name in sys.modules if name.startswith('crewai')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_what_calls_home_is_off_before_crewai_is_imported(tmp_path: Path) -> None:
    program = (
        "import json, os, sys\n"
        "from pathlib import Path\n"
        "from overture_crew import engine\n"
        "def tell(event, arguments):\n"
        "    if event == 'import' and arguments[0] == 'crewai':\n"
        "        sys.stdout.write(json.dumps(dict(os.environ)))\n"
        "        sys.stdout.flush()\n"
        "        os._exit(0)\n"
        "sys.addaudithook(tell)\n"
        "engine.prepare(Path(sys.argv[1]))\n"
    )
    switched_on = {name: value for name, value in os.environ.items() if name not in OFF} | {
        "CREWAI_TRACING_ENABLED": "true"
    }
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, env=switched_on, capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    assert {name: seen.get(name) for name in OFF} == OFF
    assert seen["CREWAI_STORAGE_DIR"] == str(tmp_path / "crewai")


def test_the_installed_crewai_reads_what_is_set() -> None:
    read = "".join(
        path.read_text(encoding="utf-8")
        for package in ("crewai", "crewai_core")
        for path in package_folder(package).rglob("*.py")
    )
    assert {name for name in [*OFF, "CREWAI_STORAGE_DIR"] if f'"{name}"' not in read} == set()


def package_folder(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
