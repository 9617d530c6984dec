"""Scores of any leads: from 0 to 100, alike for one lead, a segment and where they are kept; more never lowers them."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from overture_core.ids import new_id
from overture_core.leads.searching import Sort, search
from overture_core.replies.intent import Intent
from overture_core.scoring.service import score_lead, score_segment
from overture_core.scoring.signals import Kind
from overture_core.scoring.weights import Part, tier_of
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import LeadScore as KeptScore
from overture_core.storage.store import Store
from tests.integration.leads.past import WORKSPACE, keep, made, parts_of, with_weights

EVERY_DATABASE = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_words = st.sampled_from(["Chief", "head", "of", "Sales", "VP", "assistant", "Manager", "x%_'", "Ä", "owner/CEO"])
_leads = st.fixed_dictionaries(
    {
        "first_name": st.none() | st.just("Ada"),
        "email": st.none() | st.sampled_from(["a@gmail.com", "A@Quill.example", "b@yahoo.fr"]),
        "company": st.none() | st.just("Quill"),
        "country": st.none() | st.sampled_from(["US", "DE"]),
        "title": st.none() | st.lists(_words, max_size=4).map(" ".join),
        "silent": st.none() | st.integers(0, 3_000),
        "messages": st.lists(st.tuples(st.integers(0, 900), st.booleans(), st.booleans()), max_size=4),
        "replies": st.lists(st.sampled_from(list(Intent)), max_size=2),
        "paid": st.integers(0, 2),
        "signals": st.lists(st.tuples(st.sampled_from(list(Kind)), st.integers(0, 250)), max_size=3, unique=True),
    }
)


@EVERY_DATABASE
@given(
    leads=st.lists(_leads, min_size=1, max_size=5),
    weights=st.fixed_dictionaries({part: st.integers(0, 1_000) for part in Part}).filter(lambda w: any(w.values())),
)
def test_one_lead_a_segment_and_kept_scores_agree(
    store: Store, leads: list[dict[str, Any]], weights: dict[str, int]
) -> None:
    opened = with_weights(store, **weights)
    group = new_id("imp")
    with opened.begin(WORKSPACE, actor="test") as work:
        ids = [made(work, each, import_id=group) for each in leads]
    keep(opened)
    with opened.read(WORKSPACE) as work:
        alone = [score_lead(work, each) for each in ids]
        together = score_segment(work, LeadFilter(import_id=group), best=10)
        kept = dict(work.session.execute(select(KeptScore.lead_id, KeptScore.score)).all())
        assert {each.lead_id: each for each in together.best} == {each.lead_id: each for each in alone}
        assert [kept[each.lead_id] for each in alone] == [each.score for each in alone]
        assert together.best == sorted(together.best, key=lambda each: (each.score, each.lead_id), reverse=True)
        assert together.count == sum(together.tiers.values()) == len(ids)
        by_score = search(work, LeadFilter(import_id=group), sort=Sort.BEST_SCORE, limit=100)
        assert [each.id for each in by_score.leads] == [each.lead_id for each in together.best]
        for each in alone:
            assert 0 <= each.score <= 100
            assert each.tier is tier_of(each.score)
            assert [part.part for part in each.parts] == [part for part in Part if weights[part]]
            assert abs(sum(part.points for part in each.parts) - each.score) <= 0.5 + 0.05 * len(Part)
    opened.close()


@EVERY_DATABASE
@given(lead=_leads, kind=st.sampled_from(list(Kind)), days=st.integers(0, 250))
def test_more_of_what_is_good_never_lowers_a_part(store: Store, lead: dict[str, Any], kind: Kind, days: int) -> None:
    def look(**changes: Any) -> dict[Part, float]:
        with store.begin(WORKSPACE, actor="test") as work:
            found = parts_of(work, made(work, {**lead, **changes}))
            work.session.rollback()
        return found

    before = look()
    all_opened = look(messages=[(at, True, clicked) for at, _, clicked in lead["messages"]])
    all_clicked = look(messages=[(at, opened, True) for at, opened, _ in lead["messages"]])
    answered = look(replies=[*lead["replies"], Intent.INTERESTED])
    paid = look(paid=lead["paid"] + 1)
    for better in (all_opened, all_clicked, answered, paid):
        assert better[Part.ENGAGEMENT] >= before[Part.ENGAGEMENT]
    signalled = look(signals=[*{*lead["signals"], (kind, days)}])
    assert signalled[Part.SIGNALS] >= before[Part.SIGNALS]
    assert signalled | {Part.SIGNALS: 0} == before | {Part.SIGNALS: 0}
    full = look(first_name="Ada", email=lead["email"] or "a@gmail.com", company="Quill", country="US")
    assert full[Part.COMPLETENESS] >= before[Part.COMPLETENESS]
    assert full[Part.FIT] >= before[Part.FIT]
