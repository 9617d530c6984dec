"""Dispatch over a real Redis: chunks and jobs, and a Redis that is away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from overture_core.errors import QueueUnavailable
from overture_core.messages.channels import Channel
from overture_queue import jobs
from overture_queue.broker import RedisHandle, connect
from overture_queue.dispatch import MOST_CHUNKS, dispatch_due

MANY = "".join(f"Lead{number},lead{number}@example.com,,US,\n" for number in range(12))
BOTH = "Ada,ada@example.com,,US,\nBen,,+12125550102,US,sms\n"


def queued(handle: RedisHandle, queue: str) -> list[dict[str, Any]]:
    """The jobs that wait in a queue."""
    messages = handle.client.hgetall(f"{handle.broker.namespace}:{queue}.msgs")
    return [json.loads(raw)["args"][0] for raw in messages.values()]


def test_each_channel_gets_its_own_jobs(scene: Any, redis_handle: RedisHandle) -> None:
    scene.launched(BOTH)
    assert dispatch_due(scene.store, redis_handle.broker, owner="pump") == 2
    for queue, channel in ((jobs.QUEUE_EMAIL, Channel.EMAIL), (jobs.QUEUE_SMS, Channel.SMS)):
        (job,) = (jobs.decode(each) for each in queued(redis_handle, queue))
        assert isinstance(job, jobs.DeliverChunk)
        assert (job.workspace, job.channel) == ("default", channel)


def test_only_a_few_chunks_wait_at_a_time(scene: Any, redis_handle: RedisHandle) -> None:
    scene.configure(chunk_size=1)
    scene.launched(MANY)
    assert dispatch_due(scene.store, redis_handle.broker, owner="pump") == MOST_CHUNKS
    assert dispatch_due(scene.store, redis_handle.broker, owner="pump") == 0
    assert sorted(scene.states()) == ["claimed"] * 8 + ["due"] * 4


def test_campaigns_take_turns(scene: Any, redis_handle: RedisHandle) -> None:
    scene.configure(chunk_size=1)
    scene.launched(MANY)
    scene.launched("Zoe,zoe@example.com,,US,\n", name="Small")
    dispatch_due(scene.store, redis_handle.broker, owner="pump")
    claimed = [row.campaign_id for row in scene.rows() if row.state == "claimed"]
    assert sorted(claimed.count(campaign) for campaign in set(claimed)) == [MOST_CHUNKS // 2, MOST_CHUNKS // 2]


def test_with_redis_away_everything_stays_due(scene: Any) -> None:
    scene.launched(BOTH)
    away = scene.store.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    with connect(away) as handle, pytest.raises(QueueUnavailable, match="stay due"):
        dispatch_due(scene.store, handle.broker, owner="pump")
    assert scene.states() == ["due", "due"]
