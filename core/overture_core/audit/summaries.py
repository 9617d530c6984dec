"""One entry for many rows of a file, also where the file breaks off in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from pydantic import BaseModel

from overture_core.audit import service as audit
from overture_core.storage.store import Work


@contextmanager
def summary(
    begin: Callable[[], AbstractContextManager[Work]], action: str, subject: str, report: BaseModel, counts: set[str]
) -> Iterator[Callable[[], None]]:
    """Record the counts of a report once its rows are stored, which the block tells after each chunk by calling what it
    is given. If an error ends the block, the entry has what was stored until then, and says that it broke off; if that
    was nothing, there is none."""
    stored = report.model_dump(include=counts)
    whole = False
    try:
        yield lambda: stored.update(report.model_dump(include=counts))
        whole = True
    finally:
        if whole or any(stored.values()):
            with begin() as work:
                audit.record(work, action, subject, **stored, broke_off=None if whole else True)
