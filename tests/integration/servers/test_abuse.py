"""Clients that mean harm, or do not know better, against a real server process: it refuses, and goes on serving."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest

from overture_servers.http.connections import MOST, PIPELINED
from tests.integration.servers.abused import LIST, Process, serving

BODY_S = 1.0
UNREAD = 40  # answers of some 15 kB
HEAD = b"POST /leads/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n"
MCP = b"Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
ERAS = {"2025-11-25": {}, "2026-07-28": {"Mcp-Method": "tools/call", "Mcp-Name": "leads_search"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, wait_for: Any) -> Iterator[Process]:
    """One process for all tests here. At its end nothing of what they did may have been a fault of ours."""
    with serving(tmp_path_factory.mktemp("abused"), wait_for, OVERTURE_HTTP_BODY_TIMEOUT_S=str(BODY_S)) as made:
        yield made


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello",
        HEAD + b"Content-Length: +5\r\n\r\nhello",
        HEAD + b"Content-Length: 5\r\nContent-Length:\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\nhello",
        HEAD + MCP + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * 3_000_000 + b"\r\nhello\r\n0\r\n\r\n",
        HEAD + MCP + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: " + b"a" * 3_000_000 + b"\r\n\r\n",
        HEAD + b"Host: elsewhere.example\r\n\r\n",
        b"POST /leads/mcp HTTP/1.1\r\n\r\n",
        HEAD + b"X-Odd: a\x00b\r\n\r\n",
        b"POST /leads\x00/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /leads\xff\xfe/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /" + b"a" * 3_000_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-Long: " + b"a" * 3_000_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_two_could_read_differently_is_refused_and_nothing_behind_it_is_read(server: Process, raw: bytes) -> None:
    hidden = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    answer = server.say(raw + hidden)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431")), answer[:200]
    assert b"status" not in answer
    assert answer.count(b"HTTP/1.1") == 1
    assert b"content-security-policy: default-src 'none'" in answer.lower()


@pytest.mark.parametrize("size", [33_000, 200_000, 3_000_000])
def test_headers_that_are_too_large_are_told_so(server: Process, size: int) -> None:
    answer = server.say(HEAD + b"X-Long: " + b"a" * size + b"\r\n\r\n")
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert told["message"] == "The request's headers are too large; its line and headers may have 32 KiB."


def test_what_follows_a_body_is_no_header(server: Process) -> None:
    raw = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n%s\r\n"
    answer = server.say(raw % (len(LIST), LIST, MCP))
    assert b'"wrong_content_type"' in answer


def test_more_requests_than_wait_for_their_turn_end_a_connection(server: Process) -> None:
    answer = server.say(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 1000)
    assert answer.count(b"HTTP/1.1 200") <= PIPELINED + 1


@pytest.mark.parametrize(
    "path",
    [
        "/%00",
        "/leads/mcp%00",
        "/%ff%fe",
        "/messaging/unsubscribe/%00/%00",
        "/linkedin/oauth/callback?state=%00&code=%ff",
    ],
)
def test_odd_bytes_in_a_path_are_just_not_there(server: Process, path: str) -> None:
    answer = httpx.get(f"http://127.0.0.1:{server.port}{path}", trust_env=False)
    assert answer.status_code in {400, 404}, answer.text


@pytest.mark.parametrize("version", ERAS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"17",
        b'"text"',
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"leads_search","arguments":'
        + b'{"a":' * 150
        + b"1"
        + b"}" * 150
        + b"}}",
        b'{"jsonrpc":"2.0","id":' + b"9" * 10_000 + b',"method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":NaN,"method":"tools/list"}',
        b'{"jsonrpc":"1.0","id":1,"method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":{},"method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":1,"method":17}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":{}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"leads_search","arguments":[1]}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\\ud800","arguments":{}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"leads_search","arguments":{"query":"\\ud800"}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"nothing/there"}',
        b'{"jsonrpc":"2.0","id":1,"result":{}}',
        b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"\\u0000"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"leads://\\u0000"}}',
    ],
    ids=range(26),
)
def test_json_that_is_no_request_is_refused(server: Process, content: bytes, version: str) -> None:
    answer = server.post(content, MCP_Protocol_Version=version, **ERAS[version])
    assert answer.status_code < 500, answer.text
    assert "Traceback" not in answer.text
    assert "went wrong inside" not in answer.text


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_other_kinds_of_content_are_refused(server: Process, kind: str) -> None:
    answer = server.post(LIST, Content_Type=kind)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert answer.json() == {
        "error": "wrong_content_type",
        "message": "MCP requests are JSON; send them with the header Content-Type: application/json.",
    }
    assert server.post(LIST, "/messaging/webhooks/sendgrid/events", Content_Type=kind).status_code == 403


def test_huge_json_is_refused_before_it_is_all_there(server: Process) -> None:
    assert server.post(b"[" + b"0," * (3 * 2**20) + b"0]").status_code == 413
    declared = server.say(HEAD + MCP + b"Content-Length: 10000000000\r\n\r\n")
    assert declared.startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_come_is_given_up(server: Process) -> None:
    began = time.monotonic()
    answer = server.say(HEAD + MCP + b'Content-Length: 100\r\n\r\n{"jsonrpc"')
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "too_slow"
    assert time.monotonic() - began >= BODY_S


def test_with_too_many_connections_open_one_more_is_told_what_to_do(server: Process) -> None:
    with ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(server.connect())
        head, _, body = server.say(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 5" in head.lower()
    assert b"content-security-policy: default-src 'none'" in head.lower()
    assert json.loads(body)["message"] == "Too many connections are open here; close some, or try again in 5 s."


def test_half_open_slow_and_unread_connections_end_while_others_are_served(server: Process) -> None:
    """All at once, so that their ten seconds are waited for once."""
    asking = HEAD + MCP + b"MCP-Protocol-Version: 2025-11-25\r\nContent-Length: %d\r\n\r\n" % len(LIST) + LIST
    with ExitStack() as stack:
        opened = [stack.enter_context(server.connect()) for _ in range(120)]
        _silent, slow, leaving, unread = (opened[start::4] for start in range(4))
        ports = {each.getsockname()[1] for each in opened}
        for each in leaving:
            each.sendall(HEAD + MCP + b"Content-Length: 1000\r\n\r\n{")
            each.close()
        for each in unread:
            each.sendall(asking * UNREAD)
        for each in slow:
            each.sendall(b"POST /leads/mcp HTTP/1.1\r\n")
        began = time.monotonic()
        while (held := ports & server.peers()) and time.monotonic() < began + 60:
            assert server.post(LIST).status_code == 200
            for each in slow:
                with suppress(OSError):
                    each.sendall(b"X-More: a\r\n")
        assert not held
