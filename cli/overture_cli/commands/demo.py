"""`overture demo`: the whole path in one command."""

from __future__ import annotations

from contextlib import nullcontext
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from overture_cli.output import JsonFlag, emit_json, progress_console
from overture_core.errors import InvalidInput
from overture_core.settings import Settings

# A run that sent nothing because of what it was given is no success to a program.
EXIT_CODES = {
    "waiting for approval": 4,
    "nobody to write to": 2,
    "rejected in review": 2,
    "over the limit": 2,
    "not launched": 2,
}


def demo(
    leads: Annotated[
        Path | None, typer.Option("--leads", help="Your own file of leads; without it, about 200 invented ones.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where the demo keeps its data; a second run goes on there.")
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask you to approve, instead of a written policy.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """From a file of dormant leads to answers, through the sandbox: nobody outside is contacted.

    Imports the file, lets the crew plan a campaign over MCP, sends it through a worker, takes in what
    comes back, and tells the story.
    """
    if ask and as_json:
        msg = "--ask needs a person and --json a program; leave one of them out."
        raise InvalidInput(msg)
    from overture_cli.demo.run import Options, run_demo
    from overture_cli.demo.story import show

    place = folder or Settings().data_dir / "demo"
    with as_file(files("overture_cli") / "data" / "dormant_leads.csv") as shipped:
        options = Options(place, leads or shipped, ask=ask)
        if as_json:
            story = run_demo(options, lambda _text: None)
            emit_json(story)
        else:
            # A spinner and a question would write over each other.
            with nullcontext() if ask else progress_console.status("working"):
                story = run_demo(options, lambda text: progress_console.print(f"  {text}", markup=False))
            show(story)
    raise typer.Exit(EXIT_CODES.get(story.ending, 0))
