"""What users install: the wheel, whole; the Debian package through its whole life; the bill of materials; the Containerfile."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.sbom import bill_of_materials, pinned
from probes.simulation import ThreadedVCenter
from tests.daemon.harness import simulated
from tests.peers import require
from tests.peers.booted import Booted, booted_bare
from tests.peers.built import BUILD_S, PIP, built_deb, built_wheel
from tests.waiting import until

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PASSWORD = "canary-Jx7w"
CONFIG = """observer = "mon"
[web]
listen = ["127.0.0.1:0"]
[vcenter.vc1]
address = "127.0.0.1:{vcenter}"
scheme = "http"
user = "slad"
password_credential = "vcenter_vc1"
"""
APT_GET = """#!/bin/sh
for word; do case $word in update | install | -*) ;; *) dpkg --status "$word" >/dev/null || exit 1 ;; esac; done
"""
"""Takes the packages of an image for installed where this machine has them."""

pytestmark = [pytest.mark.timeout(2 * BUILD_S), pytest.mark.xdist_group("packages")]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """What a command prints; it has to succeed."""
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, timeout=BUILD_S)
    assert result.returncode == 0, (command, result.stdout, result.stderr)
    return result.stdout


def test_a_wheel_is_whole_in_an_environment_of_its_own(tmp_path: Path) -> None:
    wheel = built_wheel(tmp_path / "wheel")
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    run(python, *PIP, "install", "--require-hashes", "-r", ROOT / "requirements.lock")
    run(python, *PIP, "install", "--no-deps", wheel)
    (packages,) = tmp_path.glob("venv/lib/*/site-packages")
    tracked = run("git", "ls-files", "daemon", "probes", "sla").splitlines()
    assert len([name for name in tracked if not name.endswith(".py")]) > 15, "templates, styles, pictures"
    assert [name for name in tracked if not (packages / name).exists()] == []
    slad = tmp_path / "venv/bin/slad"
    assert "SLA daemon" in run(slad, "--help", cwd=tmp_path)
    assert "simulated vCenter" in run(slad, "demo", "--help", cwd=tmp_path)
    assert not list(packages.glob("tests")) + list(packages.glob("deploy"))


class TestTheBillOfMaterials:
    BOM = bill_of_materials(LOCK, "1.2.3")

    def test_lists_what_the_lock_pins_with_every_hash(self) -> None:
        listed = {(each["name"], each["version"]): each["hashes"] for each in self.BOM["components"]}
        assert set(listed) == set(re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCK, re.MULTILINE))
        hashes = sorted(each["content"] for hashes in listed.values() for each in hashes)
        assert hashes == sorted(re.findall("sha256:([0-9a-f]{64})", LOCK))

    def test_tells_by_whom_each_is_wanted(self) -> None:
        needs = {each["ref"]: each["dependsOn"] for each in self.BOM["dependencies"]}
        own = {reference.split("@")[0].rpartition("/")[2] for reference in needs["pkg:pypi/slad@1.2.3"]}
        declared = re.findall(r'"([\w-]+)(?:\[\w+\])?>=', (ROOT / "pyproject.toml").read_text())
        assert own <= set(declared)
        assert {"aiohttp", "click", "pydantic"} <= own
        (aiohttp,) = (on for reference, on in needs.items() if reference.startswith("pkg:pypi/aiohttp@"))
        assert any(reference.startswith("pkg:pypi/multidict@") for reference in aiohttp)
        references = {each["bom-ref"] for each in self.BOM["components"]}
        assert references >= {reference for on in needs.values() for reference in on}

    def test_is_the_same_each_time_and_stops_at_what_it_does_not_know(self) -> None:
        assert json.dumps(bill_of_materials(LOCK, "1.2.3")) == json.dumps(self.BOM)
        with pytest.raises(ValueError, match=r"no pin: -e \."):
            list(pinned("-e .\n"))


def steps_of_containerfile() -> list[tuple[str, str]]:
    """Its instructions with what they are given, in their order."""
    lines = (ROOT / "Containerfile").read_text().splitlines()
    found = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(instruction, rest) for instruction, _, rest in found]


def reach_packages_as_this_machine_does(folder: Path) -> None:
    """Names, authorities and pip's own configuration, in the root of a container."""
    (folder / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    shutil.copytree("/etc/ssl", folder / "etc/ssl", symlinks=True)
    for name in ("etc/hosts", "etc/pip.conf"):
        if Path("/", name).exists():
            shutil.copy(Path("/", name), folder / name)
    links = os.environ.get("PIP_FIND_LINKS", "")
    if Path(links).is_dir():
        shutil.copytree(links, folder / links.lstrip("/"))


@pytest.mark.long
def test_the_steps_of_the_containerfile_make_a_slad_that_runs(tmp_path: Path) -> None:
    """On this machine's Debian in place of the image's, whose packages have to be there instead of being installed."""
    with booted_bare(tmp_path / "root") as systemd:
        reach_packages_as_this_machine_does(systemd.folder)
        apt_get = systemd.folder / "opt/apt-get"
        apt_get.parent.mkdir(exist_ok=True)
        apt_get.write_text(APT_GET)
        apt_get.chmod(0o755)
        user, folder = "0", "/"
        for instruction, rest in steps_of_containerfile():
            match instruction, rest.split():
                case "RUN", _:
                    command = f"set -e; PATH=/opt:/usr/local/bin:$PATH; cd {folder}; {rest}"
                    result = systemd.run("env", "-u", "MAKEFLAGS", "sh", "-c", command, within_s=BUILD_S)
                    assert result.returncode == 0, (rest, result.stdout, result.stderr)
                case "COPY", [".", place]:
                    for name in run("git", "ls-files").splitlines():
                        copy = systemd.folder / place.lstrip("/") / name
                        copy.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copy(ROOT / name, copy)
                case "COPY", ["--from=build", source, place]:
                    assert systemd.run("cp", "-a", f"{source}/.", place).returncode == 0
                case "WORKDIR", [folder]:
                    pass
                case "USER", [user]:
                    pass
                case "ENTRYPOINT" | "CMD", _:
                    assert all(isinstance(word, str) for word in json.loads(rest))
                case "FROM" | "VOLUME" | "EXPOSE" | "STOPSIGNAL", _:
                    pass
                case _:
                    pytest.fail(f"nothing is known of {instruction}")
        assert user == "65532:65532"
        (systemd.folder / "etc/slad/slad.toml").write_text('observer = "mon"\n')
        as_slad = ("setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "env", "-u", "PYTHONPATH")
        checked = systemd.run(*as_slad, "/usr/local/bin/slad", "check-config")
        assert checked.returncode == 0, checked.stderr


@pytest.fixture(scope="module")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for program in ("dpkg-deb", "strip"):
        require(shutil.which(program), f"{program} is not installed")
    require(Path("/usr/lib/python3.11/venv"), "Debian's python3-venv is not installed")
    return built_deb(tmp_path_factory.mktemp("deb"))


class Machine:
    """A Debian 12 that knows slad's package from files alone."""

    def __init__(self, systemd: Booted, vcenter: ThreadedVCenter) -> None:
        self.systemd = systemd
        self._vcenter = vcenter

    def done(self, *command: str) -> str:
        """What a command says that has to succeed."""
        result = self.systemd.run(*command, within_s=BUILD_S)
        assert result.returncode == 0, (command, result.stdout, result.stderr)
        return result.stdout

    def apt(self, *arguments: str) -> str:
        return self.done("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", *arguments)

    def install(self, deb: Path) -> None:
        shutil.copy(deb, self.systemd.folder / "tmp.deb")
        self.apt("install", "--no-install-recommends", "/tmp.deb")

    def configure(self) -> None:
        etc = self.systemd.folder / "etc/slad"
        (etc / "credentials/vc1").write_text(PASSWORD)
        (etc / "slad.toml").write_text(CONFIG.format(vcenter=self._vcenter.port))

    def records(self) -> int:
        """How many records the running daemon has."""
        return int(json.loads(self.done("slad", "status", "--format", "json"))["ledger"]["records"])

    def wait_for_records(self, more_than: int) -> None:
        asyncio.run(until(lambda: self.records() > more_than, "records"))

    def there(self, *names: str) -> list[str]:
        """Those of some paths that are there; `/usr` as the machine sees it."""
        return [name for name in names if self.systemd.run("test", "-e", name).returncode == 0]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with simulated(accounts={"slad": PASSWORD}) as vcenter, booted_bare(tmp_path / "root") as systemd:
        yield Machine(systemd, vcenter)


def newer(deb: Path, folder: Path) -> Path:
    """The same package as a later release of it."""
    run("dpkg-deb", "--raw-extract", deb, folder)
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"(Version: .*)", r"\1.1", control.read_text()))
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", folder, folder.with_suffix(".deb"))
    return folder.with_suffix(".deb")


@pytest.mark.long
def test_lintian_finds_no_fault_in_the_package(deb: Path) -> None:
    require(shutil.which("lintian"), "lintian is not installed")
    said = subprocess.run(
        ["lintian", "--fail-on", "error,warning", deb], check=False, capture_output=True, text=True
    )
    assert (said.returncode, said.stdout) == (0, "")


@pytest.mark.long
def test_the_package_lives_from_install_over_an_upgrade_to_purge(
    deb: Path, machine: Machine, tmp_path: Path
) -> None:
    machine.install(deb)
    assert machine.done("slad", "--version").startswith("slad ")
    pages = ("/usr/share/man/man1/slad-check-config.1.gz", "/usr/share/man/man5/slad.toml.5.gz")
    assert machine.there(*pages) == list(pages)
    assert machine.done("getent", "group", "slad").startswith("slad:")
    secrets = ("/etc/slad/credentials", "/etc/slad/hub-credentials")
    assert machine.done("stat", "-c", "%a %U", *secrets) == "700 root\n" * 2
    for unit in ("slad", "slad-hub"):
        assert machine.systemd.shown(unit, "ActiveState", "UnitFileState") == {
            "ActiveState": "inactive",
            "UnitFileState": "disabled",
        }, "evidence begins when somebody says so"
    assert "nothing is watched" not in machine.done("slad", "check-config")
    assert machine.done("dpkg", "--verify", "slad") == ""

    machine.configure()
    machine.systemd.systemctl("enable", "--now", "slad")
    machine.wait_for_records(5)
    before, pid = machine.records(), machine.systemd.shown("slad", "MainPID")

    machine.install(newer(deb, tmp_path / "newer"))
    assert machine.systemd.shown("slad", "ActiveState", "UnitFileState") == {
        "ActiveState": "active",
        "UnitFileState": "enabled",
    }
    assert machine.systemd.shown("slad", "MainPID") != pid, "the new program runs"
    assert "canary" not in machine.systemd.log("slad")
    assert "vc1" in (machine.systemd.folder / "etc/slad/slad.toml").read_text(), "a conffile stays"
    assert machine.records() >= before
    evidence = machine.systemd.folder / "evidence.jsonl"
    evidence.write_text(machine.done("slad", "export"))
    machine.done("slad", "verify", "/evidence.jsonl")

    machine.apt("remove", "slad")
    ours = ("/usr/bin/slad", "/usr/lib/slad", "/usr/share/slad", "/usr/lib/systemd/system/slad.service")
    kept = ("/etc/slad/slad.toml", "/var/lib/private/slad/ledger.db")
    assert machine.there(*ours, *kept) == list(kept)
    assert machine.systemd.run("pgrep", "-f", "/usr/lib/slad/bin").stdout == ""

    told = machine.apt("purge", "slad")
    assert "evidence stays" in told
    assert machine.there("/etc/slad", *kept) == ["/var/lib/private/slad/ledger.db"]
    assert "slad" not in machine.done("dpkg-query", "-W")
