"""Asks a model about replies that no rule knows, where the settings name one. Off by default."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

import structlog

from overture_core.errors import SystemFault
from overture_core.messages import ledger
from overture_core.replies.intent import Intent
from overture_core.replies.relabelling import CHOICES, relabel, unlabelled
from overture_core.storage.store import Store

INTERVAL_S = 5.0
AT_ONCE = 20

log = structlog.get_logger(__name__)


class Chooser(Protocol):
    """Chooses a label for a text: one of `labels`, or none."""

    def choose(self, text: str, labels: Sequence[str]) -> str | None: ...

    def close(self) -> None: ...


class Labeller:
    """A thread of its own: a model may take its time, and nothing waits for it."""

    def __init__(self, store: Store, model: Chooser, *, owner: str) -> None:
        self._store = store
        self._model = model
        self._owner = owner
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="overture-labeller", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current reply."""
        self._stop.set()
        self._thread.join()
        self._model.close()

    def turn(self) -> int:
        """Ask about what is open; returns how many replies were labelled.

        Raises:
            SystemFault: the model or the database is away; what is open is asked about again.
        """
        labelled = 0
        for workspace in ledger.workspaces(self._store):
            with self._store.read(workspace, actor=self._owner) as work:
                waiting = unlabelled(work, AT_ONCE)
            for reply in waiting:
                if self._stop.is_set():
                    return labelled
                chosen = self._model.choose(reply.body, CHOICES)
                with self._store.begin(workspace, actor=self._owner) as work:
                    labelled += relabel(work, reply.id, Intent(chosen) if chosen else None)
        return labelled

    def _run(self) -> None:
        trouble = False
        while not self._stop.wait(INTERVAL_S):
            try:
                self.turn()
                trouble = False
            except SystemFault as error:
                if not trouble:
                    log.warning("model_away", detail=error.message)
                trouble = True
            except Exception:
                # The thread's top level: whatever happens, the next round must come.
                log.exception("labeller_failed")
