"""A second workspace, and imports in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from overture_core.leads.importing import import_leads
from overture_core.leads.imports import ImportReport
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.storage.store import Store
from overture_core.workspaces.service import ensure_workspace

Import = Callable[..., ImportReport]


@pytest.fixture
def other(store: Store) -> str:
    """The name of a second workspace."""
    with store.begin("other", actor="test", check=False) as work:
        ensure_workspace(work)
    return "other"


@pytest.fixture
def take(store: Store) -> Import:
    """Import a text: `take(text, workspace=..., filename=..., **options)`."""

    def imported(
        text: str, *, workspace: str = "default", filename: str = "leads.csv", **options: object
    ) -> ImportReport:
        source = Source.from_text(text, filename)
        return import_leads(store, source, ImportOptions.model_validate(options), workspace=workspace, actor="test")

    return imported


@pytest.fixture
def keyed(store: Store) -> Iterator[Store]:
    """A store that erased addresses can be known by."""
    opened = Store(store.settings.model_copy(update={"secret_key": SecretStr("k" * 32)}), store.clock)
    yield opened
    opened.close()
