"""The pump: in every worker process, once a second, it sweeps, dispatches and takes up stored events;
now and then it asks what became of messages whose outcome is unknown, and keeps scores.

Nudges over Redis make things quick; the pump makes them certain. Each round stands alone: a database
or a Redis that is away costs that round, with one line in the log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dramatiq
import structlog

from overture_core.campaigns import following, launching
from overture_core.campaigns import service as campaigns
from overture_core.errors import QueueUnavailable, SystemFault
from overture_core.health import service as health
from overture_core.messages import intake, ledger
from overture_core.operations import claims
from overture_core.operations.ending import end_orphans
from overture_core.scoring import keeping
from overture_core.storage.store import Store
from overture_queue.broker import enqueue
from overture_queue.dispatch import dispatch_due
from overture_queue.jobs import ProcessEvents, RunOperation

INTERVAL_S = 1.0
RECONCILE_EVERY = timedelta(seconds=30)
HEALTH_EVERY = timedelta(seconds=10)
OPERATIONS_EVERY = timedelta(seconds=5)
_NEVER = datetime.min.replace(tzinfo=UTC)

log = structlog.get_logger(__name__)


class Pump:
    """A thread that runs `turn` until it is stopped. `reconcile` is called now and then, `alive` in each round."""

    def __init__(
        self,
        store: Store,
        broker: dramatiq.Broker,
        *,
        owner: str,
        reconcile: Callable[[], object] = lambda: None,
        alive: Callable[[], object] = lambda: None,
    ) -> None:
        self._store = store
        self._broker = broker
        self._owner = owner
        self._reconcile = reconcile
        self._alive = alive
        self._reconciled_at = _NEVER
        self._judged_at = _NEVER
        self._operated_at = _NEVER
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="overture-pump", daemon=True)
        self._trouble: str | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current round."""
        self._stop.set()
        self._thread.join()

    def turn(self) -> None:
        """Do one round.

        Raises:
            SystemFault: the database or Redis is away.
        """
        for workspace in ledger.workspaces(self._store):
            with self._store.begin(workspace, actor=self._owner) as work:
                swept = ledger.sweep(work)
                campaigns.finish_done(work)
            if swept.released or swept.unknown:
                log.warning("leases_expired", workspace=workspace, released=swept.released, unknown=swept.unknown)
        now = self._store.clock.now()
        if now - self._judged_at > HEALTH_EVERY:
            self._judged_at = now
            self._pause_unhealthy()
            self._keep_scores()
        launching.resume(self._store)
        following.advance(self._store)
        self._alive()
        dispatch_due(self._store, self._broker, owner=self._owner)
        if now - self._operated_at > OPERATIONS_EVERY:
            self._operated_at = now
            self._operate()
        if intake.waiting(self._store):
            enqueue(self._broker, ProcessEvents())
        if now - self._reconciled_at > RECONCILE_EVERY:
            self._reconciled_at = now
            self._reconcile()

    def _operate(self) -> None:
        for workspace in ledger.workspaces(self._store):
            with self._store.begin(workspace, actor=self._owner) as work:
                swept = claims.sweep(work)
                orphans = end_orphans(work)
                due = claims.due(work)
            if swept.ready or swept.unknown:
                log.warning("operations_broke_off", workspace=workspace, again=swept.ready, unknown=swept.unknown)
            if orphans:
                log.warning("operations_without_lead", workspace=workspace, cancelled=orphans)
            for each in due:
                enqueue(self._broker, RunOperation(workspace=workspace, operation=each))

    def _pause_unhealthy(self) -> None:
        for workspace in ledger.workspaces(self._store):
            with self._store.begin(workspace, actor=self._owner) as work:
                paused = health.pause_unhealthy(work)
            for each in paused:
                log.warning("campaign_paused", workspace=workspace, campaign=each.campaign, reason=each.reason)

    def _keep_scores(self) -> None:
        """A page at a time, so that nothing else of the round waits for a million leads."""
        for workspace in ledger.workspaces(self._store):
            with self._store.read(workspace) as work:
                due = keeping.is_due(work)
            if due:
                with self._store.begin(workspace, actor=self._owner) as work:
                    keeping.carry_on(work)

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            try:
                self.turn()
            except SystemFault as error:
                self._report(error)
            except Exception:
                # The thread's top level: whatever happens, the next round must come.
                log.exception("pump_failed")
            else:
                if self._trouble:
                    log.info("recovered", after=self._trouble)
                self._trouble = None

    def _report(self, error: SystemFault) -> None:
        if self._trouble != error.code:
            what = "queue_away" if isinstance(error, QueueUnavailable) else "database_away"
            log.warning(what, detail=error.message)
        self._trouble = error.code
