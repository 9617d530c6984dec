"""What may be asked of LinkedIn that others will see: each an operation that a person approves, told in full.

Nothing here calls LinkedIn. That a scope is missing, or the connection expired, is said before anybody is asked to
approve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from overture_core.errors import InvalidInput, NotConnected, ProviderRefused
from overture_core.linkedin.accounts import AccountView, expired_sentence
from overture_core.linkedin.scopes import missing_sentence
from overture_core.operations import service as operations
from overture_core.operations.models import Proposal
from overture_core.storage.store import Work
from overture_core.text import clean
from overture_providers.linkedin.events import LeadReport
from overture_providers.linkedin.lead_forms import SCOPE, check_owner
from overture_providers.linkedin.posts import (
    AUTHOR_URN,
    LONGEST_COMMENT,
    LONGEST_POST,
    ORGANIZATION,
    Reaction,
    Visibility,
    check_post,
    post_link,
    writing,
)

POST, EDIT, DELETE = "linkedin.post", "linkedin.edit_post", "linkedin.delete_post"
COMMENT, REACT = "linkedin.comment", "linkedin.react"
WATCH, IMPORT = "linkedin.watch_leads", "linkedin.import_lead"
_SEEN_BY: dict[Visibility, str] = {"PUBLIC": "everybody", "CONNECTIONS": "their connections"}


def post(
    account: AccountView,
    text: str,
    *,
    author: str | None = None,
    visibility: Visibility = "PUBLIC",
    media: Sequence[dict[str, Any]] = (),
    run_at: datetime | None = None,
) -> Proposal:
    """Return a post, for now or for later.

    Raises:
        InvalidInput: the text is empty or too long, or the author is none.
        NotConnected: the connection expired.
        ProviderRefused: the scope for it was not granted.
    """
    who, words = _author(account, author), _words(text, LONGEST_POST, "post")
    if visibility == "CONNECTIONS" and who.startswith(ORGANIZATION):
        msg = "A page has no connections; its posts are for everybody (PUBLIC)."
        raise InvalidInput(msg)
    files = [f"With {each['name']} ({each['bytes']} bytes, SHA-256 {each['sha256']})." for each in media]
    return _proposal(
        account,
        POST,
        {"author": who, "text": words, "visibility": visibility, "media": list(media)},
        [f"Publish on LinkedIn as {_named(account, who)}, seen by {_SEEN_BY[visibility]}:", *_lines(words), *files],
        run_at=run_at,
        over=lambda work, made: _reads_otherwise(work, account, made["id"], words),
    )


def edit(account: AccountView, urn: str, text: str, *, author: str | None = None) -> Proposal:
    """Return the change of a post's text. Raises as `post` does."""
    who, words = _author(account, author), _words(text, LONGEST_POST, "post")
    told = [f"New text for the LinkedIn post {post_link(check_post(urn))} of {_named(account, who)}:"]
    return _proposal(
        account,
        EDIT,
        {"author": who, "post": urn, "text": words},
        [*told, *_lines(words)],
        repeatable=True,
        over=lambda work, _made: _reads_otherwise(work, account, urn, words),
    )


def delete(account: AccountView, urn: str, *, author: str | None = None) -> Proposal:
    """Return the deletion of a post. Raises as `post` does."""
    who = _author(account, author)
    told = [f"Delete the LinkedIn post {post_link(check_post(urn))} of {_named(account, who)}, for good."]
    return _proposal(account, DELETE, {"author": who, "post": urn}, told, repeatable=True)


def comment(account: AccountView, urn: str, text: str, *, author: str | None = None) -> Proposal:
    """Return a comment on a post. Raises as `post` does."""
    who, words = _author(account, author), _words(text, LONGEST_COMMENT, "comment")
    told = [f"Comment on the LinkedIn post {post_link(check_post(urn))} as {_named(account, who)}:", *_lines(words)]
    params = {"author": who, "post": urn, "text": words}
    return _proposal(account, COMMENT, params, told, over=lambda work, _made: _is_deleted(work, account, urn))


def react(account: AccountView, urn: str, reaction: Reaction, *, author: str | None = None) -> Proposal:
    """Return a reaction to a post. Raises as `post` does."""
    who = _author(account, author)
    told = [f"React with {reaction} to the LinkedIn post {post_link(check_post(urn))} as {_named(account, who)}."]
    params = {"author": who, "post": urn, "reaction": reaction}

    def over(work: Work, _made: dict[str, Any]) -> bool:
        last = operations.latest(work, REACT, sandbox=account.sandbox, post=urn, author=who)
        return _is_deleted(work, account, urn) or (last is not None and last[1]["reaction"] != reaction)

    return _proposal(account, REACT, params, told, over=over)


def watch(account: AccountView, owner: str) -> Proposal:
    """Return the subscription to an owner's new leads, which only we are told of: nobody has to approve it.

    Asked for on a new connection it is another operation: with the old one went what we knew of its subscriptions.
    Raises as `post` does.
    """
    _require(account, SCOPE)
    params = {"member": account.member, "owner": check_owner(owner)}
    told = [f"Have LinkedIn report new leads of {owner} to this server."]
    since = account.connected_at.isoformat()
    return Proposal(WATCH, params, told, sandbox=account.sandbox, repeatable=True, reference=since)


def import_lead(report: LeadReport, *, sandbox: bool) -> Proposal:
    """Return the import of one lead that LinkedIn reported."""
    told = [f"Import the LinkedIn lead {report.response} of {report.owner}."]
    return Proposal(IMPORT, report.model_dump(), told, sandbox=sandbox, repeatable=True)


def _proposal(
    account: AccountView,
    kind: str,
    params: dict[str, Any],
    told: list[str],
    *,
    repeatable: bool = False,
    run_at: datetime | None = None,
    over: Callable[[Work, dict[str, Any]], bool] | None = None,
) -> Proposal:
    _require(account, writing(params["author"]))
    return Proposal(
        kind,
        {"member": account.member, **params},
        told,
        sandbox=account.sandbox,
        # LinkedIn keeps no idempotency key: only what is the same when it is done twice may be done again.
        repeatable=repeatable,
        why=["others see it under this name"],
        run_at=run_at,
        over=over,
    )


def _reads_otherwise(work: Work, account: AccountView, urn: str, words: str) -> bool:
    """Whether a post was deleted since, or has other words by now, as far as it was done here."""
    last = operations.latest(work, EDIT, DELETE, sandbox=account.sandbox, post=urn)
    return last is not None and (last[0], last[1].get("text")) != (EDIT, words)


def _is_deleted(work: Work, account: AccountView, urn: str) -> bool:
    return operations.latest(work, DELETE, sandbox=account.sandbox, post=urn) is not None


def _author(account: AccountView, author: str | None) -> str:
    if author is None:
        return account.member
    if not AUTHOR_URN.fullmatch(author):
        msg = f"{clean(author, limit=100)!r} is no author; leave it out for the member, or give urn:li:organization:ID."
        raise InvalidInput(msg)
    if not author.startswith(ORGANIZATION) and author != account.member:
        msg = "Only the connected member and the pages they administer can be the author."
        raise InvalidInput(msg)
    return author


def _require(account: AccountView, scopes: tuple[str, ...]) -> None:
    if account.expired:
        raise NotConnected(expired_sentence(account.expires_at))
    if not set(scopes) & set(account.scopes):
        raise ProviderRefused(missing_sentence(*scopes))


def _words(text: str, longest: int, what: str) -> str:
    words = clean(text, limit=longest + 1, keep_lines=True)
    if not words or len(words) > longest:
        msg = f"A {what} has 1 to {longest:,} characters; this one has {'none' if not words else 'more'}."
        raise InvalidInput(msg)
    return words


def _named(account: AccountView, author: str) -> str:
    return f"the page {author}" if author.startswith(ORGANIZATION) else f"{account.name!r} ({author})"


def _lines(text: str) -> list[str]:
    """The exact text, marked line by line, so that no line of it can be taken for one of ours."""
    return [f"| {line}" for line in text.split("\n")]
