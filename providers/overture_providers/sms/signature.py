"""Twilio's request signature: HMAC-SHA1 over the URL and the sorted form fields.

Rules: twilio.com/docs/usage/webhooks/webhooks-security. The SDK's validator is not used: it takes 0.3 s
to import and refuses some URLs that Twilio signs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from overture_core.errors import SignatureInvalid

HEADER = "X-Twilio-Signature"
_URL = re.compile(r"(https?)://([^/?#]*)(.*)", re.DOTALL)
_PORT = re.compile(r":\d+$")
_DEFAULT_PORTS = {"https": "443", "http": "80"}


def sign(url: str, form: Iterable[tuple[str, str]], auth_token: str) -> str:
    """Return the signature of a form post to `url`."""
    url = url.replace("'", "%27")  # as Twilio writes it before signing
    fields = "".join(name + value for name, value in sorted(set(form)))
    digest = hmac.new(_bytes(auth_token), _bytes(url + fields), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def verify(
    url: str, form: Iterable[tuple[str, str]], signature: str | None, auth_token: str, *, raw: bytes | None = None
) -> None:
    """Check a webhook. `url` is the one Twilio was given, `raw` the body of a JSON webhook (its form is empty).

    Twilio may sign with or without the port, so both spellings count.

    Raises:
        SignatureInvalid: the signature is missing or belongs to something else.
    """
    fields = list(form)
    given = _bytes(signature or "")
    matches = [hmac.compare_digest(_bytes(sign(each, fields, auth_token)), given) for each in _spellings(url)]
    if not any(matches) or (raw is not None and not _body_matches(url, raw)):
        raise SignatureInvalid


def _spellings(url: str) -> tuple[str, ...]:
    parts = _URL.fullmatch(url)
    if parts is None:
        return (url,)
    scheme, authority, rest = parts.groups()
    bare = _PORT.sub("", authority)
    ported = authority if bare != authority else f"{authority}:{_DEFAULT_PORTS[scheme]}"
    return (f"{scheme}://{bare}{rest}", f"{scheme}://{ported}{rest}")


def _body_matches(url: str, raw: bytes) -> bool:
    try:
        wanted = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    except ValueError:
        return False
    return hmac.compare_digest(_bytes(wanted), hashlib.sha256(raw).hexdigest().encode())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")
