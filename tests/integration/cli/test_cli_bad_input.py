"""Bad input at the command line: one sentence, the documented exit code, and nothing lost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

BAD_INPUT, AWAY = 2, 3

Overture = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Case:
    """A command that fails: its arguments and settings, its exit code, its code and words in the error."""

    arguments: tuple[str, ...]
    exit_code: int
    code: str
    says: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)


FILES = [
    Case(("import", "missing.csv"), BAD_INPUT, "unreadable_file", ("no file missing.csv", "check")),
    Case(("import", "folder"), BAD_INPUT, "unreadable_file", ("folder is a folder", "name a file")),
    Case(("import", "empty.csv"), BAD_INPUT, "unreadable_file", ("empty.csv is empty", "export")),
    Case(("import", "odd.csv"), BAD_INPUT, "invalid_input", ("colour, size", "mapping")),
    Case(("import", "binary.csv"), BAD_INPUT, "unreadable_file", ("not text", "export it as CSV")),
]
ARGUMENTS = {
    "country": Case(("import", "good.csv", "--country", "Narnia"), BAD_INPUT, "invalid_input", ("--country", "US")),
    "mapping": Case(("import", "good.csv", "--map", "email"), BAD_INPUT, "invalid_input", ("--map", "COLUMN=FIELD")),
    "field": Case(("import", "good.csv", "--map", "email=shoe"), BAD_INPUT, "invalid_input", ("'shoe'", "first_name")),
    "show": Case(("approvals", "show", "apr_none"), BAD_INPUT, "not_found", ("apr_none", "overture approvals list")),
    "approve": Case(("approvals", "approve", "apr_none"), BAD_INPUT, "not_found", ("apr_none", "approvals list")),
    "reject": Case(("approvals", "reject", "apr_none"), BAD_INPUT, "not_found", ("apr_none", "approvals list")),
    "policy": Case(
        ("approvals", "policy", "--max-per-plan", "3"), BAD_INPUT, "invalid_input", ("--max-per-day", "give")
    ),
    "campaign": Case(("campaigns", "autumn"), BAD_INPUT, "not_found", ("no campaign 'autumn'", "none yet")),
    "demo": Case(("demo", "--leads", "missing.csv"), BAD_INPUT, "unreadable_file", ("no file missing.csv", "check")),
    "setting": Case(("campaigns",), BAD_INPUT, "configuration", ("OVERTURE_WAVE_SIZE", "1"), {"wave_size": "0"}),
    "doctor": Case(("doctor",), BAD_INPUT, "configuration", ("OVERTURE_HTTP_PORT", "65535"), {"http_port": "99999"}),
    "sender": Case(
        ("doctor",),
        BAD_INPUT,
        "configuration",
        ("Twilio", "OVERTURE_SMS_FROM", "OVERTURE_PUBLIC_URL"),
        {"twilio_account_sid": "AC1", "twilio_auth_token": "hush", "sandbox_only": "0"},
    ),
    "version": Case(
        ("campaigns",),
        BAD_INPUT,
        "configuration",
        ("OVERTURE_LINKEDIN_VERSION: a version of LinkedIn's API is a month, as YYYYMM, such as 202611.",),
        {"linkedin_version": "2020-1"},
    ),
    "public": Case(
        ("serve", "--http"),
        BAD_INPUT,
        "configuration",
        ("OVERTURE_PUBLIC_URL: this is http:// or https://, a host", "such as https://outreach.example."),
        {"public_url": "foo", "auth_local": "1"},
    ),
    "lease": Case(
        ("campaigns",),
        BAD_INPUT,
        "configuration",
        ("OVERTURE_LEASE_S", "OVERTURE_PROVIDER_TIMEOUT_S"),
        {"lease_s": "1"},
    ),
}


@pytest.fixture
def stored(overture: Overture, folder: Path) -> Callable[[], dict[str, Any]]:
    """Store a file of leads; returns a look at what a dry run of the same file then finds."""
    (folder / "folder").mkdir()
    (folder / "empty.csv").write_bytes(b"")
    (folder / "odd.csv").write_text("colour,size\nblue,3\n", encoding="utf-8")
    (folder / "binary.csv").write_bytes(b"email,name\n" + bytes(range(256)) * 8)
    first = overture("import", "good.csv", "--json")
    assert (first.returncode, first.stderr) == (0, "")

    def look() -> dict[str, Any]:
        again = overture("import", "good.csv", "--dry-run", "--json")
        report = json.loads(again.stdout)
        return {name: report[name] for name in ("rows", "created", "merged", "unchanged", "rejected")}

    return look


UNTOUCHED = {"rows": 2, "created": 0, "merged": 0, "unchanged": 2, "rejected": 0}


def assert_one_sentence(case: Case, failed: subprocess.CompletedProcess[str]) -> None:
    assert (failed.returncode, failed.stdout) == (case.exit_code, "")
    lines = failed.stderr.splitlines()
    assert len(lines) == 1, failed.stderr
    assert lines[0].startswith("overture: ")
    assert lines[0].endswith(".")
    assert [words for words in case.says if words not in lines[0]] == []


def assert_one_object(case: Case, failed: subprocess.CompletedProcess[str]) -> None:
    assert (failed.returncode, failed.stdout) == (case.exit_code, "")
    error = json.loads(failed.stderr)
    assert error.keys() == {"error", "message"}
    assert error["error"] == case.code
    assert [words for words in case.says if words not in error["message"]] == []


def test_files_that_cannot_be_imported_are_refused_in_one_sentence_and_cost_no_lead(
    overture: Overture, stored: Callable[[], dict[str, Any]]
) -> None:
    for case in FILES:
        assert_one_sentence(case, overture(*case.arguments))
        assert_one_object(case, overture(*case.arguments, "--json"))
    assert stored() == UNTOUCHED


@pytest.mark.parametrize("case", ARGUMENTS.values(), ids=ARGUMENTS)
def test_a_wrong_argument_name_or_setting_is_refused_in_one_sentence(case: Case, overture: Overture) -> None:
    assert_one_sentence(case, overture(*case.arguments, **case.settings))
    assert_one_object(case, overture(*case.arguments, "--json", **case.settings))


def test_a_database_that_is_away_is_said_without_its_password(overture: Overture, closed_port: int) -> None:
    url = f"postgresql://overture:hush@127.0.0.1:{closed_port}/overture"
    case = Case(("campaigns",), AWAY, "database_unavailable", ("OVERTURE_DATABASE_URL", "nothing was changed"))
    for_people = overture("campaigns", database_url=url)
    for_programs = overture("campaigns", "--json", database_url=url)
    assert_one_sentence(case, for_people)
    assert_one_object(case, for_programs)
    assert "hush" not in for_people.stderr + for_programs.stderr


def test_what_was_stored_is_there_again_after_a_database_was_away(
    overture: Overture, stored: Callable[[], dict[str, Any]], closed_port: int
) -> None:
    away = overture("import", "good.csv", database_url=f"postgresql://overture@127.0.0.1:{closed_port}/overture")
    assert away.returncode == AWAY
    assert stored() == UNTOUCHED


@pytest.mark.parametrize(
    ("part", "setting", "url"),
    [
        ("Redis", "redis_url", "redis://:hush@127.0.0.1:{port}/0"),
        ("database", "database_url", "postgresql://overture:hush@127.0.0.1:{port}/overture"),
    ],
)
def test_doctor_names_the_part_that_is_away_and_its_setting(
    part: str, setting: str, url: str, overture: Overture, closed_port: int
) -> None:
    told = overture("doctor", "--json", **{setting: url.format(port=closed_port)})
    assert (told.returncode, told.stderr) == (AWAY, "")
    found = json.loads(told.stdout)
    assert found["healthy"] is False
    [problem] = [check for check in found["checks"] if check["health"] == "problem"]
    assert problem["part"] == part
    assert f"OVERTURE_{setting.upper()}" in problem["detail"]
    assert "hush" not in told.stdout


@pytest.mark.parametrize(
    ("set_", "missing"),
    [("twilio_account_sid", "OVERTURE_TWILIO_AUTH_TOKEN"), ("twilio_auth_token", "OVERTURE_TWILIO_ACCOUNT_SID")],
)
def test_doctor_names_everything_that_half_of_twilios_credentials_lacks(
    set_: str, missing: str, overture: Overture, tmp_path: Path
) -> None:
    told = overture("doctor", "--json", sandbox_only="0", **{set_: "hush"})
    assert (told.returncode, told.stderr) == (AWAY, "")
    [problem] = [check for check in json.loads(told.stdout)["checks"] if check["health"] == "problem"]
    assert (problem["part"], problem["uses"]) == ("SMS", "Twilio")
    assert f"set {missing} too" in problem["detail"]
    assert "It also needs OVERTURE_SMS_FROM, OVERTURE_PUBLIC_URL." in problem["detail"]
    assert "hush" not in told.stdout
    assert not (tmp_path / "data").exists()


def test_doctor_reports_sandbox_keys_that_are_damaged(overture: Overture, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sandbox-keys.json").write_text("{", encoding="utf-8")
    told = overture("doctor", "--json")
    assert (told.returncode, told.stderr) == (AWAY, "")
    problems = [check for check in json.loads(told.stdout)["checks"] if check["health"] == "problem"]
    assert [(check["part"], "damaged; delete the file" in check["detail"]) for check in problems] == [
        ("e-mail", True),
        ("SMS", True),
        ("LinkedIn", True),
        ("payments", True),
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("campaigns", "--nope"), "No such option: --nope"),
        (("approvals", "show"), "Missing argument 'approval'"),
        (("approvals", "policy", "--max-per-plan", "none"), "valid integer"),
        (("nothing",), "No such command 'nothing'"),
    ],
)
def test_wrong_usage_is_one_object_for_programs_and_explained_to_people(
    arguments: tuple[str, ...], says: str, overture: Overture
) -> None:
    assert_one_object(Case(arguments, BAD_INPUT, "invalid_input", (says,)), overture(*arguments, "--json"))
    for_people = overture(*arguments)
    assert (for_people.returncode, for_people.stdout) == (BAD_INPUT, "")
    assert for_people.stderr.startswith("Usage: ")
    assert says in for_people.stderr


def test_a_worker_does_not_start_on_a_redis_that_does_not_answer(overture: Overture, closed_port: int) -> None:
    case = Case(("worker",), AWAY, "queue_unavailable", ("does not answer", "OVERTURE_REDIS_URL"))
    assert_one_sentence(case, overture("worker", redis_url=f"redis://127.0.0.1:{closed_port}/0"))


def test_a_server_that_does_not_exist_is_refused_with_those_that_do(overture: Overture) -> None:
    case = Case(("serve", "nothing"), BAD_INPUT, "invalid_input", ("'nothing'", "leads, messaging"))
    assert_one_sentence(case, overture(*case.arguments))


def test_serve_without_a_server_says_which_there_are(overture: Overture) -> None:
    case = Case(("serve",), BAD_INPUT, "invalid_input", ("leads, messaging", "--http"))
    assert_one_sentence(case, overture(*case.arguments))


@pytest.mark.parametrize(("name", "says"), [("leads", "'leads' under /leads/mcp"), ("nothing", "leave the name out")])
def test_over_http_no_single_server_is_named(overture: Overture, name: str, says: str) -> None:
    case = Case(("serve", name, "--http"), BAD_INPUT, "invalid_input", ("Over HTTP all servers are served", says))
    assert_one_sentence(case, overture(*case.arguments))


def test_a_client_that_is_not_known_is_refused_with_those_that_are(overture: Overture) -> None:
    refused = overture("clients", "nope")
    assert (refused.returncode, refused.stdout) == (BAD_INPUT, "")
    assert "'client': 'nope' is not one of 'claude-desktop'" in refused.stderr


def test_a_token_for_a_workspace_that_is_not_there_names_what_to_change(overture: Overture) -> None:
    asked = ("token", "--workspace", "nowhere")
    case = Case(asked, BAD_INPUT, "not_found", ("no workspace 'nowhere'", "give --workspace one that exists"))
    assert_one_sentence(case, overture(*asked, auth_local="1"))


@pytest.mark.parametrize(
    "audience", ["nonsense", "ftp://a.example", "http://", "http://a.example:x", "https://a@b.example"]
)
def test_a_token_for_an_audience_that_no_server_has_is_refused(overture: Overture, audience: str) -> None:
    asked = ("token", "--audience", audience)
    says = (f"No server takes a token for {audience.rstrip('/')!r}", "such as http://127.0.0.1:8765", "--server")
    assert_one_sentence(Case(asked, BAD_INPUT, "invalid_input", says), overture(*asked, auth_local="1"))


def test_a_token_for_servers_elsewhere_says_whose_it_is_and_names_each_scope_once(overture: Overture) -> None:
    scopes = ("--scope", "leads:write", "--scope", "leads:read", "--scope", "leads:write")
    made = overture("token", "--audience", "http://127.0.0.1:9999/", *scopes, "--json", auth_local="1")
    assert (made.returncode, json.loads(made.stdout)["scopes"]) == (0, ["leads:write", "leads:read"])
    warned = (
        "Servers with these settings are http://127.0.0.1:8765 and will not take it; "
        "only those at http://127.0.0.1:9999 will."
    )
    assert warned in " ".join(made.stderr.split())


def test_servers_refuse_an_address_that_other_machines_reach(overture: Overture) -> None:
    refused = overture("serve", "--http", "--host", "0.0.0.0")
    assert refused.stdout == ""
    assert refused.returncode == BAD_INPUT
    assert refused.stderr.splitlines() == [
        "overture: 0.0.0.0 is not a loopback address, and without authentication only this machine may reach the "
        "servers; set OVERTURE_AUTH_ISSUER or OVERTURE_AUTH_LOCAL (docs/security.md), or listen on 127.0.0.1."
    ]


def test_servers_do_not_start_on_a_port_that_is_taken(overture: Overture, taken_port: int) -> None:
    refused = overture("serve", "--http", "--port", str(taken_port))
    assert (refused.returncode, refused.stdout) == (BAD_INPUT, "")
    assert refused.stderr.splitlines() == [
        f"overture: Port {taken_port} is in use; is Overture up already? If not, give another --port."
    ]


@pytest.mark.parametrize(
    ("command", "settings", "code"),
    [
        (("serve", "nope", "--json"), {}, "invalid_input"),
        (("worker", "--json"), {"redis_url": "nonsense"}, "configuration"),
        (("sandbox", "--json"), {"sandbox_url": "http://192.0.2.1:80"}, "configuration"),
    ],
)
def test_a_process_that_cannot_start_says_so_as_json(
    command: tuple[str, ...], settings: dict[str, str], code: str, overture: Overture
) -> None:
    done = overture(*command, **settings)
    found = json.loads(done.stderr)
    assert (done.returncode, done.stdout, found["error"]) == (2, "", code)
    assert found["message"]
