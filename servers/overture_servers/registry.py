"""The servers that there are: the one list that stdio, HTTP, the pages and the tests go by."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from overture_core.errors import InvalidInput
from overture_core.text import quoted
from overture_servers.runtime import Runtime
from overture_servers.tooling import OvertureServer

Creator = Callable[[Runtime], OvertureServer]
NAMES = ("leads", "messaging", "linkedin", "stripe")


def creator(name: str) -> Creator:
    """Return what makes a server; its modules are loaded only now.

    Raises:
        InvalidInput: there is no such server.
    """
    if name not in NAMES:
        msg = f"There is no server {quoted(name)}; the servers are: {', '.join(NAMES)}."
        raise InvalidInput(msg)
    create: Creator = importlib.import_module(f"overture_servers.{name}.server").create
    return create
