"""An installation on several hosts: what runs on each of them, as an operator would start it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis

from overture_cli.processes import Spec, Supervisor, answers
from overture_core.settings import Settings
from overture_providers.sandbox import keys
from overture_queue.embedded_guard import find_binary
from tests.conftest import UNTIL_STDIN_CLOSES, PostgreSQL
from tests.debian_tools import HAPROXY, program
from tests.faults.system import wait_for
from tests.hosts.network import SUBNET, Network

SERVERS = ("server1", "server2")
WORKERS = ("worker1", "worker2", "worker3")
HOSTS = ("database", "redis", "provider", "proxy", *SERVERS, *WORKERS)
PORT, PROVIDER_PORT, REDIS_PORT = 8765, 8766, 6379
# A plain round robin that asks each replica whether it is ready, and the sandbox, which by itself serves one machine.
_HAPROXY = """
global
    maxconn 1000
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 5s
"""
_BALANCER = """
listen replicas
    bind {proxy}:{port}
    balance roundrobin
    option httpchk GET /ready
    http-check expect status 200
    default-server check inter 1s fall 2 rise 1
"""
_DOOR = """
listen door
    bind {provider}:{port}
    http-request set-header Host 127.0.0.1
    server sandbox 127.0.0.1:{port}
"""


class NetworkPostgreSQL(PostgreSQL):
    """The tests' server, which other hosts reach too."""

    _OPTIONS = (*PostgreSQL._OPTIONS, "listen_addresses=*")

    def start(self) -> None:
        super().start()
        with (self._data / "pg_hba.conf").open("a") as file:
            file.write(f"host all all {SUBNET} trust\n")
        self._execute("SELECT pg_reload_conf()")


class Machines:
    """The hosts of one installation, all of them running. `values` are settings that every process of ours has."""

    def __init__(self, network: Network, folder: Path, **values: Any) -> None:
        self.network = network
        self._folder = folder
        self._values = values
        self._stack = ExitStack()
        self._running: dict[str, Supervisor] = {}
        self._python = sys.executable
        self.database = ""

    @contextmanager
    def running(
        self,
        *,
        workers: Sequence[str] = WORKERS,
        servers: Sequence[str] = SERVERS,
        sandbox_args: Sequence[str] = (),
        python: str = sys.executable,
    ) -> Iterator[None]:
        """Run everything, what is ours by `python`, until the context ends, however that comes about."""
        self._python = python
        with self._stack:
            self._start_database()
            self._start_redis()
            self._start_provider(sandbox_args)
            self._start_proxy(servers)
            for host in servers:
                ready = f"http://{self.network.address(host)}:{PORT}/health"
                self._start(host, Spec("servers", ("serve", "--http"), ready_url=ready))
            for host in servers:
                self._running[host].wait_ready()
            with self.workers(workers):
                try:
                    yield
                finally:  # what is to end in order has to reach the others
                    for host in HOSTS:
                        self.network.heal(host)

    @contextmanager
    def workers(self, hosts: Sequence[str]) -> Iterator[None]:
        """Run a worker on each of some hosts."""
        with ExitStack() as stack:
            for host in hosts:
                self._start(host, Spec("worker", ("worker",), ready_line="worker_ready"), stack)
            for host in hosts:
                self._running[host].wait_ready()
            yield

    def start_anew(self) -> None:
        """Have what starts from now on find a fresh database and an empty Redis."""
        self.database = self._postgresql.create_database()
        with redis.Redis(self.network.address("redis"), REDIS_PORT) as client:
            client.flushall()

    def settings(self, host: str) -> Settings:
        """Return the settings on a host, which has a data folder of its own."""
        address = self.network.address
        ours = {
            "data_dir": self._folder / host,
            "database_url": f"postgresql://overture@{address('database')}/{self.database}",
            "redis_url": f"redis://{address('redis')}:{REDIS_PORT}/0",
            "sandbox_only": True,
            "sandbox_url": f"http://{address('provider')}:{PROVIDER_PORT}",
            "http_host": address(host),
            "http_port": PORT,
            "public_url": f"http://{address('proxy')}:{PORT}",
            "secret_key": "a key that all of these hosts have in common",
            "auth_local": True,
        }
        return Settings(**{"_env_file": None, **ours, **self._values})

    def settings_here(self) -> Settings:
        """Return settings by which this process sees the ledger and the inbox, whichever host is cut off."""
        seen = {"database_url": self._postgresql.url(self.database), "data_dir": self._folder / "provider"}
        return self.settings("provider").model_copy(update=seen)

    def overture(self, host: str, *arguments: str) -> dict[str, Any]:
        """Run a command with --json on a host, as the person who sits there does, and return what it prints."""
        settings = self.settings(host)
        with self.network.inside(host):
            done = subprocess.run(
                [self._python, "-m", "overture_cli", *arguments, "--json"],
                env={**os.environ, **settings.environment()},
                cwd=settings.data_dir,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        if done.returncode:
            raise RuntimeError(done.stderr)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def log(self, host: str) -> list[dict[str, Any]]:
        """Return what the process of ours on a host has logged."""
        (path,) = (self._folder / host / "logs").glob("*.log")
        whole = path.read_text().rpartition("\n")[0]  # the last line may be one that is being written
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def restarted(self) -> list[str]:
        """Return the hosts on which a process ended that should have gone on."""
        return [host for host, each in self._running.items() if each.revive() or _worker_died(self.log(host))]

    # --- What runs on each ---

    def _start_database(self) -> None:
        # Not in our folder, which the user that it runs as may not enter.
        place = Path(tempfile.mkdtemp(prefix="overture-hosts-pg-"))
        self._stack.callback(shutil.rmtree, place, ignore_errors=True)
        self._postgresql = NetworkPostgreSQL(place)
        self._stack.callback(self._postgresql.stop)
        with self.network.inside("database"):
            self._postgresql.start()
        self.database = self._postgresql.create_database()

    def _start_redis(self) -> None:
        address = self.network.address("redis")
        options = {"bind": address, "port": str(REDIS_PORT), "save": "", "protected-mode": "no"}
        command = [str(find_binary()[0]), *(part for name, value in options.items() for part in (f"--{name}", value))]
        with redis.Redis(address, REDIS_PORT, socket_timeout=1) as client:
            self._serve("redis", command, lambda: _pings(client))

    def _start_provider(self, sandbox_args: Sequence[str]) -> None:
        network, url = self.network, self.settings("provider").sandbox_url
        door = _DOOR.format(provider=network.address("provider"), port=PROVIDER_PORT)
        folder = self._home("provider")
        keys.load_or_create(folder)
        # The provider itself is on its own host's loopback, and tells its webhooks to the public address.
        spec = Spec("sandbox", ("sandbox", *sandbox_args), ready_url=f"{url}/sandbox/summary.json")
        local = self.settings("provider").model_copy(update={"sandbox_url": f"http://127.0.0.1:{PROVIDER_PORT}"})
        with network.inside("provider"):
            self._running["provider"] = self._stack.enter_context(Supervisor(local, [spec], python=self._python))
        self._haproxy("provider", door, f"{url}/sandbox/summary.json")

    def _start_proxy(self, servers: Sequence[str]) -> None:
        address = self.network.address
        replicas = [f"    server {host} {address(host)}:{PORT}\n" for host in servers]
        listen = _BALANCER.format(proxy=address("proxy"), port=PORT) + "".join(replicas)
        self._haproxy("proxy", listen, None)

    def _haproxy(self, host: str, listen: str, ready_url: str | None) -> None:
        haproxy = program("haproxy", HAPROXY)
        config = self._home(host) / "haproxy.cfg"
        config.write_text(_HAPROXY + listen)
        command = [str(haproxy.path), "-db", "-f", str(config)]
        self._serve(host, command, lambda: ready_url is None or answers(ready_url), haproxy.environment)

    def _serve(
        self, host: str, command: list[str], ready: Callable[[], bool], env: dict[str, str] | None = None
    ) -> None:
        """Run a program that is not ours on a host; it ends with us, by the closing of its pipe."""
        home = self._home(host)
        with (home / "service.log").open("wb") as log, self.network.inside(host):
            process = subprocess.Popen(
                ["sh", "-c", UNTIL_STDIN_CLOSES, "sh", "TERM", *command],
                cwd=home,
                env=env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

        def stop() -> None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=30)

        self._stack.callback(stop)
        wait_for(ready, 30, f"what runs on {host}; see {home / 'service.log'}", every_s=0.05)

    def _start(self, host: str, spec: Spec, stack: ExitStack | None = None) -> None:
        home = self._home(host)
        # The sandbox's keys lie in the data folder, as if a person had typed in the provider's on each host.
        shutil.copy(self._folder / "provider" / keys.FILE_NAME, home)
        with self.network.inside(host):
            self._running[host] = (stack or self._stack).enter_context(
                Supervisor(self.settings(host), [spec], python=self._python)
            )

    def _home(self, host: str) -> Path:
        home = self._folder / host
        home.mkdir(mode=0o700, exist_ok=True)
        return home


def _pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _worker_died(log: list[dict[str, Any]]) -> bool:
    return any(line.get("event") == "worker_died" for line in log)
