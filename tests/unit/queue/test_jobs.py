"""The jobs' wire format. The stored files are never edited: they are what older producers wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from overture_core.errors import InvalidInput
from overture_core.messages.channels import Channel
from overture_queue import jobs
from overture_queue.jobs import DeliverChunk, Dispatch, Job, ProcessEvents, Route

STORED = Path(__file__).parents[2] / "data" / "jobs"
LEASE = "lease_01KAQ2V7M4T9W8Z3X5C6B7N8M9"

READ_AS: dict[str, Job] = {
    "deliver_chunk_v1": DeliverChunk(workspace="default", channel=Channel.SMS, chunk=LEASE),
    "dispatch_v1": Dispatch(),
    "process_events_v1": ProcessEvents(),
}


@pytest.mark.parametrize("name", sorted(READ_AS))
def test_a_stored_job_of_each_version_is_still_read(name: str) -> None:
    assert jobs.decode(json.loads((STORED / f"{name}.json").read_text())) == READ_AS[name]


def test_every_stored_job_is_covered() -> None:
    assert {path.stem for path in STORED.glob("*.json")} == set(READ_AS)


@pytest.mark.parametrize("job", READ_AS.values(), ids=list(READ_AS))
def test_a_job_survives_json(job: Job) -> None:
    assert jobs.decode(json.loads(json.dumps(jobs.encode(job)))) == job


def test_each_kind_of_job_has_its_own_queue_and_actor() -> None:
    email = DeliverChunk(workspace="default", channel=Channel.EMAIL, chunk=LEASE)
    sms = DeliverChunk(workspace="default", channel=Channel.SMS, chunk=LEASE)
    assert [jobs.route(job) for job in (email, sms, ProcessEvents(), Dispatch())] == [
        Route("email", "deliver_email"),
        Route("sms", "deliver_sms"),
        Route("events", "process_events"),
        Route("control", "dispatch"),
    ]


def test_a_field_added_by_a_newer_producer_is_passed_over() -> None:
    assert jobs.decode({"kind": "dispatch", "v": 1, "since": "later"}) == Dispatch()


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({"kind": "dispatch", "v": 2}, r"'dispatch' job of version 2 and this worker reads 1; upgrade"),
        ({"kind": "dispatch", "v": True}, r"version True"),
        ({"kind": "dispatch"}, r"version None"),
        ({"kind": "publish", "v": 1}, r"unknown kind 'publish'; upgrade"),
        ({}, r"unknown kind None"),
        (
            {"kind": "deliver_chunk", "v": 1, "workspace": "default", "channel": "fax", "chunk": "x"},
            r"channel is wrong",
        ),
        ({"kind": "deliver_chunk", "v": 1, "channel": "sms", "chunk": "x"}, r"workspace is wrong \(Field required\)"),
    ],
)
def test_a_job_that_cannot_be_read_says_why(payload: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        jobs.decode(payload)
