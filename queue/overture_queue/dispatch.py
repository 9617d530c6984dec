"""Dispatch: due rows become chunks, one job a chunk.

The claim is committed before its job is queued. If Redis is away the claim is given back, and the
rows simply stay due; if a job is lost, its lease runs out and the rows become due again.
"""

from __future__ import annotations

import dramatiq

from overture_core.errors import QueueUnavailable
from overture_core.messages import intake, ledger
from overture_core.messages.channels import Channel
from overture_core.storage.store import Store
from overture_queue.broker import enqueue
from overture_queue.jobs import DeliverChunk

# Few chunks wait in the queue, so that a claim is worked on before its lease runs out, and a pause
# or a single direct message never waits behind a whole campaign.
MOST_CHUNKS = 4


def dispatch_due(store: Store, broker: dramatiq.Broker, *, owner: str) -> int:
    """Claim what is due and queue it; returns the number of jobs.

    Raises:
        QueueUnavailable: Redis is away; what was claimed for the failed job is due again.
    """
    while intake.process(store):
        pass  # a reply, a STOP or a bounce counts before the next claim
    jobs = 0
    for workspace, channel in ledger.backlog(store):
        while (token := _claim(store, workspace, channel, owner)) is not None:
            try:
                enqueue(broker, DeliverChunk(workspace=workspace, channel=channel, chunk=token))
            except QueueUnavailable:
                with store.begin(workspace, actor=owner) as work:
                    ledger.release(work, token, cause="queue_unavailable")
                raise
            jobs += 1
    return jobs


def _claim(store: Store, workspace: str, channel: Channel, owner: str) -> str | None:
    with store.begin(workspace, actor=owner) as work:
        if ledger.waiting_chunks(work, channel) >= MOST_CHUNKS:
            return None
        return ledger.claim(work, channel, owner=owner, limit=store.settings.chunk_size)
