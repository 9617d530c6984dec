"""Connecting LinkedIn: state and PKCE hold, tokens are sealed, expire and are renewed, and stay in their workspace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from overture_core.clock import ManualClock
from overture_core.errors import ConfigurationError, InvalidInput, NotConnected, ProviderRefused
from overture_core.linkedin import accounts, connecting
from overture_core.linkedin.scopes import COMMUNITY, LEAD_SYNC, SHARE
from overture_core.storage.store import Store
from overture_core.workspaces.service import ensure_workspace
from overture_providers.linkedin.capabilities import capabilities
from overture_providers.linkedin.session import Invitation, connected, invite, welcome

pytestmark = pytest.mark.anyio
MEMBER = "urn:li:person:Sb8oX2mmbr"


def begin(linkedin: Any, **changes: Any) -> Invitation:
    with linkedin.store.begin("default", actor="cli:ada") as work:
        return invite(work, linkedin.settings.model_copy(update=changes))


def raw_tables(store: Store) -> str:
    with store.look() as connection:
        rows = [connection.execute(text(f"SELECT * FROM linkedin_{name}")) for name in ("accounts", "authorizations")]  # noqa: S608
        return "\n".join(str(tuple(row)) for result in rows for row in result)


async def test_a_person_who_grants_access_connects_and_no_token_stands_in_the_database(linkedin: Any) -> None:
    account = await linkedin.connect(grant=["openid", "profile", "w_member_social"])
    assert (account.member, account.name, account.connected_by) == (MEMBER, "Sandy Box", "cli:ada")
    assert account.scopes == ["openid", "profile", "w_member_social"]
    with linkedin.store.read("default") as work:
        _, tokens = accounts.get(work, sandbox=True)
        shown = capabilities(work)
    assert tokens.access.startswith("AQ")
    assert tokens.access not in raw_tables(linkedin.store)
    assert tokens.access not in f"{account!r} {tokens!r} {shown!r}"
    assert shown.missing["r_organization_social"] == COMMUNITY
    assert shown.missing["r_marketing_leadgen_automation"] == LEAD_SYNC
    assert shown.granted["w_member_social"] == "posts, comments and reactions as the member"
    assert SHARE not in shown.missing.values()


async def test_a_state_works_once_in_its_time_and_only_if_it_is_ours(linkedin: Any, clock: ManualClock) -> None:
    back = linkedin.decide(begin(linkedin).url)
    with pytest.raises(InvalidInput, match="not ours"):
        await welcome(linkedin.store, linkedin.settings, "forged", back["code"], None)
    await welcome(linkedin.store, linkedin.settings, back["state"], back["code"], None)
    with pytest.raises(InvalidInput, match="used before"):
        await welcome(linkedin.store, linkedin.settings, back["state"], back["code"], None)
    late = linkedin.decide(begin(linkedin).url)
    clock.advance(timedelta(minutes=16))
    with pytest.raises(InvalidInput, match="too old"):
        await welcome(linkedin.store, linkedin.settings, late["state"], late["code"], None)


async def test_pkce_connects_and_a_code_without_its_verifier_does_not(linkedin: Any) -> None:
    begun = begin(linkedin, linkedin_pkce=True)
    assert "/oauth/native-pkce/authorization?" in begun.url
    assert "code_challenge_method=S256" in begun.url
    back = linkedin.decide(begun.url)
    await welcome(linkedin.store, linkedin.settings, back["state"], back["code"], None)
    # A code that somebody else's challenge is bound to, brought back under a state of ours.
    other = linkedin.decide(begin(linkedin, linkedin_pkce=True).url)
    mine = begin(linkedin, linkedin_pkce=True)
    with pytest.raises(ProviderRefused, match="code verifier does not match"):
        await welcome(linkedin.store, linkedin.settings, mine.state, other["code"], None)
    with linkedin.store.read("default") as work:
        came, error = connecting.outcome(work, mine.state)
    assert came
    assert "code verifier" in str(error)


async def test_less_than_is_needed_is_said_by_its_product(linkedin: Any) -> None:
    with pytest.raises(ProviderRefused, match=r"did not grant openid or profile .*'Sign In with LinkedIn"):
        await linkedin.connect(grant=["w_member_social"])


async def test_who_cancels_is_not_connected_and_hears_why(linkedin: Any) -> None:
    back = linkedin.decide(begin(linkedin).url, "deny")
    with pytest.raises(ProviderRefused, match="The user cancelled the authorization"):
        await welcome(linkedin.store, linkedin.settings, back["state"], None, back["error_description"])
    with pytest.raises(NotConnected, match="overture linkedin connect"):
        async with connected(linkedin.store, linkedin.settings):
            pass


async def test_an_expired_token_says_when_and_what_to_do(linkedin: Any, clock: ManualClock) -> None:
    account = await linkedin.connect()
    clock.advance(timedelta(days=61))
    with pytest.raises(NotConnected, match=f"expired on {account.expires_at:%Y-%m-%d}.*connects again"):
        async with connected(linkedin.store, linkedin.settings):
            pass


async def test_a_token_that_may_be_refreshed_is_renewed_before_it_expires(linkedin: Any, clock: ManualClock) -> None:
    before = await linkedin.connect(refresh=True, expires_in=3_600)
    clock.advance(timedelta(minutes=55))
    async with connected(linkedin.store, linkedin.settings) as session:
        assert session.account.member == MEMBER
    with linkedin.store.read("default") as work:
        after, _ = accounts.get(work, sandbox=True)
    assert after.expires_at == before.expires_at + timedelta(minutes=55)
    assert after.scopes == before.scopes


async def test_a_connection_is_seen_by_its_own_workspace_alone(linkedin: Any) -> None:
    with linkedin.store.begin("other", actor="test", check=False) as work:
        ensure_workspace(work)
    await linkedin.connect()
    with linkedin.store.read("other") as work:
        assert accounts.find(work, sandbox=True) is None
        assert capabilities(work).member is None
    with pytest.raises(NotConnected):
        async with connected(linkedin.store, linkedin.settings, workspace="other"):
            pass
    # A link that another workspace began connects that one, whoever's server the browser comes back to.
    await linkedin.connect(workspace="other")
    with linkedin.store.begin("default", actor="cli:ada") as work:
        assert accounts.forget(work, sandbox=True)
    with linkedin.store.read("other") as work:
        assert accounts.find(work, sandbox=True) is not None


async def test_tokens_that_were_sealed_with_another_key_are_not_opened(linkedin: Any, tmp_path: Path) -> None:
    await linkedin.connect()
    # Another folder too: the key that an installation made for itself goes on opening what it sealed.
    elsewhere = {"secret_key": "another key of this installation", "data_dir": tmp_path / "elsewhere"}
    other = linkedin.settings.model_copy(update=elsewhere)
    with linkedin.store.read("default") as work, pytest.raises(ConfigurationError, match="OVERTURE_SECRET_KEY"):
        accounts.get(replace(work, settings=type(other)(**{**other.model_dump(), "_env_file": None})), sandbox=True)
