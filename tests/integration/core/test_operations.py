"""Operations: asked for once, approved by a person where that is wanted, run once whatever breaks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import update

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.approvals.subjects import subject
from overture_core.clock import ManualClock
from overture_core.errors import ApprovalRequired, Conflict, InvalidInput, NotFound
from overture_core.operations import claims
from overture_core.operations import service as operations
from overture_core.operations.claims import Claim
from overture_core.operations.models import Money, OperationView, Proposal
from overture_core.operations.states import OperationState
from overture_core.storage.schema import Operation
from overture_core.storage.store import Store, Work
from overture_core.workspaces import emergency
from overture_core.workspaces.service import ensure_workspace
from overture_providers import operations as running
from overture_providers.operations import Done, NotYet, Outcome, Provider, Refused, Unclear

pytestmark = pytest.mark.anyio
WORKSPACE = "default"
LINK = Proposal(
    kind="fake.link",
    params={"price": "price_1"},
    told=["A payment link for 12.00 EUR."],
    sandbox=True,
    repeatable=True,
    money=Money(1_200, "EUR"),
)
REFUND = replace(LINK, kind="fake.refund", told=["Refund 12.00 EUR."], why=["it gives money back"])
POST = replace(LINK, kind="fake.post", told=["Post a text."], repeatable=False, money=None)


def propose(store: Store, proposal: Proposal) -> OperationView:
    with store.begin(WORKSPACE, actor="mcp:crew") as work:
        return operations.propose(work, proposal)


def begin(store: Store, operation: OperationView, *, sandbox: bool = True) -> Claim:
    with store.begin(WORKSPACE, actor="worker") as work:
        claim = claims.begin(work, operation.id, sandbox=sandbox)
    assert claim is not None
    return claim


def decide(store: Store, operation: OperationView, *, approve: bool = True) -> None:
    assert operation.approval_id is not None
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        approvals.decide(work, operation.approval_id, approve=approve, by="ada", via=Via.CLI)


def state(store: Store, operation: OperationView) -> OperationState:
    with store.read(WORKSPACE) as work:
        return operations.get(work, operation.id).state


def due(store: Store) -> list[str]:
    with store.read(WORKSPACE) as work:
        return claims.due(work)


def sweep(store: Store) -> tuple[int, int]:
    with store.begin(WORKSPACE, actor="worker") as work:
        return claims.sweep(work)


class Calls:
    """A provider that answers what it is told to, and keeps the keys that it was called under."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.keys: list[str] = []

    async def __call__(self, _store: Store, claim: Claim) -> Outcome:
        self.keys.append(claim.key)
        return self.outcomes.pop(0)

    def find(self, kind: str) -> Provider:
        return Provider({kind: self}, lambda _settings: True)

    async def run(self, store: Store, operation: OperationView) -> OperationView:
        return await running.run(store, WORKSPACE, operation.id, actor="worker", find=self.find)


async def test_asking_twice_is_asking_once_and_the_second_gets_the_firsts_result(
    store: Store, clock: ManualClock
) -> None:
    calls = Calls(Done({"id": "plink_1"}), Done({"id": "plink_2"}))
    first = propose(store, LINK)
    assert propose(store, LINK).id == first.id
    assert propose(store, replace(LINK, reference="a second one")).id != first.id
    done = await calls.run(store, first)
    assert (done.state, done.result) == (OperationState.DONE, {"id": "plink_1"})
    assert propose(store, LINK).result == {"id": "plink_1"}
    assert await calls.run(store, first) == done
    assert len(calls.keys) == 1
    clock.advance(timedelta(hours=25))
    assert propose(store, LINK).id != first.id


def test_of_two_asked_for_together_the_second_counts_the_first(store: Store) -> None:
    def guard(work: Work) -> list[str]:
        return ["it is over the cap"] if operations.spent(work, [LINK.kind], "EUR") + 1_200 > 1_200 else []

    both = [replace(LINK, guard=guard, reference=each) for each in ("one", "two")]
    met = Barrier(len(both), timeout=20)

    def ask(proposal: Proposal) -> list[str]:
        met.wait()
        return propose(store, proposal).why

    with ThreadPoolExecutor(len(both)) as threads:
        assert sorted(threads.map(ask, both)) == [[], ["it is over the cap"]]
    # Asked again they are the same two, and their own amounts do not count against them.
    assert sorted(propose(store, each).why for each in both) == [[], ["it is over the cap"]]


async def test_nothing_runs_that_a_person_has_to_approve_until_they_did(store: Store) -> None:
    calls = Calls(Done({"id": "re_1"}))
    refund = propose(store, REFUND)
    assert (refund.state, refund.why) == (OperationState.WAITING, ["it gives money back"])
    with pytest.raises(ApprovalRequired, match=r"approve this operation first: ask them to do it on the page"):
        await calls.run(store, refund)
    with store.read(WORKSPACE) as work:
        assert refund.approval_id
        shown = subject(work, refund.approval_id)
    assert shown.lines == [
        "Refund 12.00 EUR.",
        "In the sandbox: nobody outside is reached, no money moves.",
        "When: as soon as it is approved.",
        "Asked of a person because it gives money back.",
        "Asked for by mcp:crew.",
    ]
    decide(store, refund)
    assert (await calls.run(store, refund)).state is OperationState.DONE


@pytest.mark.parametrize(
    "changed", [{"params": {"price": "price_2"}}, {"amount": 120_000}, {"told": ["Refund 1.00 EUR."]}]
)
async def test_an_operation_that_was_edited_after_the_approval_does_not_run(
    store: Store, changed: dict[str, Any]
) -> None:
    refund = propose(store, REFUND)
    decide(store, refund)
    with store.begin(WORKSPACE, actor="somebody") as work:
        work.session.execute(update(Operation).values(**changed))
    with pytest.raises(ApprovalRequired, match="Nobody approved this content"):
        await Calls().run(store, refund)


async def test_after_a_no_asking_again_asks_anew(store: Store) -> None:
    refund = propose(store, REFUND)
    decide(store, refund, approve=False)
    with pytest.raises(ApprovalRequired, match="ada rejected this operation"):
        await Calls().run(store, refund)
    again = propose(store, REFUND)
    assert (again.id != refund.id, again.state) == (True, OperationState.WAITING)


def test_only_one_of_two_who_run_it_at_once_gets_it(store: Store) -> None:
    link = propose(store, LINK)
    begin(store, link)
    with store.begin(WORKSPACE, actor="worker 2") as work, pytest.raises(Conflict, match="Somebody runs the operation"):
        claims.begin(work, link.id, sandbox=True)


def test_what_broke_off_is_run_again_under_its_key_where_the_provider_keeps_one(
    store: Store, clock: ManualClock
) -> None:
    link = propose(store, LINK)
    first = begin(store, link)
    clock.advance(claims.LEASE)
    assert sweep(store) == (1, 0)
    clock.advance(claims.GRACE)
    assert due(store) == [link.id]
    second = begin(store, link)
    assert (second.key, second.token != first.token) == (first.key, True)
    with store.begin(WORKSPACE, actor="worker") as work, pytest.raises(Conflict, match="taken over"):
        claims.finish(work, first, {"id": "late"})


def test_a_key_that_the_provider_has_forgotten_is_not_trusted(store: Store, clock: ManualClock) -> None:
    link = propose(store, LINK)
    begin(store, link)
    clock.advance(timedelta(hours=24))
    assert sweep(store) == (0, 1)
    assert state(store, link) is OperationState.UNKNOWN


async def test_what_broke_off_without_a_key_is_unknown_and_only_a_person_settles_it(
    store: Store, clock: ManualClock
) -> None:
    post = propose(store, POST)
    begin(store, post)
    clock.advance(claims.LEASE)
    assert sweep(store) == (0, 1)
    assert due(store) == []
    with pytest.raises(Conflict, match="Nobody knows what became"):
        await Calls().run(store, post)
    assert propose(store, POST).id == post.id
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        settled = operations.settle(work, post.id, result={"id": "urn:li:share:1"}, note="it stands on the page")
    assert (settled.state, settled.result) == (OperationState.DONE, {"id": "urn:li:share:1"})


@pytest.mark.parametrize(
    ("proposal", "outcome", "becomes"),
    [
        (LINK, Refused("There is no such price."), OperationState.FAILED),
        (LINK, NotYet("No connection."), OperationState.READY),
        (LINK, Unclear("time-out"), OperationState.READY),
        (POST, Unclear("time-out"), OperationState.UNKNOWN),
    ],
)
async def test_what_the_provider_answers_is_what_becomes_of_it(
    store: Store, proposal: Proposal, outcome: Outcome, becomes: OperationState
) -> None:
    made = await Calls(outcome).run(store, propose(store, proposal))
    assert (made.state, made.error) == (becomes, getattr(outcome, "detail", None))


async def test_the_providers_own_time_is_waited_for(store: Store, clock: ManualClock) -> None:
    link = propose(store, LINK)
    later = clock.now() + timedelta(minutes=5)
    made = await Calls(NotYet("Too many requests.", retry_at=later)).run(store, link)
    assert made.run_at == later
    clock.advance(timedelta(minutes=4))
    assert due(store) == []
    clock.advance(timedelta(minutes=1))
    assert due(store) == [link.id]


def test_a_scheduled_operation_waits_for_its_time_and_a_time_that_is_over_is_refused(
    store: Store, clock: ManualClock
) -> None:
    post = propose(store, replace(POST, run_at=clock.now() + timedelta(days=1)))
    with store.begin(WORKSPACE, actor="crew") as work, pytest.raises(Conflict, match="a worker runs it then"):
        claims.begin(work, post.id, sandbox=True)
    assert due(store) == []
    clock.advance(timedelta(days=1))
    assert due(store) == [post.id]
    with pytest.raises(InvalidInput, match="is over, or more than a year away"):
        propose(store, replace(POST, run_at=clock.now()))


def test_a_worker_takes_up_what_was_approved_and_not_what_waits(store: Store, clock: ManualClock) -> None:
    refund = propose(store, REFUND)
    clock.advance(claims.GRACE)
    assert due(store) == []
    decide(store, refund)
    assert due(store) == []  # who approved it at a client runs it there
    clock.advance(claims.GRACE)
    assert due(store) == [refund.id]


def test_an_emergency_stop_holds_operations_back_and_lifting_it_lets_them_go(store: Store, clock: ManualClock) -> None:
    link = propose(store, LINK)
    clock.advance(claims.GRACE)
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        emergency.stop(work)
    assert due(store) == []
    with store.begin(WORKSPACE, actor="crew") as work, pytest.raises(Conflict, match="All sending is stopped"):
        claims.begin(work, link.id, sandbox=True)
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        emergency.lift(work)
    assert due(store) == [link.id]


def test_what_was_asked_for_in_the_sandbox_never_runs_at_the_real_provider(store: Store) -> None:
    link = propose(store, LINK)
    with store.begin(WORKSPACE, actor="crew") as work, pytest.raises(Conflict, match="ask for it again"):
        claims.begin(work, link.id, sandbox=False)


def test_the_latest_is_what_was_called_last_with_these_parameters_and_was_not_refused(
    store: Store, clock: ManualClock
) -> None:
    def called(price: str) -> Claim:
        clock.advance(timedelta(minutes=1))
        return begin(store, propose(store, replace(POST, params={"price": price, "text": clock.now().isoformat()})))

    def latest(price: str, *, sandbox: bool = True) -> Any:
        with store.read(WORKSPACE) as work:
            return operations.latest(work, POST.kind, LINK.kind, sandbox=sandbox, price=price)

    propose(store, LINK)
    assert latest("price_1") is None  # never called
    first, second, other = called("price_1"), called("price_1"), called("price_2")
    assert latest("price_1") == (POST.kind, second.params)
    assert latest("price_2") == (POST.kind, other.params)
    assert latest("price_1", sandbox=False) is None
    with store.begin(WORKSPACE, actor="worker") as work:
        claims.fail(work, second, "no")
    assert latest("price_1") == (POST.kind, first.params)


def test_what_was_taken_back_is_not_run_and_what_has_begun_is_not_taken_back(store: Store) -> None:
    refund, link = propose(store, REFUND), propose(store, LINK)
    decide(store, refund)
    with store.begin(WORKSPACE, actor="cli:ada") as work:
        assert operations.cancel(work, refund.id).state is OperationState.CANCELLED
        assert operations.cancel(work, refund.id).state is OperationState.CANCELLED
    with store.begin(WORKSPACE, actor="crew") as work, pytest.raises(Conflict, match="was cancelled"):
        claims.begin(work, refund.id, sandbox=True)
    begin(store, link)
    with store.begin(WORKSPACE, actor="cli:ada") as work, pytest.raises(Conflict, match="cannot be taken back"):
        operations.cancel(work, link.id)


async def test_the_sum_of_a_day_counts_what_ran_and_what_will_run_by_itself(store: Store, clock: ManualClock) -> None:
    def spent() -> int:
        with store.read(WORKSPACE) as work:
            return operations.spent(work, ["fake.link"], "EUR")

    await Calls(Done({})).run(store, propose(store, LINK))
    await Calls(Refused("no")).run(store, propose(store, replace(LINK, reference="2")))
    begin(store, propose(store, replace(LINK, reference="3")))
    propose(store, replace(LINK, reference="4"))
    propose(store, replace(REFUND, kind="fake.link", reference="5"))  # waits for a person, who sees its amount
    assert spent() == 3_600
    clock.advance(timedelta(hours=25))
    assert spent() == 0


def test_another_workspace_sees_and_runs_none_of_them(store: Store) -> None:
    link = propose(store, LINK)
    with store.begin("other", actor="test", check=False) as work:
        ensure_workspace(work)
    with store.begin("other", actor="stranger") as work:
        assert operations.list_(work) == []
        for touch in (operations.get, operations.cancel):
            with pytest.raises(NotFound, match="There is no operation"):
                touch(work, link.id)
        with pytest.raises(NotFound):
            claims.begin(work, link.id, sandbox=True)
