"""Names as they are completed while somebody writes them."""

from __future__ import annotations

from overture_core.leads import naming
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.storage.store import Store


def test_names_are_completed_whatever_the_case_of_their_letters(store: Store) -> None:
    with store.begin("default", actor="test") as work:
        for name in ("Ünï", "ünder", "ÜBER", "Uni"):
            segments.save(work, name, LeadFilter())
        assert set(naming.segments(work, "ü", 10)) == set(naming.segments(work, "Ü", 10)) == {"Ünï", "ünder", "ÜBER"}
        assert naming.segments(work, "üN\u0131", 10) == []
        assert naming.segments(work, "u\u0308nï", 10) == ["Ünï"]
