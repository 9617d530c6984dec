"""Work in pages: each in a transaction of its own, or all in the caller's.

A large audience takes tens of seconds. In one transaction it would keep every other writer out of
SQLite for as long; in pages, others write in between.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from overture_core.storage.store import Store, Work

PAGE = 5_000  # rows: some tenths of a second, and some megabytes
Progress = Callable[[int, int], None]  # rows that are done, and all of them


@dataclass(frozen=True, slots=True)
class Transactions:
    """Opens the transactions of one piece of work; `read` takes no write lock."""

    write: Callable[[], AbstractContextManager[Work]]
    read: Callable[[], AbstractContextManager[Work]]


def within(work: Work) -> Transactions:
    """Return transactions that are all the caller's one."""
    return Transactions(lambda: nullcontext(work), lambda: nullcontext(work))


def each(store: Store, workspace: str, actor: str) -> Transactions:
    """Return transactions of a workspace, each committed by itself."""
    return Transactions(lambda: store.begin(workspace, actor=actor), lambda: store.read(workspace, actor=actor))


def unseen(_done: int, _total: int) -> None:
    """Show progress to nobody."""
