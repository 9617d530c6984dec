"""Many identifiers at once."""

from __future__ import annotations

import pytest
from ulid import ULID

from overture_core.campaigns.writing import new_ids


def test_they_are_distinct_ulids_in_ascending_order() -> None:
    ids = [*new_ids("msg", 5_000), *new_ids("msg", 1)]
    assert len(set(ids)) == len(ids)
    assert ids[:5_000] == sorted(ids[:5_000])
    assert {each[:4] for each in ids} == {"msg_"}
    assert [str(ULID.from_str(each[4:])) for each in ids[:50]] == [each[4:] for each in ids[:50]]


def test_there_are_as_many_at_once_as_the_counting_digits_tell_apart() -> None:
    assert len(set(new_ids("msg", 32_768))) == 32_768
    with pytest.raises(ValueError, match="at most 32768"):
        new_ids("msg", 32_769)
