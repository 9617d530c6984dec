"""What some settings have to look like: each function returns the value, or raises ValueError with what to do."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import AnyHttpUrl, SecretStr, ValidationError

from overture_core.linkedin.scopes import SCOPES
from overture_core.text import quoted

# In ASCII: other letters are spelt so where a request names its host (RFC 5890, xn--).
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")  # RFC 3986, section 3.3


def month(version: str) -> str:
    """Return a version of LinkedIn's API."""
    if not re.fullmatch(r"20[0-9]{2}(0[1-9]|1[0-2])", version):
        msg = "a version of LinkedIn's API is a month, as YYYYMM, such as 202611"
        raise ValueError(msg)
    return version


def scopes(names: list[str]) -> list[str]:
    """Return scopes of LinkedIn's."""
    unknown = sorted(set(names) - set(SCOPES))
    if unknown:
        msg = f"{', '.join(map(repr, unknown))} is no scope that Overture uses; it knows {', '.join(SCOPES)}"
        raise ValueError(msg)
    return names


def web_address(url: str) -> str:
    """Return the address of a page."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        msg = "this is no address of a page; it begins with https://"
        raise ValueError(msg)
    return url


def base_url(url: str) -> str:
    """Return the address of our own that paths are put behind."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    if not is_origin(f"{scheme}://{host}") or not _PATH.fullmatch(path):
        msg = (
            "this is http:// or https://, a host in ASCII, and at most a port and a path behind it, such as "
            "https://outreach.example"
        )
        raise ValueError(msg)
    return url


def hosts(names: list[str]) -> list[str]:
    """Return hosts as requests name them."""
    for name in names:
        if not is_host(name):
            msg = (
                f"{quoted(name)} is no host; each is `name` or `name:port` in ASCII, such as inside.example:8443, and "
                "none stands for all"
            )
            raise ValueError(msg)
    return names


def is_origin(text: str) -> bool:
    """Tell whether it is a scheme of the web and a host, with nothing behind them."""
    scheme, _, host = text.partition("://")
    return scheme in {"http", "https"} and is_host(host)


def is_host(text: str) -> bool:
    """Tell whether it is `name` or `name:port`; an address of IPv6 stands in brackets."""
    try:
        AnyHttpUrl(f"http://{text}")
    except ValidationError:
        return False
    return _HOST.fullmatch(text) is not None


def currency(code: str) -> str:
    """Return a currency's three letters."""
    from overture_core.errors import InvalidInput
    from overture_core.payments.money import currency_of

    try:
        return currency_of(code)
    except InvalidInput as error:
        raise ValueError(error.message.rstrip(".")) from error


def signing_secret(secret: SecretStr) -> SecretStr:
    """Return the signing secret of an endpoint at Stripe."""
    if not secret.get_secret_value().startswith("whsec_"):
        msg = "a signing secret of Stripe's begins with whsec_; copy it from the webhook endpoint in the dashboard"
        raise ValueError(msg)
    return secret
