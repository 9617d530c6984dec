"""The verdict: what the sandbox's inbox says of each intended message, beside what the ledger says."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from overture_core.messages.states import State
from overture_core.storage.schema import Message, MessageEvent
from tests.faults.system import System

LEASE_ENDS = ("worker_died", "lease_expired")
# A row that ended without being taken, or waits for a time, says why.
WITH_REASON = (State.FAILED, State.HELD, State.SKIPPED, State.CANCELLED)
SAYS_TAKEN = (State.ACCEPTED, State.DELIVERED, State.BOUNCED, State.COMPLAINED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One scenario, counted in messages.

    `lost`: neither accepted by the judge nor ended or held with a reason. `wrong`: the ledger says that a
    message did not leave, and the judge has it. `unknown`: never reached the judge, and the machine says that
    it cannot know. `settled`: was unknown, the judge had it, and evidence said so. `unexplained`: still unknown
    though the judge has it, or without an event that says why. `released`: claims that went back to `due`.
    """

    intended: int
    once: int
    twice: int
    lost: int
    wrong: int
    unknown: int
    settled: int
    unexplained: int
    released: int
    kills: int

    @property
    def holds(self) -> bool:
        """Whether the promise was kept."""
        return not (self.twice or self.lost or self.wrong or self.unexplained)


def judge(system: System) -> Verdict:
    """Compare the ledger with the inbox, once everything is quiet."""
    inbox = system.inbox()
    with system.store.look() as connection:
        rows = connection.execute(select(Message.id, Message.state, Message.reason)).all()
        steps = connection.execute(
            select(MessageEvent.message_id, MessageEvent.from_state, MessageEvent.to_state, MessageEvent.cause)
        ).all()
    were_unknown = {id_ for id_, source, target, cause in steps if target == State.UNKNOWN != source and cause}
    # A provider that takes a message and cannot deliver it says so later: the ledger's `failed` is right then.
    told = {id_ for id_, _, target, cause in steps if target in SAYS_TAKEN or cause.endswith(":failed")}
    taken = {id_ for id_, _, _ in rows if inbox[id_]}
    unknown = {id_ for id_, state, _ in rows if state == State.UNKNOWN}
    untaken = [(state, reason) for id_, state, reason in rows if id_ not in taken and id_ not in unknown]
    return Verdict(
        intended=system.size,
        once=sum(inbox[id_] == 1 for id_ in taken),
        twice=sum(inbox[id_] > 1 for id_ in taken) + len(set(inbox) - taken),
        lost=sum(not (state in WITH_REASON and reason) for state, reason in untaken) + system.size - len(rows),
        wrong=len(taken - told - unknown),
        unknown=len(unknown),
        settled=len((were_unknown & taken) - unknown),
        unexplained=len(unknown & taken) + len(unknown - were_unknown),
        released=sum(
            source == State.CLAIMED and target == State.DUE and cause in LEASE_ENDS
            for _, source, target, cause in steps
        ),
        kills=system.kills,
    )
