"""Our programs without the seconds of loading: each run is a process of its own, forked from one that has loaded all.

What it does after that is what it does anyway: its own folder, environment, standard streams, signals and exit code.
For tests that run many; what loads, and how long that takes, is tested elsewhere.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = {"overture": ("overture_cli.entry", "run"), "sandbox": ("overture_providers.sandbox.__main__", "main")}
ALSO = ("overture_cli.main", "overture_cli.context", "overture_core.campaigns.service")
# Isolated and without the site's packages: it starts in a hundredth of a second.
CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    socket.send_fds(server, [b"!"], [0, 1, 2])
    server.sendall(json.dumps([{name!r}, sys.argv[1:], os.getcwd(), dict(os.environ)]).encode() + b"\\n")
    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, _: server.send(bytes([number])))
    sys.exit(int(server.recv(8)))
"""


@contextmanager
def loaded_programs(folder: Path) -> Iterator[Path]:
    """Load once, and yield the folder in which the programs then are."""
    path, programs = folder / "warm.sock", folder / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        program = programs / name
        program.write_text(CLIENT.format(python=sys.executable, path=str(path), name=name), encoding="utf-8")
        program.chmod(0o700)
    command = [sys.executable, "-c", f"from tests.warm import serve; serve({str(path)!r})"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield programs
        finally:
            process.terminate()


def serve(path: str) -> None:
    """Load, say so, and run what clients ask for until the end."""
    for name in (*(module for module, _ in PROGRAMS.values()), *ALSO):
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            client, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _answer(client)
            client.close()


def _answer(client: socket.socket) -> None:
    """Run a program in a child, pass on the signals that its client gets, tell its exit code, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(client, 1, 3)
    with client.makefile("rb") as said:
        program, arguments, folder, environment = json.loads(said.readline())
    child = os.fork()
    if child == 0:
        client.close()
        _become(program, arguments, folder, environment, streams)
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(child)
    while ended not in select.select([client.fileno(), ended], [], [])[0]:
        signals = client.recv(1)
        os.kill(child, signals[0] if signals else signal.SIGKILL)  # with its client killed, so is the child
        if not signals:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    client.sendall(str(os.waitstatus_to_exitcode(status) % 256).encode())
    os._exit(0)


def _become(program: str, arguments: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [program, *arguments]
    module, function = PROGRAMS[program]
    try:
        ended = getattr(sys.modules[module], function)()
    except SystemExit as error:
        ended = error.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended if isinstance(ended, int) else int(ended is not None))
