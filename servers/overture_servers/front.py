"""Answers a client's first requests over stdio while the server is still being loaded, which takes a second or more.

It is no second server. Every byte of the client's goes on to the real one, in order, and every byte of the real one's
comes back, but for answers that the client has already. What the front says, it has heard: it keeps what the real
server answered to the handshake and to lists, under a hash of the whole conversation until then (all but the ids), and
repeats it where a conversation goes word for word the same way. Other requests end its part. The real server answers
these requests too, and each time its words are compared with what was said for it.

What was heard lies beside the bytecode, and is as much to be trusted. Like bytecode it is for these very sources
(their sizes and times, the versions of everything installed, the interpreter) and otherwise worth nothing.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import sys
import threading
from contextlib import suppress
from importlib.machinery import PathFinder
from typing import Any

REPEATED = frozenset(
    {"initialize", "server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list"}
)
PARTS = ("core", "providers", "queue", "worker", "servers", "crew", "cli")
MOST_ANSWERS = 24
LONGEST = 16 * 1024  # bytes of a first request; the handshake of a client is one of them
CHUNK = 64 * 1024
END = b"\0"  # no JSON has it


def begin(arguments: list[str]) -> Front | None:
    """Stand before the server that `overture serve NAME` is about to load; None for any other command."""
    if sys.platform == "win32" or len(arguments) != 2 or arguments[0] != "serve" or not arguments[1].isalpha():
        return None
    gc.disable()  # nothing of what is loaded is ever garbage; the server turns it on
    try:
        return Front(Heard(arguments[1]))
    except OSError:  # no stdin or stdout: the server will say so
        return None


class Heard:
    """What the real server answered, by the hash of the conversation."""

    def __init__(self, server: str) -> None:
        cached = None if __spec__ is None else __spec__.cached
        self._path = os.path.join(os.path.dirname(cached or ""), f"front-{server}.json")
        self._kept = bool(cached) and not sys.dont_write_bytecode
        self._sources = sources()
        self.answers: dict[str, str] = {}
        with suppress(OSError, ValueError), open(self._path, encoding="utf-8") as file:
            found = json.load(file)
            if found["sources"] == self._sources:
                self.answers = found["answers"]

    def keep(self) -> None:
        """Write it down for the next start; where that cannot be, the next start is without."""
        self.answers = dict(list(self.answers.items())[-MOST_ANSWERS:])
        written = f"{self._path}.{os.getpid()}"
        with suppress(OSError):
            if self._kept:
                with open(written, "w", encoding="utf-8") as file:
                    json.dump({"sources": self._sources, "answers": self.answers}, file)
                os.replace(written, self._path)


class Front:
    """Two threads between the client's descriptors and those that the server finds as stdin and stdout."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._lock = threading.Lock()
        self._talk = hashlib.sha256()
        self._listening = self._answering = True
        self._open: dict[int | str, tuple[str, str | None]] = {}  # by id: the conversation's hash, and what was said
        self._client_in, self._client_out = os.dup(0), os.dup(1)
        new_in, self._server_in = os.pipe()
        self._server_out, self._new_out = os.pipe()
        os.dup2(new_in, 0)
        os.dup2(self._new_out, 1)
        os.close(new_in)
        threading.Thread(target=self._hear_client, name="overture-front-in", daemon=True).start()
        self._out = threading.Thread(target=self._hear_server, name="overture-front-out", daemon=True)
        self._out.start()

    def end(self) -> None:
        """Wait until the client has everything that the server wrote."""
        with suppress(OSError):
            _write(self._new_out, END)
        self._out.join()

    def _hear_client(self) -> None:
        rest = b""
        with suppress(OSError):
            while data := os.read(self._client_in, CHUNK):
                if self._listening:
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        self._consider(line)
                    self._listening &= len(rest) <= LONGEST
                _write(self._server_in, data)
        os.close(self._server_in)

    def _consider(self, line: bytes) -> None:
        with self._lock:
            message = _read(line) if self._listening else None
            number = None if message is None else message.pop("id", None)
            if message is None or (number is not None and not self._is_repeated(message, number)):
                self._listening = False
                return
            self._talk.update(json.dumps(message, sort_keys=True).encode() + b"\n")
            if number is None:
                return
            talk = self._talk.hexdigest()
            said = self._heard.answers.get(talk) if self._answering else None
            self._open[number] = talk, said
            if said is not None:
                _write(self._client_out, _head(number) + said.encode() + b"\n")

    def _is_repeated(self, message: dict[str, Any], number: int | str) -> bool:
        plain = type(number) is int or (type(number) is str and number.isascii() and number.isprintable())
        return plain and message.get("method") in REPEATED and number not in self._open

    def _hear_server(self) -> None:
        rest, ended = b"", False
        with suppress(OSError):
            while not ended and (data := os.read(self._server_out, CHUNK)):
                ended = data.endswith(END)
                with self._lock:
                    self._answering = False
                    *lines, rest = (rest + data.removesuffix(END)).split(b"\n")
                    new = b"".join(line + b"\n" for line in lines if not self._was_said(line))
                    if not (self._open or self._listening) or ended:
                        new, rest = new + rest, b""
                _write(self._client_out, new)
        os.close(self._server_out)

    def _was_said(self, line: bytes) -> bool:
        message = _read(line) if self._open else None
        if message is None or "method" in message or message.get("id") not in self._open:
            return False
        number = message["id"]
        talk, said = self._open.pop(number)
        head = _head(number)
        answer = line.removeprefix(head).decode() if line.startswith(head) else None
        if said is not None and said != answer:
            sys.stderr.write('{"event": "front_differed", "level": "error"}\n')
        if answer != self._heard.answers.get(talk):
            self._heard.answers.pop(talk, None)
            if answer is not None:
                self._heard.answers[talk] = answer
            self._heard.keep()
        return said is not None


def sources() -> str:
    """Return what changes with any source of ours, anything installed, or the interpreter."""
    found = [sys.version]
    for folder in sys.path:
        with suppress(OSError):
            found += sorted(name for name in os.listdir(folder or ".") if name.endswith(".dist-info"))
    for part in PARTS:
        spec = PathFinder.find_spec(f"overture_{part}")
        for root in (spec and spec.submodule_search_locations) or ():
            for folder, folders, names in os.walk(root):
                folders.sort()
                for name in sorted(names):
                    if name.endswith(".py"):
                        at = os.stat(os.path.join(folder, name))
                        found.append(f"{folder}/{name} {at.st_size} {at.st_mtime_ns}")
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line) if len(line) <= LONGEST * 8 else None
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _head(number: int | str) -> bytes:
    return b'{"jsonrpc":"2.0","id":' + json.dumps(number).encode() + b',"result":'


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
