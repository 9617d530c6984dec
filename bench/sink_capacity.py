"""How much the sink takes, so that no benchmark measures it by mistake.

    uv run python -m bench.sink_capacity

Several client processes write ready-made requests over raw sockets, as many ahead of the answers as
`--ahead`, and read the answers without parsing them: that leaves the sink as the slowest part.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time

from bench.http_clients import FORM, FORM_HEADERS, JSON_HEADERS, RECIPIENTS, mail_body
from bench.measuring import ROOT, Report, arguments, environment, median, number, package_versions, running_sink

SHAPES = {"form": "SMS form, 0.3 kB", "mail": "mail of 1,000 recipients, 1 MB"}
PATHS = {"form": "/2010-04-01/Accounts/AC0000/Messages.json", "mail": "/v3/mail/send"}


def request(shape: str) -> bytes:
    """Return one request as it stands on the wire."""
    headers, body = (FORM_HEADERS, FORM) if shape == "form" else (JSON_HEADERS, mail_body())
    lines = [f"POST {PATHS[shape]} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def push(shape: str, port: int, seconds: float, ahead: int) -> int:
    """Send for `seconds` over one connection; returns how many requests were answered."""
    one = request(shape)
    answered, tail, end = 0, b"", time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        while time.monotonic() < end:
            connection.sendall(one * ahead)
            left = ahead
            while left:
                data = tail + connection.recv(1 << 16)
                left -= (found := data.count(b"HTTP/1.1 20"))
                answered += found
                # A status line may be cut by the end of what was read.
                cut = data.rfind(b"HTTP/1.1 20")
                tail = data[max(cut + 11, len(data) - 10) :]
    return answered


def measure(shape: str, url: str, clients: int, seconds: float, ahead: int) -> float:
    """Return the requests a second of several client processes together."""
    port = url.rpartition(":")[2]
    command = [sys.executable, "-m", "bench.sink_capacity", "--push", shape, port, str(seconds), str(ahead)]
    children = [
        subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
        for _ in range(clients)
    ]
    total = 0.0
    for child in children:
        out, _ = child.communicate(timeout=seconds + 60)
        total += json.loads(out)
    return total / seconds


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--ahead", type=int, default=16, help="requests sent before their answers are read")
    parser.add_argument("--push", nargs=4, metavar=("SHAPE", "PORT", "SECONDS", "AHEAD"), help="for its children")
    given = parser.parse_args()
    if given.push:
        shape, port, seconds, ahead = given.push
        print(json.dumps(push(shape, int(port), float(seconds), int(ahead))), flush=True)
        return
    found: dict[str, list[float]] = {shape: [] for shape in SHAPES}
    cpu: dict[str, list[float]] = {shape: [] for shape in SHAPES}
    with running_sink() as sink:
        for _ in range(given.rounds):
            for shape in SHAPES:
                sink.reset()
                before = sink.cpu_s()
                ahead = given.ahead if shape == "form" else 1
                found[shape].append(measure(shape, sink.url, given.clients, given.seconds, ahead))
                counts = sink.counts()
                taken = counts["email_requests"] + counts["sms_requests"]
                cpu[shape].append((sink.cpu_s() - before) / taken * 1e6)
    rows = []
    for shape, name in SHAPES.items():
        rate, people = median(found[shape]), RECIPIENTS if shape == "mail" else 1
        rows.append([name, number(rate), number(rate * people), number(median(cpu[shape]))])
    Report(
        title=f"What the sink takes from {given.clients} clients over raw sockets, medians of {given.rounds} rounds",
        columns=["request", "requests/s", "recipients/s", "sink's cpu us a request"],
        rows=rows,
        notes=["With clients and sink on the same cores, the sink alone takes more than this."],
        measured={"requests_per_s": found, "cpu_us": cpu},
        versions=package_versions(["uvloop"]),
    ).show(given.json)


if __name__ == "__main__":
    main()
