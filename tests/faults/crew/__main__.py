"""Kill a crew, its servers and its model, and let the ledger and the inbox judge: `just crew-faults`, with --short too.

Prints a table, one line a scenario. Exits with 1 if anybody was written to twice, a message was lost, or a plan was
made or launched more than once.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

from tests.faults.crew.gate import Harm
from tests.faults.crew.process import context
from tests.faults.crew.story import Model, Scenario, Story, Verdict, running
from tests.integration.crew.conftest import running_endpoint

SEGMENT, PLAN = "leads_save_segment", "messaging_plan_campaign"
LAUNCH, ANSWER = "messaging_launch_campaign", "messaging_send_message"
SAVE = "messaging_save_template"
EVERYWHERE = (
    Harm(SEGMENT, "after", "crew"),
    Harm(PLAN, "after", "crew"),
    Harm(LAUNCH, "after", "crew"),
    Harm(ANSWER, "after", "crew"),
    Harm(ANSWER, "before", "crew"),
)
SCENARIOS = (
    Scenario("crew killed at every write", EVERYWHERE),
    Scenario("crew killed after the segment", (Harm(SEGMENT, "after", "crew"),)),
    Scenario("crew killed after a template", (Harm(SAVE, "after", "crew"),)),
    Scenario("crew killed before the plan", (Harm(PLAN, "before", "crew"),)),
    Scenario("crew killed during the plan", (Harm(PLAN, "during", "crew"),)),
    Scenario("crew killed after the plan", (Harm(PLAN, "after", "crew"),)),
    Scenario("crew killed during the launch", (Harm(LAUNCH, "after", "crew"), Harm(LAUNCH, "during", "crew"))),
    Scenario("crew killed after the launch", (Harm(LAUNCH, "after", "crew"), Harm(LAUNCH, "after", "crew"))),
    Scenario("crew killed while answering", (Harm(ANSWER, "after", "crew"), Harm(ANSWER, "during", "crew"))),
    Scenario("server killed before the plan", (Harm(PLAN, "before", "server"),)),
    Scenario("server killed during the plan", (Harm(PLAN, "during", "server"),)),
    Scenario("server killed after the plan", (Harm(PLAN, "after", "server"),)),
    Scenario("server killed after the launch", (Harm(LAUNCH, "after", "crew"), Harm(LAUNCH, "after", "server"))),
    Scenario("server killed after an answer", (Harm(ANSWER, "after", "server"), Harm(ANSWER, "after", "server"))),
    Scenario("plan's answer too late", (Harm(PLAN, "after", "answer"),)),
    Scenario("launch's answer too late", (Harm(LAUNCH, "after", "crew"), Harm(LAUNCH, "after", "answer"))),
    Scenario("drafts rejected twice", model=Model(drafts=("invented", "rejected", "good"))),
    Scenario("drafts that are none, twice", model=Model(drafts=("no answer", "no answer", "good"))),
    Scenario("model fails after the launch", model=Model(fails_after_launch=True)),
    Scenario("three identical calls at once", model=Model(times=3)),
    Scenario("a tool that it lacks, in text", model=Model(native=False)),
)
SHORT = (
    "crew killed at every write",
    "server killed after the plan",
    "launch's answer too late",
    "drafts rejected twice",
    "model fails after the launch",
    "three identical calls at once",
)
COLUMNS = tuple(each.name for each in fields(Verdict))


def main() -> int:
    """Run the scenarios and return the exit code."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whoever ends this command ends its processes too
    for name in [name for name in os.environ if name.upper().startswith("OVERTURE_")]:
        del os.environ[name]
    os.environ["OVERTURE_SANDBOX_ONLY"] = "1"
    chosen = [each for each in SCENARIOS if re.search(options.only, each.name)]
    if options.short:
        chosen = [each for each in chosen if each.name in SHORT]
    _say(f"{'scenario':<33}" + "".join(f"{name:>10}" for name in COLUMNS) + f"{'seconds':>9}")
    broken = 0
    with tempfile.TemporaryDirectory(prefix="overture-crew-faults-", ignore_cleanup_errors=True) as place:
        folder, told = Path(place) / "data", Path(place) / "crew"
        told.mkdir()
        with running_endpoint(told) as endpoint, running(folder, context(), endpoint, told, options.python) as stage:
            for number, scenario in enumerate(chosen):
                began = time.monotonic()
                try:
                    verdict = Story(stage, scenario, number).tell()
                except TimeoutError as error:  # the others still have something to say
                    broken += 1
                    _say(f"{scenario.name:<33}  BROKEN: {error}")
                    continue
                holds = verdict.holds(scenario)
                broken += not holds
                told_of = "".join(f"{getattr(verdict, name):>10}" for name in COLUMNS)
                mark = "" if holds else "  BROKEN"
                _say(f"{scenario.name:<33}{told_of}{time.monotonic() - began:>9.0f}{mark}")
    return 1 if broken or not chosen else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just crew-faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="what the tests run")
    parser.add_argument("--python", help="what runs the processes: the tests have one that has loaded them already")
    parser.add_argument("--only", default="", help="only scenarios whose name matches this pattern")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
