"""The embedded server's life, with real processes and real kills."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from overture_core.errors import QueueUnavailable
from overture_queue import wire
from overture_queue.embedded import EmbeddedRedis, describe
from overture_queue.embedded_place import LONGEST_SOCKET_PATH, Place

StartUser = Callable[..., Any]
WaitFor = Callable[..., Any]


def ask(server: EmbeddedRedis, *command: str) -> Any:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        return client.execute_command(*command)


def server_info(server: EmbeddedRedis) -> dict[str, Any]:
    with redis.Redis.from_url(server.url) as client:
        found: dict[str, Any] = client.info("server")
        return found


def is_written(server: EmbeddedRedis) -> bool:
    """Whether nothing waits to be written: with fsync every second, a write may be put off meanwhile."""
    with redis.Redis.from_url(server.url) as client:
        told = client.info("persistence")
        return (told["aof_buffer_length"], told["aof_pending_bio_fsync"]) == (0, 0)


def is_gone(place: Place) -> bool:
    return not wire.answers(place.socket) and not place.socket.exists()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's, which pytest's own may not."""
    with tempfile.TemporaryDirectory(prefix="ovt-") as folder:
        yield Path(folder)


def test_it_answers_on_a_private_socket_only_and_is_gone_when_closed(short_path: Path) -> None:
    place = Place.within(short_path / "with spaces")
    with EmbeddedRedis.acquire(short_path / "with spaces") as server:
        assert server.url == f"unix://{short_path}/with%20spaces/redis/redis.sock"
        assert ask(server, "CONFIG", "GET", "port") == {"port": "0"}
        assert ask(server, "CONFIG", "GET", "maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(place.socket.stat().st_mode) == 0o700
    assert is_gone(place)


def test_what_it_holds_is_there_at_the_next_start(tmp_path: Path) -> None:
    with EmbeddedRedis.acquire(tmp_path) as server:
        ask(server, "SET", "kept", "1")
        first = server_info(server)["run_id"]
    with EmbeddedRedis.acquire(tmp_path) as server:
        assert ask(server, "GET", "kept") == "1"
        assert server_info(server)["run_id"] != first


def test_two_processes_share_one_and_the_last_to_leave_ends_it(tmp_path: Path, start_user: StartUser) -> None:
    place = Place.within(tmp_path)
    first = start_user(tmp_path)
    run_id = first.said()
    second = start_user(tmp_path)
    assert second.said() == run_id
    assert first.leave() == 0
    assert wire.answers(place.socket)
    assert second.leave() == 0
    assert is_gone(place)


def test_processes_that_start_at_once_share_one(tmp_path: Path, start_user: StartUser) -> None:
    users = [start_user(tmp_path) for _ in range(4)]
    run_ids = {user.said() for user in users}
    assert len(run_ids) == 1
    assert len(run_ids.pop()) == 40
    assert [user.leave() for user in users] == [0, 0, 0, 0]
    assert is_gone(Place.within(tmp_path))


def test_processes_that_come_and_go_always_find_one(tmp_path: Path) -> None:
    for round_ in range(6):
        with EmbeddedRedis.acquire(tmp_path) as server:
            assert ask(server, "INCR", "rounds") == round_ + 1


def test_a_killed_user_leaves_nothing_behind(tmp_path: Path, start_user: StartUser, wait_for: WaitFor) -> None:
    user = start_user(tmp_path)
    assert len(user.said()) == 40
    user.kill()
    wait_for(lambda: is_gone(Place.within(tmp_path)))


def test_a_killed_user_takes_nothing_from_the_others(tmp_path: Path, start_user: StartUser) -> None:
    with EmbeddedRedis.acquire(tmp_path) as server:
        user = start_user(tmp_path)
        assert user.said() == server_info(server)["run_id"]
        user.kill()
        assert ask(server, "PING") is True
    assert is_gone(Place.within(tmp_path))


def test_ctrl_c_in_the_terminal_that_started_it_does_not_end_it(tmp_path: Path, start_user: StartUser) -> None:
    starter = start_user(tmp_path)
    run_id = starter.said()
    with EmbeddedRedis.acquire(tmp_path) as server:
        starter.interrupt()
        assert server_info(server)["run_id"] == run_id


def test_a_server_that_lost_its_guardian_is_taken_over(tmp_path: Path) -> None:
    with EmbeddedRedis.acquire(tmp_path) as first:
        info = server_info(first)
        os.kill(parent_of(info["process_id"]), signal.SIGKILL)
        with EmbeddedRedis.acquire(tmp_path) as second:
            assert server_info(second)["run_id"] == info["run_id"]
    assert is_gone(Place.within(tmp_path))


def test_a_server_that_lost_its_guardian_still_ends_with_its_last_user(tmp_path: Path) -> None:
    with EmbeddedRedis.acquire(tmp_path) as server:
        os.kill(parent_of(server_info(server)["process_id"]), signal.SIGKILL)
    assert is_gone(Place.within(tmp_path))


def test_a_server_that_is_killed_comes_back_with_what_it_held(tmp_path: Path, wait_for: WaitFor) -> None:
    with EmbeddedRedis.acquire(tmp_path) as server:
        ask(server, "SET", "kept", "1")
        wait_for(lambda: is_written(server))
        os.kill(server_info(server)["process_id"], signal.SIGKILL)
        wait_for(lambda: not wire.answers(server.socket), deadline=5)
        wait_for(lambda: wire.answers(server.socket))
        assert ask(server, "GET", "kept") == "1"


def test_files_of_a_dead_server_are_no_hindrance(tmp_path: Path) -> None:
    place = Place.within(tmp_path)
    place.folder.mkdir()
    for left in (place.socket, place.users, place.guardian, place.start, place.log):
        left.write_text("left behind")
    with EmbeddedRedis.acquire(tmp_path) as server:
        assert ask(server, "PING") is True


def test_data_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    place = Place.within(tmp_path)
    stored = place.folder / "appendonlydir"
    stored.mkdir(parents=True)
    (stored / "appendonly.aof.manifest").write_text("not a manifest\n")
    with EmbeddedRedis.acquire(tmp_path) as server:
        assert ask(server, "DBSIZE") == 0
    assert (place.folder / "appendonlydir.unreadable" / "appendonly.aof.manifest").read_text() == "not a manifest\n"


def test_a_folder_too_deep_for_a_socket_has_it_elsewhere(tmp_path: Path, start_user: StartUser) -> None:
    deep = tmp_path.joinpath(*["a-rather-deep-folder"] * 6)
    with EmbeddedRedis.acquire(deep) as server:
        assert len(os.fsencode(server.socket)) <= LONGEST_SOCKET_PATH
        assert server.socket.is_relative_to(tempfile.gettempdir())
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
        elsewhere = tmp_path / "tmp"
        elsewhere.mkdir()
        other = start_user(deep, TMPDIR=str(elsewhere))
        assert other.said() == server_info(server)["run_id"]
        assert other.leave() == 0
    server.socket.parent.rmdir()


def test_a_short_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["another-deep-folder"] * 6)
    squatted = Place.within(deep).socket.parent
    squatted.mkdir(mode=0o755)
    squatted.chmod(0o755)
    with pytest.raises(QueueUnavailable, match="is not a private folder of this user; remove it"):
        EmbeddedRedis.acquire(deep)
    squatted.rmdir()


def test_a_data_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(QueueUnavailable, match=r"cannot use .*file/redis .*point OVERTURE_DATA_DIR at a folder"):
        EmbeddedRedis.acquire(tmp_path / "file")


def test_a_server_that_does_not_start_is_quoted(tmp_path: Path, start_user: StartUser) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    broken = programs / "redis-server"
    broken.write_text(f"#!/bin/sh\necho 'Out of luck' >> {tmp_path}/data/redis/server.log\nexit 1\n")
    broken.chmod(0o755)
    started = time.monotonic()
    said = start_user(tmp_path / "data", PATH=f"{programs}:{os.environ['PATH']}").said()
    assert said == (
        f"queue_unavailable: The embedded Redis in {tmp_path}/data/redis did not start (it said: Out of luck); "
        f"see {tmp_path}/data/redis/server.log, or set OVERTURE_REDIS_URL to a Redis of your own."
    )
    assert time.monotonic() - started < 10


def test_a_description_starts_nothing(tmp_path: Path) -> None:
    name, running, detail = describe(tmp_path)
    assert (running, detail.startswith("Does not run; would be started from ")) == (False, True)
    assert list(tmp_path.iterdir()) == []
    with EmbeddedRedis.acquire(tmp_path) as server:
        running_name, running, detail = describe(tmp_path)
        assert (running, detail) == (True, f"Runs on {server.socket}.")
        assert running_name.split()[0] == name.split("-")[0]


def test_one_that_hangs_is_described_as_running(tmp_path: Path) -> None:
    with EmbeddedRedis.acquire(tmp_path) as server:
        process = server_info(server)["process_id"]
        os.kill(process, signal.SIGSTOP)
        try:
            _, answers, detail = describe(tmp_path)
        finally:
            os.kill(process, signal.SIGCONT)
    log = Place.within(tmp_path).log
    said = f"Runs on {server.socket} and does not answer; where that goes on, look at {log} and end it."
    assert (answers, detail) == (False, said)


def parent_of(process: int) -> int:
    shown = subprocess.run(["ps", "-o", "ppid=", "-p", str(process)], capture_output=True, check=True, text=True)
    return int(shown.stdout)
