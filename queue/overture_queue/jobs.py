"""The jobs that travel through Redis: one versioned model a kind, shared by producer and consumer.

A job names work that the database already holds; it never carries the work itself, so a job that is
lost, repeated or read late changes nothing that matters. On the wire a job is a flat JSON object with
`kind` and `v`. A new field that old workers need not know gets a default; anything else is a new
version, whose model stands beside the old one for as long as old jobs may still wait in a queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from overture_core.errors import InvalidInput
from overture_core.messages.channels import Channel

QUEUE_EMAIL: Final = "email"
QUEUE_SMS: Final = "sms"
QUEUE_WHATSAPP: Final = "whatsapp"
QUEUE_VOICE: Final = "voice"
QUEUE_LINKEDIN: Final = "linkedin"
QUEUE_EVENTS: Final = "events"
QUEUE_CONTROL: Final = "control"
QUEUE_OPERATIONS: Final = "operations"
QUEUES: Final = (
    *(QUEUE_EMAIL, QUEUE_SMS, QUEUE_WHATSAPP, QUEUE_VOICE, QUEUE_LINKEDIN),
    *(QUEUE_EVENTS, QUEUE_CONTROL, QUEUE_OPERATIONS),
)

ACTOR_DELIVER_EMAIL: Final = "deliver_email"
ACTOR_DELIVER_SMS: Final = "deliver_sms"
ACTOR_DELIVER_WHATSAPP: Final = "deliver_whatsapp"
ACTOR_DELIVER_VOICE: Final = "deliver_voice"
ACTOR_DELIVER_LINKEDIN: Final = "deliver_linkedin"
ACTOR_PROCESS_EVENTS: Final = "process_events"
ACTOR_DISPATCH: Final = "dispatch"
ACTOR_RUN_OPERATION: Final = "run_operation"


class _Job(BaseModel):
    # Unknown fields pass: a newer producer may say more than this worker needs to know.
    model_config = ConfigDict(frozen=True, extra="ignore")


class DeliverChunk(_Job):
    """Send the messages that were claimed together under the lease token `chunk`."""

    kind: Literal["deliver_chunk"] = "deliver_chunk"
    v: Literal[1] = 1
    workspace: str
    channel: Channel
    chunk: str


class Dispatch(_Job):
    """Look for messages that are due, in every workspace."""

    kind: Literal["dispatch"] = "dispatch"
    v: Literal[1] = 1


class ProcessEvents(_Job):
    """Apply the webhook events that are stored and not yet applied."""

    kind: Literal["process_events"] = "process_events"
    v: Literal[1] = 1


class RunOperation(_Job):
    """Run an operation whose time has come and that needs no approval any more."""

    kind: Literal["run_operation"] = "run_operation"
    v: Literal[1] = 1
    workspace: str
    operation: str


Job = DeliverChunk | Dispatch | ProcessEvents | RunOperation

_MODELS: Final[Mapping[tuple[str, int], type[DeliverChunk | Dispatch | ProcessEvents | RunOperation]]] = {
    ("deliver_chunk", 1): DeliverChunk,
    ("dispatch", 1): Dispatch,
    ("process_events", 1): ProcessEvents,
    ("run_operation", 1): RunOperation,
}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a job goes: the queue it waits in and the actor that takes it."""

    queue: str
    actor: str


DELIVERY: Final[Mapping[Channel, Route]] = {
    Channel.EMAIL: Route(QUEUE_EMAIL, ACTOR_DELIVER_EMAIL),
    Channel.SMS: Route(QUEUE_SMS, ACTOR_DELIVER_SMS),
    Channel.WHATSAPP: Route(QUEUE_WHATSAPP, ACTOR_DELIVER_WHATSAPP),
    Channel.VOICE: Route(QUEUE_VOICE, ACTOR_DELIVER_VOICE),
    Channel.LINKEDIN: Route(QUEUE_LINKEDIN, ACTOR_DELIVER_LINKEDIN),
}


def route(job: Job) -> Route:
    """Return the queue and actor of `job`; each channel has its own, so that none blocks another."""
    match job:
        case DeliverChunk():
            return DELIVERY[job.channel]
        case ProcessEvents():
            return Route(QUEUE_EVENTS, ACTOR_PROCESS_EVENTS)
        case Dispatch():
            return Route(QUEUE_CONTROL, ACTOR_DISPATCH)
        case RunOperation():
            return Route(QUEUE_OPERATIONS, ACTOR_RUN_OPERATION)


def encode(job: Job) -> dict[str, Any]:
    """Return `job` as the JSON object that travels."""
    return job.model_dump(mode="json")


def decode(payload: Mapping[str, Any]) -> Job:
    """Return the job that `payload` says.

    Raises:
        InvalidInput: an unknown kind, a version this process does not know, or a field that is wrong.
    """
    kind, version = payload.get("kind"), payload.get("v")
    known = sorted(v for k, v in _MODELS if k == kind)
    if not known:
        msg = f"The queue holds a job of unknown kind {kind!r}; upgrade this worker to the producer's release."
        raise InvalidInput(msg)
    if type(version) is not int or version not in known:
        spoken = ", ".join(map(str, known))
        msg = f"The queue holds a {kind!r} job of version {version!r} and this worker reads {spoken}; upgrade it."
        raise InvalidInput(msg)
    try:
        return _MODELS[str(kind), version].model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "job"
        msg = f"The queue holds a {kind!r} job whose {where} is wrong ({first['msg']}); it was left out."
        raise InvalidInput(msg) from error
