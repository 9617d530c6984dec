"""Events that overtake what they are about, and several workers that apply events at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update

from overture_core.clock import ManualClock
from overture_core.messages import intake
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, Kind
from overture_core.messages.states import State, change
from overture_core.storage.schema import Lead, LeadIdentity, Message, MessageEvent, Suppression, Template, WebhookEvent
from overture_core.storage.store import Store

WORKSPACE = "default"
PEOPLE = 300


def event(key: str, kind: Kind, store: Store, **changes: Any) -> DeliveryEvent:
    values = {"provider": "sendgrid", "at": store.clock.now(), "channel": Channel.EMAIL, **changes}
    return DeliveryEvent(dedupe_key=key, kind=kind, **values)


def states(store: Store) -> Counter[str]:
    with store.read(WORKSPACE) as work:
        return Counter(work.session.scalars(select(Message.state)))


def outcomes(store: Store) -> Counter[str | None]:
    with store.read(WORKSPACE) as work:
        return Counter(work.session.scalars(select(WebhookEvent.outcome)))


# --- Overtaking ---


def test_a_webhook_that_overtakes_the_write_back_of_its_provider_id_is_applied_once_that_is_known(
    crowd: Store, clock: ManualClock
) -> None:
    mine = Message.id == "accepted_000"
    with crowd.begin(WORKSPACE, actor="worker") as work:
        work.session.execute(update(Message).where(mine).values(state="sending", provider=None, accepted_at=None))
    early = [event(kind, kind, crowd, provider_id="req-1") for kind in (Kind.DELIVERED, Kind.OPENED)]
    assert intake.store_events(crowd, early) == 2
    assert intake.process(crowd) == 2
    assert (states(crowd)["sending"], outcomes(crowd)) == (1, {"unmatched:1": 2})

    with crowd.begin(WORKSPACE, actor="worker") as work:
        written = {"provider": "sendgrid", "provider_id": "req-1"}
        assert change(work, State.SENDING, State.ACCEPTED, mine, cause="sendgrid", values=written)
    assert (intake.waiting(crowd), intake.process(crowd)) == (0, 0)
    clock.advance(intake.LOOKS_AGAIN[0])
    assert (intake.waiting(crowd), intake.process(crowd)) == (2, 2)
    assert outcomes(crowd) == {"applied": 2}
    with crowd.read(WORKSPACE) as work:
        now = select(Message.state, Message.opened_at).where(mine)
        assert work.session.execute(now).one() == ("delivered", early[1].at)


def test_events_for_nobody_never_stand_before_new_ones(crowd: Store, clock: ManualClock) -> None:
    strange = [event(f"s{n}", Kind.OPENED, crowd, provider_id="another-system") for n in range(2 * intake.BATCH)]
    intake.store_events(crowd, strange)
    assert [intake.process(crowd) for _ in range(3)] == [intake.BATCH, intake.BATCH, 0]
    clock.advance(timedelta(seconds=3))
    intake.store_events(crowd, [event("ours", Kind.OPENED, crowd, message_id="accepted_000")])
    clock.advance(timedelta(hours=-1))  # a worker whose clock is behind the server's
    assert intake.process(crowd) == 1
    assert outcomes(crowd) == {"unmatched:1": 2 * intake.BATCH, "applied": 1}


# --- Together ---


@pytest.fixture
def crowd(store: Store) -> Store:
    """A store with `PEOPLE` accepted e-mails, and one to each of the same people that is due."""
    now = store.clock.now()
    common = {"workspace_id": WORKSPACE, "created_at": now, "updated_at": now}
    numbers = range(PEOPLE)
    message = {"channel": "email", "template_id": "tpl_1", "provider": "sendgrid", **common}
    with store.begin(WORKSPACE, actor="test") as work:
        execute = work.session.execute
        template = {"id": "tpl_1", "workspace_id": WORKSPACE, "name": "t", "version": 1, "channel": "email"}
        execute(insert(Template).values(**template, subject="s", body="b", created_at=now))
        execute(insert(Lead), [{"id": f"lead_{n:03}", "custom": {}, **common} for n in numbers])
        identity = {"workspace_id": WORKSPACE, "kind": "email"}
        identities = [{"id": f"i{n}", "lead_id": f"lead_{n:03}", "value": f"p{n}@example.com"} for n in numbers]
        execute(insert(LeadIdentity), [{**each, **identity} for each in identities])
        for state in ("accepted", "due"):
            to = [{"id": f"{state}_{n:03}", "lead_id": f"lead_{n:03}", "address": f"p{n}@example.com"} for n in numbers]
            execute(insert(Message), [{**each, **message, "state": state, "due_at": now} for each in to])
    return store


@pytest.fixture
def another(crowd: Store, clock: ManualClock) -> Iterator[Callable[[], Store]]:
    """Opens the same database as another process would."""
    opened: list[Store] = []

    def make() -> Store:
        url = crowd.engine.url.render_as_string(hide_password=False)
        opened.append(Store(crowd.settings.model_copy(update={"database_url": url}), clock))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_many_workers_apply_each_event_once_while_others_write_to_the_same_rows(
    crowd: Store, another: Callable[[], Store]
) -> None:
    kinds = (Kind.DELIVERED, Kind.OPENED, Kind.COMPLAINED)
    for kind in kinds:
        intake.store_events(
            crowd,
            [event(f"{kind}{n}", kind, crowd, message_id=f"accepted_{n:03}", code="c") for n in range(PEOPLE)],
        )

    def worker(mine: Store) -> int:
        done = 0
        while intake.waiting(mine):
            done += intake.process(mine, 100)
        return done

    def sender(mine: Store) -> None:
        """Writes to rows in an order of its own; it must never be the one to fail."""
        for _ in range(10):
            with mine.begin(WORKSPACE, actor="sender") as work:
                for n in range(PEOPLE - 1, -1, -30):
                    mine_now = update(Message).where(Message.id.in_([f"due_{n:03}", f"accepted_{n:03}"]))
                    work.session.execute(mine_now.values(attempt=Message.attempt + 1))

    with ThreadPoolExecutor(4) as pool:
        sending = pool.submit(sender, another())
        working = [pool.submit(worker, another()) for _ in range(3)]
        sending.result()
        done = sum(each.result() for each in working)
    assert done == len(kinds) * PEOPLE
    assert outcomes(crowd) == {"applied": len(kinds) * PEOPLE}
    assert states(crowd) == {"complained": PEOPLE, "cancelled": PEOPLE}
    with crowd.read(WORKSPACE) as work:
        events = work.session.execute(select(MessageEvent.message_id, MessageEvent.cause).distinct()).all()
        assert work.session.scalar(select(func.count()).select_from(MessageEvent)) == len(events) == 4 * PEOPLE
        assert work.session.scalar(select(func.count()).select_from(Suppression)) == PEOPLE


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_events_whose_message_somebody_holds_stay_in_the_line(crowd: Store) -> None:
    events = [event(str(n), Kind.DELIVERED, crowd, message_id=f"accepted_{n:03}") for n in range(3)]
    intake.store_events(crowd, events)
    with crowd.begin(WORKSPACE, actor="holder") as work:
        work.session.execute(update(Message).where(Message.id == "accepted_001").values(attempt=1))
        assert (intake.process(crowd), intake.waiting(crowd)) == (0, 3)
    assert intake.process(crowd) == 3
    assert outcomes(crowd) == {"applied": 3}


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_where_two_wait_for_each_other_intake_gives_way_and_never_the_sender(
    crowd: Store, another: Callable[[], Store], wait_for: Any
) -> None:
    first, second = "accepted_000", "accepted_001"
    intake.store_events(crowd, [event(each, Kind.DELIVERED, crowd, message_id=each) for each in (first, second)])
    held_up = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def blocked() -> bool:
        with crowd.read(WORKSPACE) as work:
            return bool(work.session.scalar(held_up))

    with ThreadPoolExecutor(1) as pool, another().begin(WORKSPACE, actor="sender") as work:
        work.session.execute(update(Message).where(Message.id == second).values(attempt=7))
        processing = pool.submit(intake.process, crowd)
        wait_for(blocked)  # it has the first row and waits for the second
        work.session.execute(update(Message).where(Message.id == first).values(attempt=7))
        assert processing.result() == 0
    assert intake.process(crowd) == 2
    with crowd.read(WORKSPACE) as work:
        written = select(Message.state, Message.attempt).where(Message.id.in_([first, second]))
        assert work.session.execute(written).all() == [("delivered", 7), ("delivered", 7)]
