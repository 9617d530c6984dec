"""The worker process: consumer threads, one event loop for provider calls, the pump, and signals.

SIGTERM and SIGINT finish the wave that is in flight, give the rest back to the database, and return
what Dramatiq had fetched ahead to Redis.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from types import FrameType

import dramatiq
import structlog
from anyio.from_thread import start_blocking_portal

from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_queue.broker import connect
from overture_worker.actors import register
from overture_worker.delivery import Delivery
from overture_worker.pump import Pump
from overture_worker.transports import open_transports

THREADS = 4
GRACE_MS = 30_000

log = structlog.get_logger(__name__)


def run(settings: Settings, *, threads: int = THREADS) -> None:
    """Work until a signal says stop.

    Raises:
        SystemFault: the database or Redis cannot be reached at the start, or settings do not fit.
    """
    stop = threading.Event()
    _stop_on_signals(stop)
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
    store = Store(settings)
    store.prepare()
    with (
        connect(settings) as redis,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_transports(settings, store.clock)) as transports,
    ):
        delivery = Delivery(store, transports, owner=owner, stopping=stop.is_set)
        register(redis.broker, store=store, delivery=delivery, portal=portal, owner=owner)
        worker = dramatiq.Worker(redis.broker, worker_threads=threads)
        pump = Pump(store, redis.broker, owner=owner)
        worker.start()
        pump.start()
        log.info("worker_ready", owner=owner, threads=threads)
        stop.wait()
        log.info("worker_stopping", owner=owner)
        pump.stop()
        worker.stop(timeout=GRACE_MS)
    store.close()
    log.info("worker_stopped", owner=owner)


def _stop_on_signals(stop: threading.Event) -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
