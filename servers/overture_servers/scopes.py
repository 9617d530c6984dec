"""What a token may allow. Few, and named here alone: tools name theirs (tooling.py), resources, prompts and
completions want the one that reads of their server.

Over stdio the person who started the process has them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """A scope. None of them approves anything: a person does."""

    LEADS_READ = "leads:read"
    LEADS_WRITE = "leads:write"
    LEADS_EXPORT = "leads:export"
    LEADS_ERASE = "leads:erase"
    MESSAGING_READ = "messaging:read"
    MESSAGING_WRITE = "messaging:write"
    MESSAGING_SEND = "messaging:send"
    LINKEDIN_READ = "linkedin:read"
    LINKEDIN_WRITE = "linkedin:write"
    LINKEDIN_PUBLISH = "linkedin:publish"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"


MEANING = {
    Scope.LEADS_READ: "search and read leads, segments, scores, suppressions, imports, signals",
    Scope.LEADS_WRITE: "import and take imports back, change, tag and suppress leads, record consent, save segments",
    Scope.LEADS_EXPORT: "ask for a file of leads, which a person releases",
    Scope.LEADS_ERASE: "ask for the erasure of a lead, which a person releases",
    Scope.MESSAGING_READ: "read templates, campaigns, replies, tasks; preview and simulate",
    Scope.MESSAGING_WRITE: "save templates, plan, complete tasks, pause, cancel and stop",
    Scope.MESSAGING_SEND: "launch approved plans, resume campaigns, send one message that a person approved",
    Scope.LINKEDIN_READ: "read the connected profile, pages, posts, statistics and forms",
    Scope.LINKEDIN_WRITE: "begin a connection, import leads from forms, leave tasks for a person",
    Scope.LINKEDIN_PUBLISH: "ask for posts, comments and reactions, and run those that a person approved",
    Scope.PAYMENTS_READ: "read the payment set-up, objects at Stripe and revenue",
    Scope.PAYMENTS_WRITE: "ask for payments, change and refund, within caps and approvals; run what was approved",
}
READS = {
    "leads": Scope.LEADS_READ,
    "messaging": Scope.MESSAGING_READ,
    "linkedin": Scope.LINKEDIN_READ,
    "stripe": Scope.PAYMENTS_READ,
}
READING = frozenset({"resources/read", "resources/subscribe", "prompts/get", "completion/complete"})
"""The methods besides tools/call that want a scope. Lists want none: they are the same for everybody."""


def of_server(name: str) -> list[Scope]:
    """Return a server's scopes, in the order of their declaration."""
    kind = READS[name].partition(":")[0]
    return [each for each in Scope if each.partition(":")[0] == kind]


def joined(scopes: Iterable[str]) -> str:
    """Return scopes as a token and a challenge write them: once each, ours in their order, then others."""
    wanted = set(scopes)
    return " ".join([*(each for each in Scope if each in wanted), *sorted(wanted - set(Scope))])
