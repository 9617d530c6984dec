from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from overture_core.clock import ManualClock
from overture_providers.transport import retry_at

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": str(EPOCH + 40)}, 40),
        ({"x-ratelimit-reset": str(EPOCH - 40)}, 0),
        ({"x-ratelimit-reset": str(EPOCH + 999_999)}, 3600),
        ({"x-ratelimit-reset": "9" * 40}, 30),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1e300"}, 3600),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT"}, 60),
        ({"retry-after": "nan"}, 30),
        ({"retry-after": "soon", "x-ratelimit-reset": str(EPOCH + 5)}, 5),
        ({}, 30),
    ],
)
def test_providers_time_is_taken_within_bounds(headers: dict[str, str], seconds: int) -> None:
    assert retry_at(headers, ManualClock(NOW)) == NOW + timedelta(seconds=seconds)
