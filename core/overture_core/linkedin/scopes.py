"""What each scope of LinkedIn gives, and which product of the developer portal grants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SIGN_IN = "Sign In with LinkedIn using OpenID Connect"
SHARE = "Share on LinkedIn"
COMMUNITY = "Community Management API"
LEAD_SYNC = "Lead Sync API"
ADVERTISING = "Advertising API"


class Scope(NamedTuple):
    """A scope: what it enables, and the product that gives it. `self_serve` needs no review by LinkedIn."""

    name: str
    enables: str
    product: str
    self_serve: bool


SCOPES = {
    each.name: each
    for each in (
        Scope("openid", "telling who connected", SIGN_IN, self_serve=True),
        Scope("profile", "the member's own name", SIGN_IN, self_serve=True),
        Scope("email", "the member's own e-mail address", SIGN_IN, self_serve=True),
        Scope("w_member_social", "posts, comments and reactions as the member", SHARE, self_serve=True),
        Scope("r_member_social", "reading the member's own posts", COMMUNITY, self_serve=False),
        Scope("w_organization_social", "posts, comments and reactions as a page", COMMUNITY, self_serve=False),
        Scope("r_organization_social", "reading a page's posts, comments and reactions", COMMUNITY, self_serve=False),
        Scope("rw_organization_admin", "the pages one administers, and their statistics", COMMUNITY, self_serve=False),
        Scope("r_marketing_leadgen_automation", "lead forms and their responses", LEAD_SYNC, self_serve=False),
        Scope("r_organization_admin", "the pages one administers", LEAD_SYNC, self_serve=False),
        Scope("r_ads", "the advertising accounts that own lead forms", ADVERTISING, self_serve=False),
    )
}


def missing_sentence(*anyone: str) -> str:
    """Say that a scope is missing (any of these would do), and which product gives it."""
    first = SCOPES[anyone[0]]
    review = "" if first.self_serve else ", which LinkedIn reviews"
    return (
        f"LinkedIn did not grant {' or '.join(anyone)} ({first.enables}). It comes with the product "
        f"{first.product!r}{review}: add it to the application, name the scope in OVERTURE_LINKEDIN_SCOPES, and "
        "connect again."
    )


def no_role_sentence(held: Sequence[str], lacking: Sequence[str]) -> str:
    """Say that LinkedIn refused a call although a scope for it was granted, and what may be done.

    `lacking` are scopes that it might take instead: one may be for a member's posts, the other for a page's.
    """
    if set(held) & {"r_marketing_leadgen_automation", "r_ads"}:
        ask = "have an administrator of that page or advertising account give the member a role on it"
    elif any("organization" in each for each in held):
        ask = "have an administrator of that page make the member one"
    else:
        ask = "see on LinkedIn whether the member themselves may do this"
    other = f" (It may take {' or '.join(lacking)}, which was not granted.)" if lacking else ""
    return f"LinkedIn does not let this member do that, although {' and '.join(held)} was granted: {ask}.{other}"
