"""A campaign whose plan leaves everybody out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from overture_crew.brief import default_brief
from overture_crew.run import CrewSetup, run_crew
from overture_crew.sessions import StdioServer
from overture_crew.waiting import Waiting


def test_it_is_not_reported_as_finished(
    servers: dict[str, StdioServer], calls: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> None:
    (tmp_path / "nobody").touch()
    setup = CrewSetup(servers=servers, data_dir=tmp_path / "data", log=tmp_path / "servers.log")
    report = run_crew(setup, "reactivation", default_brief(), on_event=lambda _event: None, waiting=Waiting(quiet_s=0))
    assert (report.ending, report.launch) == ("not launched", None)
    assert report.next_step == "The plan reaches nobody; look at why leads were left out, or widen the brief."
    assert "messaging_launch_campaign" not in [call["tool"] for call in calls()]
