"""`overture` without the second of loading: each command is a process of its own, forked from one that has loaded all.

What it does after that is what it does anyway: its own folder, environment, standard streams, signals of its parent and
exit code. For tests that run many commands; what loads, and how long that takes, is tested elsewhere.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODULES = ("overture_cli.entry", "overture_cli.main", "overture_cli.context", "overture_core.campaigns.service")
# Isolated and without the site's packages: it starts in a hundredth of a second.
CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    socket.send_fds(server, [b"!"], [0, 1, 2])
    server.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.recv(8)))
"""


@contextmanager
def warm_overture(folder: Path) -> Iterator[Path]:
    """Load once, and yield the folder in which `overture` is then a program."""
    path, programs = folder / "warm.sock", folder / "bin"
    programs.mkdir()
    program = programs / "overture"
    program.write_text(CLIENT.format(python=sys.executable, path=str(path)), encoding="utf-8")
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
    for name in MODULES:
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
    """Run one command in a child, tell its exit code, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(client, 1, 3)
    with client.makefile("rb") as said:
        arguments, folder, environment = json.loads(said.read())
    child = os.fork()
    if child == 0:
        client.close()
        _become(arguments, folder, environment, streams)
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    client.sendall(str(os.waitstatus_to_exitcode(status) % 256).encode())
    os._exit(0)


def _become(arguments: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["overture", *arguments]
    from overture_cli.entry import run

    try:
        run()
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
