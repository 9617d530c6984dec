"""Hosts that are network namespaces of this machine, on one bridge. One that is cut off loses every packet both ways.

Nothing answers for a host that was cut off: its carrier stays up and everybody knows its hardware address, so that
connections neither break nor are refused. They hang, as they do behind a switch that died.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.debian_tools import HAPROXY, IPROUTE, program

BRIDGE = "lan"
SUBNET = "10.77.0.0/24"
NOBODY = 65534
_NAMES = Path("/run/netns")  # where iproute2 keeps the namespaces that have a name
_CLONE_NEWNET = 0x40000000  # of sched.h
_APART = "OVERTURE_TESTS_APART"
_PORT_OFF, _PORT_ON = 0, 3  # of a bridge: disabled, forwarding


def move_apart() -> None:
    """Run this program anew in network and mount namespaces of its own; returns once it is there.

    All that it makes there is seen by nobody else and gone with its last process, so that runs do not meet. Where it
    has not the right to that, it takes it inside a user namespace. Nothing can be downloaded from there.
    """
    if os.environ.pop(_APART, None):
        # iproute2 keeps its names here; what the machine has here stays as it is.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True, timeout=30)
        return
    program("ip", IPROUTE)
    program("haproxy", HAPROXY)
    apart = ["--net", "--mount"]
    # Not root there either, as PostgreSQL refuses to be.
    person = ["--user", f"--map-user={os.geteuid() or NOBODY}", f"--map-group={os.getegid() or NOBODY}", "--keep-caps"]
    for command in (["unshare", *apart], ["unshare", *person, *apart]):
        if subprocess.run([*command, "true"], capture_output=True, timeout=30, check=False).returncode == 0:
            os.environ[_APART] = "1"
            os.execvp("unshare", [*command, sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    msg = "Hosts need network namespaces: run this as root, or where users may make user namespaces (util-linux 2.38)."
    raise SystemExit(msg)


class Network:
    """The hosts by their names, each with an address; this process itself is one more, on the bridge."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._ip, self._bridge = program("ip", IPROUTE), program("bridge", IPROUTE)
        self._numbers = {name: number for number, name in enumerate(hosts, start=10)}
        everybody = {BRIDGE: 1, **self._numbers}
        self._do(
            "link set dev lo up",
            f"link add name {BRIDGE} address {_hardware(1)} type bridge",
            f"address add {_address(1)}/24 dev {BRIDGE}",
            f"link set dev {BRIDGE} up",
            *(f"netns add {name}" for name in hosts),
        )
        for name, number in self._numbers.items():
            self._do(
                f"link add name {name} type veth peer name eth0 address {_hardware(number)} netns {name}",
                f"link set dev {name} master {BRIDGE}",
                f"link set dev {name} up",
                f"neighbour add {_address(number)} lladdr {_hardware(number)} dev {BRIDGE} nud permanent",
            )
            others = {each: other for each, other in everybody.items() if each != name}
            self._do(
                "link set dev lo up",
                f"address add {_address(number)}/24 dev eth0",
                "link set dev eth0 up",
                *(
                    f"neighbour add {_address(other)} lladdr {_hardware(other)} dev eth0 nud permanent"
                    for other in others.values()
                ),
                host=name,
            )

    def address(self, host: str) -> str:
        """Return a host's IPv4 address."""
        return _address(self._numbers[host])

    @contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """Have this thread, and the processes that it starts, be on a host."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(_NAMES / host, os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(here)
            os.close(there)
            os.close(here)

    def cut(self, host: str) -> None:
        """Let every packet from and to a host vanish."""
        self._set_port(host, _PORT_OFF)

    def heal(self, host: str) -> None:
        """Let packets pass again."""
        self._set_port(host, _PORT_ON)

    def _set_port(self, host: str, state: int) -> None:
        _must(self._bridge.run("link", "set", "dev", host, "state", state))

    def _do(self, *lines: str, host: str | None = None) -> None:
        _must(self._ip.run(*(("-n", host) if host else ()), "-batch", "-", given="\n".join(lines)))


def _must(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise OSError(done.stderr)


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns is Python 3.12's
    if libc.setns(namespace, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _address(number: int) -> str:
    return f"10.77.0.{number}"


def _hardware(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"
