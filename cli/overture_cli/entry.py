"""Where `overture` begins: before a server is loaded, something stands in its place (overture_servers/front.py)."""

from __future__ import annotations

import sys

from overture_servers import front


def run() -> None:
    """Run the command line and exit."""
    standing = front.begin(sys.argv[1:])
    try:
        from overture_cli.main import run as run_command

        run_command()
    finally:
        if standing is not None:
            standing.end()
