"""Settings that lead nowhere are refused when they are read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from overture_core.settings import Settings

NO_BASE_URL = "this is http:// or https://, a host in ASCII, and at most a port and a path behind it, such as https"


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


@pytest.mark.parametrize("more", [{}, {"auth_local": True}], ids=["open", "with authentication"])
@pytest.mark.parametrize(
    "url",
    [
        "foo",
        "ftp://x.example",
        "https://",
        "https:///mcp",
        "https:x.example",
        "//x.example",
        "https://a@x.example",
        "https://a:b@x.example",
        "https://x.example?a=b",
        "https://x.example/?",
        "https://x.example/#top",
        "https://x.example:99999",
        "https://x.example:port",
        "https://x example",
        "https://x.example/a b",
        "https://x.example\\a",
        "https://*.example",
        "https://b\u00fccher.example",
        "https://999.999.999.999",
        "https://[::1",
    ],
)
def test_a_public_url_that_is_none_is_refused(url: str, more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=NO_BASE_URL) as caught:
        Settings.model_validate({"_env_file": None, "sandbox_only": True, "public_url": url, **more})
    assert [each["loc"] for each in caught.value.errors()] == [("public_url",)]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8765", "https://x.example/", "https://x.example:8443/base/v1", "http://[::1]:8765"]
)
def test_a_public_url_is_kept_as_it_is(url: str) -> None:
    made = Settings.model_validate({"_env_file": None, "sandbox_only": True, "public_url": url})
    assert made.public_url == url


@pytest.mark.parametrize(
    "host", ["a.example/x", "*", "*.example", "a.example:*", "https://a.example", "a@b.example", "a b", "a:b", ""]
)
def test_a_host_that_no_request_names_is_refused(host: str) -> None:
    given = {"auth_local": True, "allowed_hosts": ["a.example", host]}
    with pytest.raises(ValidationError, match="is no host; each is `name` or `name:port` in ASCII") as caught:
        Settings.model_validate({"_env_file": None, "sandbox_only": True, **given})
    assert [each["loc"] for each in caught.value.errors()] == [("allowed_hosts",)]


def test_hosts_are_kept_as_they_are() -> None:
    named = ["INSIDE.example", "inside.example:8443", "overture_web", "10.0.0.7:80", "[::1]:80", "[fd00::1]"]
    given = {"auth_local": True, "allowed_hosts": named}
    assert Settings.model_validate({"_env_file": None, "sandbox_only": True, **given}).allowed_hosts == named


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
