"""Caps are set by currency: in small letters too, and never for what is no currency."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from overture_core.settings import Settings


def test_caps_in_small_letters_are_the_currencys() -> None:
    made = Settings.model_validate(
        {"_env_file": None, "sandbox_only": True, "stripe_cap_call": {"usd": 1, "Eur": 2, "*": 3}}
    )
    assert made.stripe_cap_call == {"USD": 1, "EUR": 2, "*": 3}


@pytest.mark.parametrize("name", ["stripe_cap_call", "stripe_cap_day", "stripe_cap_customer"])
@pytest.mark.parametrize(
    ("caps", "said"), [({"zzz": 1}, "'zzz' is no currency; write its"), ({"usd": 1, "USD": 2}, "is there twice")]
)
def test_what_is_no_currency_or_one_twice_is_refused(name: str, caps: dict[str, int], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"_env_file": None, "sandbox_only": True, name: caps})
