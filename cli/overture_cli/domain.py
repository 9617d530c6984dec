"""The DNS records of a sending domain, looked up for `overture doctor --domain`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from overture_core.errors import InvalidInput
from overture_core.health.domain import (
    dkim_fault,
    dmarc_fault,
    domain_name,
    has_dmarc,
    selector_name,
    spf_fault,
)

TIMEOUT_S = 5.0


class Unreachable(Exception):
    """No DNS server answered."""


def faults(domain: str, *, selectors: Sequence[str], resolver: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield each record with its fault, None where it is well.

    Raises:
        Unreachable: no DNS server answered.
        InvalidInput: `resolver` is not an address with an optional port, there is no such domain, a selector is none.
    """
    # Only here: the list of public suffixes takes a tenth of a second to read.
    from publicsuffixlist import PublicSuffixList

    server, name = _server(resolver), domain_name(domain)
    prefixes = [(each, selector_name(each)) for each in selectors]
    organisation = PublicSuffixList().privatesuffix(name) or name
    if _asked(server, organisation) is None:
        msg = f"DNS knows no domain {organisation}; check its spelling, or name another server with --resolver."
        raise InvalidInput(msg)

    def look(name: str) -> list[str]:
        return _asked(server, name) or []

    yield "SPF", spf_fault(look(name))
    for each, prefix in prefixes:
        yield f"DKIM {each}", dkim_fault(look(f"{prefix}._domainkey.{name}"), each)
    yield "DMARC", _dmarc(look, name, organisation)


def _dmarc(look: Callable[[str], list[str]], name: str, organisation: str) -> str | None:
    """Judge the record of the domain, else that of its organisation (RFC 7489, section 6.6.3)."""
    own = look(f"_dmarc.{name}")
    if has_dmarc(own) or organisation == name:
        return dmarc_fault(own)
    return dmarc_fault(look(f"_dmarc.{organisation}"))


def _server(resolver: str | None) -> tuple[str, int] | None:
    if resolver is None:
        return None
    from dns.inet import is_address

    address, _, port = resolver.partition(":") if resolver.count(":") == 1 else (resolver, "", "")
    if not is_address(address) or (port and not (port.isdecimal() and 0 < int(port) < 65_536)):
        msg = f"The resolver {resolver!r} is not an address; write it like 192.0.2.53 or 192.0.2.53:5353."
        raise InvalidInput(msg)
    return address, int(port or 53)


def _asked(server: tuple[str, int] | None, name: str) -> list[str] | None:
    """Return a name's TXT records; None if there is no such name."""
    from dns.exception import DNSException
    from dns.name import NameTooLong
    from dns.resolver import NXDOMAIN, NoAnswer, Resolver

    try:
        asked = Resolver(configure=server is None)
        if server is not None:
            asked.nameservers, asked.port = [server[0]], server[1]
        answer = asked.resolve(name, "TXT", lifetime=TIMEOUT_S)
    except NXDOMAIN:
        return None
    except NoAnswer:
        return []
    except NameTooLong as error:
        msg = f"{name!r} is not a domain name."
        raise InvalidInput(msg) from error
    except (DNSException, OSError) as error:
        raise Unreachable from error
    return [b"".join(row.strings).decode("utf-8", "replace") for row in answer]
