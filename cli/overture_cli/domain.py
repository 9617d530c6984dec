"""The DNS records of a sending domain, looked up for `overture doctor --domain`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from overture_core.errors import InvalidInput
from overture_core.health.domain import dkim_fault, dmarc_fault, spf_fault

TIMEOUT_S = 5.0


class Unreachable(Exception):
    """No DNS server answered."""


def faults(domain: str, *, selectors: Sequence[str], resolver: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield each record with its fault, None where it is well.

    Raises:
        Unreachable: no DNS server answered.
        InvalidInput: `resolver` is not an address with an optional port, or `domain` is no domain.
    """
    look = partial(_texts, _server(resolver))
    judges: list[tuple[str, str, Callable[[Sequence[str]], str | None]]] = [("SPF", domain, spf_fault)]
    judges += [
        (f"DKIM {each}", f"{each}._domainkey.{domain}", partial(dkim_fault, selector=each)) for each in selectors
    ]
    judges.append(("DMARC", f"_dmarc.{domain}", dmarc_fault))
    for title, name, judge in judges:
        yield title, judge(look(name))


def _server(resolver: str | None) -> tuple[str, int] | None:
    if resolver is None:
        return None
    from dns.inet import is_address

    address, _, port = resolver.partition(":") if resolver.count(":") == 1 else (resolver, "", "")
    if not is_address(address) or (port and not port.isdigit()):
        msg = f"The resolver {resolver!r} is not an address; write it like 192.0.2.53 or 192.0.2.53:5353."
        raise InvalidInput(msg)
    return address, int(port or 53)


def _texts(server: tuple[str, int] | None, name: str) -> list[str]:
    from dns.exception import DNSException
    from dns.name import EmptyLabel, LabelTooLong, NameTooLong
    from dns.resolver import NXDOMAIN, NoAnswer, Resolver

    try:
        asked = Resolver(configure=server is None)
        if server is not None:
            asked.nameservers, asked.port = [server[0]], server[1]
        answer = asked.resolve(name, "TXT", lifetime=TIMEOUT_S)
    except (NXDOMAIN, NoAnswer):
        return []
    except (EmptyLabel, LabelTooLong, NameTooLong) as error:
        msg = f"{name!r} is not a domain name."
        raise InvalidInput(msg) from error
    except (DNSException, OSError) as error:
        raise Unreachable from error
    return [b"".join(row.strings).decode("utf-8", "replace") for row in answer]
