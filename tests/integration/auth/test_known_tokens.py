"""A token that held once is known again, for no longer than it would hold if it were looked at anew."""

from __future__ import annotations

import time
from typing import Any

import pytest

from overture_core.clock import ManualClock
from overture_core.errors import KeysUnavailable
from overture_core.settings import Settings
from overture_servers.http.discovery import FRESH, KEPT
from overture_servers.http.signed import LEEWAY_S, InvalidToken
from overture_servers.http.tokens import MOST_KNOWN, Tokens

pytestmark = pytest.mark.anyio
HERE = ("https://overture.example",)


@pytest.fixture
def tokens(settings: Settings, issuer: Any, clock: ManualClock) -> Tokens:
    return Tokens(settings.model_copy(update={"auth_issuer": issuer.url}), clock)


def made(issuer: Any, **claims: Any) -> str:
    return str(issuer.token(**{"aud": HERE[0], "workspace": "default", "scope": "leads:read", **claims}))


async def test_it_is_the_same_principal_and_its_signature_is_checked_once(tokens: Tokens, issuer: Any) -> None:
    token = made(issuer)
    first = await tokens.check(token, HERE)
    assert await tokens.check(token, HERE) is first
    assert (first.subject, first.workspace, first.scopes) == ("ada", "default", ["leads:read"])
    assert token not in repr(vars(tokens))


@pytest.mark.parametrize(
    ("claims", "client"), [({"azp": "desk2"}, "desk"), ({"client_id": None, "azp": "desk2"}, "desk2")]
)
async def test_its_client_is_named_by_either_claim(
    tokens: Tokens, issuer: Any, claims: dict[str, Any], client: str
) -> None:
    assert (await tokens.check(made(issuer, **claims), HERE)).client_id == client


async def test_without_either_its_subject_stands_for_the_client(tokens: Tokens, issuer: Any) -> None:
    assert (await tokens.check(made(issuer, client_id=None), HERE)).client_id == "ada"


async def test_it_ends_with_a_key_that_its_issuer_took_back(tokens: Tokens, issuer: Any, clock: ManualClock) -> None:
    token = made(issuer)
    await tokens.check(token, HERE)
    issuer.keys.clear()
    issuer.add_key("two")
    clock.advance(FRESH)
    with pytest.raises(InvalidToken, match="a key that its issuer does not have"):
        await tokens.check(token, HERE)


async def test_it_ends_with_a_key_that_was_replaced_under_the_same_id(
    tokens: Tokens, issuer: Any, clock: ManualClock
) -> None:
    token = made(issuer)
    await tokens.check(token, HERE)
    issuer.add_key("one")
    clock.advance(FRESH)
    with pytest.raises(InvalidToken, match="signature does not fit"):
        await tokens.check(token, HERE)


async def test_it_holds_on_where_the_same_key_was_fetched_anew(tokens: Tokens, issuer: Any, clock: ManualClock) -> None:
    token = made(issuer)
    await tokens.check(token, HERE)
    clock.advance(FRESH)
    assert (await tokens.check(token, HERE)).subject == "ada"


async def test_it_holds_no_longer_than_kept_keys_while_the_issuer_is_away(
    tokens: Tokens, issuer: Any, clock: ManualClock
) -> None:
    token = made(issuer)
    await tokens.check(token, HERE)
    issuer.answers["/jwks"] = (500, {}, b"")
    clock.advance(KEPT)
    with pytest.raises(KeysUnavailable):
        await tokens.check(token, HERE)


async def test_it_ends_when_it_expires(tokens: Tokens, issuer: Any) -> None:
    ends = int(time.time()) - LEEWAY_S + 2
    token = made(issuer, exp=ends)
    await tokens.check(token, HERE)
    with pytest.raises(InvalidToken, match="has expired"):  # noqa: PT012 - until it does
        while time.time() < ends + LEEWAY_S + 5:
            await tokens.check(token, HERE)


async def test_it_is_known_for_where_it_was_shown_and_nowhere_else(tokens: Tokens, issuer: Any) -> None:
    token = made(issuer)
    await tokens.check(token, HERE)
    with pytest.raises(InvalidToken, match="for another resource"):
        await tokens.check(token, ("https://other.example",))


async def test_a_changed_copy_of_it_is_not_known(tokens: Tokens, issuer: Any) -> None:
    token = made(issuer)
    await tokens.check(token, HERE)
    wider = made(issuer, scope="leads:read leads:export").rpartition(".")[0]
    with pytest.raises(InvalidToken, match="signature does not fit"):
        await tokens.check(f"{wider}.{token.rpartition('.')[2]}", HERE)


async def test_no_more_are_known_than_a_bounded_number(tokens: Tokens, issuer: Any) -> None:
    first = made(issuer, sub="the first")
    shown = await tokens.check(first, HERE)
    for number in range(MOST_KNOWN):
        await tokens.check(made(issuer, sub=f"person {number}"), HERE)
    again = await tokens.check(first, HERE)
    assert (again is shown, again) == (False, shown)
