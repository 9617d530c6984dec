"""Programs that Debian packages carry and the tests run: the one on the PATH, else unpacked into a cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

DOWNLOAD_S = 200
# systemd-analyze's own libraries; the rest belongs to every Debian.
SYSTEMD = ("systemd", "libsystemd-shared", "libseccomp2", "libkmod2", "libapparmor1", "libip4tc2")
PROMETHEUS = ("prometheus",)
HAPROXY = ("haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1")
IPROUTE = ("iproute2", "libbpf1", "libelf1", "libmnl0", "libcap2", "libbsd0", "libmd0")
# Where programs are; the PATH of who is not root may lack some of these.
_FOLDERS = ("usr/bin", "usr/sbin", "bin", "sbin")


@dataclass(frozen=True, slots=True)
class Program:
    """A program and where its libraries are."""

    path: Path
    libraries: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which it finds its libraries."""
        return {**os.environ, **({"LD_LIBRARY_PATH": self.libraries} if self.libraries else {})}

    def run(self, *arguments: object, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run it, with `given` as its standard input; what it says comes back as text."""
        return subprocess.run(
            [str(self.path), *map(str, arguments)],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@cache
def program(name: str, packages: tuple[str, ...]) -> Program:
    """Return a program; packages are downloaded once where the PATH has none."""
    system = os.pathsep.join(f"/{folder}" for folder in _FOLDERS)
    if found := shutil.which(name) or shutil.which(name, path=system):
        return Program(Path(found))
    assert shutil.which("apt-get"), f"these tests need {name} on the PATH, or Debian's apt-get to fetch {packages[0]}"
    folder = user_cache_path("overture-tests", appauthor=False) / "-".join(("debian", *packages))
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "complete").exists():
            _unpack(packages, folder)
            (folder / "complete").touch()
    libraries = {str(path.parent) for path in folder.rglob("lib*.so*")}
    path = next(path for each in _FOLDERS for path in folder.glob(f"{each}/{name}"))
    return Program(path, ":".join(sorted(libraries)))


def _unpack(packages: tuple[str, ...], folder: Path) -> None:
    download = f"apt-get download {' '.join(packages)}"
    script = f"{download} || {{ apt-get update && {download}; }} && for each in *.deb; do dpkg-deb -x $each .; done"
    done = subprocess.run(
        ["sh", "-c", script], cwd=folder, capture_output=True, text=True, timeout=DOWNLOAD_S, check=False
    )
    assert done.returncode == 0, done.stderr
