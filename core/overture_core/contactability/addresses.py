"""Addresses that reach no person on their channel, whatever they agreed to.

Sources: mailboxes of roles, RFC 2142 sections 4 and 5; names that no mail goes to, RFC 6761 and RFC 6762; kinds of
phone numbers, Google's libphonenumber.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumberType

_MACHINES = re.compile(
    r"(?:no[-._]?reply|do[-._]?not[-._]?reply|mailer-daemon|abuse|noc|security|postmaster|hostmaster|usenet|uucp)"
    r"(?:\+[^@]*)?@",
    re.IGNORECASE,
)
_NO_MAIL = frozenset({"invalid", "localhost", "local", "test", "onion"})
_SERVICES = ("+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888", "+1900")
_NO_SMS = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.PAGER,
    PhoneNumberType.UAN,
    PhoneNumberType.VOICEMAIL,
}


def reaches_nobody(email: str) -> bool:
    """Say whether an e-mail address is a machine's, a role's that no lead reads, or in a domain without mail."""
    return _MACHINES.match(email) is not None or email.rpartition(".")[2].lower() in _NO_MAIL


def takes_no_sms(phone: str) -> bool:
    """Say whether a number (E.164) is of a kind that gets no SMS; an unknown kind may."""
    if phone.startswith("+1"):  # North America does not tell landlines from mobiles: no need to read it
        return phone.startswith(_SERVICES)
    return phonenumbers.number_type(phonenumbers.parse(phone)) in _NO_SMS
