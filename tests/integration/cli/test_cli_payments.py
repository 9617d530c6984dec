"""`overture payments`: what came by another way than Stripe."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from overture_core.settings import Settings
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

Overture = Callable[..., "subprocess.CompletedProcess[str]"]
OPTIONS = ("--currency", "EUR", "--reference", "INV-7")


def test_a_payment_is_kept_and_listed(overture: Overture, tmp_path: Path) -> None:
    assert overture("import", "good.csv").returncode == 0
    store = Store(Settings(data_dir=tmp_path / "data", sandbox_only=True))
    with store.read("default") as work:
        lead = work.session.scalars(select(Lead.id).where(Lead.country == "US")).one()
    store.close()
    kept = overture("payments", "record", lead, "--amount", "12.50", *OPTIONS)
    assert (kept.returncode, kept.stdout.startswith(f"12.50 EUR of {lead} is kept as pay_")) == (0, True)
    (listed,) = json.loads(overture("payments", "list", "--json").stdout)
    assert (listed["lead_id"], listed["reference"], listed["source"]) == (lead, "INV-7", "manual")
    explained = json.loads(overture("contactability", lead, "--channel", "email", "--json").stdout)
    assert [each["reason"] for each in explained["channels"]] == ["paid"]


def test_bad_input_is_told_in_one_sentence(overture: Overture) -> None:
    amount = overture("payments", "record", "lead_x", "--amount", "12,50", *OPTIONS)
    assert (amount.returncode, amount.stderr) == (
        2,
        "overture: '12,50' is no amount; write it like 120 or 12.50, without a sign of the currency.\n",
    )
    unknown = overture("payments", "record", "lead_x", "--amount", "12", *OPTIONS)
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "overture: There is no lead 'lead_x'; leads_search finds leads and their ids.\n",
    )
