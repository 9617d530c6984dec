"""Signing in between replicas, under keys that change, by https, and as each kind of client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from overture_core.clock import ManualClock
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_servers.http.app import create_app
from overture_servers.runtime import Runtime
from overture_servers.ui.visitors import SIGN_IN_LIFE
from tests.identity_provider import SECRET, Issuer, at_provider, sign_in_settings

pytestmark = pytest.mark.anyio
OLD, NEW = "4f1c9a7be0d25386f1c9a7be0d253864", "9d03b6e28c7f41a5d03b6e28c7f41a50"


@asynccontextmanager
async def replica(store: Store, issuer: Issuer, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at an application on a store."""
    settings = Settings.model_validate({**store.settings.model_dump(), **sign_in_settings(issuer), **more})
    transport = httpx.ASGITransport(create_app(Runtime(settings, store)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=settings.page_url) as client:
        yield client


async def test_a_sign_in_that_takes_too_long_is_over(store: Store, issuer: Issuer, clock: ManualClock) -> None:
    async with replica(store, issuer) as http:
        back = at_provider((await http.get("/sign-in")).headers["Location"])
        clock.advance(SIGN_IN_LIFE)
        late = await http.get(back)
        assert (late.status_code, "took longer than ten minutes" in late.text) == (403, True)
        assert (await http.get("/")).status_code == 401


async def test_it_ends_at_another_replica_while_keys_are_changed_and_never_under_a_retired_one(
    store: Store, issuer: Issuer
) -> None:
    announced = replica(store, issuer, secret_key=OLD, secret_keys_accepted=[NEW])
    changed = replica(store, issuer, secret_key=NEW, secret_keys_accepted=[OLD])
    retired = replica(store, issuer, secret_key=NEW, secret_keys_retired=[OLD])
    async with announced as first, changed as second, retired as third:
        back = at_provider((await first.get("/sign-in")).headers["Location"])
        for other in (second, third):
            other.cookies.update(first.cookies)
        assert (await third.get(back)).status_code == 403
        assert (await second.get(back)).status_code == 200
        first.cookies.update(second.cookies)
        assert (await first.get("/")).status_code == 200


async def test_by_https_it_comes_back_to_the_public_address_and_its_cookie_is_for_that_host_alone(
    store: Store, issuer: Issuer
) -> None:
    async with replica(store, issuer, public_url="https://overture.example/") as http:
        assert 'href="https://overture.example/sign-in"' in (await http.get("/")).text
        begin = await http.get("/sign-in")
        name, _, rest = begin.headers["Set-Cookie"].partition("=")
        assert (name, "Secure" in rest, "Domain" in rest) == ("__Host-overture-sign-in", True, False)
        back = at_provider(begin.headers["Location"])
        assert back.startswith("https://overture.example/sign-in/back?")
        assert (await http.get(back)).status_code == 200
        assert "ada in default" in (await http.get("/")).text


@pytest.mark.parametrize(
    ("shown_by", "secret"), [("client_secret_basic", SECRET), ("client_secret_post", SECRET), ("none", None)]
)
async def test_the_client_shows_its_secret_as_the_provider_takes_it_or_has_none(
    sqlite_store: Store, issuer: Issuer, shown_by: str, secret: str | None
) -> None:
    issuer.shown_by = shown_by
    async with replica(sqlite_store, issuer, auth_client_secret=secret) as http:
        back = at_provider((await http.get("/sign-in")).headers["Location"])
        assert (await http.get(back)).status_code == 200
