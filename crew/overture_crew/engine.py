"""Makes CrewAI ready: what must be set before its import, and the import itself.

CrewAI reads these variables while it is imported. Without them the first run sends telemetry, asks a
package index for news, and waits 20 s for an answer to a question about tracing.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from overture_crew.errors import EngineMissing


def require_installed() -> None:
    """Make sure that CrewAI is there, without importing it.

    Raises:
        EngineMissing: it is not; the published package comes without it.
    """
    if find_spec("crewai") is None:
        raise EngineMissing


def prepare(data_dir: Path) -> None:
    """Import CrewAI (6 to 8 s, 250 MB) with everything off that calls home; its storage is below `data_dir`.

    It still makes an empty key file for its own cloud in the user's data folder, which cannot be turned off.
    Idempotent. The variables are set for this process, as CrewAI offers no other way.
    """
    require_installed()
    storage = (data_dir / "crewai").resolve()
    storage.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        {
            "CREWAI_TRACING_ENABLED": "false",
            "CREWAI_DISABLE_TELEMETRY": "true",
            "CREWAI_DISABLE_TRACKING": "true",
            "CREWAI_DISABLE_VERSION_CHECK": "true",
            "OTEL_SDK_DISABLED": "true",
            "CREWAI_STORAGE_DIR": str(storage),
        }
    )
    with quiet():
        import crewai  # noqa: F401


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back the warnings that CrewAI's own code causes and that nobody here can mend, and what it logs: an error is
    raised as well, and comes out in one sentence of ours."""
    root, its_own, nowhere = logging.getLogger(), logging.getLogger("crewai"), logging.NullHandler()
    propagates = its_own.propagate
    root.addFilter(_not_crewais)
    root.addHandler(nowhere)  # CrewAI calls logging.error, which sets up a handler on stderr where there is none
    its_own.propagate = False
    its_own.addHandler(nowhere)
    try:
        with _without_its_warnings():
            yield
    finally:
        its_own.removeHandler(nowhere)
        its_own.propagate = propagates
        root.removeHandler(nowhere)
        root.removeFilter(_not_crewais)


def _not_crewais(record: logging.LogRecord) -> bool:
    return "/crewai/" not in record.pathname


@contextmanager
def _without_its_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # CrewAI keeps a model's call of a tool that there is none of where it expects a text.
        warnings.filterwarnings("ignore", category=UserWarning, message="Pydantic serializer warnings")
        # crewai.rag loads its submodules lazily in a way that the import system remarks upon.
        warnings.filterwarnings("ignore", category=ImportWarning, message="Cannot set an attribute on 'crewai")
        # CrewAI reads its own deprecated fields (function_calling_llm, reasoning) at every run.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"crewai(\.|$)")
        yield
