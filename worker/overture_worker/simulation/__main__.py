"""`python -m overture_worker.simulation CAMPAIGN`: prints the timeline as JSON, and the simulated time as it passes.

A process of its own, because it takes as long as the campaign is large, and servers start it without knowing the
worker's code.
"""

from __future__ import annotations

import argparse
import logging
import sys
from datetime import datetime
from functools import partial

import anyio
import structlog

from overture_core.errors import OvertureError
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_worker.simulation.engine import simulate


def main() -> int:
    """Simulate; returns the exit code. A refusal is one line on stderr that begins with `refused: `."""
    parser = argparse.ArgumentParser(prog="overture_worker.simulation", description=__doc__)
    parser.add_argument("campaign", help="name or id")
    parser.add_argument("--workspace")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--most", type=int, default=1_000, help="entries of the timeline")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    settings = Settings()
    store = Store(settings)
    run = partial(
        simulate,
        *(store, given.workspace or settings.workspace, given.campaign),
        seed=given.seed,
        days=given.days,
        most=given.most,
        progress=_say,
    )
    try:
        found = anyio.run(run)
    except OvertureError as error:
        sys.stderr.write(f"refused: {error.message}\n")
        return 1
    finally:
        store.close()
    sys.stdout.write(found.model_dump_json() + "\n")
    return 0


def _say(at: datetime) -> None:
    sys.stderr.write(f"at: {at.isoformat()}\n")


if __name__ == "__main__":
    sys.exit(main())
