"""Programs from npm that the tests run: Node itself where the PATH has none that is new enough, and packages.

Each package is installed once, in a version that is named here or by its caller, into a cache folder of the user's.
Nothing is asked of npm when it is there.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

NODE = "24.21.0"
OLDEST = (22, 19)  # what the Inspector asks for; the conformance suite asks for 22
INSTALL_S = 200


@cache
def node() -> str:
    """Return a Node that is new enough: the one on the PATH, else the binary that an npm package carries."""
    found = shutil.which("node")
    if found and _version(found) >= OLDEST:
        return found
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    wanted = ".".join(str(part) for part in OLDEST)
    assert sys.platform == "linux", f"these tests need Node {wanted} or newer on the PATH"
    assert machine, f"these tests need Node {wanted} or newer on the PATH"
    return str(installed(f"node-linux-{machine}@{NODE}") / "bin" / "node")


def installed(package: str) -> Path:
    """Return the folder of an npm package such as `@scope/name@1.2.3`, which is installed if it is not there yet."""
    folder = user_cache_path("overture-tests", appauthor=False) / package.replace("/", "+")
    complete = folder / "complete"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not complete.exists():
            npm = shutil.which("npm")
            assert npm, f"the tests that run {package} need Node.js with npm"
            command = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]
            done = subprocess.run(
                [*command, str(folder), package],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=INSTALL_S,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            complete.touch()
    return folder / "node_modules" / package.rpartition("@")[0]


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.strip().removeprefix("v").split(".")[:2])
