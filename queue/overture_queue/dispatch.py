"""Dispatch: due rows become chunks, one job a chunk.

The claim is committed before its job is queued. If Redis is away the claim is given back, and the
rows simply stay due; if a job is lost, its lease runs out and the rows become due again.
"""

from __future__ import annotations

import dramatiq

from overture_core.errors import QueueUnavailable
from overture_core.messages import breaker, intake, ledger
from overture_core.messages.channels import PROVIDERS, Channel
from overture_core.messages.ledger import Backlog
from overture_core.storage.store import Store
from overture_queue.broker import enqueue
from overture_queue.jobs import DeliverChunk

# Few chunks of a workspace wait or are worked on at a time, so that a claim is worked on before its lease
# runs out, and a pause or a single direct message never waits behind a whole campaign.
MOST_CHUNKS = 8


def dispatch_due(store: Store, broker: dramatiq.Broker, *, owner: str, channel: Channel | None = None) -> int:
    """Claim what is due and queue it; returns the number of jobs. With `channel`, only there.

    Campaigns take turns, a chunk each, and direct messages come before them.

    Raises:
        QueueUnavailable: Redis is away; what was claimed for the failed job is due again.
    """
    while intake.process(store):
        pass  # a reply, a STOP or a bounce counts before the next claim
    waiting = [each for each in ledger.backlog(store) if channel in {None, each.channel}]
    jobs = 0
    while waiting:
        waiting = [each for each in waiting if _dispatch(store, broker, each, owner)]
        jobs += len(waiting)
    return jobs


def _dispatch(store: Store, broker: dramatiq.Broker, source: Backlog, owner: str) -> bool:
    """Claim one chunk and queue its job; false if there is nothing to claim, or enough of it waits."""
    token = _claim(store, source, owner)
    if token is None:
        return False
    try:
        job = DeliverChunk(workspace=source.workspace, channel=source.channel, chunk=token)
        enqueue(broker, job, campaign=source.campaign_id, trace=source.trace)
    except QueueUnavailable:
        with store.begin(source.workspace, actor=owner) as work:
            ledger.finish(work, token, cause="queue_unavailable")
        raise
    return True


def _claim(store: Store, source: Backlog, owner: str) -> str | None:
    with store.begin(source.workspace, actor=owner) as work:
        # A direct message may pass the others' chunks.
        if source.campaign_id is not None and ledger.waiting_chunks(work, source.channel) >= MOST_CHUNKS:
            return None
        limit = breaker.allowance(work, PROVIDERS[source.channel], work.settings.chunk_size)
        if not limit:
            return None
        return ledger.claim(work, source.channel, campaign_id=source.campaign_id, owner=owner, limit=limit)
