"""The pages as a site: built without a complaint, complete, the same as on a code host, with nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
STRUCTURE = ["h2", "h3", "img", "li", "ol", "pre", "table", "tr", "ul"]
LOADED = {"src", "srcset", "data", "poster"}


class Tags(HTMLParser):
    """The tags of a document with their attributes; `inside` keeps those within one element alone."""

    def __init__(self, html: str, inside: str | None = None) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._inside, self._depth = inside, int(inside is None)
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._depth += tag == self._inside
        if self._depth:
            self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == self._inside

    def structure(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.found if tag in STRUCTURE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `just site` builds it, but beside the project and not in it."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    (recipe,) = re.findall(r"^site:\n((?:    .+\n)+)", (ROOT / "justfile").read_text(encoding="utf-8"), re.MULTILINE)
    script = "set -e\n" + recipe.replace("uv run", f"uv run --project '{ROOT}'")
    built = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=200, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "site"


def html(site: Path, page: str) -> str:
    path = Path(page)
    folder = path.parent if path.name == "index.md" else path.with_suffix("")
    return (site / folder / "index.html").read_text(encoding="utf-8")


def listed(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            (below,) = entry.values()
            yield from listed(below) if isinstance(below, list) else [below]


def test_every_page_is_in_the_navigation_once() -> None:
    settings = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    assert sorted(listed(settings["project"]["nav"])) == PAGES


def test_every_decision_is_listed_by_its_title() -> None:
    titles = {
        path.name: re.sub(r"^\d+:? ", "", path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# "))
        for path in sorted((DOCS / "decisions").glob("[0-9]*.md"))
    }
    lines = (DOCS / "decisions" / "index.md").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line.startswith("- ")]
    assert entries == [f"- [{name[:3]}: {title}]({name})" for name, title in titles.items()]


def test_the_site_has_nothing_of_what_writes_its_pages(site: Path) -> None:
    assert list(site.rglob("*.py")) == []


def test_the_navigation_begins_with_what_a_newcomer_needs() -> None:
    settings = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    assert list(listed(settings["project"]["nav"]))[:2] == ["index.md", "start.md"]


def test_a_page_has_on_the_site_the_lists_tables_and_pictures_that_it_has_on_a_code_host(site: Path) -> None:
    markdown = MarkdownIt("commonmark").enable("table")
    wrong = {}
    for page in PAGES:
        there = Tags(markdown.render((DOCS / page).read_text(encoding="utf-8"))).structure()
        here = Tags(html(site, page), "article").structure()
        if here != there:
            wrong[page] = (here - there, there - here)
    assert wrong == {}


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = {
        str(value)
        for path in site.rglob("*.html")
        for tag, attributes in Tags(path.read_text(encoding="utf-8")).found
        for name, value in attributes.items()
        if name in LOADED or (name == "href" and tag == "link")
    }
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    loaded |= set(re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", styles))
    assert [each for each in loaded if re.match(r"(https?:)?//", each)] == []


def test_the_search_finds_its_words_on_the_site_itself(site: Path) -> None:
    found = (site / "search.json").read_text(encoding="utf-8")
    assert "Start in five minutes" in found
