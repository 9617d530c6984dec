"""One worker process: consumer threads, one event loop for provider calls, the pump, and signals.

SIGTERM and SIGINT finish the wave that is in flight, give the rest back to the database, and return
what Dramatiq had fetched ahead to Redis. So does the end of the process that started it.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import wait
from types import FrameType

import dramatiq
import structlog
from anyio.from_thread import BlockingPortal, start_blocking_portal

from overture_core import telemetry
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_core.workspaces import senders
from overture_providers.senders import ask
from overture_queue.broker import connect, tell_of_worker
from overture_queue.jobs import DELIVERY, QUEUE_CONTROL, QUEUE_EVENTS, QUEUE_OPERATIONS
from overture_worker.actors import register
from overture_worker.delivery import Delivery
from overture_worker.labelling import Labeller
from overture_worker.pump import Pump
from overture_worker.rates import Rates
from overture_worker.reconcile import Reconciler
from overture_worker.transports import open_transports

# A lane each, so that a provider that hangs holds up neither the other channels nor what answers it: two threads,
# for one chunk that waits for its provider and one that is prepared meanwhile.
LANES = (
    *(frozenset({each.queue}) for each in DELIVERY.values()),
    frozenset({QUEUE_EVENTS, QUEUE_CONTROL}),
    frozenset({QUEUE_OPERATIONS}),
)
THREADS = 2
GRACE_MS = 30_000

log = structlog.get_logger(__name__)


def run(settings: Settings, *, owner: str, threads: int = THREADS) -> None:
    """Work under the name `owner` until a signal says stop.

    Raises:
        SystemFault: the database or Redis cannot be reached at the start, or settings do not fit.
    """
    stop = threading.Event()
    _stop_on_signals(stop)
    _stop_without_parent(stop)
    store = Store(settings)
    store.prepare()
    with (
        ExitStack() as stack,
        connect(settings) as redis,
        start_blocking_portal(backend_options={"use_uvloop": True}) as portal,
        portal.wrap_async_context_manager(open_transports(settings, store.clock)) as transports,
        portal.wrap_async_context_manager(Rates(settings, redis.url)) as rates,
    ):
        delivery = Delivery(store, transports.by_channel, rates=rates, owner=owner, stopping=stop.is_set)
        workers: list[dramatiq.Worker] = []
        for queues in LANES:  # each with a broker of its own: Dramatiq's worker and middleware are made for one
            lane = stack.enter_context(connect(settings.model_copy(update={"redis_url": redis.url})))
            register(lane.broker, store=store, delivery=delivery, portal=portal, owner=owner)
            workers.append(dramatiq.Worker(lane.broker, queues=set(queues), worker_threads=threads))
        reconciler = Reconciler(store, transports.sms_lookup, owner=owner)
        labeller = _labeller(settings, store, owner)
        pump = Pump(
            store,
            redis.broker,
            owner=owner,
            reconcile=lambda: portal.call(reconciler.turn),
            alive=partial(tell_of_worker, redis.client, owner),
        )
        _check_senders(store, portal, owner)
        gc.freeze()  # what is loaded by now stays, and need not be gone through again and again
        for worker in workers:
            worker.start()
        pump.start()
        if labeller is not None:
            labeller.start()
        log.info("worker_ready", owner=owner, pid=os.getpid(), threads=threads)
        stop.wait()
        log.info("worker_stopping", owner=owner)
        pump.stop()
        if labeller is not None:
            labeller.stop()
        _stop_together(workers)
    store.close()
    telemetry.end_tracing()
    log.info("worker_stopped", owner=owner)


def _stop_together(workers: Sequence[dramatiq.Worker]) -> None:
    """Stop every lane: each takes a second or two to hear of it, and all of them have the same grace."""
    with ThreadPoolExecutor(len(workers)) as pool:
        for _ in pool.map(partial(dramatiq.Worker.stop, timeout=GRACE_MS), workers):
            pass


def _check_senders(store: Store, portal: BlockingPortal, owner: str) -> None:
    """Ask the real providers, once, whether our senders are verified; one that cannot be asked changes nothing."""
    workspace = store.settings.workspace
    with store.read(workspace) as work:
        known = senders.list_(work)
    answers = portal.call(partial(ask, store.settings, known, real_only=True))
    if not answers:
        return
    with store.begin(workspace, actor=owner) as work:
        senders.take(work, answers)
    for each in answers:
        tell = log.warning if each.verified is False else log.info
        tell("sender_checked", channel=each.channel, address=each.address, verified=each.verified, why=each.why)


def _labeller(settings: Settings, store: Store, owner: str) -> Labeller | None:
    if settings.reply_model_url is None:
        return None
    from overture_providers.model import LabelModel

    return Labeller(store, LabelModel(settings), owner=owner)


def _stop_on_signals(stop: threading.Event) -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def _stop_without_parent(stop: threading.Event) -> None:
    """A supervisor that was killed leaves no worker behind that nobody knows of."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        stop.set()

    threading.Thread(target=watch, name="overture-parent", daemon=True).start()
