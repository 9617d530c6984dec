"""Jobs through a real Redis and a real Dramatiq worker."""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable
from os import kill
from pathlib import Path
from typing import Any

import dramatiq
import pytest

from overture_core.errors import ConfigurationError, QueueUnavailable
from overture_core.messages.channels import Channel
from overture_core.settings import Settings
from overture_queue import jobs
from overture_queue.broker import (
    WORKER_KNOWN_S,
    QueueInfo,
    RedisHandle,
    connect,
    describe,
    enqueue,
    has_worker,
    tell_of_worker,
)
from overture_queue.jobs import DeliverChunk, Dispatch, ProcessEvents

WaitFor = Callable[..., Any]
NOBODY = "redis://:secret@127.0.0.1:1/0"


def test_a_job_reaches_the_actor_of_its_kind(redis_handle: RedisHandle) -> None:
    taken: queue.Queue[tuple[str, jobs.Job]] = queue.Queue()
    for queue_name, actor_name in [("email", "deliver_email"), ("sms", "deliver_sms"), ("control", "dispatch")]:

        @dramatiq.actor(broker=redis_handle.broker, queue_name=queue_name, actor_name=actor_name)
        def take(payload: dict[str, Any], name: str = actor_name) -> None:
            taken.put((name, jobs.decode(payload)))

    sent: dict[str, jobs.Job] = {
        "deliver_email": DeliverChunk(workspace="default", channel=Channel.EMAIL, chunk="lease_1"),
        "deliver_sms": DeliverChunk(workspace="default", channel=Channel.SMS, chunk="lease_2"),
        "dispatch": Dispatch(),
    }
    for job in sent.values():
        enqueue(redis_handle.broker, job)
    worker = dramatiq.Worker(redis_handle.broker, worker_threads=2, worker_timeout=50)
    worker.start()
    try:
        assert dict(taken.get(timeout=15) for _ in sent) == sent
    finally:
        worker.stop()


def test_a_failed_job_is_not_run_again(redis_handle: RedisHandle, wait_for: WaitFor) -> None:
    runs: list[dict[str, Any]] = []

    @dramatiq.actor(broker=redis_handle.broker, queue_name="events", actor_name="process_events")
    def fail(payload: dict[str, Any]) -> None:
        runs.append(payload)
        raise RuntimeError("on purpose")

    enqueue(redis_handle.broker, ProcessEvents())
    worker = dramatiq.Worker(redis_handle.broker, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        wait_for(lambda: redis_handle.client.zcard("overture:events.XQ") == 1)
    finally:
        worker.stop()
    assert runs == [{"kind": "process_events", "v": 1}]
    assert redis_handle.client.exists("overture:events.DQ") == 0


def test_a_job_waits_until_a_worker_comes(redis_handle: RedisHandle) -> None:
    enqueue(redis_handle.broker, Dispatch())
    assert redis_handle.client.llen("overture:control") == 1


def test_redis_away_is_said_within_two_seconds(settings: Settings) -> None:
    with connect(settings.model_copy(update={"redis_url": NOBODY})) as handle:
        started = time.monotonic()
        with pytest.raises(QueueUnavailable, match=r"Redis did not take the job .*; messages stay due"):
            enqueue(handle.broker, Dispatch())
        assert time.monotonic() - started < 2


def test_a_redis_that_came_back_takes_jobs_again(settings: Settings, wait_for: WaitFor) -> None:
    with connect(settings) as handle:
        assert handle.embedded
        enqueue(handle.broker, Dispatch())
        kill(handle.client.info("server")["process_id"], signal.SIGKILL)
        wait_for(lambda: _takes(handle, Dispatch()))
        assert handle.client.llen("overture:control") in {1, 2}  # fsync every second may cost the last one


def test_a_url_that_cannot_be_read_is_a_configuration_error(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"OVERTURE_REDIS_URL cannot be read"):
        connect(settings.model_copy(update={"redis_url": "localhost:6379"}))


def test_a_description_says_what_is_reachable_and_keeps_the_password(settings: Settings, tmp_path: Path) -> None:
    away = describe(settings.model_copy(update={"redis_url": NOBODY}))
    assert (away.kind, away.server, away.reachable) == ("url", "unknown", False)
    assert away.detail.startswith("redis://***@127.0.0.1:1/0 does not answer (")
    assert "secret" not in away.detail
    with connect(settings) as handle:
        version = handle.client.info("server")["redis_version"]
        by_url = describe(settings.model_copy(update={"redis_url": handle.url}))
        assert (by_url.kind, by_url.reachable, by_url.detail) == ("url", True, f"Answers at {handle.url}.")
        embedded = describe(settings)
        assert embedded == QueueInfo("embedded", embedded.server, True, f"Runs on {tmp_path}/data/redis/redis.sock.")
        assert by_url.server in embedded.server
        assert version


def test_a_worker_that_told_of_itself_is_known_for_a_while(settings: Settings) -> None:
    assert not has_worker(settings)  # the embedded server does not run, which a worker would hold
    with connect(settings) as handle:
        assert not has_worker(settings)
        tell_of_worker(handle.client, "host:1")
        assert has_worker(settings)
        assert 0 < handle.client.ttl("overture:worker") <= WORKER_KNOWN_S
    with pytest.raises(QueueUnavailable, match="OVERTURE_REDIS_URL"):
        has_worker(settings.model_copy(update={"redis_url": NOBODY}))


def _takes(handle: RedisHandle, job: jobs.Job) -> bool:
    try:
        enqueue(handle.broker, job)
    except QueueUnavailable:
        return False
    return True
