"""`overture contactability`, as docs/contactability.md shows it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine, text

from overture_core.contactability.rules import Reason
from overture_core.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "contactability.md"
LEADS = "email,phone,first_name,country,sms_opt_in\nada@example.com,+13055550123,Ada,US,yes\n"

Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def the_lead(tmp_path: Path) -> str:
    engine = create_engine(f"sqlite:///{tmp_path / 'data' / 'overture.db'}")
    with engine.connect() as connection:
        lead_id = str(connection.scalar(text("SELECT id FROM leads")))
    engine.dispose()
    return lead_id


def test_the_commands_of_the_page_run(overture: Overture, folder: Path, tmp_path: Path) -> None:
    (folder / "leads.csv").write_text(LEADS, encoding="utf-8")
    first, *others = [shlex.split(line)[1:] for line in blocks()[0].splitlines()]
    assert overture(*first).returncode == 0
    lead_id = the_lead(tmp_path)
    for command in others:
        ran = overture(*[lead_id if word == "LEAD" else word for word in command], "--json")
        assert (ran.returncode, ran.stderr) == (0, "")
        answers = {each["channel"]: each for each in json.loads(ran.stdout)["channels"]}
    assert (answers["sms"]["verdict"], answers["sms"]["reason"]) == ("later", "quiet_hours")
    assert answers["sms"]["not_before"] == "2026-11-25T08:00:00-05:00"
    assert any("08:00 to 20:00" in line for line in answers["sms"]["evidence"])
    shown = overture("contactability", lead_id, "--channel", "email")
    assert "may be contacted at this time" in " ".join(shown.stdout.replace("│", " ").split())


def test_a_lead_or_time_that_is_none_is_said_in_one_line(overture: Overture) -> None:
    unknown = overture("contactability", "lead_0")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("overture: There is no lead 'lead_0'")
    for at in ("tomorrow", "9999-12-31T23:59-12:00", "0001-01-01T00:00+14:00"):
        unread = overture("contactability", "lead_0", "--at", at)
        assert (at, unread.returncode, len(unread.stderr.splitlines())) == (at, 2, 1)


def test_hours_that_cannot_be_kept_are_refused_before_anything_else(overture: Overture) -> None:
    refused = overture("contactability", "lead_0", sms_hours='{"DE": "20:00-21:00"}')
    assert refused.returncode == 2
    assert "OVERTURE_SMS_HOURS" in refused.stderr


def test_the_page_has_every_reason_and_its_settings_are_taken() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [reason for reason in Reason if f"| `{reason}` |" not in page] == []
    written = shlex.split(blocks()[1])[0].partition("=")[2]
    assert Settings(sms_hours=json.loads(written)).sms_hours["DE"] == "10:00-18:00"
