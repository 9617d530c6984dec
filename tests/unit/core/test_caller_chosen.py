"""A request's id stands in logs and spans only where it cannot be about anybody."""

from __future__ import annotations

import pytest

from overture_core.telemetry import caller_chosen


@pytest.mark.parametrize("request_id", [0, 7, 123456, "42", "0d2a7c1e-58b3-4f6a-9c1d-7e2f1a3b4c5d"])
def test_a_counter_and_a_uuid_stay(request_id: str | int) -> None:
    assert caller_chosen(request_id) == str(request_id)


@pytest.mark.parametrize(
    "request_id",
    [14155550137, "4155550137", "078-05-1120", 4111111111111111, "Lovelace", "AKIA0123456789", "", "\ud800"],
)
def test_whatever_else_it_is_becomes_a_fingerprint(request_id: str | int) -> None:
    told = caller_chosen(request_id)
    assert told.startswith("sha256:")
    assert told == caller_chosen(request_id) != caller_chosen("another")
