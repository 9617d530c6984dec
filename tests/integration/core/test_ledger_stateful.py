"""The ledger under any sequence of claims, crashes, late writes, webhooks, stops and settlements.

Hypothesis plays workers, the provider, its webhooks and people against a real store, and keeps the
provider's side of the story: what was handed over, and what of it was taken. Whatever the order,
nothing is handed over again that may have been taken, and every row's events are a walk in the table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, select

from overture_core.campaigns import service as campaigns
from overture_core.campaigns.states import CampaignState
from overture_core.clock import ManualClock
from overture_core.errors import Conflict
from overture_core.messages import intake, ledger, reconciling, settling
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, Kind
from overture_core.messages.outcomes import Accepted, Outcome, Refused, Retryable, Unknown
from overture_core.messages.reconciling import Found, Resolution
from overture_core.messages.states import TRANSITIONS, State
from overture_core.messages.stopping import stop_lead
from overture_core.storage import schema
from overture_core.storage.schema import Campaign, Lead, Lease, Message, MessageEvent
from overture_core.storage.store import Store
from overture_core.templates import service as templates

WORKSPACE = "default"
START = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
PROVIDER = {Channel.EMAIL: "sendgrid", Channel.SMS: "twilio"}
# "Again" and "Sequel" write the same SMS to the same people: only time and ids tell these apart.
CAMPAIGNS = {"Mail": Channel.EMAIL, "Again": Channel.SMS, "Sequel": Channel.SMS}
LEADS = ("ada", "ben")
STOPS = {Kind.COMPLAINED, Kind.UNSUBSCRIBED}
HELD_BY_A_WORKER = {State.CLAIMED, State.SENDING}

numbers = st.integers(0, 999)
owners = st.sampled_from(["worker-1", "worker-2"])
# What the provider does with a message, and what the worker hears of it.
answers = st.sampled_from(
    [
        (True, Accepted("")),
        (True, Unknown("timed out")),
        (False, Unknown("dropped")),
        (False, Refused("400", "bad address")),
        (False, Retryable("429", "slow down")),
        (False, Retryable("unauthorized", "check the key")),
    ]
)
# What ends the story of a lead or a campaign comes seldom, or the stories would all be short.
kinds = st.one_of(*[st.sampled_from([kind for kind in Kind if kind not in STOPS])] * 3, st.sampled_from(Kind))
seldom = st.sampled_from([False] * 5 + [True])


@dataclass
class Flight:
    """Messages that one worker has marked as `sending` under a token; `results` once they have left."""

    token: str
    channel: Channel
    ids: list[str]
    results: list[tuple[str, Outcome]] | None = None


class LedgerMachine(RuleBasedStateMachine):
    """Rules are what can happen; `taken` and `handed` are the provider's own books."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        super().__init__()
        self.store = store
        self.clock = clock
        self.tokens: list[tuple[str, Channel]] = []
        self.flights: list[Flight] = []
        self.handed: dict[str, list[bool]] = defaultdict(list)  # by message: may this attempt have been taken
        self.taken: list[tuple[str, Found]] = []
        self.hearsay: set[str] = set()  # leads of whom somebody said what need not be true
        self._begin()

    def _begin(self) -> None:
        self.clock.advance(START - self.clock.now())
        with self.store.begin(WORKSPACE, actor="test") as work:
            for table in reversed(schema.Base.metadata.sorted_tables):
                if table.name != schema.Workspace.__tablename__:
                    work.session.execute(delete(table))
            at: dict[str, Any] = {"created_at": work.now(), "updated_at": work.now()}
            templates.save(work, "mail", Channel.EMAIL, "Hello again.", "Hello")
            templates.save(work, "text", Channel.SMS, "Hello again.")
            for name in CAMPAIGNS:
                work.session.add(
                    Campaign(
                        id=f"cmp_{name}",
                        workspace_id=WORKSPACE,
                        name=name,
                        state=CampaignState.RUNNING,
                        created_at=work.now(),
                    )
                )
            for number, name in enumerate(LEADS):
                work.session.add(Lead(id=f"lead_{name}", workspace_id=WORKSPACE, custom={}, **at))
                work.session.flush()
                for kind, value in (("email", f"{name}@example.com"), ("phone", f"+1212555010{number}")):
                    work.session.add(
                        schema.LeadIdentity(
                            id=f"idn_{name}_{kind}",
                            workspace_id=WORKSPACE,
                            lead_id=f"lead_{name}",
                            kind=kind,
                            value=value,
                        )
                    )
            work.session.flush()
            for campaign, channel in CAMPAIGNS.items():
                for number, name in enumerate(LEADS):
                    mail = channel is Channel.EMAIL
                    work.session.add(
                        Message(
                            id=f"msg_{campaign}_{name}",
                            workspace_id=WORKSPACE,
                            campaign_id=f"cmp_{campaign}",
                            lead_id=f"lead_{name}",
                            channel=channel,
                            address=f"{name}@example.com" if mail else f"+1212555010{number}",
                            template_id=templates.get(work, "mail" if mail else "text").id,
                            merge={},
                            state=State.DUE,
                            due_at=work.now(),
                            **at,
                        )
                    )
        self.ids = [f"msg_{campaign}_{name}" for campaign in CAMPAIGNS for name in LEADS]

    # --- Workers ---

    @rule(campaign=st.sampled_from(sorted(CAMPAIGNS)), owner=owners, limit=st.integers(1, 4))
    def claim(self, campaign: str, owner: str, limit: int) -> None:
        channel = CAMPAIGNS[campaign]
        with self.store.begin(WORKSPACE, actor=owner) as work:
            token = ledger.claim(work, channel, campaign_id=f"cmp_{campaign}", owner=owner, limit=limit)
        if token is not None:
            self.tokens.append((token, channel))

    @precondition(lambda self: self.tokens)
    @rule(number=numbers, owner=owners, many=st.integers(1, 4))
    def start(self, number: int, owner: str, many: int) -> None:
        """A job runs, for the first time or again, perhaps long after its lease."""
        token, channel = self._one_of(self.tokens, number)
        before = self._states()
        with self.store.begin(WORKSPACE, actor=owner) as work:
            rows = ledger.claimed(work, token)
            ledger.renew(work, token, owner=owner)
        running = self._running()
        with self._only_under(token), self.store.begin(WORKSPACE, actor=owner) as work:
            ids = ledger.start_sending(work, token, [row.id for row in rows][:many], owner=owner)
        assert {before[each] for each in ids} <= {State.CLAIMED}
        assert {_campaign_of(each) for each in ids} <= running, "a campaign that does not run sends"
        if ids:
            self.flights.append(Flight(token, channel, sorted(ids)))

    @precondition(lambda self: any(flight.results is None for flight in self.flights))
    @rule(number=numbers, said=st.lists(answers, min_size=4, max_size=4))
    def fly(self, number: int, said: list[tuple[bool, Outcome]]) -> None:
        """The bytes leave: at once, or after the process was stopped for however long."""
        self._fly(self._one_of([flight for flight in self.flights if flight.results is None], number), said)

    def _fly(self, flight: Flight, said: list[tuple[bool, Outcome]]) -> None:
        flight.results = []
        for message_id, (takes, outcome) in zip(flight.ids, said, strict=False):
            assert not any(self.handed[message_id]), f"{message_id} was handed over again, and may have been taken"
            self.handed[message_id].append(not isinstance(outcome, Retryable))
            heard = outcome
            if takes:
                sid = f"sid_{len(self.taken)}"
                self.taken.append((message_id, Found(sid, self.clock.now())))
                heard = Accepted(sid) if isinstance(outcome, Accepted) else outcome
            flight.results.append((message_id, heard))

    @precondition(lambda self: any(flight.results for flight in self.flights))
    @rule(number=numbers)
    def write_down(self, number: int) -> None:
        """The answer is written down: in time, late, or once more."""
        self._write_down(self._one_of([flight for flight in self.flights if flight.results], number))

    def _write_down(self, flight: Flight) -> None:
        with self._only_under(flight.token), self.store.begin(WORKSPACE, actor="worker-1") as work:
            settling.settle(work, flight.token, PROVIDER[flight.channel], flight.results or [])

    @precondition(lambda self: self.flights)
    @rule(number=numbers)
    def crash(self, number: int) -> None:
        """A worker dies: nothing more leaves, nothing is written down."""
        self.flights.remove(self._one_of(self.flights, number))

    @rule(
        campaign=st.sampled_from(sorted(CAMPAIGNS)),
        owner=owners,
        said=st.lists(answers, min_size=4, max_size=4),
        written=st.booleans(),
    )
    def deliver(self, campaign: str, owner: str, said: list[tuple[bool, Outcome]], written: bool) -> None:
        """A job as it mostly goes; its answer may still be to be written down."""
        flown, chunks = len(self.flights), len(self.tokens)
        self.claim(campaign, owner, 4)
        if len(self.tokens) > chunks:
            self.start(chunks, owner, 4)
        if len(self.flights) > flown:
            self._fly(self.flights[-1], said)
            if written:
                self._write_down(self.flights[-1])

    @precondition(lambda self: self.tokens)
    @rule(
        number=numbers,
        how=st.sampled_from(["hold"] * 3 + ["finish", "renew"] * 3 + ["skip"]),
        seconds=st.integers(0, 120),
    )
    def put_aside(self, number: int, how: str, seconds: int) -> None:
        token, _ = self._one_of(self.tokens, number)
        with self._only_under(token), self.store.begin(WORKSPACE, actor="worker-1") as work:
            rows = [row.id for row in ledger.claimed(work, token)][:1]
            later = work.now() + timedelta(seconds=seconds)
            if how == "hold":
                ledger.hold(work, token, rows, reason="quiet_hours", until=later)
            elif how == "skip":
                ledger.skip(work, token, rows, reason="no_consent")
            elif how == "finish":
                ledger.finish(work, token, cause="worker_stopping", due_at=later)
            else:
                ledger.renew(work, token, owner="worker-1")

    @rule(owner=owners)
    def process_dies(self, owner: str) -> None:
        """Its supervisor gives back what it held, and nothing that another process has taken over."""
        with self.store.begin(WORKSPACE, actor="supervisor") as work:
            ledger.abandon(work, owner)

    @rule(seconds=st.sampled_from([0, 31, 61, 7_200]))
    def sweep(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        with self.store.begin(WORKSPACE, actor="pump") as work:
            ledger.sweep(work)

    @rule(seconds=st.sampled_from([1, 10, 31, 700, 7_200, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    # --- The provider's webhooks, and people ---

    @rule(
        number=numbers,
        kind=kinds,
        names_ours=st.booleans(),
        permanent=seldom,
        key=st.integers(0, 1),
    )
    def webhook(self, number: int, kind: Kind, names_ours: bool, permanent: bool, key: int) -> None:
        """Anything is said of any message, also of one that never left; often the same again."""
        message_id = self._one_of(self.ids, number)
        channel = CAMPAIGNS[_campaign_of(message_id)]
        self.hearsay.add(_lead_of(message_id))
        sids = [found.provider_id for taken, found in self.taken if taken == message_id]
        event = DeliveryEvent(
            provider=PROVIDER[channel],
            dedupe_key=f"{message_id}:{kind}:{key}",
            kind=kind,
            at=self.clock.now(),
            channel=channel,
            message_id=message_id if names_ours else None,
            provider_id=sids[-1] if sids else None,
            code="30003",
            permanent=permanent,
        )
        intake.store_events(self.store, [event, event])

    @rule(many=st.integers(1, 5))
    def process_events(self, many: int) -> None:
        intake.process(self.store, many)

    @rule(name=st.sampled_from(LEADS), really=seldom)
    def lead_stops(self, name: str, really: bool) -> None:
        if not really:
            return
        with self.store.begin(WORKSPACE, actor="webhook") as work:
            stop_lead(work, f"lead_{name}", cause="reply")

    @rule(
        name=st.sampled_from(sorted(CAMPAIGNS)),
        becomes=st.sampled_from(["paused"] * 3 + ["running"] * 8 + ["cancelled"]),
    )
    def campaign_becomes(self, name: str, becomes: str) -> None:
        try:
            with self.store.begin(WORKSPACE, actor="ada") as work:
                campaigns.set_state(work, name, CampaignState(becomes))
        except Conflict:
            assert name not in self._running()

    @rule(number=numbers, outcome=st.sampled_from(Resolution))
    def person_settles(self, number: int, outcome: Resolution) -> None:
        message_id = self._one_of(self.ids, number)
        self.hearsay.add(_lead_of(message_id))
        unknown = self._states()[message_id] == State.UNKNOWN
        try:
            with self.store.begin(WORKSPACE, actor="ada") as work:
                reconciling.resolve(work, message_id, outcome, by="ada")
        except Conflict:
            assert not unknown
        else:
            assert unknown

    @rule(last_first=st.booleans())
    def look_up(self, last_first: bool) -> None:
        """Every unknown SMS is looked up, in either order."""
        for message_id in sorted(self.ids, reverse=last_first):
            if CAMPAIGNS[_campaign_of(message_id)] is not Channel.SMS:
                continue
            lead = _lead_of(message_id)
            found = [each for taken, each in self.taken if _lead_of(taken) == lead and "Mail" not in taken]
            before = self._states()[message_id]
            with self.store.begin(WORKSPACE, actor="worker-1") as work:
                used = reconciling.apply_lookup(work, message_id, found, provider="twilio")
            if used is not None:
                assert (before, self._states()[message_id]) == (State.UNKNOWN, State.ACCEPTED)
                assert lead in self.hearsay or message_id in {taken for taken, _ in self.taken}

    # --- What always holds ---

    @invariant()
    def nobody_is_written_to_twice(self) -> None:
        taken = [message_id for message_id, _ in self.taken]
        assert len(taken) == len(set(taken))

    @invariant()
    def every_history_is_a_walk_in_the_table_that_ends_in_the_rows_state(self) -> None:
        with self.store.read(WORKSPACE) as work:
            rows = {row.id: State(row.state) for row in work.session.scalars(select(Message))}
            at = dict.fromkeys(rows, State.DUE)
            for event in work.session.scalars(select(MessageEvent).order_by(MessageEvent.id)):
                source, target = State(event.from_state or ""), State(event.to_state)
                assert source == at[event.message_id], f"{event.message_id}: {source} after {at[event.message_id]}"
                assert target == source or target in TRANSITIONS[source]
                assert event.cause
                at[event.message_id] = target
        assert at == rows

    @invariant()
    def a_lease_is_held_while_claimed_or_sending_and_never_else(self) -> None:
        for message_id, (state, token, _) in self._held().items():
            assert (token is not None) == (state in HELD_BY_A_WORKER), f"{message_id} is {state} under {token}"
        held = {token for _, token, _ in self._held().values() if token}
        with self.store.read(WORKSPACE) as work:
            assert held <= set(work.session.scalars(select(Lease.token))), "a row without a lease is never swept"

    @invariant()
    def a_lead_is_in_the_hands_of_one_worker_at_a_time(self) -> None:
        hands = {(_lead_of(message_id), token) for message_id, (_, token, _) in self._held().items() if token}
        assert len(hands) == len({lead for lead, _ in hands})

    @invariant()
    def one_sms_at_the_provider_stands_for_one_row(self) -> None:
        sids = [
            sid
            for message_id, (_, _, sid) in self._held().items()
            if sid and CAMPAIGNS[_campaign_of(message_id)] is Channel.SMS and _lead_of(message_id) not in self.hearsay
        ]
        assert len(sids) == len(set(sids))

    def _held(self) -> dict[str, tuple[str, str | None, str | None]]:
        """By message: its state, the token that it is held under, the provider's id."""
        with self.store.read(WORKSPACE) as work:
            rows = select(Message.id, Message.state, Message.lease_token, Message.provider_id)
            return {message_id: (state, token, sid) for message_id, state, token, sid in work.session.execute(rows)}

    @contextmanager
    def _only_under(self, token: str) -> Iterator[None]:
        """What is done in the name of a token changes nothing that is not held under it."""
        before = self._held()
        yield
        changed = {message_id for message_id, now in self._held().items() if now != before[message_id]}
        assert {before[message_id][1] for message_id in changed} <= {token}

    def _states(self) -> dict[str, str]:
        with self.store.read(WORKSPACE) as work:
            return {row.id: row.state for row in work.session.scalars(select(Message))}

    def _running(self) -> set[str]:
        with self.store.read(WORKSPACE) as work:
            return set(work.session.scalars(select(Campaign.name).where(Campaign.state == CampaignState.RUNNING)))

    @staticmethod
    def _one_of(found: list[Any], number: int) -> Any:
        return found[number % len(found)]


def _campaign_of(message_id: str) -> str:
    return message_id.split("_")[1]


def _lead_of(message_id: str) -> str:
    return message_id.split("_")[2]


def play(store: Store, clock: ManualClock, *, examples: int) -> None:
    class Played(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(store, clock)

    run_state_machine_as_test(
        Played,
        settings=settings(
            max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.timeout(300)
def test_no_sequence_of_events_sends_twice_or_leaves_the_table(sqlite_store: Store, clock: ManualClock) -> None:
    play(sqlite_store, clock, examples=60)


@pytest.mark.timeout(300)
def test_no_sequence_of_events_sends_twice_or_leaves_the_table_on_postgresql(
    postgresql_store: Store, clock: ManualClock
) -> None:
    play(postgresql_store, clock, examples=20)
