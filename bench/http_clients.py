"""Which HTTP client the delivery path should use: processor time and wall time of a POST.

    uv run python -m bench.http_clients

Two shapes, as the delivery path has them: many small forms (Twilio), 100 in flight from one event loop;
and one JSON body of a thousand recipients after another (SendGrid). Bodies are ready made and equal for
all, answers are read and parsed, connections are kept. Each figure comes from a process of its own, after
a warm-up; rounds are shuffled. `cpu` counts all threads of the process, as some clients work in their own.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from threading import local
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.measuring import (
    ROOT,
    Report,
    arguments,
    cpu_s,
    environment,
    median,
    number,
    package_versions,
    running_sink,
)

IN_FLIGHT = 100
RECIPIENTS = 1_000
TIMEOUT_S = 30.0
AUTH = {"Authorization": "Basic QUMwMDAwOnRva2Vu"}
FORM = urlencode(
    {
        "To": "+12025550100",
        "From": "+15005550006",
        "Body": "Hi Ada, it has been a while. Are you still looking at the north campus? Reply STOP to end.",
        "StatusCallback": "http://127.0.0.1:8765/messaging/webhooks/twilio/status?message=msg_01J&workspace=default",
    }
).encode()
FORM_HEADERS = {**AUTH, "Content-Type": "application/x-www-form-urlencoded"}
JSON_HEADERS = {"Authorization": "Bearer SG.sink", "Content-Type": "application/json"}

Post = Callable[[str, bytes, dict[str, str]], Awaitable[tuple[int, bytes]]]


def mail_body() -> bytes:
    """Return a mail/send body of 1,000 personalizations, about 1 MB."""
    text = "Hi Ada,\n\nit has been a while since we spoke about the north campus. " * 10
    people = [
        {
            "to": [{"email": f"lead{n}@example.com"}],
            "custom_args": {"message_id": f"msg_{n:026d}", "workspace": "default"},
            "headers": {"List-Unsubscribe": f"<http://127.0.0.1:8765/u/{n:040d}>"},
            "substitutions": {"-subject-": "Hi Ada", "-text-": text, "-message_id-": f"msg_{n:026d}"},
        }
        for n in range(RECIPIENTS)
    ]
    body = {"personalizations": people, "from": {"email": "hello@overture.example"}, "subject": "-subject-"}
    return json.dumps({**body, "content": [{"type": "text/plain", "value": "-text-"}]}).encode()


# --- The candidates: each returns a coroutine function that posts once and reads the answer ---


async def open_httpx(stack: AsyncExitStack) -> Post:
    import httpx

    limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    client = await stack.enter_async_context(httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, trust_env=False))

    async def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        response = await client.post(url, content=body, headers=headers)
        return response.status_code, response.content

    return post


async def open_httpx2(stack: AsyncExitStack) -> Post:
    import httpx2

    limits = httpx2.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    client = await stack.enter_async_context(httpx2.AsyncClient(timeout=TIMEOUT_S, limits=limits, trust_env=False))

    async def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        response = await client.post(url, content=body, headers=headers)
        return response.status_code, response.content

    return post


async def open_aiohttp(stack: AsyncExitStack) -> Post:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    client = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=timeout))

    async def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        async with client.post(url, data=body, headers=headers, allow_redirects=False) as response:
            return response.status, await response.read()

    return post


async def open_pyreqwest(stack: AsyncExitStack) -> Post:
    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().max_connections(IN_FLIGHT).timeout(timedelta(seconds=TIMEOUT_S)).no_proxy().http1_only()
    client = await stack.enter_async_context(builder.follow_redirects(False).build())

    async def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        response = await client.post(url).headers(headers).body_bytes(body).build().send()
        return response.status, bytes(await response.bytes())

    return post


async def open_http_client(stack: AsyncExitStack) -> Post:
    """The standard library's client, a connection for each of as many threads as requests in flight."""
    loop, mine = asyncio.get_running_loop(), local()
    pool = stack.enter_context(ThreadPoolExecutor(IN_FLIGHT))

    def post_now(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        parts = urlsplit(url)
        if not hasattr(mine, "connection"):
            mine.connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT_S)
        mine.connection.request("POST", parts.path, body, headers)
        with closing(mine.connection.getresponse()) as response:
            return response.status, response.read()

    async def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        return await loop.run_in_executor(pool, post_now, url, body, headers)

    return post


CANDIDATES: dict[str, Callable[[AsyncExitStack], Awaitable[Post]]] = {
    "httpx": open_httpx,
    "httpx2": open_httpx2,
    "aiohttp": open_aiohttp,
    "pyreqwest": open_pyreqwest,
    "http.client": open_http_client,
}
LOOPS = ("asyncio", "uvloop")
SHAPES = ("form", "mail")


async def measure(name: str, shape: str, base_url: str, requests: int) -> dict[str, float]:
    """Return microseconds a request: `cpu`, `wall`, after a tenth of the requests as warm-up."""
    if shape == "form":
        url, body, headers, wide = f"{base_url}/2010-04-01/Accounts/AC0000/Messages.json", FORM, FORM_HEADERS, IN_FLIGHT
    else:
        url, body, headers, wide = f"{base_url}/v3/mail/send", mail_body(), JSON_HEADERS, 1
    async with AsyncExitStack() as stack:
        post = await CANDIDATES[name](stack)

        async def go(number: int) -> None:
            left = iter(range(number))

            async def one_after_another() -> None:
                for _ in left:
                    status, answer = await post(url, body, headers)
                    assert status in {201, 202}, status
                    if answer:
                        json.loads(answer)

            await asyncio.gather(*(one_after_another() for _ in range(wide)))

        await go(max(requests // 10, wide * 3))
        cpu, wall = cpu_s(), time.perf_counter()
        await go(requests)
        cpu, wall = cpu_s() - cpu, time.perf_counter() - wall
    return {"cpu": cpu / requests * 1e6, "wall": wall / requests * 1e6}


def run_one(name: str, loop: str, shape: str, url: str, requests: int) -> dict[str, float]:
    """Measure in a process of its own; `crashed` is 1 if that died at its end, after it had told its result."""
    command = [sys.executable, "-m", "bench.http_clients", "--one", name, loop, shape, url, str(requests)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=300
    )
    if not done.stdout:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return {**found, "crashed": float(done.returncode != 0)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--forms", type=int, default=3_000, help="small requests of one measurement")
    parser.add_argument("--mails", type=int, default=30, help="1,000-recipient requests of one measurement")
    parser.add_argument("--one", nargs=5, metavar=("CLIENT", "LOOP", "SHAPE", "URL", "N"), help="for its children")
    given = parser.parse_args()
    if given.one:
        name, loop, shape, url, requests = given.one
        print(json.dumps(_in_loop(loop, measure(name, shape, url, int(requests)))), flush=True)
        return
    cases = [(name, loop, shape) for name in CANDIDATES for loop in LOOPS for shape in SHAPES]
    sizes = {"form": given.forms, "mail": given.mails}
    found: dict[tuple[str, str, str], list[dict[str, float]]] = defaultdict(list)
    with running_sink() as sink:
        for _ in range(given.rounds):
            for case in random.sample(cases, len(cases)):
                found[case].append(run_one(*case, sink.url, sizes[case[2]]))
    report(found, given.rounds).show(given.json)


def _in_loop(loop: str, work: Coroutine[Any, Any, dict[str, float]]) -> dict[str, float]:
    if loop == "asyncio":
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


def report(found: dict[tuple[str, str, str], list[dict[str, float]]], rounds: int) -> Report:
    """Return the table: microseconds a request, and how many times the best client's processor time."""

    def typical(name: str, loop: str, shape: str, what: str) -> float:
        return median([each[what] for each in found[name, loop, shape]])

    best = {shape: min(typical(n, lp, shape, "cpu") for n in CANDIDATES for lp in LOOPS) for shape in SHAPES}
    columns = ["client, loop"]
    for shape in ("form x 100", "1,000-recipient mail"):
        columns += [f"{shape}: cpu us", "times best", "wall us"]
    rows = []
    for name in CANDIDATES:
        for loop in LOOPS:
            row = [f"{name}, {loop}"]
            for shape in SHAPES:
                cpu = typical(name, loop, shape, "cpu")
                row += [number(cpu), f"{cpu / best[shape]:.2f}", number(typical(name, loop, shape, "wall"))]
            rows.append(row)
    crashed = {
        name: sum(each["crashed"] for case, all_ in found.items() if case[0] == name for each in all_)
        for name in CANDIDATES
    }
    return Report(
        title=f"HTTP clients, microseconds a request, medians of {rounds} shuffled rounds",
        columns=columns,
        rows=rows,
        notes=[
            f"{name}: {times:.0f} of {rounds * len(LOOPS) * len(SHAPES)} processes died at their exit"
            for name, times in crashed.items()
            if times
        ],
        measured={", ".join(case): values for case, values in found.items()},
        versions=package_versions(["httpx", "httpx2", "aiohttp", "pyreqwest", "uvloop"]),
    )


if __name__ == "__main__":
    main()
