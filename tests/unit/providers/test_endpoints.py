from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from overture_core.errors import ConfigurationError
from overture_core.settings import Settings
from overture_providers import endpoints
from overture_providers.endpoints import EmailEndpoint, SmsEndpoint, email_endpoint, sms_endpoint
from overture_providers.sandbox.keys import FILE_NAME, load_or_create

OURS = {
    "email_from": "ada@company.example",
    "postal_address": "1 Company Street",
    "sms_from": "+12125550100",
    "public_url": "https://overture.company.example",
}


def settings(data_dir: Path, **values: Any) -> Settings:
    values = {"sandbox_only": False} | OURS | values
    return Settings(data_dir=data_dir, **values)


def test_without_keys_both_channels_go_to_the_sandbox(tmp_path: Path) -> None:
    keys = load_or_create(tmp_path)
    chosen = settings(tmp_path, sandbox_url="http://127.0.0.1:9999/")
    assert (email_endpoint(chosen), sms_endpoint(chosen)) == (
        EmailEndpoint(
            base_url="http://127.0.0.1:9999",
            api_key=keys.sendgrid_api_key,
            webhook_public_key=keys.event_public_key,
            inbound_secret=keys.sendgrid_inbound_secret,
            sandbox=True,
        ),
        SmsEndpoint("http://127.0.0.1:9999", keys.twilio_account_sid, keys.twilio_auth_token, sandbox=True),
    )


def test_with_keys_the_real_providers_are_used(tmp_path: Path) -> None:
    chosen = settings(tmp_path, sendgrid_api_key=" SG.k ", twilio_account_sid="AC1", twilio_auth_token="t")
    assert (email_endpoint(chosen), sms_endpoint(chosen)) == (
        EmailEndpoint("https://api.sendgrid.com", "SG.k", None, None, sandbox=False),
        SmsEndpoint("https://api.twilio.com", "AC1", "t", sandbox=False),
    )


def test_sandbox_only_wins_over_keys(tmp_path: Path) -> None:
    chosen = settings(tmp_path, sendgrid_api_key="SG.k", twilio_account_sid="AC1", sandbox_only=True)
    assert (email_endpoint(chosen).sandbox, sms_endpoint(chosen).sandbox) == (True, True)


@pytest.mark.parametrize(
    ("half", "missing"),
    [({"twilio_account_sid": "AC1"}, "AUTH_TOKEN"), ({"twilio_auth_token": "t"}, "ACCOUNT_SID")],
)
def test_half_of_twilios_credentials_names_the_other_half(tmp_path: Path, half: dict[str, str], missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        sms_endpoint(settings(tmp_path, **half))


@pytest.mark.parametrize("key", ["", "SG.k\nX-Evil: 1", "SG.ключ"])
def test_key_that_no_header_takes_names_its_setting(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError, match="OVERTURE_SENDGRID_API_KEY"):
        email_endpoint(settings(tmp_path, sendgrid_api_key=key))


def test_secrets_do_not_show_in_a_representation(tmp_path: Path) -> None:
    keys, chosen = load_or_create(tmp_path), settings(tmp_path)
    shown = f"{keys!r} {email_endpoint(chosen)!r} {sms_endpoint(chosen)!r}"
    secrets = (keys.sendgrid_api_key, keys.sendgrid_inbound_secret, keys.event_private_key, keys.twilio_auth_token)
    assert [secret for secret in secrets if secret in shown] == []


def test_keys_are_private_and_the_same_for_all_who_race_for_them(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load_or_create(folder), range(8)))
    assert made == [made[0]] * 8
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600


def test_damaged_keys_say_what_to_delete(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("{}")
    with pytest.raises(ConfigurationError, match="delete the file"):
        load_or_create(tmp_path)


def test_status_callback_carries_our_id(tmp_path: Path) -> None:
    chosen = settings(tmp_path, public_url="https://x.example/")
    assert endpoints.twilio_callback(chosen, endpoints.TWILIO_STATUS_PATH, workspace="a b", message_id="msg_1") == (
        "https://x.example/messaging/webhooks/twilio/status?message=msg_1&workspace=a+b"
    )


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("email_from", {"sendgrid_api_key": "SG.k"}),
        ("postal_address", {"sendgrid_api_key": "SG.k"}),
        ("public_url", {"sendgrid_api_key": "SG.k"}),
        ("sms_from", {"twilio_account_sid": "AC1", "twilio_auth_token": "t"}),
    ],
)
def test_real_people_get_nothing_that_carries_the_sandboxs_sender(
    tmp_path: Path, name: str, keys: dict[str, str]
) -> None:
    without = {**keys, name: Settings.model_fields[name].default}
    with pytest.raises(ValidationError, match=f"OVERTURE_{name.upper()}"):
        settings(tmp_path, **without)
