"""Alerts, their runbooks and the dashboard: valid by Prometheus' own tool, and made of figures that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from overture_core.settings import Settings
from overture_servers.http.app import create_app
from overture_servers.runtime import Runtime
from tests.debian_tools import PROMETHEUS, program

ROOT = Path(__file__).parents[3]
PROMETHEUS_FILES = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "overture.json").read_text("utf-8"))
(GROUP,) = yaml.safe_load((PROMETHEUS_FILES / "alerts.yaml").read_text("utf-8"))["groups"]
ALERTS: list[dict[str, Any]] = GROUP["rules"]
MUST_BE_WATCHED = {
    'overture_messages{state="unknown"}',
    'overture_messages_late_seconds{state="due"}',
    "overture_breaker_open",
    "overture_sender_bounce_ratio",
    "overture_sender_complaint_ratio",
    "overture_webhook_late_seconds",
    "overture_workspaces_stopped",
    "overture_campaigns_paused",
    "overture_database_up",
    "overture_redis_up",
}


@pytest.mark.parametrize(
    "arguments", [("check", "alerts.yaml"), ("test", "alerts_test.yaml")], ids=lambda each: each[0]
)
def test_prometheus_takes_the_rules_and_alerts_as_expected(arguments: tuple[str, str]) -> None:
    verb, file = arguments
    done = program("promtool", PROMETHEUS).run(verb, "rules", PROMETHEUS_FILES / file)
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stdout + done.stderr


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    written = {f"docs/runbooks/{page.name}" for page in RUNBOOKS.glob("*.md")}
    assert {alert["annotations"]["runbook"] for alert in ALERTS} == written
    overview = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    for page in (overview, None):
        assert [each["alert"] for each in ALERTS if f"`{each['alert']}`" not in (page or runbook_of(each))] == []


def runbook_of(alert: dict[str, Any]) -> str:
    page: str = alert["annotations"]["runbook"]
    return (ROOT / page).read_text("utf-8")


def test_every_runbook_says_what_is_at_risk_what_to_do_and_when_it_is_over() -> None:
    parts = (r"^\*\*At risk\*\*: ", r"^1\. ", r"^(Over when|It closes by itself)")
    lacking = [
        (page.name, part)
        for page in RUNBOOKS.glob("*.md")
        for part in parts
        if not re.search(part, page.read_text("utf-8"), re.MULTILINE)
    ]
    assert lacking == []


def test_what_matters_is_watched() -> None:
    watched = " ".join(alert["expr"] for alert in ALERTS)
    assert [figure for figure in MUST_BE_WATCHED if figure not in watched] == []


@pytest.mark.anyio
async def test_alerts_and_dashboard_ask_for_figures_that_there_are(settings: Settings) -> None:
    queries = [alert["expr"] for alert in ALERTS]
    queries += [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    asked = set(re.findall(r"overture_[a-z_]+", " ".join(queries)))
    assert asked - await figures(settings) == set()


async def figures(settings: Settings) -> set[str]:
    """Every name of a sample that /metrics can show, by its families: of some there is no sample yet."""
    runtime = Runtime(settings)
    runtime.open()
    app = create_app(runtime)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as client:
        page = (await client.get("/metrics")).text
    runtime.close()
    kinds = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {
        f"{family.name}{ending}"
        for family in text_string_to_metric_families(page)
        for ending in kinds.get(family.type, ("",))
    }


def test_panels_are_one_beside_the_other_and_each_has_a_query() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert [panel["title"] for panel in DASHBOARD["panels"] if not panel["targets"]] == []
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
