"""Our programs without the seconds of loading: each run is a process of its own, forked from one that has loaded all.

What it does after that is what it does anyway: its own folder, environment, file descriptors, signals, network and exit
code, and it ends with the process that started it where it would. So do the processes that it starts itself. For tests
that run many; what loads, and how long that takes, is tested elsewhere.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NoReturn

from overture_cli import commands
from overture_cli.parent import VARIABLE

PROGRAMS = {"overture": ["-m", "overture_cli"], "sandbox": ["-m", "overture_providers.sandbox"], "python": []}
LOADED = (
    "overture_cli.context",
    "overture_cli.demo.run",
    "overture_cli.main",
    "overture_core.campaigns.service",
    "overture_core.storage.migrate",
    "overture_providers.sandbox.__main__",
    "overture_queue.embedded",
    "overture_servers.http.app",
    "overture_servers.leads.server",
    "overture_servers.linkedin.server",
    "overture_servers.main",
    "overture_servers.messaging.server",
    "overture_servers.stripe.server",
    "overture_worker.simulation.engine",
    "overture_worker.supervisor",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sse_starlette.sse",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvloop",
)
MOST_DESCRIPTORS = 64
_OUT_OF_THE_WAY = 400
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of setns(2)
# Isolated and without the site's packages: it starts in a hundredth of a second. What it is not asked to run for us is
# run by Python itself, such as the tracker of multiprocessing.
CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
how, *arguments = {before!r} + sys.argv[1:]
if how == "-B":
    how, *arguments = arguments
if how == "-c" and "spawn_main" not in arguments[0] or how not in ("-c", "-m"):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
passed = []
for number in range({most}):
    try:
        if os.get_inheritable(number):
            passed.append(number)
    except OSError:
        pass
mask = os.umask(0)
os.umask(mask)
network = os.open("/proc/self/ns/net", os.O_RDONLY)
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    socket.send_fds(server, [b"!"], [network, *passed])
    told = [how, arguments, os.getcwd(), dict(os.environ), mask, passed, os.getppid()]
    server.sendall(json.dumps(told).encode() + b"\\n")
    for number in passed:
        if number > 2:
            os.close(number)
    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, _: server.send(bytes([number])))
    with server.makefile("rb") as said, open("/proc/self/comm", "wb", 0) as name:
        name.write(said.readline().strip())
        ended = int(said.readline() or -signal.SIGKILL)
if ended < 0:
    if ended != -signal.SIGKILL:
        signal.signal(-ended, signal.SIG_DFL)
    os.kill(os.getpid(), -ended)
sys.exit(ended)
"""


@contextmanager
def loaded_programs(folder: Path, *also: str) -> Iterator[Path]:
    """Load once, `also` further modules, and yield the folder in which `overture`, `sandbox` and `python` then are."""
    path, programs = folder / "warm.sock", folder / "bin"
    programs.mkdir()
    for name, before in PROGRAMS.items():
        program = programs / name
        text = CLIENT.format(python=sys.executable, path=str(path), before=before, most=MOST_DESCRIPTORS)
        program.write_text(text, encoding="utf-8")
        program.chmod(0o700)
    command = [sys.executable, "-c", f"from tests.warm import serve; serve({str(path)!r}, {also!r})"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield programs
        finally:
            process.terminate()


def program_of(pid: int) -> int:
    """Return the process that runs what a client of ours asked for, which has its id as its name; others are it."""
    name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    return int(name) if name.isdecimal() else pid


def serve(path: str, also: tuple[str, ...]) -> None:
    """Load, say so, and run what clients ask for until the end."""
    gc.disable()
    for name in (*LOADED, *also, *(f"{commands.__name__}.{each.name}" for each in iter_modules(commands.__path__))):
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            client, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _answer(client, str(Path(path).with_name("bin") / "python"))
            client.close()


def _answer(client: socket.socket, python: str) -> NoReturn:
    """Run a program in a child, pass on the signals that its client gets, tell its exit code, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, descriptors, _, _ = socket.recv_fds(client, 1, MOST_DESCRIPTORS + 1)
    with client.makefile("rb") as said:
        how, arguments, folder, environment, mask, numbers, parent = json.loads(said.readline())
    watched = [client.fileno()]
    if environment.get(VARIABLE) == str(parent):  # it ends with the process that started it: so do we, and it sees that
        environment[VARIABLE] = str(os.getpid())
        watched.append(os.pidfd_open(parent))
    child = os.fork()
    if child == 0:
        client.close()
        _take(descriptors, numbers)
        os.chdir(folder)
        os.umask(mask)
        os.environ.clear()
        os.environ.update(environment)
        _run(how, arguments, python)
    for descriptor in descriptors:
        os.close(descriptor)
    client.sendall(f"{child}\n".encode())
    ended = os.pidfd_open(child)
    while ended not in (ready := select.select([*watched, ended], [], [])[0]):
        if client.fileno() not in ready:
            os._exit(1)
        signals = client.recv(1)
        os.kill(child, signals[0] if signals else signal.SIGKILL)  # with its client killed, so is the child
        if not signals:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _take(descriptors: list[int], numbers: list[int]) -> None:
    """Be in the network that the first descriptor is of, and give the others the numbers that they had."""
    network, *others = descriptors
    if os.fstat(network).st_ino != os.stat("/proc/self/ns/net").st_ino:
        assert ctypes.CDLL(None, use_errno=True).setns(network, _NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
    os.close(network)
    for count, descriptor in enumerate(others):
        os.dup2(descriptor, _OUT_OF_THE_WAY + count)
        os.close(descriptor)
    for count, number in enumerate(numbers):
        os.dup2(_OUT_OF_THE_WAY + count, number)
        os.close(_OUT_OF_THE_WAY + count)


def _run(how: str, arguments: list[str], python: str) -> NoReturn:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.executable = python
    multiprocessing.set_executable(python)
    sys.argv = ["-c" if how == "-c" else arguments[0], *arguments[1:]]
    ended: Any = 0
    try:
        if how == "-m":
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        else:
            exec(arguments[0], {"__name__": "__main__"})  # noqa: S102 - as it was asked
    except SystemExit as error:
        ended = error.code
    except BaseException:  # noqa: BLE001 - as Python itself ends then
        sys.excepthook(*sys.exc_info())
        ended = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended if isinstance(ended, int) else int(ended is not None))
