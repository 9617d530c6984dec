"""`overture simulate`, as docs/simulation.md shows it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages.channels import Channel
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.templates import service as templates

PAGE = Path(__file__).parents[3] / "docs" / "simulation.md"
Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def planned(data_dir: Path) -> None:
    store = Store(Settings(data_dir=data_dir, sandbox_only=True))
    store.prepare()
    source = Source.from_text(
        "First Name,E-mail,Country\nAda,ada@example.com,US\nBob,bob.bounce@example.com,US\n", "l.csv"
    )
    import_leads(store, source, ImportOptions(), workspace="default", actor="test")
    with store.begin("default", actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "mail", Channel.EMAIL, "Hi {{ first_name }}", "Hi")
        plan(work, PlanRequest.model_validate({"name": "Spring", "segment": "all", "templates": {"email": "mail"}}))
    store.close()


def test_the_commands_of_the_page_work_and_send_nothing(overture: Overture, tmp_path: Path) -> None:
    planned(tmp_path / "data")
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    shown, machine = [overture(*shlex.split(line)[1:]) for line in block.splitlines()]
    assert (shown.returncode, machine.returncode) == (0, 0), (shown.stderr, machine.stderr)
    assert "What Spring would do" in shown.stdout
    assert "Nothing was sent or changed" in shown.stdout
    found = json.loads(machine.stdout)
    assert (found["totals"]["accepted"], found["totals"]["bounced"], found["state"]) == (2, 1, "finished")
    listed = json.loads(overture("campaigns", "--json").stdout)
    assert [each["state"] for each in listed] == ["planned"]


def test_a_campaign_that_does_not_exist_is_told_in_one_sentence(overture: Overture) -> None:
    done = overture("simulate", "Nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "overture: There is no campaign 'Nowhere'; the campaigns are: none yet.\n"
