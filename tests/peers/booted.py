"""A real systemd as PID 1 of a container of its own (systemd-nspawn): with this checkout's slad and its units in it, or bare.

The container has the machine's /usr and network, this interpreter and these packages, all read-only, and an /etc and a /var of its own.
A bare one can write to its /usr, which the machine's stays below, and knows which packages that has: it takes more of them.
It is ended with the test, whatever it does.
"""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers import require
from tests.peers.built import built_files

ROOT = Path(__file__).parents[2]
BOOT_S = 60
CALL_S = 90
_PROGRAM = f"""#!/bin/sh
LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/slad/src:/opt/slad/lib PYTHONDONTWRITEBYTECODE=1 \\
    exec /opt/python/bin/python{sys.version_info.major}.{sys.version_info.minor} -m daemon "$@"
"""
_TARGET = """[Unit]
Requires=basic.target
After=basic.target
AllowIsolate=yes
"""
_ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "nsswitch.conf": "passwd: files systemd\ngroup: files systemd\nhosts: files\n",
    "machine-id": "",
    "systemd/system/default.target": _TARGET,
}


@dataclass(frozen=True, slots=True)
class Booted:
    """A systemd that runs; `folder` is the root of its file system."""

    folder: Path
    leader: int

    def run(self, *command: str, within_s: float = CALL_S) -> "subprocess.CompletedProcess[str]":
        """A command beside it, as root."""
        inside = ("nsenter", "--target", str(self.leader), "--all", *command)
        return subprocess.run(inside, check=False, capture_output=True, text=True, timeout=within_s)

    def systemctl(self, *arguments: str) -> str:
        """What systemctl says; it has to succeed."""
        result = self.run("systemctl", "--no-pager", *arguments)
        assert result.returncode == 0, (arguments, result.stdout, result.stderr)
        return result.stdout

    def shown(self, unit: str, *properties: str) -> dict[str, str]:
        """Properties of a unit."""
        lines = self.systemctl("show", unit, f"--property={','.join(properties)}").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def log(self, unit: str) -> str:
        """What a unit has said."""
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout


@contextmanager
def booted(folder: Path) -> Iterator[Booted]:
    """A systemd in a container whose root is `folder`, with slad's units installed and not started.

    Skips where none can be had: without root, nspawn, or control groups of one's own.
    """
    _need_nspawn()
    _furnish(folder)
    binds = (
        ("/usr", "/usr"),
        (sys.base_prefix, "/opt/python"),
        (str(ROOT), "/opt/slad/src"),
        (sysconfig.get_path("purelib"), "/opt/slad/lib"),
    )
    with _running(folder, [f"--bind-ro={source}:{place}" for source, place in binds]) as systemd:
        yield systemd


@contextmanager
def booted_bare(folder: Path) -> Iterator[Booted]:
    """The same without slad, for its package to be installed by apt. Skips as `booted` does."""
    _need_nspawn()
    _make_root(folder)
    # But for owners that the machine gave to files, who are not in here.
    known = shutil.ignore_patterns("lock*", "statoverride*")
    shutil.copytree("/var/lib/dpkg", folder / "var/lib/dpkg", ignore=known)
    for name in (
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
        "etc/apt/preferences.d",
        "etc/dpkg",
    ):
        (folder / name).mkdir(parents=True)
    above = folder.with_name(f"{folder.name}.usr")
    above.mkdir()
    with _running(folder, [f"--overlay=/usr:{above}:/usr"]) as systemd:
        systemd.run(
            "rm", "-f", "/usr/sbin/policy-rc.d"
        )  # a machine that starts no services is not what is meant
        yield systemd


def _need_nspawn() -> None:
    require(os.geteuid() == 0, "only root boots a container")
    require(shutil.which("systemd-nspawn"), "systemd-nspawn is not installed")


@contextmanager
def _running(folder: Path, mounts: list[str]) -> Iterator[Booted]:
    command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe"]
    machine = f"slad-{os.getpid()}"
    command += [f"--directory={folder}", f"--machine={machine}"]
    command += mounts
    console = folder.with_name(f"{folder.name}.console")
    with console.open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield Booted(folder, _leader(process, console))
    finally:
        # With the first process of a container all others end; nspawn's own end would leave them.
        for leader in _children(process.pid):
            os.kill(leader, signal.SIGKILL)
        process.kill()
        process.wait()
        shutil.rmtree(Path("/run/systemd/nspawn/propagate", machine), ignore_errors=True)  # nspawn's own


def _make_root(folder: Path) -> None:
    """A file system that holds no program, for /usr is the machine's."""
    for name in (
        "usr",
        "etc/systemd/system",
        "proc",
        "sys",
        "dev",
        "run",
        "tmp",
        "root",
        "home",
        "var/lib",
        "var/log",
    ):
        (folder / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / name).symlink_to(f"usr/{name}")
    for name, text in _ETC.items():
        (folder / "etc" / name).write_text(text)
    shutil.copy("/usr/lib/os-release", folder / "etc/os-release")


def _furnish(folder: Path) -> None:
    """A file system that holds no program but ours."""
    _make_root(folder)
    for name in ("opt/python", "opt/slad/bin", "opt/slad/src", "opt/slad/lib"):
        (folder / name).mkdir(parents=True)
    (folder / "opt/slad/bin/slad").write_text(_PROGRAM)
    (folder / "opt/slad/bin/slad").chmod(0o755)
    installed = folder.with_name(f"{folder.name}.installed")
    install_files(installed)
    lib = installed / "usr/local/lib"
    shutil.copytree(lib / "systemd/system", folder / "etc/systemd/system", dirs_exist_ok=True)
    for tool, file in (("sysusers", "sysusers.d"), ("tmpfiles", "tmpfiles.d")):
        made = (f"systemd-{tool}", f"--root={folder}", *(["--create"] if tool == "tmpfiles" else []))
        subprocess.run((*made, str(lib / file / "slad.conf")), check=True, capture_output=True)


def install_files(root: Path, **env: str) -> None:
    """Everything of slad but the program, as `make install` puts it into a root folder."""
    built = built_files(root.with_name(f"{root.name}.built"))
    environment = os.environ | {"DESTDIR": str(root)} | built | env
    subprocess.run((ROOT / "deploy/install", "--files"), check=True, capture_output=True, env=environment)


def _children(pid: int) -> list[int]:
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except FileNotFoundError:
        return []  # it has ended


def _leader(process: "subprocess.Popen[bytes]", console: Path) -> int:
    """The PID 1 of the container once it takes commands."""
    deadline = time.monotonic() + BOOT_S
    while process.poll() is None and time.monotonic() < deadline:
        for leader in _children(process.pid):
            asked = ("nsenter", "--target", str(leader), "--all", "systemctl", "is-system-running")
            state = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=CALL_S).stdout
            if state.strip() in ("running", "degraded"):
                return leader
        time.sleep(0.2)
    pytest.skip(f"no systemd boots in a container here: {console.read_text(errors='replace')[-300:]}")
