"""Stripe's webhook signature: HMAC-SHA256 of the time and the raw body (docs.stripe.com/webhooks/signature)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from overture_core.errors import SignatureInvalid

HEADER = "Stripe-Signature"
TOLERANCE_S = 300
_BAD = "The signature does not match its body; compare OVERTURE_STRIPE_WEBHOOK_SECRET with the endpoint's at Stripe."


def sign(raw: bytes, secret: str, at: int) -> str:
    """Return the header for a body that is sent at a Unix time."""
    return f"t={at},v1={_digest(raw, secret, str(at))}"


def verify(raw: bytes, header: str | None, secret: str, *, now: datetime) -> None:
    """Check a header; with several signatures, as while a secret is replaced, one has to fit.

    Raises:
        SignatureInvalid: none fits, or it is older or newer than `TOLERANCE_S`.
    """
    parts = [part.strip().partition("=") for part in (header or "").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit() or len(times[0]) > 12:
        raise SignatureInvalid(_BAD)
    expected = _digest(raw, secret, times[0])
    if not any(hmac.compare_digest(expected.encode(), each.encode("utf-8", "replace")) for each in given):
        raise SignatureInvalid(_BAD)
    age = now.timestamp() - int(times[0])
    if abs(age) > TOLERANCE_S:
        off = "old" if age > 0 else "ahead"
        msg = (
            f"The webhook is more than five minutes {off}; if it comes straight from Stripe, set this machine's clock."
        )
        raise SignatureInvalid(msg)


def _digest(raw: bytes, secret: str, at: str) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + raw, hashlib.sha256).hexdigest()
