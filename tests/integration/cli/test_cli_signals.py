"""Commands that run processes of their own end them all, whatever tells them to end, and approve nothing more."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pytest

from overture_cli.processes import Spec, Supervisor
from overture_core.settings import Settings

ENDED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
Running = Callable[..., Any]


class WaitFor(Protocol):
    def __call__(self, condition: Callable[[], Any], *, deadline: float = 15.0) -> Any: ...


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def left_running(place: Path) -> list[str]:
    """Processes whose arguments or environment name the data folder: our children, and Redis with its guardian."""
    listed = subprocess.run(
        ["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True, errors="replace"
    )
    return [line for line in listed.stdout.splitlines() if str(place) in line and str(os.getpid()) not in line.split()]


def logged(place: Path, name: str, words: str) -> bool:
    log = place / "logs" / f"{name}.log"
    return log.exists() and words in log.read_text()


def approvals(place: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{place / 'overture.db'}?mode=ro", uri=True)) as connection:
        return [state for (state,) in connection.execute("SELECT state FROM approvals")]


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    text = ""
    while words not in text:
        read = process.stdout.read(1)
        assert read, text
        text += read
    return text


@pytest.mark.parametrize("number", ENDED, ids=lambda number: number.name)
def test_a_signal_at_the_question_ends_the_demo_and_a_yes_typed_later_approves_nothing(
    number: signal.Signals, running: Running, tmp_path: Path, wait_for: WaitFor
) -> None:
    place = tmp_path / "place"
    with running("demo", "--ask", "--folder", str(place)) as demo:
        read_until(demo, "Approve? [y/n]")
        demo.send_signal(number)
        read_until(demo, "Stopping")
        demo.stdin.write("y\n")
        demo.stdin.flush()
        assert demo.wait(20) == ENDED[number]
    assert approvals(place) == ["pending"]
    wait_for(lambda: not left_running(place))


@pytest.mark.parametrize("number", ENDED, ids=lambda number: number.name)
def test_a_signal_while_the_demo_starts_leaves_no_process(
    number: signal.Signals, running: Running, tmp_path: Path, wait_for: WaitFor
) -> None:
    place = tmp_path / "place"
    with running("demo", "--json", "--folder", str(place)) as demo:
        wait_for(lambda: (place / "logs" / "worker.log").exists(), deadline=30)
        demo.send_signal(number)
        assert (demo.stdout.read(), demo.wait(20)) == ("", ENDED[number])
    wait_for(lambda: not left_running(place))


@pytest.mark.parametrize("number", ENDED, ids=lambda number: number.name)
def test_a_signal_ends_everything_that_up_started(
    number: signal.Signals, running: Running, tmp_path: Path, wait_for: WaitFor
) -> None:
    place = tmp_path / "data"
    http, sandbox = free_ports()
    with running("up", http_port=str(http), sandbox_url=f"http://127.0.0.1:{sandbox}") as up:
        read_until(up, "Press Ctrl-C to stop.")
        assert len(left_running(place)) >= 5  # the sandbox, the servers, the worker, Redis and its guardian
        up.send_signal(number)
        assert up.wait(20) == 0
    wait_for(lambda: not left_running(place))


def test_what_a_killed_up_leaves_behind_ends_by_itself_and_up_starts_again(
    running: Running, tmp_path: Path, wait_for: WaitFor
) -> None:
    place = tmp_path / "data"
    http, sandbox = free_ports()
    settings = {"http_port": str(http), "sandbox_url": f"http://127.0.0.1:{sandbox}"}
    with running("up", **settings) as up:
        read_until(up, "Press Ctrl-C to stop.")
        up.kill()
        up.wait(20)
        wait_for(lambda: not left_running(place), deadline=30.0)
    with running("up", **settings) as up:
        read_until(up, "Press Ctrl-C to stop.")
        up.send_signal(signal.SIGINT)
        assert up.wait(20) == 0


@pytest.mark.parametrize(("asks", "shown"), [(["--ask"], b"Approve? [y/n]"), ([], b"Planning")], ids=["ask", "spinner"])
def test_a_terminal_that_goes_away_ends_the_demo(
    asks: list[str], shown: bytes, folder: Path, tmp_path: Path, wait_for: WaitFor
) -> None:
    place = tmp_path / "place"
    terminal, theirs = os.openpty()
    # A session leader whose terminal this is, as a shell would start it.
    leader = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    demo = [sys.executable, "-m", "overture_cli", "demo", "--folder", str(place), *asks]
    with subprocess.Popen(
        [sys.executable, "-c", leader, *demo],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        read = b""
        while shown not in read:
            read += os.read(terminal, 4_096)
        os.close(terminal)  # the kernel sends SIGHUP, and every later write fails
        assert process.wait(20) == ENDED[signal.SIGHUP]
    wait_for(lambda: not left_running(place))


def test_processes_already_started_are_ended_when_the_next_cannot_start(tmp_path: Path, wait_for: WaitFor) -> None:
    settings = Settings(data_dir=tmp_path / "data", sandbox_only=True)
    settings.data_dir.mkdir()
    (settings.data_dir / "logs" / "second.log").mkdir(parents=True)  # a folder where its log should be
    specs = [Spec("first", ("worker",)), Spec("second", ("worker",))]
    with pytest.raises(IsADirectoryError), Supervisor(settings, specs):
        pytest.fail("it opened")
    wait_for(lambda: not left_running(settings.data_dir))


def test_a_yes_approves_and_the_time_that_the_person_took_is_not_the_demos(
    running: Running, tmp_path: Path, wait_for: WaitFor
) -> None:
    place, thinks_s = tmp_path / "place", 5.0
    began = time.monotonic()
    with running("demo", "--ask", "--folder", str(place)) as demo:
        read_until(demo, "Approve? [y/n]")
        asked = time.monotonic()
        wait_for(lambda: time.monotonic() - asked > thinks_s)
        demo.stdin.write("perhaps\ny\ny\n")  # the campaign, then the post
        demo.stdin.close()
        story = demo.stdout.read()
        assert demo.wait(20) == 0
    took = time.monotonic() - began
    assert "Please answer y or n." in story
    assert approvals(place) == ["used", "used"]
    told = re.search(r"time +│ ([0-9.]+) s", story)
    assert told
    assert 0 < float(told[1]) < took - thinks_s


def test_an_input_that_has_ended_leaves_the_demo_waiting_for_approval(running: Running, tmp_path: Path) -> None:
    place = tmp_path / "place"
    with running("demo", "--ask", "--folder", str(place)) as demo:
        demo.stdin.close()
        demo.stdout.read()
        assert demo.wait(20) == 4
    assert approvals(place) == ["pending", "pending"]


def test_what_the_processes_write_is_for_the_user_alone_even_in_a_folder_open_to_others(
    running: Running, tmp_path: Path, wait_for: WaitFor
) -> None:
    place = tmp_path / "place"
    place.mkdir(mode=0o755)
    place.chmod(0o755)
    with running("demo", "--json", "--folder", str(place)) as demo:
        wait_for(lambda: logged(place, "worker", "worker_ready"), deadline=90)
        open_to_others = [str(found) for found in place.rglob("*") if found.lstat().st_mode & 0o077]
        demo.terminate()
        demo.stdout.read()
    assert [name for name in open_to_others if not name.endswith(".sock")] == []
    assert place.stat().st_mode & 0o777 == 0o755  # the user's own folder stays as it was


def test_the_demo_uses_its_ports_again_and_says_so_when_it_cannot(
    running: Running, tmp_path: Path, wait_for: WaitFor
) -> None:
    place = tmp_path / "place"
    place.mkdir()

    def ports_of_a_start() -> tuple[tuple[int, int], str]:
        with running("demo", "--ask", "--folder", str(place)) as demo:
            said = read_until(demo, "Starting")
            kept = json.loads((place / "demo.json").read_text())
            demo.terminate()
            demo.stdout.read()
            demo.wait(20)
        return (kept["http_port"], kept["sandbox_port"]), said

    first, _ = ports_of_a_start()
    second, said = ports_of_a_start()
    assert (second, "in use" in said) == (first, False)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", first[0]))
        taken.listen()
        third, said = ports_of_a_start()
    assert first[0] not in third
    assert f"Port {first[0]} or {first[1]} of the earlier run is in use" in said
    wait_for(lambda: not left_running(place))
