"""The words by which a person says: write to me no more."""

from __future__ import annotations

import unicodedata

# Those that Twilio handles itself (help.twilio.com, "Twilio support for opt-out keywords").
_WORDS = frozenset({"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"})


def is_opt_out(text: str) -> bool:
    """Say whether the whole message, whatever its case and outer punctuation, is an opt-out word."""
    return unicodedata.normalize("NFKC", text).strip(" \t\n\r.!\"'").upper() in _WORDS
