"""Settings that lead nowhere are refused when they are read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from overture_core.settings import Settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("stripe_return_url", "javascript:alert(1)", "no address of a page"),
        ("stripe_return_url", "https:///thanks", "no address of a page"),
        ("stripe_fee_currency", "ZZZ", "'ZZZ' is no currency"),
        ("stripe_fee_currency", "XXX", "'XXX' is no currency"),
        ("stripe_webhook_secret", "foo", "begins with whsec_"),
        ("linkedin_scopes", ["openid", "foo"], "'foo' is no scope that Overture uses"),
        ("linkedin_version", "2026-11", "is a month, as YYYYMM"),
    ],
)
def test_what_leads_nowhere_is_refused(name: str, value: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"_env_file": None, "sandbox_only": True, name: value})


def test_what_is_right_is_kept() -> None:
    given = {
        "stripe_return_url": "https://northwind.example/thanks",
        "stripe_fee_currency": "EUR",
        "stripe_webhook_secret": "whsec_x",
        "linkedin_scopes": ["openid", "profile", "r_ads"],
    }
    made = Settings.model_validate({"_env_file": None, "sandbox_only": True, **given})
    assert made.environment().items() >= {"OVERTURE_STRIPE_WEBHOOK_SECRET": "whsec_x"}.items()
    assert (made.stripe_return_url, made.stripe_fee_currency) == ("https://northwind.example/thanks", "EUR")
    assert made.linkedin_scopes == ["openid", "profile", "r_ads"]
