"""Two segments are never called so much alike that one is taken for the other."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from overture_core.errors import InvalidInput
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Segment
from overture_core.storage.store import Store


def test_a_segment_of_a_name_that_differs_by_its_letters_case_alone_is_refused(store: Store) -> None:
    with store.begin("default", actor="test") as work:
        segments.save(work, "Élan", LeadFilter())
        with pytest.raises(InvalidInput, match="There is a segment 'Élan'; save it by that name"):
            segments.save(work, "éLAN", LeadFilter())
        segments.save(work, "Élan", LeadFilter(dormant_days_min=90))
        assert [each.name for each in segments.list_(work)] == ["Élan"]


@pytest.mark.parametrize("name", ["a\nb", "a\u200bb", "a  b", "Tur\u202ened"])
def test_a_segments_name_is_one_line_of_what_people_can_see(store: Store, name: str) -> None:
    refused = "A segment's name is one line, without doubled spaces and characters that nobody sees"
    with store.begin("default", actor="test") as work, pytest.raises(InvalidInput, match=refused):
        segments.save(work, name, LeadFilter())


def test_a_segment_whose_name_would_be_refused_today_is_still_found_by_it(store: Store) -> None:
    with store.begin("default", actor="test") as work:
        segments.save(work, "Spring", LeadFilter())
        work.session.scalars(select(Segment)).one().name = "Spr\u202eing  2"
        work.session.flush()
        assert segments.preview_named(work, "Spr\u202eing  2").count == 0
        assert [each.name for each in segments.list_(work)] == ["Spr\u202eing  2"]
