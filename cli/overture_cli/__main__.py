"""`python -m overture_cli` is `overture`: how the command starts its own child processes."""

from overture_cli.entry import run

run()
