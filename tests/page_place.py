"""Where the examples of a page are run: an empty home, embedded parts, the sandbox, and what a reader has at hand.

A word in capitals (`LEAD`, `IMPORT`, ...) stands for an id that a reader would have looked up; it is looked up here
when its command's turn comes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from tests.dashboard_scene import Model
from tests.http_process import free_port
from tests.pages import ROOT, Block, commands, objects

COMMAND_S = 200
START_S = 150
END_S = 40
# What stands for an id: the command that has it, and the way to it in what that prints.
IDS: dict[str, tuple[str, list[Any]]] = {
    "APPROVAL": ("approvals list", [0, "id"]),
    "CHANGE": ("leads show ada@example.com", ["changes", 0, "id"]),
    "ERASURE": ("erasures list", [0, "id"]),
    "EXPORT": ("exports list", [0, "id"]),
    "IMPORT": ("imports list", [0, "id"]),
    "LEAD": ("leads show ada@example.com", ["id"]),
    "TASK": ("tasks list", ["tasks", 0, "id"]),
}
_ID = re.compile(rf"\b({'|'.join([*IDS, 'PLAN'])})\b")
_SETTING = re.compile(r"(?:export )?(OVERTURE_\w+=(?:'[^']*'|\S+))")


class Place:
    """A folder of its own with the project's example list, two free ports, and processes that end with it."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.http, sandbox = free_port(), free_port()
        self.model = Model(f"http://127.0.0.1:{self.http}", [])
        self._written = {
            "127.0.0.1:8765": f"127.0.0.1:{self.http}",
            "/var/backups/overture": str(folder / "backups"),
        }
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment = {
            **kept,
            "HOME": str(folder),
            "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "UV_PROJECT": str(ROOT),
            "UV_NO_SYNC": "1",
            "OVERTURE_DATA_DIR": str(folder / "data"),
            "OVERTURE_HTTP_PORT": str(self.http),
            "OVERTURE_SANDBOX_URL": f"http://127.0.0.1:{sandbox}",
        }
        self._kept: dict[str, subprocess.Popen[bytes]] = {}
        self.made: dict[str, str] = {}
        shipped = Path("cli", "overture_cli", "data", "dormant_leads.csv")
        (folder / shipped.parent).mkdir(parents=True)
        shutil.copy(ROOT / shipped, folder / shipped)
        (folder / "backups").mkdir()

    def end(self) -> None:
        """End what still runs, the newest first."""
        for process in reversed(self._kept.values()):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(timeout=END_S)

    def run(self, block: Block) -> list[str]:
        """Run the commands of a block, and return what each printed."""
        settings: list[str] = []
        printed = []
        found = commands(block)
        if all(_SETTING.fullmatch(command) for command in found):
            found.append("overture doctor")  # which refuses a setting that cannot be taken
        last = found[-1]
        for command in found:
            if setting := _SETTING.fullmatch(command):
                settings.append(f"export {setting[1]}")
            elif block.keeps or command.endswith("&"):
                self._keep(block, "\n".join([*settings, f"exec {command.removesuffix('&')}"]))
            else:
                done = self._shell("\n".join([*settings, self.written(command)]))
                wanted = block.code if command is last else 0
                assert done.returncode == wanted, f"{block}: {command}\n{done.stdout}{done.stderr}"
                printed.append(done.stdout)
        return printed

    def call(self, block: Block) -> None:
        """Call the tools of a block of JSON by HTTP."""
        for example in objects(block):
            asked = json.loads(self.written(json.dumps(example)))
            self._note(self.model.call(asked["tool"], **asked["arguments"]))

    def written(self, text: str) -> str:
        """Put what is so here in the place of what a page writes."""
        for written, ours in self._written.items():
            text = text.replace(written, ours)
        return _ID.sub(lambda found: self._id(found[0]), text)

    def _id(self, name: str) -> str:
        if name in self.made:
            return self.made[name]
        command, way = IDS[name]
        done = self._shell(f"overture {command} --json")
        assert done.returncode == 0, (name, done.stderr)
        found = json.loads(done.stdout)
        for step in way:
            found = found[step]
        return str(found)

    def _keep(self, block: Block, command: str) -> None:
        if command in self._kept:
            return  # a reader who has read the page before runs it already
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._kept[command] = process
        end = time.monotonic() + START_S
        while not self._is_ready():
            assert process.poll() is None, f"{block}: it ended with {process.returncode}"
            assert time.monotonic() < end, f"{block}: nothing answers after {START_S} s"
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.http}/ready", timeout=5) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except URLError:
            return False

    def _note(self, result: dict[str, Any]) -> None:
        """Keep the ids that a result names for what the page does next."""
        if "plan_id" in result:
            self.made["PLAN"] = result["plan_id"]
        if "import_id" in result:
            self.made["IMPORT"] = result["import_id"]

    def _shell(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
