"""The examples of docs/stripe.md, as a reader would run them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from overture_providers.stripe.events import KINDS
from tests.integration.stripe.conftest import LEAD, Shop

pytestmark = pytest.mark.anyio
TEXT = (Path(__file__).parents[3] / "docs" / "stripe.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def run(shop: Shop, programs: Path, line: str) -> subprocess.CompletedProcess[str]:
    settings = shop.runtime.settings
    words = shlex.split(line)
    if words[0] == "overture":
        words = [str(programs / "overture"), *words[1:]]
    mine = {"OVERTURE_DATA_DIR": str(settings.data_dir), "OVERTURE_SANDBOX_URL": settings.sandbox_url}
    return subprocess.run(words, env={**os.environ, **mine}, capture_output=True, text=True, timeout=60, check=False)


async def test_the_examples_work_in_their_order(shop: Shop, warm_programs: Path) -> None:
    price = shop.price(allowed=False)
    for line in blocks("sh")[0].splitlines():
        done = run(shop, warm_programs, line.replace("PRICE", price))
        assert (done.returncode, done.stderr) == (0, ""), line
        assert "49.00 USD" in done.stdout
    made: list[dict[str, Any]] = []
    for block in blocks("json"):
        asked = json.loads(block.replace("LEAD", LEAD).replace("PRICE", price))
        made.append((await shop.call(asked["tool"], **asked["arguments"]))["result"])
    assert [(each["kind"], each["amount"]) for each in made] == [("payment_link", 4900), ("invoice", 9800)]
    (pay,) = blocks("sh")[1].splitlines()
    paid = run(shop, warm_programs, pay.replace("LINK", made[0]["id"]).replace("SANDBOX", shop.url))
    assert json.loads(paid.stdout)["payment_status"] == "paid"
    table, as_json = (run(shop, warm_programs, line) for line in blocks("sh")[2].splitlines())
    assert table.stdout == "Nothing was paid yet.\n"  # nobody hears the sandbox's webhooks here
    assert json.loads(as_json.stdout) == {"rows": [], "total": {}, "sandbox": True}


def test_the_page_names_every_event_that_is_understood() -> None:
    listed = TEXT.partition("`whsec_...`):")[2].partition("4. `overture doctor`")[0]
    assert set(re.findall(r"`([a-z_.*]+)`", listed)) == set(KINDS)


async def test_bad_input_on_the_command_line_is_one_sentence(shop: Shop, warm_programs: Path) -> None:
    unknown = run(shop, warm_programs, "overture stripe allow price_none")
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "overture: Stripe has nothing called 'price_none' in this account; stripe_find shows what there is.\n",
    )
    absent = run(shop, warm_programs, "overture stripe disallow price_none")
    assert (absent.returncode, "is not on the list" in absent.stderr) == (2, True)
    assert "No price is allowed" in run(shop, warm_programs, "overture stripe prices").stdout
