"""LinkedIn's webhooks: the challenge by which it checks an address, and reports of new leads.

Both are by HMAC-SHA256 with the application's secret, in lower-case hex (LinkedIn, "Webhook validation").
"""

from __future__ import annotations

import hashlib
import hmac
import re

import orjson
from pydantic import BaseModel, ConfigDict, Field

from overture_core.errors import InvalidInput, SignatureInvalid
from overture_providers.linkedin.lead_forms import OWNER, RESPONSE

SIGNATURE_HEADER = "X-LI-Signature"
MAX_BODY = 256 * 2**10
_CHALLENGE = re.compile(r"[A-Za-z0-9-]{1,100}")
_RESPONSE_URN = "urn:li:leadGenFormResponse:"


class LeadReport(BaseModel):
    """LinkedIn says that somebody filled a form in. It carries ids and nothing that they wrote."""

    model_config = ConfigDict(frozen=True)

    owner: str
    response: str = Field(pattern=RESPONSE.pattern)
    form: str = Field(max_length=200)


def answer_challenge(code: str, secret: str) -> dict[str, str]:
    """Return what proves that this address is ours; LinkedIn waits 3 s for it and asks again every 2 h.

    Raises:
        InvalidInput: it is no challenge. Whatever else is asked for, such as the body of a report to sign, is refused:
            our answer must never be a signature of anything.
    """
    if not _CHALLENGE.fullmatch(code):
        msg = "This is no challenge of LinkedIn's; its code has letters, digits and hyphens."
        raise InvalidInput(msg)
    proof = hmac.new(secret.encode(), code.encode(), hashlib.sha256).hexdigest()
    return {"challengeCode": code, "challengeResponse": proof}


def verify_and_parse(raw: bytes, signature: str | None, secret: str) -> LeadReport | None:
    """Return the new lead that a webhook reports; None for what we do not act on, such as a deleted one.

    Raises:
        SignatureInvalid: it is not from LinkedIn.
        InvalidInput: it is, but is not as LinkedIn sends it.
    """
    expected = hmac.new(secret.encode(), b"hmacsha256=" + raw, hashlib.sha256).hexdigest()
    if signature is None or not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
        raise SignatureInvalid
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidInput("The body is not JSON.") from error
    if not isinstance(body, dict):
        raise InvalidInput("The body is not a JSON object.")
    if body.get("type") != "LEAD_ACTION" or body.get("leadAction") != "CREATED":
        return None
    urn, form, owner = body.get("leadGenFormResponse"), body.get("leadGenForm"), _owner(body.get("owner"))
    response = urn.removeprefix(_RESPONSE_URN) if isinstance(urn, str) else ""
    if owner is None or not RESPONSE.fullmatch(response) or not isinstance(form, str) or len(form) > 200:
        raise InvalidInput("The report does not name a lead, its form and their owner as LinkedIn does.")
    return LeadReport(owner=owner, response=response, form=form)


def _owner(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    return next((each for each in value.values() if isinstance(each, str) and OWNER.fullmatch(each)), None)
