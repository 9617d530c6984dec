"""The process that `launch.py` measures: plan, approval, launch. It imports no more than a server would.

Prints the time at which it began, then what it measured as JSON.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from bench import stage
from overture_core.messages.channels import Channel
from overture_core.settings import Settings
from overture_core.storage.store import Store


def main() -> None:
    values: dict[str, Any] = {"_env_file": None, "data_dir": Path(sys.argv[1])}
    settings = Settings(**values)
    store = Store(settings)
    gc.freeze()  # as the servers do
    print(time.time(), flush=True)
    began = time.perf_counter()
    plan = stage.plan(store, Channel.EMAIL)
    planned = time.perf_counter() - began
    stage.launch(store, plan)
    launched = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    rows = stage.launched_rows(store)
    store.close()
    print(json.dumps({"planned": planned, "launched": launched, "peak": peak, "rows": rows}), flush=True)


if __name__ == "__main__":
    main()
