"""What a stdio server answers before it is loaded: the same, byte for byte, as once it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from overture_servers.registry import NAMES

ENTRY = [sys.executable, "-m", "overture_cli", "serve"]
ERAS = ("2026-07-28", "2025-11-25")
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
# With this the real server ends before it says a word; so whatever comes was said by the front.
BROKEN = {"OVERTURE_CLOCK_OFFSET_S": "nonsense"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What was heard lies beside the bytecode, which is in a folder of this module's own."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    folder = tmp_path_factory.mktemp("front")
    return {
        **kept,
        "OVERTURE_DATA_DIR": str(folder / "data"),
        "OVERTURE_SANDBOX_ONLY": "1",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }


def begins(era: str, client: str = "raw") -> list[dict[str, Any]]:
    """Return what a client of an era says first: the handshake, and every list."""
    who = {"name": client, "version": "1"}
    if era == "2025-11-25":
        about: dict[str, Any] = {}
        first = asked(0, "initialize", {"protocolVersion": era, "capabilities": {}, "clientInfo": who})
        start = [first, {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    else:
        prefix = "io.modelcontextprotocol"
        envelope = {f"{prefix}/protocolVersion": era, f"{prefix}/clientInfo": who, f"{prefix}/clientCapabilities": {}}
        about = {"_meta": envelope}
        start = [asked(0, "server/discover", about)]
    return [*start, *(asked(number, method, about) for number, method in enumerate(LISTS, 1))]


def asked(number: int | str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


class Talk:
    """A server process, spoken to line by line."""

    def __init__(self, server: str, environment: dict[str, str], folder: Path) -> None:
        self.process = subprocess.Popen(
            [*ENTRY, server],
            env=environment,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin
        assert self.process.stdout
        self._to, self._from = self.process.stdin, self.process.stdout

    def say(self, *messages: dict[str, Any]) -> list[bytes]:
        """Say these, each after the answer to the one before, and return the answers as they came."""
        answers = []
        for each in messages:
            self._to.write(json.dumps(each).encode() + b"\n")
            self._to.flush()
            if "id" in each:
                answers.append(self._from.readline())
        return answers

    def say_together(self, *messages: dict[str, Any]) -> list[bytes]:
        """Say these in one write, and return as many answers as there have to be."""
        self.send(b"".join(json.dumps(each).encode() + b"\n" for each in messages))
        return [self._from.readline() for each in messages if "id" in each]

    def send(self, data: bytes) -> None:
        self._to.write(data)
        self._to.flush()

    def end(self) -> tuple[bytes, str, int]:
        """Close stdin and return what still came, what was logged, and the exit code."""
        rest, log = self.process.communicate(timeout=60)
        return rest, log.decode(), self.process.returncode


@pytest.mark.parametrize("server", NAMES)
def test_the_front_says_what_the_server_says_byte_for_byte(
    server: str, environment: dict[str, str], tmp_path: Path
) -> None:
    for era in ERAS:
        real = Talk(server, environment, tmp_path)
        answers = real.say(*begins(era))
        assert real.end() == (b"", "", 0)
        alone = Talk(server, {**environment, **BROKEN}, tmp_path)
        assert alone.say(*begins(era)) == answers
        rest, log, code = alone.end()
        assert (rest, code) == (b"", 2), log
        assert all("result" in json.loads(answer) for answer in answers)


def test_a_call_after_the_fronts_answers_is_the_servers(environment: dict[str, str], tmp_path: Path) -> None:
    hello, initialized, tools, *_ = begins("2025-11-25")
    call = asked("call", "tools/call", {"name": "leads_list_segments", "arguments": {}})
    for _ in range(2):
        talk = Talk("leads", environment, tmp_path)
        answers = talk.say(hello, initialized, tools, call, {**tools, "id": 9})
        assert [json.loads(answer)["id"] for answer in answers] == [0, 1, "call", 9]
        assert json.loads(answers[2])["result"]["structuredContent"] == {"segments": [], "more": 0}
        assert answers[3] == answers[1].replace(b'"id":1,', b'"id":9,', 1)
        rest, log, code = talk.end()
        assert (rest, json.loads(log)["event"], code) == (b"", "tool_called", 0)


def test_requests_in_one_write_are_answered_once_each(environment: dict[str, str], tmp_path: Path) -> None:
    """At first all are unknown, then all are known, and at last there are as many more."""
    known = begins("2025-11-25")
    more = [{**each, "id": f"more {each['id']}"} for each in known[2:]]
    for asked_for in (known, known, [*known, *more]):
        talk = Talk("stripe", environment, tmp_path)
        wanted = {each["id"] for each in asked_for if "id" in each}
        answers = talk.say_together(*asked_for)
        assert {json.loads(answer)["id"] for answer in answers} == wanted
        assert talk.end() == (b"", "", 0)


@pytest.mark.parametrize("line", [b"[" * 10_000, b'{"id": 5, "result": {}}', b""], ids=["deep", "answer", "empty"])
def test_what_is_no_request_is_the_servers_to_judge(line: bytes, environment: dict[str, str], tmp_path: Path) -> None:
    """Between requests that the front does not know yet, and between the same ones when it does."""
    hello, initialized, tools, *_ = begins("2025-11-25", client=f"before {len(line)}")
    seen = []
    for _ in range(2):
        talk = Talk("linkedin", environment, tmp_path)
        answers = talk.say(hello, initialized)
        talk.send(line + b"\n")
        answers += talk.say({**tools, "id": 7})
        seen.append((answers, talk.end()[::2]))
    assert seen[0] == seen[1]


def test_what_was_heard_of_other_sources_is_not_repeated(environment: dict[str, str], tmp_path: Path) -> None:
    first = begins("2025-11-25")[0]
    heard = Talk("messaging", environment, tmp_path)
    heard.say(first)
    assert heard.end()[::2] == (b"", 0)
    with kept_of(environment, "messaging") as kept:
        kept["sources"] = "0" * 64
    alone = Talk("messaging", {**environment, **BROKEN}, tmp_path)
    assert alone.say(first) == [b""]
    assert alone.end()[2] == 2


def test_a_difference_is_logged_and_not_said_again(environment: dict[str, str], tmp_path: Path) -> None:
    """It takes a source that changed without a trace. The client has its answer; the next start has the right one."""
    first = begins("2025-11-25")[0]
    talk = Talk("messaging", environment, tmp_path)
    right = talk.say(first)
    talk.end()
    with kept_of(environment, "messaging") as kept:
        kept["answers"] = {talk: answer.replace("messaging", "massaging") for talk, answer in kept["answers"].items()}
    wrong = Talk("messaging", environment, tmp_path)
    assert b"massaging" in wrong.say(first)[0]
    rest, log, code = wrong.end()
    assert (rest, [json.loads(line)["event"] for line in log.splitlines()], code) == (b"", ["front_differed"], 0)
    again = Talk("messaging", environment, tmp_path)
    assert again.say(first) == right
    assert again.end() == (b"", "", 0)


def test_without_its_database_a_server_lists_its_tools_and_each_call_says_so(
    environment: dict[str, str], tmp_path: Path
) -> None:
    away = {**environment, "OVERTURE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    hello, initialized, tools, *_ = begins("2025-11-25")
    call = asked(8, "tools/call", {"name": "leads_list_segments", "arguments": {}})
    read = asked(9, "resources/read", {"uri": "overture://segments"})
    talk = Talk("leads", away, tmp_path)
    *_, listed, called, not_read = (json.loads(each) for each in talk.say(hello, initialized, tools, call, read))
    rest, log, code = talk.end()
    assert listed["result"]["tools"]
    assert called["result"]["isError"]
    assert "Check OVERTURE_DATABASE_URL, then retry." in called["result"]["content"][0]["text"]
    assert "error" in not_read
    assert (rest, code) == (b"", 0)
    assert "Traceback" not in log


@contextmanager
def kept_of(environment: dict[str, str], server: str) -> Iterator[dict[str, Any]]:
    """What the front keeps of a server, to be changed."""
    (path,) = Path(environment["PYTHONPYCACHEPREFIX"]).rglob(f"front-{server}.json")
    kept = json.loads(path.read_text())
    yield kept
    path.write_text(json.dumps(kept))
