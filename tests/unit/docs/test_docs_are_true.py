"""What the README and docs/ say is what there is: settings, commands, tools, links, decisions."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from overture_core.settings import Settings

ROOT = Path(__file__).parents[3]
GENERATED = ["settings", "cli", "tools"]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAIN_COMMANDS = ["pip install uv && uv run overture demo", "uv run pytest"]


@pytest.fixture(scope="session")
def generators() -> dict[str, dict[str, Any]]:
    """The generators' names, by page."""
    return {name: runpy.run_path(str(ROOT / "docs" / f"generate_{name}.py")) for name in GENERATED}


def text_of(pages: list[Path]) -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_what_its_generator_makes_now(name: str, generators: dict[str, dict[str, Any]]) -> None:
    stored = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert stored == generators[name]["page"](), f"run: uv run python docs/generate_{name}.py"


def test_every_variable_that_the_pages_name_is_a_setting() -> None:
    settings = {f"OVERTURE_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"OVERTURE_[A-Z0-9]+(?:_[A-Z0-9]+)*", text_of(PAGES)))
    assert named - settings == set()


def test_every_variable_that_messages_and_comments_name_is_a_setting() -> None:
    settings = {f"OVERTURE_{name.upper()}" for name in Settings.model_fields}
    sources = [path for path in ROOT.glob("*/overture_*/**/*.py") if ".venv" not in path.parts]
    named = set(re.findall(r"OVERTURE_[A-Z0-9]+(?:_[A-Z0-9]+)*", text_of(sources)))
    assert named - settings == set()


def test_every_command_is_in_the_pages(generators: dict[str, dict[str, Any]]) -> None:
    commands = [context.command_path for context in generators["cli"]["commands"]()]
    assert {"overture demo", "overture approvals policy"} < set(commands)
    text = text_of(PAGES)
    assert [command for command in commands if command not in text] == []


def test_every_command_that_the_pages_name_exists(generators: dict[str, dict[str, Any]]) -> None:
    commands = {context.command_path for context in generators["cli"]["commands"]()}
    known = commands | {" ".join(command.split()[:2]) for command in commands}
    # In code only: `overture doctor`, `uv run overture import leads.csv`, never prose.
    named = re.findall(r"(?:`|^|uv run |&& )overture ([a-z]+)(?: ([a-z]+))?", text_of(PAGES), re.MULTILINE)
    wrong = [
        f"overture {first} {second}".strip()
        for first, second in named
        if f"overture {first}" not in known
        or (f"overture {first}" not in commands and second and f"overture {first} {second}" not in commands)
    ]
    assert wrong == []


def test_every_tool_is_in_the_pages(generators: dict[str, dict[str, Any]]) -> None:
    tools = [tool.name for listed in generators["tools"]["listed"]().values() for tool in listed]
    assert {"leads_import_file", "messaging_launch_campaign"} < set(tools)
    text = text_of(PAGES)
    assert [tool for tool in tools if tool not in text] == []


def test_every_tool_that_the_pages_name_exists(generators: dict[str, dict[str, Any]]) -> None:
    tools = {tool.name for listed in generators["tools"]["listed"]().values() for tool in listed}
    tool = r"`((?:leads|messaging|linkedin(?!_url|_opt_out)|stripe)_(?!live|cap)[a-z_]+)`|--tool-name (\S+)"
    named = set(re.findall(tool, text_of(PAGES)))
    assert {first or second for first, second in named} - tools == set()


def test_mcp_json_starts_every_server_that_exists_and_no_other(generators: dict[str, dict[str, Any]]) -> None:
    servers = json.loads((ROOT / "mcp.json").read_text(encoding="utf-8"))["mcpServers"]
    assert servers == {
        name: {
            "type": "stdio",
            "command": "uv",
            "args": ["run", "--quiet", "overture", "serve", name],
            "env": {},
        }
        for name in generators["tools"]["SERVERS"]
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if not link.startswith(("https://", "http://"))]
    assert [link for link in links if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in anchors(target))


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# Decisions also name what there must not be.
@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "decisions"], ids=name_of)
def test_paths_from_the_root_that_a_page_names_exist(page: Path) -> None:
    tops = "|".join(re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and path.name != "dist")
    named = re.findall(
        rf"`((?:{tops})/[\w./-]*)`|uv run (?:pytest|python) ((?:{tops})/\S*?)[`\s]", page.read_text("utf-8")
    )
    assert [path for pair in named for path in pair if path and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("command", MAIN_COMMANDS)
def test_the_readme_gives_the_main_commands_as_lines_of_their_own(command: str) -> None:
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))]
    assert numbers == [f"{number:03d}-" for number in range(1, len(numbers) + 1)]


def test_every_decision_that_code_and_pages_name_exists() -> None:
    written = {path.name[:3] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    places = [*PAGES, ROOT / "pyproject.toml", *ROOT.glob("*/overture_*/**/*.py")]
    assert set(re.findall(r"docs/decisions/(\d{3})", text_of(places))) - written == set()
