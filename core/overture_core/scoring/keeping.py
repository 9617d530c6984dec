"""Keeping scores, for filters (`score >= 60`, `tier = hot`) and the order by score, which cannot wait for a million.

A round learns the profile and then scores the leads page by page, each in a transaction of its own, so that nobody
waits long for SQLite's one writer. A person begins the first; from then on a worker begins one a day. Who came in since
the last round has no kept score until the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, insert, literal, select

from overture_core.scoring.parts import Scoring
from overture_core.scoring.profile import Profile, learn
from overture_core.scoring.weights import read
from overture_core.storage.schema import Lead, LeadScore, ScoreState
from overture_core.storage.store import Work

PAGE = 10_000
MISSING = "no scores are kept yet; overture score --refresh keeps them."
# From so many leads on, they are gone through in the order of the page and looked at one by one.
MANY = 50_000
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


def are_there(work: Work) -> bool:
    """Tell whether a round came to its end, so that whoever was there then has a score."""
    return state_of(work).kept_at is not None


def within(work: Work, lowest: int, highest: int, *, many: int = MANY) -> ColumnElement[bool]:
    """Return the condition that a lead's kept score is from `lowest` to `highest`."""
    mine = (LeadScore.workspace_id == work.workspace, LeadScore.score.between(lowest, highest))
    some = select(LeadScore.lead_id).where(*mine)
    if (work.session.scalar(select(func.count()).select_from(some.limit(many).subquery())) or 0) < many:
        return Lead.id.in_(some)
    return some.where(LeadScore.lead_id == Lead.id).correlate(Lead).exists()


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


def carry_on(work: Work) -> None:
    """Keep the next page of the round that is under way, or begin the day's."""
    row = work.session.get(ScoreState, work.workspace, with_for_update=True)
    if row is None or row.done_to is not None:
        keep_page(work)
    elif work.now() - row.begun_at >= EVERY:
        begin(work)


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
    # The workspace as a check only: by an index that begins with it, each page would look at all of the scores.
    own = func.coalesce(LeadScore.workspace_id, "") == work.workspace
    old = delete(LeadScore).where(own, LeadScore.lead_id > row.done_to, LeadScore.lead_id <= last)
    work.session.execute(old)
    weights, profile = read(work.settings.score_weights), Profile.model_validate(row.profile)
    scoring = Scoring(work, weights, profile, [*page, Lead.erased_at.is_(None)], ids=(row.done_to, last))
    scored = scoring.scores().subquery()
    made = select(scored.c.id, literal(work.workspace), scored.c.score)
    work.session.execute(insert(LeadScore).from_select(["lead_id", "workspace_id", "score"], made))
    row.done_to = last
    return int(number)
