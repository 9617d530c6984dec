"""What a sending domain's DNS records say, and what is wrong with each in one sentence.

Gmail and Yahoo ask bulk senders for SPF, DKIM and DMARC (support.google.com/a/answer/81126). The records are
those of RFC 7208 (SPF), RFC 6376 (DKIM) and RFC 7489 (DMARC).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from overture_core.errors import InvalidInput
from overture_core.text import quoted

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{4,253}}$)(?:{_LABEL}\.)+{_LABEL}")
_SELECTOR = re.compile(rf"(?=.{{1,100}}$){_LABEL}(?:\.{_LABEL})*")  # RFC 6376, section 3.1
_TOO_OPEN = ("+all", "all")


def domain_name(text: str) -> str:
    """Return a domain as DNS has it: lower case, in ASCII, without a dot at its end.

    Raises:
        InvalidInput: it is none.
    """
    try:
        name = text.strip().removesuffix(".").encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    if not _DOMAIN.fullmatch(name):
        msg = f"{quoted(text)} is not a domain; write it like example.com."
        raise InvalidInput(msg)
    return name


def selector_name(text: str) -> str:
    """Return a DKIM selector in lower case.

    Raises:
        InvalidInput: it is none.
    """
    if not _SELECTOR.fullmatch(text.lower()):
        msg = f"{quoted(text)} is not a DKIM selector; it stands before ._domainkey in your provider's record, like s1."
        raise InvalidInput(msg)
    return text.lower()


def spf_fault(records: Sequence[str]) -> str | None:
    """Say what is wrong with the TXT records of the domain itself; None if nothing is."""
    found = [each for each in records if each.lower() == "v=spf1" or each.lower().startswith("v=spf1 ")]
    if not found:
        return "There is no SPF record: publish a TXT record that starts with v=spf1 and names your provider."
    if len(found) > 1:
        return f"There are {len(found)} SPF records, which receivers take as an error: join them into one."
    terms = found[0].lower().split()[1:]
    if any(term in _TOO_OPEN for term in terms):
        return "The SPF record ends in +all, which lets anybody send for the domain: end it with ~all or -all."
    if not any(term.endswith("all") or term.startswith("redirect=") for term in terms):
        return "The SPF record has no end: add ~all or -all."
    return None


def dkim_fault(records: Sequence[str], selector: str) -> str | None:
    """Say what is wrong with the TXT records of `<selector>._domainkey.<domain>`; None if nothing is."""
    keys = [tags for each in records if "p" in (tags := _tags(each))]
    if not keys:
        return f"There is no DKIM key for the selector {selector}: publish the record that your provider shows you."
    if not keys[0]["p"]:
        return f"The DKIM key of the selector {selector} is revoked (p= is empty): publish a new key."
    return None


def has_dmarc(records: Sequence[str]) -> bool:
    """Tell whether there is a DMARC record among TXT records; a domain without one has its organisation's."""
    return bool(_dmarc(records))


def dmarc_fault(records: Sequence[str]) -> str | None:
    """Say what is wrong with the TXT records of `_dmarc.<domain>`; None if nothing is."""
    found = _dmarc(records)
    if not found:
        return "There is no DMARC record: publish v=DMARC1; p=none; rua=mailto:you@your-domain as a start."
    if len(found) > 1:
        return f"There are {len(found)} DMARC records, so receivers use none: keep one."
    if found[0].get("p", "").lower() not in ("none", "quarantine", "reject"):
        return "The DMARC record has no valid policy: set p= to none, quarantine or reject."
    return None


def _dmarc(records: Sequence[str]) -> list[dict[str, str]]:
    return [tags for each in records if (tags := _tags(each)).get("v", "").upper() == "DMARC1"]


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}
