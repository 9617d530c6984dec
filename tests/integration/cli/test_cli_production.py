"""`overture doctor --production`: what a person and a deployment script are told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

Overture = Callable[..., "subprocess.CompletedProcess[str]"]
REAL_MAIL = {"sandbox_only": "0", "sendgrid_api_key": "SG.key", "public_url": "https://outreach.example"}


def test_a_laptop_is_refused_with_2_and_everything_that_is_to_be_done(overture: Overture) -> None:
    done = overture("doctor", "--production", "--hosts", "2", "--json", sandbox_only="1")
    unsafe = {each["part"] for each in json.loads(done.stdout)["checks"] if each["health"] == "unsafe"}
    assert (done.returncode, done.stderr) == (2, "")
    assert unsafe == {"public address", "database", "Redis", "sandbox", "secrets"}


def test_what_a_person_reads_ends_with_what_to_look_at(overture: Overture) -> None:
    done = overture("doctor", "--production")
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == "Something needs you: see the lines that say problem or unsafe."


def test_real_mail_without_a_postal_address_is_refused(overture: Overture) -> None:
    done = overture("doctor", "--production", **REAL_MAIL)
    assert done.returncode == 2
    assert done.stderr == (
        "overture: e-mail through SendGrid needs your own OVERTURE_EMAIL_FROM, OVERTURE_POSTAL_ADDRESS; set them, or "
        "set OVERTURE_SANDBOX_ONLY=1.\n"
    )


def test_hosts_is_nothing_to_a_plain_doctor(overture: Overture) -> None:
    done = overture("doctor", "--hosts", "2")
    assert (done.returncode, done.stderr) == (2, "overture: --hosts belongs to --production; add it.\n")


def test_a_sign_in_that_lets_nobody_in_is_refused(overture: Overture) -> None:
    half = {"auth_issuer": "https://login.example", "auth_client_id": "dashboard"}
    done = overture("doctor", "--production", public_url="https://outreach.example", **half)
    assert (done.returncode, done.stderr) == (
        2,
        "overture: OVERTURE_AUTH_CLIENT_ID lets people sign in to approve; say with OVERTURE_AUTH_APPROVER_ROLE who "
        "may.\n",
    )
