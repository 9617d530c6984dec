"""The files in deploy/: each passes its own validator, names only what there is, and the Procfile's processes start."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from overture_cli.main import app
from overture_core.settings import Settings
from overture_servers.main import GRACE_S
from overture_worker.process import GRACE_MS
from tests.debian_tools import SYSTEMD, program

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
MANIFESTS = sorted((DEPLOY / "kubernetes").iterdir())
COMPOSE = DEPLOY / "docker" / "compose.yaml"
PROCFILE = DEPLOY / "Procfile"
PROGRAMS = Path(sys.executable).parent
INSTALLED = "/opt/overture/.venv/bin"


def validated(name: str, *arguments: object) -> str:
    done = subprocess.run(
        [str(PROGRAMS / name), *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# --- Validators ---


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    # It looks whether the programs are there: ours are in this project's environment.
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text("utf-8").replace(INSTALLED, str(PROGRAMS)), "utf-8")
    done = program("systemd-analyze", SYSTEMD).run("verify", *(tmp_path / unit.name for unit in UNITS))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_procfile_is_one() -> None:
    assert "(release, web, worker)" in validated("honcho", "-f", PROCFILE, "check")


def test_the_compose_file_keeps_to_the_compose_specification() -> None:
    validated("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_the_manifests_are_what_kubernetes_takes() -> None:
    told = validated("kubernetes-validate", "--strict", *MANIFESTS)
    kinds = [each["kind"] for path in MANIFESTS for each in yaml.safe_load_all(path.read_text("utf-8"))]
    assert told.count(" passed ") == len(kinds)


# --- What they name ---


def commands() -> Iterator[list[str]]:
    """The arguments of every `overture` that the files start."""
    for unit in UNITS:
        for started in re.findall(rf"^ExecStart={INSTALLED}/overture (.+)$", unit.read_text("utf-8"), re.MULTILINE):
            yield shlex.split(started)
    for process in yaml.safe_load(PROCFILE.read_text("utf-8")).values():
        yield shlex.split(process.replace("${PORT:-8765}", "8765"))[1:]
    for service in yaml.safe_load(COMPOSE.read_text("utf-8"))["services"].values():
        if service.get("image") == "overture":
            yield service["command"]
    yield from (container["args"] for _, container in containers())


def containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each pod of the manifests with its container."""
    for path in MANIFESTS:
        for each in yaml.safe_load_all(path.read_text("utf-8")):
            if each["kind"] in {"Deployment", "Job"}:
                pod = each["spec"]["template"]["spec"]
                yield from ((pod, container) for container in pod["containers"])


def test_servers_workers_and_migrations_start_separately_everywhere() -> None:
    started = [arguments[0] for arguments in commands()]
    assert sorted(started) == sorted(["migrate", "serve", "worker"] * 4)


@pytest.mark.parametrize("line", sorted({shlex.join(arguments) for arguments in commands()}))
def test_every_command_that_is_started_takes_its_arguments(line: str) -> None:
    name, *arguments = shlex.split(line)
    group: Any = typer.main.get_command(app)
    with group.make_context("overture", [name]) as context:
        command = group.get_command(context, name)
    assert command.make_context(name, arguments).info_name == name


def test_every_variable_that_the_files_set_is_a_setting() -> None:
    settings = {f"OVERTURE_{name.upper()}" for name in Settings.model_fields}
    text = "\n".join(path.read_text("utf-8") for path in DEPLOY.rglob("*") if path.is_file())
    assert set(re.findall(r"OVERTURE_[A-Z0-9]+(?:_[A-Z0-9]+)*", text)) - settings == set()


def test_nobody_is_killed_while_they_still_finish() -> None:
    needed = {"serve": GRACE_S, "worker": GRACE_MS / 1000 + 5}
    compose = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    given = [(compose[name]["command"][0], compose[name]["stop_grace_period"]) for name in ("servers", "worker")]
    given += [(each["args"][0], pod.get("terminationGracePeriodSeconds")) for pod, each in containers()]
    for unit in UNITS:
        text = unit.read_text("utf-8")
        stop = re.search(r"^TimeoutStopSec=(.+)$", text, re.MULTILINE)
        given += [(name, stop[1]) for name in re.findall(r"bin/overture (\w+)", text) if stop]
    seconds = [(name, int(str(value).removesuffix("s"))) for name, value in given if name in needed]
    assert len(seconds) == 6
    assert [(name, value) for name, value in seconds if value <= needed[name]] == []


def test_the_image_gets_everything_that_the_wheel_is_built_from() -> None:
    sent = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {path.partition("/")[0] for path in packages} | {project["project"]["readme"], "uv.lock", "pyproject.toml"}
    assert {f"!{path}" for path in needed | set(project["project"]["license-files"])} <= set(sent)


# --- Run ---


def test_the_procfiles_processes_start_and_end_together(tmp_path: Path, wait_for: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "PORT": str(port),
        "OVERTURE_DATA_DIR": str(tmp_path / "data"),
    }
    shutil.copy(PROCFILE, tmp_path)
    honcho = [str(PROGRAMS / "honcho"), "-d", str(tmp_path), "--no-colour"]
    subprocess.run([*honcho, "run", "overture", "migrate"], env=environment, check=True, capture_output=True)
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*honcho, "start", "web", "worker"], env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_for(lambda: log.read_text("utf-8").count('"worker_ready"') == 2, deadline=90)
        wait_for(lambda: ready(port), deadline=60)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        assert not ready(port)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
