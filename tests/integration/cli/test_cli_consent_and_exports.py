"""`overture consent`, `suppressions`, `export` and `exports`, as docs/consent.md and docs/leads.md show them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from overture_core.leads import export_requests
from overture_core.settings import Settings
from overture_core.storage.store import Store

DOCS = Path(__file__).parents[3] / "docs"
Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def commands(page: str) -> list[list[str]]:
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line)[1:] for line in "".join(blocks).splitlines()]


def test_the_commands_of_the_consent_page_do_what_it_says(overture: Overture, folder: Path) -> None:
    assert overture("import", "good.csv").returncode == 0
    (folder / "bounces.csv").write_text("email,reason,created\nx@example.com,Bounced,1700000000\nnobody,Bounced,1\n")
    done = [overture(*each) for each in commands("consent.md")]
    assert [each.returncode for each in done] == [0] * len(done), [each.stderr for each in done]
    assert "agreed to sms; 0 messages cancelled." in done[0].stdout
    assert "refused email" in done[1].stdout
    assert "Dry run of bounces.csv: 2 rows, 1 added, 0 unchanged, 1 rejected." in done[5].stdout
    assert done[6].stdout.startswith("bounces.csv: 2 rows, 1 added, 0 unchanged, 1 rejected.")
    assert (folder / "refused-rows.csv").read_text().splitlines()[1].startswith("3,'nobody' is not an e-mail")
    assert "3 suppressions in everybody-suppressed.csv." in done[8].stdout
    everybody = overture("suppressions", "add", "hotmail.de").stdout
    assert "Anybody may have an address at hotmail.de, and no lead who has is written to" in everybody
    again = overture("suppressions", "lift", "bo@example.com", "--reason", "x")
    assert (again.returncode, "theirs to take back" in again.stderr) == (2, True)
    over = overture("consent", "record", "ada@example.com", "--channel", "email", "--granted", "--source", "x")
    assert (over.returncode, "needs its evidence" in over.stderr) == (2, True)


def test_the_commands_of_the_leads_page_do_what_it_says(overture: Overture, folder: Path, tmp_path: Path) -> None:
    assert overture("import", "good.csv").returncode == 0
    assert overture("segments", "save", "Silent", "--where", "dormant_days >= 180").returncode == 0
    store = Store(Settings(data_dir=tmp_path / "data", sandbox_only=True))
    with store.begin("default", actor="mcp:desk") as work:
        asked = export_requests.ask(work, "segment = Silent", format_="xlsx")
        other = export_requests.ask(work, "country = US")
    store.close()
    for command in commands("leads.md"):
        ran = overture(*[asked.id if word == "EXPORT" else word for word in command], "--json")
        assert (ran.returncode, ran.stderr) == (0, "")
    made = sorted(path.name for path in folder.iterdir() if path.name != "good.csv")
    assert made == ["everybody.csv", "germans.csv", "silent.jsonl", "silent.xlsx"]
    assert len((folder / "everybody.csv").read_text().splitlines()) == 3
    assert overture("exports", "reject", other.id).stdout.strip() == f"The export {other.id} is rejected."
    states = [each["state"] for each in json.loads(overture("exports", "list", "--json").stdout)]
    assert states == ["rejected", "released"]
    refused = overture("export", "everybody.csv")
    assert (refused.returncode, "--force" in refused.stderr) == (2, True)
    both = overture("export", "x.csv", "--segment", "a", "--where", "country = US")
    assert (both.returncode, "not both" in both.stderr) == (2, True)
