"""Keeping scores, for filters (`score >= 60`, `tier = hot`) and the order by score, which cannot wait for a million.

A round learns the profile and then scores the leads page by page, each in a transaction of its own, so that nobody
waits long for SQLite's one writer. A person begins the first; from then on a worker begins one a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, literal, select

from overture_core.scoring.parts import Scoring
from overture_core.scoring.profile import Profile, learn
from overture_core.scoring.weights import read
from overture_core.storage.schema import Lead, LeadScore, ScoreState
from overture_core.storage.store import Work

PAGE = 10_000
EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """The profile in use, and since when kept scores stand."""

    profile: Profile
    kept_at: datetime | None


def state_of(work: Work) -> Kept:
    """Return what is kept of a workspace's scores."""
    row = work.session.get(ScoreState, work.workspace)
    return Kept(Profile(), None) if row is None else Kept(Profile.model_validate(row.profile), row.kept_at)


def begin(work: Work) -> Profile:
    """Begin a round: learn the profile, by which everything is scored from now on."""
    profile = learn(work)
    row = work.session.get(ScoreState, work.workspace, with_for_update=True)
    if row is None:
        row = ScoreState(workspace_id=work.workspace, kept_at=None)
        work.session.add(row)
    row.profile, row.begun_at, row.done_to = profile.model_dump(mode="json"), work.now(), ""
    work.session.flush()
    return profile


def is_due(work: Work) -> bool:
    """Tell whether a worker has something to do: a round that is not at its end, or a last one of a day ago."""
    row = work.session.get(ScoreState, work.workspace)
    return row is not None and (row.done_to is not None or work.now() - row.begun_at >= EVERY)


def keep_page(work: Work, *, size: int = PAGE) -> int:
    """Keep the scores of the next leads of the round, and return their number; 0 ends the round."""
    row = work.session.get(ScoreState, work.workspace, with_for_update=True)
    if row is None or row.done_to is None:
        return 0
    mine = (Lead.workspace_id == work.workspace, Lead.id > row.done_to)
    ids = select(Lead.id).where(*mine).order_by(Lead.id).limit(size).subquery()
    last, number = work.session.execute(select(func.max(ids.c.id), func.count())).one()
    if not number:
        row.done_to, row.kept_at = None, row.begun_at
        return 0
    page = [*mine, Lead.id <= last]
    old = delete(LeadScore).where(LeadScore.workspace_id == work.workspace, LeadScore.lead_id > row.done_to)
    work.session.execute(old.where(LeadScore.lead_id <= last))
    weights, profile = read(work.settings.score_weights), Profile.model_validate(row.profile)
    scored = Scoring(work, weights, profile, [*page, Lead.erased_at.is_(None)]).scores().subquery()
    made = select(scored.c.id, literal(work.workspace), scored.c.score)
    work.session.execute(insert(LeadScore).from_select(["lead_id", "workspace_id", "score"], made))
    row.done_to = last
    return int(number)
