"""How long nothing is called after LinkedIn said that it is enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from overture_core.clock import ManualClock
from overture_core.linkedin import usage
from overture_core.linkedin.usage import Usage
from overture_core.storage.store import Store


def refuse(store: Store, until: datetime | None = None) -> datetime:
    with store.begin("default", actor="linkedin") as work:
        return usage.refuse(work, "app", "urn:li:person:a", "posts", until)


def test_a_refusal_that_names_no_time_costs_an_hour_and_one_after_that_the_rest_of_the_day(
    store: Store, clock: ManualClock
) -> None:
    in_an_hour, midnight = clock.now() + timedelta(hours=1), usage.next_day(clock.now())
    assert refuse(store) == in_an_hour
    clock.advance(timedelta(minutes=1))
    assert refuse(store) == in_an_hour  # a call that was under way
    clock.advance(timedelta(hours=1))
    with store.read("default") as work:
        usage.require(work, "app", "urn:li:person:a", "posts")
    assert refuse(store) == midnight
    with store.read("default") as work:
        assert usage.today(work, "app", "urn:li:person:a") == [Usage(resource="posts", calls=3, limited_until=midnight)]
    clock.advance(midnight - clock.now() + timedelta(hours=23, minutes=30))
    assert refuse(store) == midnight + timedelta(days=1)  # an hour, but no longer than the day


def test_a_time_that_linkedin_names_is_taken_as_it_is(store: Store, clock: ManualClock) -> None:
    named = clock.now() + timedelta(seconds=30)
    assert refuse(store, named) == named
