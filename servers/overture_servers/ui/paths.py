"""Where the pages of the dashboard are."""

from __future__ import annotations

from urllib.parse import urlencode

from overture_core.settings import Settings

HOME = "/"
OPEN = "/open"
KEY = "key"  # of the query of OPEN: a path may stand in a log, a query does not
SIGN_IN = "/sign-in"
SIGNED_IN = f"{SIGN_IN}/back"
TO = "to"  # of the query of SIGN_IN: the page to go on at
_UNDER = "/page"
STATIC = f"{_UNDER}/static/{{name}}"
LEAVE = f"{_UNDER}/leave"
STOP = f"{_UNDER}/stop"
APPROVALS = f"{_UNDER}/approvals"
APPROVAL = f"{APPROVALS}/{{approval_id}}"
SAMPLE = f"{APPROVAL}/samples/{{number:int}}"
LAUNCH = f"{_UNDER}/plans/{{plan_id}}/launch"
CAMPAIGN = f"{_UNDER}/campaigns/{{campaign_id}}"
REPLIES = f"{_UNDER}/replies"
REPLY = f"{REPLIES}/{{reply_id}}"
LEADS = f"{_UNDER}/leads"
LEAD = f"{LEADS}/{{lead_id}}"
SENDERS = f"{_UNDER}/senders"
SYSTEM = f"{_UNDER}/system"
REVENUE = f"{_UNDER}/revenue"


def sign_in_url(settings: Settings, to: str | None = None) -> str | None:
    """Return where people sign in, and go on at `to`; None where nobody can.

    In full: the provider sends a browser back to the public address alone, where its cookie has to be.
    """
    if settings.auth_client_id is None:
        return None
    query = f"?{urlencode({TO: to})}" if to not in (None, HOME) else ""
    return f"{settings.page_url}{SIGN_IN}{query}"
