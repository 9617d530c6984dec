"""Texts that a database cannot hold: whoever gave them is told so, and it is no fault of ours."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from overture_core.errors import InvalidInput
from overture_core.storage.schema import Template
from overture_core.storage.store import Store


@pytest.mark.parametrize("name", ["a\ud800b", "\udfff"])
def test_half_a_character_is_refused_in_a_sentence(store: Store, name: str) -> None:
    with pytest.raises(InvalidInput, match="half of a surrogate pair"), store.read("default") as work:
        work.session.scalars(select(Template).where(Template.name == name)).all()


def test_a_nul_is_refused_in_a_sentence(postgresql_store: Store) -> None:
    with pytest.raises(InvalidInput, match="NUL"), postgresql_store.read("default") as work:
        work.session.scalars(select(Template).where(Template.name == "a\x00b")).all()
