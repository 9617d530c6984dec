"""`overture ...`: every command, and the one place where errors become exit codes.

Exit codes: 0 done, 1 an error of ours, 2 bad input, 3 a part that we depend on is away, 4 a person has
to approve first, 5 the audit's chain does not hold, 130 interrupted (129 and 143 by SIGHUP and SIGTERM).
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from importlib.metadata import version
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console

from overture_cli.lazy import group_of
from overture_cli.output import BROKEN, say
from overture_cli.parent import watch_parent
from overture_cli.stopping import Interrupted
from overture_core.errors import (
    ApprovalRequired,
    AuditBroken,
    ConfigurationError,
    InvalidInput,
    OvertureError,
    SystemFault,
)
from overture_core.settings import Settings
from overture_crew.errors import (
    BrainUnavailable,
    CrewError,
    EngineMissing,
    InvalidBrief,
    NoSuchCrew,
    RunNotFound,
    ServerUnavailable,
)

FAULT, BAD_INPUT, AWAY, APPROVAL = 1, 2, 3, 4
PRIVATE = 0o077
# typer raises click's or, where it carries a copy of click, its own; the parent of its one public kind is either.
UsageError: Any = typer.BadParameter.__mro__[1]

COMMANDS = {
    "demo": "demo:demo",
    "crew": "crew:app",
    "up": "serve:up",
    "dashboard": "dashboard:dashboard",
    "serve": "serve:serve",
    "token": "token:token",
    "worker": "serve:worker",
    "migrate": "migrate:migrate",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "sandbox": "serve:sandbox",
    "clients": "clients:clients",
    "import": "leads:import_",
    "mappings": "leads:app",
    "imports": "imports:app",
    "leads": "imports:leads_app",
    "export": "exports:export",
    "exports": "exports:app",
    "duplicates": "imports:duplicates",
    "search": "segments:search",
    "segments": "segments:app",
    "consent": "consent:app",
    "suppressions": "suppressions:app",
    "score": "score:score",
    "signals": "signals:app",
    "campaigns": "campaigns:campaigns",
    "simulate": "simulate:simulate",
    "stop": "stop:stop",
    "health": "health:health",
    "resume": "health:resume",
    "erase": "erase:erase",
    "erasures": "erase:app",
    "trace": "trace:trace",
    "contactability": "contactability:contactability",
    "doctor": "doctor:doctor",
    "approvals": "approvals:app",
    "audit": "audit:app",
    "linkedin": "linkedin:app",
    "messages": "messages:app",
    "operations": "operations:app",
    "payments": "payments:app",
    "revenue": "revenue:revenue",
    "stripe": "stripe:app",
    "senders": "senders:app",
    "replies": "replies:replies",
    "tasks": "replies:tasks_app",
}
app = typer.Typer(
    name="overture",
    cls=group_of(COMMANDS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"overture {version('overture-outreach')}")
        raise typer.Exit


@app.callback()
def overture(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Revive dormant leads: import, plan, have a person approve, send, follow what came of it."""


def run() -> None:
    """Run the command line and exit."""
    # Databases and logs hold people's addresses: whatever a command and its children make is for this user alone.
    os.umask(PRIVATE)
    watch_parent()
    try:
        sys.exit(app(standalone_mode=False))
    except UsageError as error:
        sys.exit(_usage(error))
    except Interrupted as stopped:
        # Threads of the crew may still wait for an answer that nobody will give, and Python would wait for them.
        sys.stdout.flush()
        os._exit(stopped.exit_code)
    except OvertureError as error:
        sys.exit(_report(error.code, error.message, _exit_code(error)))
    except CrewError as error:
        sys.exit(_report(error.code, error.message, _crew_exit_code(error)))
    except ValidationError as error:
        if error.title != Settings.__name__:
            sys.exit(_fault())
        sys.exit(_report("configuration", _settings_sentence(error), BAD_INPUT))
    except SettingsError as error:
        sys.exit(_report("configuration", _unread_setting(error), BAD_INPUT))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except Exception:  # noqa: BLE001 - the top level: a fault of ours, with everything that helps to mend it
        sys.exit(_fault())


def _fault() -> int:
    traceback.print_exc()
    return _report("fault", "Something went wrong inside Overture; please report the lines above.", FAULT)


def _exit_code(error: OvertureError) -> int:
    if isinstance(error, ApprovalRequired):
        return APPROVAL
    if isinstance(error, AuditBroken):
        return BROKEN
    away = isinstance(error, SystemFault) and not isinstance(error, ConfigurationError)
    return AWAY if away else BAD_INPUT


def _crew_exit_code(error: CrewError) -> int:
    if isinstance(error, ServerUnavailable | EngineMissing | BrainUnavailable):
        return AWAY
    return BAD_INPUT if isinstance(error, InvalidBrief | RunNotFound | NoSuchCrew) else FAULT


def _usage(error: Any) -> int:
    error.message = error.message.removeprefix("Value error, ")
    if "--json" in sys.argv:
        return _report(InvalidInput.code, error.format_message(), BAD_INPUT)
    error.show()
    return BAD_INPUT


def _report(code: str, message: str, exit_code: int) -> int:
    if "--json" in sys.argv:
        sys.stderr.write(json.dumps({"error": code, "message": message}) + "\n")
    else:
        Console(stderr=True, highlight=False, emoji=False, soft_wrap=True).print(f"overture: {message}", markup=False)
    return exit_code


def _unread_setting(error: SettingsError) -> str:
    # All that pydantic-settings tells is a text with the field's name; such a setting is a list or an object.
    named = re.search(r'field "(\w+)"', str(error))
    if named is None:
        return f"A setting cannot be read: {error}; docs/settings.md lists them."
    return f"OVERTURE_{named[1].upper()} is not JSON; docs/settings.md shows how it is written."


def _settings_sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    name = f"OVERTURE_{where.upper()}: " if where else ""
    return f"{name}{first['msg'].removeprefix('Value error, ')}."
