"""Writing chunk after chunk, each in a transaction of its own; or on trial, which leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from overture_core.storage.store import Store, Work


@contextmanager
def transactions(
    store: Store, workspace: str, *, actor: str, dry_run: bool
) -> Iterator[Callable[[], AbstractContextManager[Work]]]:
    """Give what opens the transaction of a chunk. A dry run has one for all chunks, so that each sees what those before
    it wrote, and rolls it back at the end."""
    if not dry_run:
        yield lambda: store.begin(workspace, actor=actor)
        return
    with store.begin(workspace, actor=actor) as work:
        try:
            yield lambda: nullcontext(work)
        finally:
            work.session.rollback()
