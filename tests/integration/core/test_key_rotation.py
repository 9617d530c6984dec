"""Keys change while links are out, people stay erased, and tokens and questions are in somebody's hands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from mcp.server.request_state import InvalidRequestState
from pydantic import SecretStr

from overture_core import secrets
from overture_core.clock import ManualClock
from overture_core.errors import ConfigurationError
from overture_core.leads import erasing
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.suppressions import service as suppressions
from overture_servers.http.local_tokens import LocalKeys, make_token
from overture_servers.scopes import Scope
from overture_servers.sealing import StoredKeyCodec

OLD, NEW = SecretStr("4f1c9a7be0d25386f1c9a7be0d253864"), SecretStr("9d03b6e28c7f41a5d03b6e28c7f41a50")


@pytest.fixture
def stages(settings: Settings) -> dict[str, Settings]:
    """The settings at each stage of a rotation."""
    values: dict[str, dict[str, Any]] = {
        "before": {"secret_key": OLD},
        "announced": {"secret_key": OLD, "secret_keys_accepted": [NEW]},
        "changed": {"secret_key": NEW, "secret_keys_accepted": [OLD]},
        "retired": {"secret_key": NEW, "secret_keys_retired": [OLD]},
        "forgotten": {"secret_key": NEW},
    }
    return {stage: settings.model_copy(update=changed) for stage, changed in values.items()}


# Processes are given the settings of the next stage one after the other, so that two stages run at once.
BESIDE = [("before", "announced"), ("announced", "changed")]
PAIRS = [*BESIDE, *((later, earlier) for earlier, later in BESIDE)]


def token(settings: Settings, clock: ManualClock) -> str:
    return make_token(
        settings,
        workspace="default",
        scopes=[Scope.LEADS_READ],
        subject="ada",
        audience="https://outreach.example",
        now=clock.now(),
        lifetime=timedelta(days=30),
    )


async def takes(settings: Settings, made: str) -> bool:
    import jwt

    return await LocalKeys(settings).key(jwt.get_unverified_header(made)["kid"]) is not None


@pytest.mark.anyio
@pytest.mark.parametrize(("made_by", "taken_by"), PAIRS)
async def test_two_stages_that_run_beside_each_other_take_each_others_work(
    made_by: str, taken_by: str, stages: dict[str, Settings], clock: ManualClock
) -> None:
    one, other = stages[made_by], stages[taken_by]
    assert await takes(other, token(one, clock))
    assert StoredKeyCodec(other).unseal(StoredKeyCodec(one).seal(b"which plan")) == b"which plan"
    assert secrets.unseal(other, "linkedin", secrets.seal(one, "linkedin", "granted")) == "granted"
    assert secrets.verify(other, "unsubscribe", "msg_1", secrets.sign(one, "unsubscribe", "msg_1"))


@pytest.mark.anyio
async def test_a_retired_key_opens_what_lasts_and_admits_nobody(
    stages: dict[str, Settings], clock: ManualClock
) -> None:
    before, retired = stages["before"], stages["retired"]
    assert secrets.verify(retired, "unsubscribe", "msg_1", secrets.sign(before, "unsubscribe", "msg_1"))
    assert secrets.unseal(retired, "linkedin", secrets.seal(before, "linkedin", "granted")) == "granted"
    assert not await takes(retired, token(before, clock))
    with pytest.raises(InvalidRequestState):
        StoredKeyCodec(retired).unseal(StoredKeyCodec(before).seal(b"which plan"))


def test_a_key_that_is_named_nowhere_opens_nothing(stages: dict[str, Settings]) -> None:
    before, forgotten = stages["before"], stages["forgotten"]
    assert not secrets.verify(forgotten, "unsubscribe", "msg_1", secrets.sign(before, "unsubscribe", "msg_1"))
    with pytest.raises(ConfigurationError, match="add it to OVERTURE_SECRET_KEYS_RETIRED"):
        secrets.unseal(forgotten, "linkedin", secrets.seal(before, "linkedin", "granted"))


def test_the_key_of_the_data_folder_is_retired_by_the_first_setting(settings: Settings) -> None:
    link = secrets.sign(settings, "unsubscribe", "msg_1")
    named = settings.model_copy(update={"secret_key": NEW})
    assert secrets.sign(named, "unsubscribe", "msg_1") != link
    assert secrets.verify(named, "unsubscribe", "msg_1", link)


def test_settings_tell_another_process_their_keys(stages: dict[str, Settings]) -> None:
    told = stages["retired"].environment()
    assert told["OVERTURE_SECRET_KEYS_RETIRED"] == f'["{OLD.get_secret_value()}"]'


def test_who_was_erased_under_a_former_key_stays_erased(scene: Any, store: Store, stages: dict[str, Settings]) -> None:
    lead = scene.add_lead(email="Ada@example.com")
    keys = {"secret_key": stages["retired"].secret_key, "secret_keys_retired": [OLD]}
    with at(store, {"secret_key": OLD}).begin("default", actor="cli:ada") as work:
        erasing.erase(work, lead)
    with at(store, keys).read("default") as work:
        wanted = ["ada@example.com", "grace@example.com"]
        assert suppressions.erased(work, "email", wanted) == {"ada@example.com"}
    with at(store, {"secret_key": NEW}).read("default") as work:
        assert suppressions.erased(work, "email", ["ada@example.com"]) == set()


def at(store: Store, keys: dict[str, Any]) -> Store:
    store.settings = store.settings.model_copy(update={"secret_keys_retired": [], **keys})
    return store
