"""`overture doctor --domain` against a DNS server on loopback, and with none."""

from __future__ import annotations

import json
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

Overture = Callable[..., "subprocess.CompletedProcess[str]"]
RECORDS = {
    "example.com.": "v=spf1 +all",
    "s1._domainkey.example.com.": "k=rsa; p=MIGf",
    "_dmarc.example.com.": "v=DMARC1; p=reject",
}


class Names(socketserver.BaseRequestHandler):
    """Answers TXT questions from RECORDS."""

    def handle(self) -> None:
        data, socket = self.request
        asked = dns.message.from_wire(data)
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        name = asked.question[0].name
        if (text := RECORDS.get(name.to_text())) is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", f'"{text}"'))
        socket.sendto(answer.to_wire(), self.client_address)


@pytest.fixture
def resolver() -> Iterator[str]:
    with socketserver.UDPServer(("127.0.0.1", 0), Names) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_each_record_is_judged(overture: Overture, resolver: str) -> None:
    done = overture("doctor", "--domain", "example.com", "--resolver", resolver, "--json")
    found = {check["part"]: (check["health"], check["detail"][:24]) for check in json.loads(done.stdout)["checks"][-4:]}
    assert found == {
        "SPF": ("problem", "The SPF record ends in +"),
        "DKIM s1": ("ok", ""),
        "DKIM s2": ("problem", "There is no DKIM key for"),
        "DMARC": ("ok", ""),
    }
    assert done.returncode == 3


def test_a_domain_that_there_is_none_of_is_said_so_and_gets_no_advice(overture: Overture, resolver: str) -> None:
    done = overture("doctor", "--domain", "exmaple.com", "--resolver", resolver)
    assert (done.returncode, done.stdout) == (2, "")
    assert "DNS knows no domain exmaple.com; check its spelling" in done.stderr


def test_no_dns_is_one_row_and_no_failure(overture: Overture) -> None:
    done = overture("doctor", "--domain", "example.com", "--resolver", "127.0.0.1:1", "--json")
    last = json.loads(done.stdout)["checks"][-1]
    assert (done.returncode, last["part"], last["health"]) == (0, "DNS", "not known")
    assert "no DNS server answered" in last["detail"]


def test_a_subdomain_has_the_record_of_its_organisation(overture: Overture, resolver: str) -> None:
    done = overture("doctor", "--domain", "News.Example.com.", "--resolver", resolver, "--selector", "k1", "--json")
    found = {check["part"]: check["health"] for check in json.loads(done.stdout)["checks"][-3:]}
    assert found == {"SPF": "problem", "DKIM k1": "problem", "DMARC": "ok"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--domain", "me@example.com"), "'me@example.com' is not a domain; write it like example.com."),
        (("--domain", "https://example.com/"), "is not a domain"),
        (("--domain", "x.test/"), "is not a domain"),
        (("--domain", ""), "is not a domain"),
        (("--domain", "example.com", "--selector", "a b"), "'a b' is not a DKIM selector"),
        (("--domain", "example.com", "--resolver", "127.0.0.1:99999"), "is not an address"),
        (("--selector", "s1"), "belong to --domain"),
        (("--resolver", "127.0.0.1:1"), "belong to --domain"),
    ],
)
def test_what_is_no_domain_selector_or_resolver_is_refused(
    overture: Overture, given: tuple[str, ...], said: str
) -> None:
    done = overture("doctor", *given)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
