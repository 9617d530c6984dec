"""Planning and launching in pages: what others see meanwhile, and what a crash or an edit leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from overture_core.campaigns import launching, planning, service
from overture_core.campaigns.launching import LaunchResult
from overture_core.campaigns.models import PlanRequest, PlanView
from overture_core.campaigns.states import CampaignState
from overture_core.campaigns.status import status
from overture_core.clock import ManualClock
from overture_core.errors import Conflict
from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.messages.states import State
from overture_core.messages.stopping import stop_lead
from overture_core.storage.schema import Lead, Message, MessageEvent, Plan, Sender
from overture_core.storage.store import Store
from overture_core.templates import service as templates

WORKSPACE = "default"
PAGE = 2
LEADS = 5


class Killed(BaseException):
    """Stands for the end of the process between two pages."""


@pytest.fixture
def audience(scene: Any) -> Any:
    for number in range(LEADS):
        scene.add_lead(email=f"lead{number}@example.com")
    return scene


def plan(store: Store, progress: Callable[[int, int], None] = lambda _done, _total: None, **changes: Any) -> PlanView:
    request = {"name": "Spring", "segment": "everyone", "templates": {"email": "hello"}, **changes}
    asked = PlanRequest.model_validate(request)
    return planning.plan_paged(store, WORKSPACE, asked, actor="model", progress=progress, page=PAGE)


def launch(
    store: Store, planned: PlanView, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> LaunchResult:
    return launching.launch_paged(store, WORKSPACE, planned.plan_id, actor="model", progress=progress)


def at(moment: int, action: Callable[[], object]) -> Callable[[int, int], None]:
    """Return a progress that does `action` when `moment` rows are done."""

    def progress(done: int, _total: int) -> None:
        if done == moment:
            action()

    return progress


def killed() -> None:
    raise Killed


def states(store: Store) -> list[str]:
    with store.read(WORKSPACE) as work:
        return list(work.session.scalars(select(Message.state).order_by(Message.lead_id)))


def plan_states(store: Store) -> list[str]:
    with store.read(WORKSPACE) as work:
        return list(work.session.scalars(select(Plan.state).order_by(Plan.created_at, Plan.id)))


def campaign_state(store: Store) -> CampaignState:
    with store.read(WORKSPACE) as work:
        return status(work, "Spring").state


def set_state(store: Store, target: CampaignState) -> None:
    service.set_state_paged(store, WORKSPACE, "Spring", target, actor="ada")


def edit(store: Store, number: int, **values: Any) -> None:
    """Change the message of a lead behind the product's back."""
    with store.begin(WORKSPACE, actor="intruder") as work:
        ids = list(work.session.scalars(select(Message.id).order_by(Message.lead_id)))
        work.session.execute(update(Message).where(Message.id == ids[number]).values(**values))


def test_a_plan_in_pages_is_the_plan_in_one_piece_and_shows_how_far_it_is(audience: Any, store: Store) -> None:
    seen: list[tuple[int, int]] = []
    paged = plan(store, lambda done, total: seen.append((done, total)))
    whole = audience.plan(templates={"email": "hello"})
    own = {"plan_id", "content_hash", "approval", "samples"}  # a sample has its message's own link in it
    assert paged.model_dump(exclude=own) == whole.model_dump(exclude=own)
    assert [each.to for each in paged.samples] == [each.to for each in whole.samples]
    assert seen == [(0, LEADS), (2, LEADS), (4, LEADS), (5, LEADS)]


def test_others_write_between_the_pages_of_a_plan_and_of_a_launch(audience: Any, store: Store) -> None:
    written = []

    def write(_done: int, _total: int) -> None:
        with store.begin(WORKSPACE, actor="another") as work:
            work.session.execute(update(Sender).values(name="Another"))
            written.append(plan_states(store)[-1])

    planned = plan(store, write)
    audience.approve(planned)
    assert launch(store, planned, write).queued == LEADS
    assert written == ["preparing"] * 4 + ["launching"] * 2 + ["launched"]


def test_a_plan_cut_short_is_never_launched_and_gives_way_to_the_next(audience: Any, store: Store) -> None:
    with pytest.raises(Killed):
        plan(store, at(4, killed))
    assert (plan_states(store), states(store)) == (["preparing"], ["draft"] * 4)
    with store.read(WORKSPACE) as work:
        cut_short = work.session.scalars(select(Plan.id)).one()
        assert status(work, "Spring").plan_id is None
    with pytest.raises(Conflict, match="still being prepared"):
        launching.launch_paged(store, WORKSPACE, cut_short, actor="model")
    again = plan(store)
    assert (again.recipients, again.excluded) == (LEADS, {})
    with store.read(WORKSPACE) as work:
        assert {row.plan_id for row in work.session.scalars(select(Message))} == {again.plan_id}
        assert work.session.scalar(select(func.count()).select_from(MessageEvent)) == LEADS
    with pytest.raises(Conflict, match="replaced by a newer one"):
        launching.launch_paged(store, WORKSPACE, cut_short, actor="model")


def test_of_two_plannings_at_a_time_the_later_one_counts(audience: Any, store: Store) -> None:
    later: list[PlanView] = []
    with pytest.raises(Conflict, match="at the same time"):
        plan(store, at(2, lambda: later.append(plan(store))))
    audience.approve(later[0])
    assert launch(store, later[0]).queued == LEADS


@pytest.mark.parametrize("again", [True, False], ids=["launched again", "taken up by a worker"])
def test_a_launch_cut_short_goes_on_where_it_was(audience: Any, store: Store, clock: ManualClock, again: bool) -> None:
    planned = plan(store)
    audience.approve(planned)
    with pytest.raises(Killed):
        launch(store, planned, at(2, killed))
    assert states(store) == ["due"] * 2 + ["draft"] * 3
    assert launching.resume(store) == 0  # it may be alive
    with store.begin(WORKSPACE, actor="worker") as work:
        work.session.execute(update(Message).where(Message.state == State.DUE).values(state=State.ACCEPTED))
        assert service.finish_done(work) == 0
    if again:
        assert launch(store, planned).queued == LEADS
    else:
        clock.advance(launching.STALLED)
        assert [launching.resume(store, pages=1) for _ in range(3)] == [2, 1, 0]
        assert launch(store, planned).queued == LEADS
    assert (states(store), plan_states(store)) == (["accepted"] * 2 + ["due"] * 3, ["launched"])
    with store.read(WORKSPACE) as work:
        events = select(MessageEvent.to_state, func.count()).where(MessageEvent.cause == "launch")
        assert work.session.execute(events.group_by(MessageEvent.to_state)).all() == [("due", LEADS)]


def test_a_launch_can_be_paused_and_resumed_while_it_runs(audience: Any, store: Store) -> None:
    planned = plan(store)
    audience.approve(planned)
    done = launch(store, planned, at(2, lambda: set_state(store, CampaignState.PAUSED)))
    assert (done.state, states(store)) == (CampaignState.PAUSED, ["due"] * LEADS)
    set_state(store, CampaignState.RUNNING)
    assert campaign_state(store) is CampaignState.RUNNING


def test_a_launch_can_be_cancelled_while_it_runs(audience: Any, store: Store) -> None:
    planned = plan(store)
    audience.approve(planned)
    done = launch(store, planned, at(2, lambda: set_state(store, CampaignState.CANCELLED)))
    assert (done.state, states(store)) == (CampaignState.CANCELLED, ["cancelled"] * LEADS)
    assert plan_states(store) == ["launched"]


def test_who_asks_to_stop_while_a_launch_runs_is_left_out_and_the_rest_goes_on(audience: Any, store: Store) -> None:
    planned = plan(store)
    audience.approve(planned)

    def stop() -> None:
        with store.begin(WORKSPACE, actor="webhook") as work:
            leads = list(work.session.scalars(select(Message.lead_id).order_by(Message.lead_id)))
            stop_lead(work, leads[3], cause="stop")

    launch(store, planned, at(2, stop))
    assert states(store) == ["due", "due", "due", "cancelled", "due"]


@pytest.mark.parametrize("number", [0, LEADS - 1], ids=["first page", "last page"])
@pytest.mark.parametrize("change", [{"address": "eve@example.com"}, {"merge": {"first_name": "Eve"}}, {"step": 2}])
def test_an_edit_of_any_page_before_the_launch_lets_nothing_out(
    audience: Any, store: Store, number: int, change: dict[str, Any]
) -> None:
    planned = plan(store)
    audience.approve(planned)
    edit(store, number, **change)
    with pytest.raises(Conflict, match="changed after it was made"):
        launch(store, planned)
    assert states(store) == ["draft"] * LEADS


def test_a_message_put_behind_the_last_page_lets_nothing_out(audience: Any, store: Store) -> None:
    planned = plan(store)
    audience.approve(planned)
    added = audience.add_lead(email="eve@example.com")
    with store.begin(WORKSPACE, actor="intruder") as work:
        row = work.session.scalars(select(Message).limit(1)).one()
        kept = {column.key: getattr(row, column.key) for column in Message.__table__.c}
        work.session.add(Message(**{**kept, "id": new_id("msg"), "lead_id": added}))
    with pytest.raises(Conflict, match="changed after it was made"):
        launch(store, planned)


def test_an_edit_between_the_pages_of_a_launch_never_goes_out_and_pauses_the_campaign(
    audience: Any, store: Store
) -> None:
    planned = plan(store)
    audience.approve(planned)
    with pytest.raises(Conflict, match=r"changed while the plan was launched: 2 were cancelled .* was paused"):
        launch(store, planned, at(2, lambda: edit(store, 3, address="eve@example.com")))
    assert (states(store), campaign_state(store)) == (["due"] * 2 + ["cancelled"] * 2 + ["due"], CampaignState.PAUSED)


def test_a_plan_whose_pages_were_edited_is_not_launched(audience: Any, store: Store) -> None:
    planned = plan(store)
    audience.approve(planned)
    with store.begin(WORKSPACE, actor="intruder") as work:
        row = work.session.get_one(Plan, planned.plan_id)
        row.summary = {**row.summary, "pages": row.summary["pages"][:1]}
    with pytest.raises(Conflict, match="changed after it was made"):
        launch(store, planned)


def test_a_lead_whose_message_would_be_empty_or_too_long_is_left_out_alone(audience: Any, store: Store) -> None:
    audience.add_lead(email="long@example.com")
    audience.add_lead(email="blank@example.com")
    with store.begin(WORKSPACE, actor="test") as work:
        for email, note in (("long@example.com", "x" * 30_000), ("blank@example.com", "\u200b")):
            work.session.execute(update(Lead).where(Lead.email == email).values(custom={"note": note}))
        work.session.execute(update(Lead).where(Lead.email.like("lead%")).values(custom={"note": "fine"}))
        templates.save(work, "note", Channel.EMAIL, "{{ custom.note }}", "Hello")
    planned = plan(store, templates={"email": "note"})
    assert (planned.recipients, planned.excluded) == (LEADS, {"empty_message": 1, "message_too_long": 1})


def test_a_start_in_a_zone_of_its_own_and_held_messages_keep_the_seal(
    scene: Any, store: Store, clock: ManualClock
) -> None:
    asleep = scene.add_lead(phone="+61491570156", country="AU", time_zone="Australia/Sydney")
    scene.consent(asleep, Channel.SMS)
    start = (clock.now() + timedelta(hours=1)).isoformat().replace("17:30:00+00:00", "18:30:00+01:00")
    planned = plan(store, templates={"sms": "hello-sms"}, send_at=start)
    scene.approve(planned)
    done = launch(store, planned)
    assert (done.queued, done.held, states(store)) == (0, 1, ["held"])
