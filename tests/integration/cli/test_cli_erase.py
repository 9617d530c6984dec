"""`overture erase` and `overture trace`: a person is shown, then forgotten."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from overture_core.leads import erasure_requests
from overture_core.leads.finding import lead_id_of
from overture_core.settings import Settings
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

Overture = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_lead_is_traced_then_erased_once_that_is_confirmed(overture: Overture, tmp_path: Path) -> None:
    assert overture("import", "good.csv").returncode == 0
    store = Store(Settings(data_dir=tmp_path / "data", sandbox_only=True))
    with store.read("default") as work:
        lead, email = work.session.execute(select(Lead.id, Lead.email).where(Lead.first_name == "Ada")).one()
    store.close()
    assert email is not None
    traced = json.loads(overture("trace", lead, "--json").stdout)
    assert [each["what"] for each in traced["entries"]] == ["imported"]
    assert json.loads(overture("trace", email.upper(), "--json").stdout) == traced
    unasked = overture("erase", lead)
    assert (unasked.returncode, unasked.stderr) == (
        2,
        f"overture: All that is known of {lead} would be erased for good; add --yes to do so.\n",
    )
    done = overture("erase", lead, "--yes")
    assert (done.returncode, done.stdout) == (
        0,
        f"{lead} is erased: 0 messages emptied, 0 replies removed. 1 address kept as hashes alone.\n",
    )
    assert overture("erase", lead, "--yes").returncode == 2
    assert overture("trace", email).stderr == (
        f"overture: There is no lead '{email}'; give a lead's id, e-mail address or phone number (+12125550101).\n"
    )
    assert overture("audit", "verify").returncode == 0


def test_an_erasure_that_was_asked_for_is_shown_with_whom_then_rejected_or_released(
    overture: Overture, tmp_path: Path
) -> None:
    assert overture("import", "good.csv").returncode == 0
    store = Store(Settings(data_dir=tmp_path / "data", sandbox_only=True))
    with store.begin("default", actor="mcp:desk") as work:
        leads = {each: lead_id_of(work, f"{each}@example.com") for each in ("ada", "grace")}
        ada, grace = (erasure_requests.ask(work, lead).id for lead in leads.values())
    store.close()
    unasked = overture("erasures", "release", ada)
    assert (unasked.returncode, unasked.stderr) == (
        2,
        f"overture: All that is known of {leads['ada']} (Ada, ada@example.com) would be erased for good; "
        "add --yes to do so.\n",
    )
    assert overture("erasures", "reject", grace).stdout == f"The erasure {grace} is rejected.\n"
    done = overture("erasures", "release", ada, "--yes", "--json")
    assert json.loads(done.stdout) == {"lead_id": leads["ada"], "addresses": 1, "messages": 0, "replies": 0}
    shown = json.loads(overture("erasures", "list", "--json").stdout)
    assert [(each["id"], each["state"], each["who"]) for each in shown] == [
        (grace, "rejected", "Grace, grace@example.com"),
        (ada, "released", ""),
    ]
    again = overture("erasures", "release", grace, "--yes")
    assert (again.returncode, "`overture erasures list` shows which still wait" in again.stderr) == (2, True)


def test_who_is_not_known_is_told(overture: Overture) -> None:
    for command in (("erase", "lead_x", "--yes"), ("trace", "lead_x")):
        done = overture(*command)
        assert (done.returncode, done.stderr.startswith("overture: There is no lead 'lead_x'")) == (2, True)
