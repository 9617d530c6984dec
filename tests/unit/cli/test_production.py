"""What `doctor --production` refuses: each rule alone, from settings that pass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from overture_cli.production import faults
from overture_core.settings import Settings

SECRET = "4f1c9a7be0d25386f1c9a7be0d253864"
SAFE: dict[str, Any] = {
    "sandbox_only": False,
    "http_host": "0.0.0.0",
    "public_url": "https://outreach.example",
    "auth_issuer": "https://login.example",
    "database_url": "postgresql://overture@db.internal/overture",
    "redis_url": f"redis://:{SECRET}@redis.internal:6379/0",
    "secret_key": SECRET,
    "sendgrid_api_key": "SG.key",
    "sendgrid_webhook_key": "public",
    "sendgrid_inbound_secret": SECRET,
    "email_from": "hello@shop.example",
    "postal_address": "Shop, 2 High Street, Leeds",
}


@pytest.fixture
def told(tmp_path: Path) -> Any:
    """Return the sentences for safe settings with these changed, and the folder that they are in."""
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "files").mkdir()

    def tell(hosts: int = 3, **changed: Any) -> list[str]:
        made = {
            "_env_file": None,
            "data_dir": tmp_path / "data",
            "import_roots": [tmp_path / "files"],
            **SAFE,
            **changed,
        }
        settings = Settings(**made)
        return [sentence for _, sentence in faults(settings, hosts=hosts, env_file=tmp_path / ".env")]

    return tell


def test_settings_for_three_machines_pass(told: Any) -> None:
    assert told() == []


def test_one_machine_may_keep_sqlite_and_a_redis_of_its_own(told: Any) -> None:
    assert told(hosts=1, database_url=None, redis_url="redis://127.0.0.1:6379/0") == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"auth_issuer": None}, "ask nobody for a token; set OVERTURE_AUTH_ISSUER"),
        ({"public_url": "http://outreach.example"}, "make OVERTURE_PUBLIC_URL an https address"),
        ({"public_url": "https://127.0.0.1"}, "set it to an address that providers and recipients reach"),
        ({"database_url": None}, "there are 3; set OVERTURE_DATABASE_URL to a PostgreSQL"),
        ({"redis_url": None}, "set OVERTURE_REDIS_URL to one of its own"),
        ({"redis_url": "redis://127.0.0.1:6379/0"}, "set it to a Redis that all reach"),
        ({"redis_url": "redis://redis.internal:6379/0"}, "put its password into OVERTURE_REDIS_URL"),
        ({"sandbox_only": True}, "unset OVERTURE_SANDBOX_ONLY"),
        ({"sendgrid_api_key": None}, "set OVERTURE_SENDGRID_API_KEY, or"),
        ({"sendgrid_webhook_key": None}, "set OVERTURE_SENDGRID_WEBHOOK_KEY"),
        ({"sendgrid_inbound_secret": None}, "set OVERTURE_SENDGRID_INBOUND_SECRET"),
        ({"stripe_api_key": "rk_test_1"}, "set OVERTURE_STRIPE_WEBHOOK_SECRET"),
        ({"secret_key": None}, "set OVERTURE_SECRET_KEY, the same for every process"),
        ({"secret_key": "change-me"}, "OVERTURE_SECRET_KEY can be guessed"),
        ({"secret_key": "0" * 64}, "OVERTURE_SECRET_KEY can be guessed"),
        ({"secret_keys_accepted": ["next"]}, "OVERTURE_SECRET_KEYS_ACCEPTED can be guessed"),
        ({"metrics_token": "metrics"}, "OVERTURE_METRICS_TOKEN can be guessed"),
        ({"approvers": {"ada": "a" * 40}}, "A token in OVERTURE_APPROVERS can be guessed"),
        ({"sendgrid_inbound_secret": "inbound"}, "OVERTURE_SENDGRID_INBOUND_SECRET can be guessed"),
        ({"import_roots": [Path("/")]}, "set OVERTURE_IMPORT_ROOTS to a folder with nothing but such files"),
    ],
)
def test_what_is_unsafe_is_told_in_one_sentence_that_says_what_to_do(
    changed: dict[str, Any], sentence: str, told: Any
) -> None:
    (only,) = told(**changed)
    assert sentence in only
    assert re.fullmatch(r"[A-Z][^;]+; [^;]+\.", only)


def test_servers_without_a_public_address_are_refused(told: Any) -> None:
    (only,) = told(sendgrid_api_key=None, twilio_account_sid=None, linkedin_client_id="app", public_url=None)
    assert "set OVERTURE_PUBLIC_URL to their https address" in only


def test_files_that_others_may_read_are_refused(told: Any, tmp_path: Path) -> None:
    (tmp_path / ".env").touch(mode=0o644)
    (tmp_path / "data").chmod(0o755)
    assert told() == [
        f"Other users of this machine may look into {path}; take that from them: chmod go= {path}."
        for path in (tmp_path / "data", tmp_path / ".env")
    ]
    (tmp_path / ".env").chmod(0o600)
    (tmp_path / "data").chmod(0o700)
    assert told() == []
