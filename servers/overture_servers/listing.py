"""The servers there are: one list for the command line, HTTP, the documentation and the tests."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from overture_servers.runtime import Runtime
from overture_servers.tooling import OvertureServer

NAMES = ("leads", "messaging", "stripe")


def creator(name: str) -> Callable[[Runtime], OvertureServer]:
    """Return what makes a server; its module is loaded now, and no other's."""
    module = importlib.import_module(f"overture_servers.{name}.server")
    return cast("Callable[[Runtime], OvertureServer]", module.create)
