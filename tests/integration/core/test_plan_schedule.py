"""When a plan's messages go out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.clock import ManualClock
from overture_core.errors import InvalidInput
from overture_core.storage.schema import Message
from overture_core.storage.store import Store


def test_a_time_that_is_over_is_refused_with_the_time_it_is_now(scene: Any, clock: ManualClock) -> None:
    scene.add_lead(email="ada@example.com")
    with pytest.raises(InvalidInput, match=r"^send_at is over \(2026-11-23T16:20:00\+00:00; it is 2026-11-23T16:30Z"):
        scene.plan(send_at=clock.now() - timedelta(minutes=10))


def test_a_time_that_has_just_passed_means_now(scene: Any, store: Store, clock: ManualClock) -> None:
    scene.add_lead(email="ada@example.com")
    planned = scene.plan(send_at=clock.now() - timedelta(minutes=4))
    assert (planned.recipients, planned.send_at) == (1, None)
    with store.read("default") as work:
        assert work.session.scalars(select(Message.due_at)).all() == [clock.now()]


def test_a_time_to_come_is_kept(scene: Any, store: Store, clock: ManualClock) -> None:
    scene.add_lead(email="ada@example.com")
    later = clock.now() + timedelta(days=2)
    assert scene.plan(send_at=later).send_at == later
    with store.read("default") as work:
        assert work.session.scalars(select(Message.due_at)).all() == [later]


@pytest.mark.parametrize("years", ["2028", "9999"])
def test_a_time_beyond_a_year_is_refused(scene: Any, years: str) -> None:
    scene.add_lead(email="ada@example.com")
    with pytest.raises(InvalidInput, match="more than a year away"):
        scene.plan(send_at=f"{years}-12-31T23:59:00-12:00")


def test_a_time_without_a_zone_is_refused(scene: Any) -> None:
    with pytest.raises(ValueError, match="send_at needs a time zone, for example 2026-12-01T09:00:00"):
        scene.plan(send_at="2026-12-01T09:00:00")
