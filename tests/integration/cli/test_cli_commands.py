"""The commands a person and a script use, as real processes on an empty home."""

from __future__ import annotations

import getpass
import json
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    """The one JSON document on stdout of a command that went well and had nothing else to say."""
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_doctor_finds_an_empty_home_well_and_changes_nothing(overture: Overture) -> None:
    for _ in range(2):  # the first look did not make what the second would then find
        found = answer(overture("doctor", "--json"))
        assert found["healthy"] is True
        assert {check["part"]: check["health"] for check in found["checks"]} == {
            "Python": "ok",
            "database": "starts when needed",
            "Redis": "starts when needed",
            "e-mail": "starts when needed",
            "SMS": "starts when needed",
            "LinkedIn": "starts when needed",
            "payments": "starts when needed",
            "brain": "ok",
        }


def test_an_import_prints_one_object_and_a_second_one_changes_nothing(overture: Overture) -> None:
    first = answer(overture("import", "good.csv", "--json", "--tag", "fair", "--country", "GB"))
    again = answer(overture("import", "good.csv", "--json", "--tag", "fair", "--country", "GB"))
    counts = ("rows", "created", "merged", "unchanged", "rejected")
    assert {name: first[name] for name in counts} == dict(zip(counts, (2, 2, 0, 0, 0), strict=True))
    assert {name: again[name] for name in counts} == dict(zip(counts, (2, 0, 0, 2, 0), strict=True))
    assert first["mapping"] == {"email": "email", "first_name": "first_name", "country": "country"}


def test_an_import_for_people_says_what_became_of_the_rows(overture: Overture) -> None:
    done = overture("import", "good.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Imported good.csv (utf-8): 2 rows\n")


def test_before_anything_happened_lists_are_empty(overture: Overture) -> None:
    assert answer(overture("campaigns", "--json")) == []
    assert answer(overture("approvals", "list", "--json")) == []
    assert answer(overture("approvals", "policy", "--json")) == {"pre_approval": None}


def test_doctor_says_what_the_sandbox_does_not_use(overture: Overture) -> None:
    named = {"sendgrid_inbound_secret": "x" * 32, "sendgrid_webhook_key": "key"}

    def mail(**settings: str) -> str:
        checks = answer(overture("doctor", "--json", **settings))["checks"]
        (detail,) = [each["detail"] for each in checks if each["part"] == "e-mail"]
        return str(detail)

    assert "not used: OVERTURE_SENDGRID_INBOUND_SECRET, OVERTURE_SENDGRID_WEBHOOK_KEY (the sandbox has its own" in mail(
        **named
    )
    assert "not used" not in mail()


def test_a_policy_is_written_shown_and_removed(overture: Overture) -> None:
    written = answer(
        overture("approvals", "policy", "--max-per-plan", "200", "--max-per-day", "500", "--note", "trial", "--json")
    )["pre_approval"]
    assert {name: value for name, value in written.items() if name != "written_at"} == {
        "note": "trial",
        "written_by": getpass.getuser(),
        "channels": ["email", "sms", "whatsapp", "voice", "linkedin"],
        "max_recipients_per_plan": 200,
        "max_recipients_per_day": 500,
        "max_messages_per_recipient": 1,
        "sandbox_only": True,
    }
    assert answer(overture("approvals", "policy", "--json")) == {"pre_approval": written}
    assert answer(overture("approvals", "policy", "--remove", "--json")) == {"pre_approval": None}
    shown = overture("approvals", "policy")
    assert (shown.returncode, shown.stdout) == (0, "There is no policy: every plan needs a person.\n")


def test_a_client_is_trusted_once_and_no_longer_after_its_removal(overture: Overture) -> None:
    assert answer(overture("approvals", "trust", "claude", "--json")) == {"trusted_clients": ["claude"]}
    assert answer(overture("approvals", "trust", "claude", "--json")) == {"trusted_clients": ["claude"]}
    assert answer(overture("approvals", "trust", "claude", "--remove", "--json")) == {"trusted_clients": []}


def test_the_version_is_that_of_the_package(overture: Overture) -> None:
    told = overture("--version")
    assert (told.returncode, told.stdout, told.stderr) == (0, f"overture {version('overture-outreach')}\n", "")


def test_a_long_value_is_broken_over_lines_and_never_cut(overture: Overture) -> None:
    note = "q" * 150
    answer(overture("approvals", "policy", "--max-per-plan", "2", "--max-per-day", "5", "--note", note, "--json"))
    shown = overture("approvals", "policy")
    assert "…" not in shown.stdout
    assert shown.stdout.count("q") == 150
