"""The servers for clients that others wrote: a folder of data, and an HTTP process on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import WaitFor
from tests.http_process import http_process

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A data folder with an empty database."""
    folder = tmp_path_factory.mktemp("clients") / "data"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "overture.db")
    return folder


@pytest.fixture(scope="module")
def url(data_dir: Path, wait_for: WaitFor, warm_programs: Path) -> Iterator[str]:
    """The base URL of the HTTP process."""
    with http_process(data_dir.parent, wait_for, python=warm_programs / "python") as running:
        yield running.url
