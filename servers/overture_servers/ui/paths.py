"""Where the pages of the dashboard are."""

from __future__ import annotations

HOME = "/"
OPEN = "/open"
KEY = "key"  # of the query of OPEN: a path may stand in a log, a query does not
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
