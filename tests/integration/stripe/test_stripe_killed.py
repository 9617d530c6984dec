"""A process is killed after Stripe has taken a call and before the answer is written down: one object comes of it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from overture_core.clock import ManualClock
from overture_core.operations import claims
from overture_core.operations import service as operations
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_providers import operations as running
from overture_providers.stripe import proposals
from overture_providers.stripe.proposals import By
from tests.integration.stripe.conftest import LEAD, WORKSPACE, Shop
from tests.sandbox_process import running_sandbox


@pytest.mark.parametrize("by", ["payment_link", "invoice"])
def test_a_kill_between_call_and_write_leaves_one_object(
    by: By, settings: Settings, make_shop: Callable[..., Shop], wait_for: Any, warm_programs: Path
) -> None:
    with running_sandbox(settings.data_dir, program=[str(warm_programs / "sandbox")]) as url:
        shop = make_shop(sandbox_url=url)
        price = shop.price()
        with shop.account() as account:
            ask = proposals.ask_for_payment(shop.store, account, WORKSPACE, by=by, lead_id=LEAD, price_id=price)
        with shop.store.begin(WORKSPACE, actor="test") as work:
            asked = operations.propose(work, ask)
        # The sandbox takes the call and never answers.
        shop.fail(provider="stripe", kind="hang", seconds=60, after_accept=True, count=1)
        command = [str(warm_programs / "overture"), "operations", "run", asked.id]
        mine = {"OVERTURE_DATA_DIR": str(settings.data_dir), "OVERTURE_SANDBOX_URL": url}
        with subprocess.Popen(command, env={**os.environ, **mine}, stdout=subprocess.PIPE) as process:
            wait_for(lambda: made(shop, by), deadline=60)
            process.send_signal(signal.SIGKILL)
        with shop.store.read(WORKSPACE) as work:
            assert operations.get(work, asked.id).state == "running"
        httpx.delete(f"{url}/sandbox/faults", trust_env=False)
        later = Store(shop.store.settings, ManualClock(datetime.now(UTC) + timedelta(minutes=5)))
        with later.begin(WORKSPACE, actor="pump") as work:
            assert claims.sweep(work).ready == 1

        async def again() -> str:
            return str((await running.run(later, WORKSPACE, asked.id, actor="worker")).state)

        assert anyio.run(again) == "done"
        later.close()
        assert len(made(shop, by)) == 1
        if by == "invoice":
            assert len(shop.objects("customer")) == 1
            assert made(shop, by)[0]["amount"] == 4900


def made(shop: Shop, by: str) -> list[dict[str, Any]]:
    return shop.objects(by) or (shop.objects("customer") if by == "invoice" else [])
