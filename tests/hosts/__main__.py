"""A campaign over several hosts that are cut off in turn, judged by the sandbox's inbox: `just hosts`, or `--short`.

The hosts are network namespaces of this machine: PostgreSQL, Redis, the provider, a round-robin proxy, two replicas of
the servers and three workers. Exits with 1 if anybody was written to twice, a message was lost, the ledger is wrong,
an unknown cannot be explained, or something that is promised during a cut did not come about.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

from tests.faults.judge import Verdict, judge
from tests.hosts.machines import HOSTS, SERVERS, WORKERS, Machines
from tests.hosts.network import Network, move_apart
from tests.hosts.story import SETTINGS, Broken, Cut, Story
from tests.warm import loaded_programs

QUIET_DEADLINE_S = 240.0


def main() -> int:
    """Run the campaign and return the exit code."""
    options = _options()
    move_apart()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whoever ends this command ends its processes too
    for name in [name for name in os.environ if name.upper().startswith("OVERTURE_")]:
        del os.environ[name]
    os.environ.update(OVERTURE_SANDBOX_ONLY="1", NO_PROXY="*")
    folder = Path(tempfile.mkdtemp(prefix="overture-hosts-"))
    # So slowly that the last cut still finds something to send.
    machines = Machines(Network(HOSTS), folder, **SETTINGS, email_per_second=options.rate)
    try:
        with loaded_programs(folder) as programs, machines.running(python=str(programs / "python")):
            return _told(machines, options.size, options.rounds)
    except (Broken, TimeoutError) as error:
        _say(f"BROKEN: {error}")
        return 1
    finally:
        if options.keep:
            _say(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _told(machines: Machines, size: int, rounds: int) -> int:
    began = time.monotonic()
    story = Story(machines, size)
    _say(f"{'cut off':<10}{'for s':>7}{'/ready s':>10}{'call s':>8}{'locks s':>9}{'back s':>8}{'sent':>6}  /ready said")
    try:
        story.launch()
        for number in range(rounds):
            story.seen.wait_accepted(story.seen.accepted() + 10)
            _tell(story.without_worker(WORKERS[(number + 1) % len(WORKERS)]))
            _tell(story.without_redis())
            _tell(story.without_database())
        story.seen.no_faults()
        left = size - story.seen.accepted()
        story.seen.wait_until_quiet(QUIET_DEADLINE_S)
        verdict = judge(story.seen)
        status = story.status()
    finally:
        story.seen.store.close()
    _say("  ".join(f"{each.name} {getattr(verdict, each.name)}" for each in fields(Verdict) if each.name != "kills"))
    calls = {host: sum(line.get("event") == "tool_called" for line in machines.log(host)) for host in SERVERS}
    _say(f"calls by replica {calls}, {left} messages left after the last cut, {time.monotonic() - began:.0f} s")
    faults = [] if verdict.holds else ["the promise was not kept"]
    faults += [f"a process ended on {host}" for host in machines.restarted()]
    faults += [f"{host} served nothing" for host in SERVERS if not calls[host]]
    faults += [] if status["accepted"] >= verdict.once else [f"the status counts {status['accepted']} as accepted"]
    for each in faults:
        _say(f"BROKEN: {each}")
    return 1 if faults else 0


def _tell(cut: Cut) -> None:
    figures = f"{cut.away:>7.1f}{cut.ready:>10.2f}{cut.call:>8.2f}{cut.locks:>9.1f}{cut.back:>8.1f}{cut.sent:>6}"
    _say(f"{cut.host:<10}{figures}  {cut.said}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just hosts", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="one round of cuts and a few hundred messages")
    parser.add_argument("--size", type=int, help="messages (default: 5,000; short: 400)")
    parser.add_argument("--rounds", type=int, help="rounds of cuts (default: 3; short: 1)")
    parser.add_argument("--rate", type=int, help="messages a second (default: 25; short: 8)")
    parser.add_argument("--keep", action="store_true", help="keep the data folders and logs")
    options = parser.parse_args()
    options.size = options.size or (400 if options.short else 5_000)
    options.rounds = options.rounds or (1 if options.short else 3)
    options.rate = options.rate or (8 if options.short else 25)
    return options


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
