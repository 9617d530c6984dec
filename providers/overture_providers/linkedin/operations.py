"""Runs what was asked of LinkedIn. A post that broke off is looked for among the author's own, never made again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import anyio
from anyio import to_thread

from overture_core.errors import (
    Conflict,
    NotConnected,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
)
from overture_core.linkedin import sources
from overture_core.linkedin.scopes import missing_sentence
from overture_core.operations import service as operations
from overture_core.operations.claims import Claim
from overture_core.operations.models import OperationView
from overture_core.operations.states import OperationState
from overture_core.storage.store import Store, Work
from overture_providers.endpoints import LINKEDIN_LEADS_PATH
from overture_providers.linkedin import lead_forms, media, posts, proposals
from overture_providers.linkedin.importing import import_responses
from overture_providers.linkedin.session import Session, connected
from overture_providers.operations import Done, Executor, NotYet, Outcome, Provider, Refused, Unclear

# Well within an operation's lease (operations/service.py), with time left for the post itself.
UPLOADING_S = 70.0
# LinkedIn's clock and ours may differ; a post from before the call is another one.
SKEW = timedelta(minutes=2)
ACTOR = "linkedin"

Deed = Callable[[Store, Claim, Session], Awaitable[Outcome]]


def _executor(deed: Deed) -> Executor:
    """Open the connection, make the call, and say what its failure means for the operation."""

    async def run(store: Store, claim: Claim) -> Outcome:
        try:
            async with connected(store, store.settings, workspace=claim.workspace) as session:
                member = claim.params.get("member", session.account.member)
                if member != session.account.member:
                    return Refused(
                        f"This was approved for {member}, and somebody else is connected now; ask for it again."
                    )
                return await deed(store, claim, session)
        except RateLimited as error:
            return NotYet(error.message, error.until)
        except ProviderUnavailable as error:
            return NotYet(error.message)
        except OutcomeUnknown as error:
            return Unclear(error.message)

    return run


async def _post(store: Store, claim: Claim, session: Session) -> Outcome:
    params, client = claim.params, session.client
    try:
        pictures, document = await _uploaded(store, params, session)
    except (OutcomeUnknown, TimeoutError):  # nobody sees a file that no post names
        return NotYet("LinkedIn did not take the post's files in time; nothing was published.")
    request = posts.body(params["author"], params["text"], params["visibility"], pictures, document)
    before = store.clock.now()
    try:
        urn = await posts.publish(client, request)
    except OutcomeUnknown as error:
        found = await _evidence(session, params, before)
        return Unclear(error.message) if found is None else Done(_made(found))
    return Done(_made(urn))


async def _uploaded(
    store: Store, params: dict[str, Any], session: Session
) -> tuple[list[posts.Medium], posts.Medium | None]:
    pictures: list[posts.Medium] = []
    document: posts.Medium | None = None
    with anyio.fail_after(UPLOADING_S):
        for each in params["media"]:
            data = await to_thread.run_sync(media.read, each, store.settings.import_roots)
            is_document = media.is_document(each)
            there = await posts.upload(session.client, params["author"], each["name"], data, document=is_document)
            if is_document:
                document = there
            else:
                pictures.append(there)
    return pictures, document


async def _evidence(session: Session, params: dict[str, Any], since: datetime) -> str | None:
    try:
        return await _look(session, params, since)
    except (ProviderRefused, ProviderUnavailable, NotConnected):
        return None  # no evidence, then: a person has to look


async def _look(session: Session, params: dict[str, Any], since: datetime) -> str | None:
    """Look for a post among the author's own. Of two that are alike nobody can say which it is: a person has to look.

    Raises:
        ProviderRefused: the scope for it was not granted.
        NotConnected, ProviderUnavailable: LinkedIn cannot be asked.
    """
    author = params["author"]
    reading = posts.reading(author)
    if not set(reading) & set(session.account.scopes):
        raise ProviderRefused(missing_sentence(*reading))
    found = await posts.by_author(session.client, author)
    wanted = (params["text"], params["visibility"], len(params["media"]))
    alike = [
        each.urn
        for each in found
        if (each.text, each.visibility, each.files) == wanted and each.created_at >= since - SKEW
    ]
    return alike[0] if len(alike) == 1 else None


def settling(operation_id: str) -> str:
    """Say how a person settles a post, once they have looked."""
    line = f"overture operations settle {operation_id}"
    return f'Look at the profile, then run `{line} --done URN --note "..."`, or `{line} --not-done --note "..."`.'


async def _edit(_store: Store, claim: Claim, session: Session) -> Outcome:
    await posts.edit(session.client, claim.params["post"], claim.params["text"], claim.params["author"])
    return Done(_made(claim.params["post"]))


async def _delete(_store: Store, claim: Claim, session: Session) -> Outcome:
    await posts.remove(session.client, claim.params["post"], claim.params["author"])
    return Done({"id": claim.params["post"]})


async def _comment(_store: Store, claim: Claim, session: Session) -> Outcome:
    params = claim.params
    made = await posts.comment(session.client, params["post"], params["author"], params["text"])
    return Done({"id": made, "url": posts.post_link(params["post"])})


async def _react(_store: Store, claim: Claim, session: Session) -> Outcome:
    params = claim.params
    await posts.react(session.client, params["post"], params["author"], params["reaction"])
    return Done(_made(params["post"]))


async def _watch(store: Store, claim: Claim, session: Session) -> Outcome:
    owner = claim.params["owner"]
    webhook = f"{store.settings.webhook_base_url}{LINKEDIN_LEADS_PATH}"
    made = await lead_forms.subscribe(session.client, owner, webhook)

    def keep(work: Work) -> None:
        sources.watch(work, owner, made, sandbox=claim.sandbox)

    return Done({"id": made, "webhook": webhook}, keep)


async def _import(store: Store, claim: Claim, session: Session) -> Outcome:
    found = await lead_forms.response(session.client, claim.params["response"])
    if found.owner != claim.params["owner"]:
        return Refused("The lead belongs to another owner than the report said; nothing was imported.")
    run = partial(import_responses, store, claim.workspace, [found], actor=ACTOR)
    return Done((await to_thread.run_sync(run)).model_dump())


async def look(store: Store, workspace: str, operation_id: str, *, actor: str) -> OperationView:
    """Look what became of a post whose outcome is unknown, and settle it if it is there.

    Raises:
        NotFound: there is no such operation.
        Conflict: it is no post, or its outcome is known.
        ProviderRefused: the granted scopes do not let us look; a person has to.
        NotConnected, ProviderUnavailable: LinkedIn cannot be asked.
    """

    def find() -> tuple[OperationView, dict[str, Any], datetime]:
        with store.read(workspace) as work:
            shown = operations.get(work, operation_id)
            if shown.kind != proposals.POST or shown.state is not OperationState.UNKNOWN:
                msg = f"{shown.id} is {shown.kind}, {shown.state}; only a post whose outcome is unknown is looked for."
                raise Conflict(msg)
            return shown, *operations.begun(work, operation_id)

    shown, params, begun_at = await to_thread.run_sync(find)
    async with connected(store, store.settings, workspace=workspace) as session:
        try:
            urn = await _look(session, params, begun_at)
        except ProviderRefused as error:
            msg = f"Nobody knows whether it was done. {error.message} {settling(operation_id)}"
            raise ProviderRefused(msg) from error
    if urn is None:
        return shown

    def settle() -> OperationView:
        with store.begin(workspace, actor=actor) as work:
            return operations.settle(work, operation_id, result=_made(urn), note="found among the author's posts")

    return await to_thread.run_sync(settle)


def as_settled(kind: str, id_: str) -> dict[str, Any]:
    """Return the result of an operation that a person found to be done.

    Raises:
        InvalidInput: it made a post, and `id_` is none's.
    """
    return _made(posts.check_post(id_)) if kind == proposals.POST else {"id": id_}


def _made(urn: str) -> dict[str, Any]:
    return {"id": urn, "url": posts.post_link(urn)}


PROVIDER = Provider(
    {
        kind: _executor(deed)
        for kind, deed in {
            proposals.POST: _post,
            proposals.EDIT: _edit,
            proposals.DELETE: _delete,
            proposals.COMMENT: _comment,
            proposals.REACT: _react,
            proposals.WATCH: _watch,
            proposals.IMPORT: _import,
        }.items()
    },
    lambda settings: settings.linkedin_sandboxed,
)
