"""Kept scores, and the profile of who revived that is learned with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.clock import ManualClock
from overture_core.errors import InvalidInput
from overture_core.leads.searching import Sort, search
from overture_core.replies.intent import Intent
from overture_core.scoring import keeping
from overture_core.scoring.profile import Value, interval
from overture_core.scoring.service import score_lead
from overture_core.scoring.weights import Part
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Lead, LeadTag
from overture_core.storage.store import Store, Work
from tests.integration.leads.past import WORKSPACE, add_lead, add_message, add_payment, add_reply, keep


def test_filters_and_the_order_go_by_kept_scores(store: Store) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        good = add_lead(work, company="Quill", title="CEO", last_contact_at=work.now() - timedelta(days=100))
        poor = add_lead(work, last_contact_at=work.now())
        for wanted in ("score >= 60", "tier = hot"):
            with pytest.raises(InvalidInput, match="overture score --refresh"):
                search(work, LeadFilter(where=wanted))
        with pytest.raises(InvalidInput, match="overture score --refresh"):
            search(work, LeadFilter(), sort=Sort.BEST_SCORE)
    keep(store)
    with store.begin(WORKSPACE, actor="test") as work:
        late = add_lead(work)

    def found(wanted: str | None, **more: Any) -> list[str]:
        with store.read(WORKSPACE) as work:
            return [each.id for each in search(work, LeadFilter(where=wanted), **more).leads]

    assert found(None, sort=Sort.BEST_SCORE) == [good, poor]
    assert found("tier in (hot, warm)") == [good]
    assert found("tier != warm") == [poor, late]
    assert found("score < 50") == [poor]
    assert found("score is unknown") == [late]
    assert found("not score >= 50") == [poor, late]
    with store.read(WORKSPACE) as work:
        first = search(work, LeadFilter(), sort=Sort.BEST_SCORE, limit=1)
        rest = search(work, LeadFilter(), sort=Sort.BEST_SCORE, cursor=first.next_cursor)
        assert ([each.id for each in rest.leads], rest.next_cursor) == ([poor], None)
        common = keeping.within(work, 50, 100, many=1)
        assert list(work.session.scalars(select(Lead.id).where(common))) == [good]
    for wrong in ("score > 101", "score ~ 5", "tier = tepid", "tier > hot"):
        with pytest.raises(ValueError, match=r"score is compared|there is no such tier|tier takes"):
            LeadFilter(where=wrong)


def test_a_worker_keeps_scores_once_a_day_after_somebody_began(store: Store, clock: ManualClock) -> None:
    def due() -> bool:
        with store.read(WORKSPACE) as work:
            return keeping.is_due(work)

    assert not due()
    keep(store)
    assert not due()
    clock.advance(timedelta(days=1))
    turns = 0
    while due():
        turns += 1
        with store.begin(WORKSPACE, actor="worker") as work:
            keeping.carry_on(work)
    assert turns == 2
    with store.read(WORKSPACE) as work:
        assert keeping.state_of(work).kept_at == clock.now()


def contacted(work: Work, number: int, revived: int, **values: Any) -> Sequence[str]:
    ids = []
    for n in range(number):
        ids.append(add_lead(work, last_contact_at=work.now() - timedelta(days=500), **values))
        add_message(work, ids[-1], 30)
        if n < revived:
            add_reply(work, ids[-1], Intent.INTERESTED) if n % 2 else add_payment(work, ids[-1])
        else:
            add_reply(work, ids[-1], Intent.INTERESTED, days=31)  # before anybody wrote
    return ids


def test_who_revived_is_learned_from_enough_and_company_fit_goes_by_it(store: Store) -> None:
    least = {"score_least_contacted": 80, "score_least_revived": 10}
    opened = Store(store.settings.model_copy(update=least), store.clock)
    with opened.begin(WORKSPACE, actor="test") as work:
        american = contacted(work, 40, 20, country="US", title="CEO", custom={"Company size": "11-50"})
        work.session.add_all(LeadTag(lead_id=each, tag="fair", workspace_id=WORKSPACE) for each in american)
        keeping.begin(work)
        assert keeping.state_of(work).profile.text == (
            "Too little data for a profile: 40 of 80 contacted leads and 20 of 10 revived ones that it needs; "
            "company fit goes by the plain rule."
        )
        contacted(work, 40, 4, country="DE", title="CEO")
        contacted(work, 5, 5, country="FR", title="CEO")
        keeping.begin(work)
        profile = keeping.state_of(work).profile
        fit = {each.part: each for each in score_lead(work, american[0]).parts}[Part.FIT]
        stranger = {each.part: each for each in score_lead(work, add_lead(work, title="x")).parts}[Part.FIT]
    opened.close()
    assert profile.text == "Learned from 85 contacted leads, of whom 29 revived (34.1%)."
    shown = [(each.what, each.value, each.contacted, each.revived, each.tells) for each in profile.values]
    assert shown == [
        ("country", "DE", 40, 4, True),
        ("country", "US", 40, 20, True),
        ("role", "chief", 85, 29, False),
        ("size", "11-50", 40, 20, True),
        ("tag", "fair", 40, 20, True),
        ("channel", "email", 85, 29, False),
        ("silence", "365 to 729 days", 85, 29, False),
    ]
    low, high = interval(20, 40)
    lift = 20 / 40 / (29 / 85)
    assert profile.values[1] == Value(
        what="country", value="US", contacted=40, revived=20, rate=0.5, low=low, high=high, lift=lift, tells=True
    )
    # Three values that do better and one that does as all do: (3 * 733 + 500) / 4 of 1,000.
    assert (fit.points, fit.reason) == (10.1, "4 values of theirs held against who revived")
    assert stranger.reason == "company is unknown, no address of its own"


@pytest.mark.parametrize(
    ("good", "number", "low", "high"), [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (10, 10, 0.722, 1.0)]
)
def test_the_interval_is_wilsons(good: int, number: int, low: float, high: float) -> None:
    assert list(interval(good, number)) == pytest.approx([low, high], abs=0.001)
