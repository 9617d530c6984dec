"""Attack the sending path and let the sandbox's inbox judge: `just faults`, or `just faults --short`.

Prints a table, one line a scenario and database, in messages. Exits with 1 if anybody was written to twice,
a message was lost, the ledger is wrong, or an unknown cannot be explained.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

from tests.faults.judge import Verdict, judge
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.system import RestartablePostgreSQL, System, make_settings

QUIET_DEADLINE_S = 150.0
# A handful of kills and no fault that takes long: what a test run can afford.
SHORT = {
    "killed after the claim": "sqlite",
    "killed after acceptance": "postgresql",
    "killed before acceptance": "sqlite",
}
COLUMNS = tuple(each.name for each in fields(Verdict))


def main() -> int:
    """Run the scenarios and return the exit code."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whoever ends this command ends its processes too
    _forget_own_settings()
    chosen = [
        (scenario, database)
        for scenario in SCENARIOS
        for database in scenario.databases
        if (options.only is None or re.search(options.only, scenario.name))
        and options.database in {None, database}
        and not (options.skip and re.search(options.skip, scenario.name))
        and (not options.short or SHORT.get(scenario.name) == database)
    ]
    _say(f"{'scenario':<27}{'database':<11}" + "".join(f"{name:>12}" for name in COLUMNS) + f"{'seconds':>9}")
    verdicts: list[Verdict] = []
    unfinished = 0
    folder = Path(tempfile.mkdtemp(prefix="overture-faults-"))
    try:
        for number, (scenario, database) in enumerate(chosen):
            began = time.monotonic()
            try:
                verdict = _run(scenario, database, folder / str(number), options)
            except TimeoutError as error:  # the others still have something to say
                unfinished += 1
                _say(f"{scenario.name:<27}{database:<11}  BROKEN: {error}")
                continue
            verdicts.append(verdict)
            told = "".join(f"{getattr(verdict, name):>12}" for name in COLUMNS)
            mark = "" if verdict.holds else "  BROKEN"
            _say(f"{scenario.name:<27}{database:<11}{told}{time.monotonic() - began:>9.0f}{mark}")
    finally:
        if options.keep:
            _say(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    totals = "".join(f"{sum(getattr(each, name) for each in verdicts):>12}" for name in COLUMNS)
    _say(f"{'all':<38}{totals}")
    return 0 if verdicts and not unfinished and all(each.holds for each in verdicts) else 1


def _run(scenario: Scenario, database: str, folder: Path, options: argparse.Namespace) -> Verdict:
    server = None
    place = Path(tempfile.mkdtemp(prefix="overture-faults-pg-"))
    try:
        values = dict(scenario.values)
        if database == "postgresql":
            server = RestartablePostgreSQL(place)
            server.start()
            values["database_url"] = server.url(server.create_database())
        system = System(make_settings(folder, **values), scenario.channel, options.size, server, options.python)
        with system.running(webhooks=scenario.webhooks):
            scenario.harm(system, 1 if options.short else scenario.rounds)
            system.wait_until_quiet(QUIET_DEADLINE_S)
            return judge(system)
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(place, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="three scenarios with a kill of both workers each")
    parser.add_argument("--size", type=int, help="messages of each scenario (default: 500, short: 200)")
    parser.add_argument("--only", help="only scenarios whose name matches this pattern")
    parser.add_argument("--skip", help="leave out scenarios whose name matches this pattern")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only on this database")
    parser.add_argument("--python", help="what runs the processes: the tests have one that has loaded them already")
    parser.add_argument("--keep", action="store_true", help="keep the data folders and logs")
    options = parser.parse_args()
    options.size = options.size or (200 if options.short else 500)
    return options


def _forget_own_settings() -> None:
    """Nothing of the developer's settings decides what runs here."""
    for name in [name for name in os.environ if name.upper().startswith("OVERTURE_")]:
        del os.environ[name]
    os.environ["OVERTURE_SANDBOX_ONLY"] = "1"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
