"""The units in deploy/systemd, read by systemd's own tools, and what `make install` puts where. They run in test_booted.py."""

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from daemon.app import health
from daemon.config.loading import load
from daemon.places import DEFAULT_CONFIG
from daemon.watching import sources
from tests.peers import require
from tests.peers.booted import install_files
from tests.peers.built import built_files, built_wheel

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy/systemd"
INSTALL = ROOT / "deploy/install"
EVERY_UNIT = ["slad.service", "slad-hub.service", "slad-doctor.service"]
EXPOSURE = 12
"""In tenths: the most that `systemd-analyze security` may say."""


def run(*command: str | Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=600, env=os.environ | env
    )


@pytest.fixture(scope="module")
def directives() -> dict[str, list[str]]:
    """What slad.service says, by directive."""
    return read(UNITS / "slad.service")


def hardening() -> list[str]:
    """The directives of slad.service from its capabilities on, which keep it from what it does not need."""
    text = (UNITS / "slad.service").read_text()
    found = re.findall(
        r"^(\w+)=", text[text.index("CapabilityBoundingSet=") : text.index("[Install]")], re.MULTILINE
    )
    assert len(found) > 25
    return found


def read(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in unit.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found[key].append(value)
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A root folder with everything installed but the program."""
    install_files(tmp_path / "root")
    return tmp_path / "root"


class TestTheUnits:
    @pytest.fixture(autouse=True)
    def systemd_analyze(self) -> None:
        require(shutil.which("systemd-analyze"), "systemd-analyze is not installed")

    @pytest.mark.parametrize("unit", EVERY_UNIT)
    def test_are_understood_by_systemd(self, tmp_path: Path, unit: str) -> None:
        program = tmp_path / "opt/bin/slad"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        # Units of a root folder name the programs of the real one.
        install_files(tmp_path / "root", PREFIX=str(tmp_path / "opt"))
        unit_file = tmp_path / "root/usr/local/lib/systemd/system" / unit
        result = run("systemd-analyze", "verify", "--man=no", unit_file)
        assert (result.returncode, result.stdout + result.stderr) == (0, "")

    @pytest.mark.parametrize("unit", EVERY_UNIT)
    def test_expose_no_more_than_promised(self, unit: str) -> None:
        security = ("systemd-analyze", "security", "--offline=true", "--no-pager")
        result = run(*security, f"--threshold={EXPOSURE}", UNITS / unit)
        assert result.returncode == 0, result.stdout

    def test_make_a_group_and_no_user_whose_name_a_dynamic_one_could_not_have(self, tmp_path: Path) -> None:
        require(shutil.which("systemd-sysusers"), "systemd-sysusers is not installed")
        (tmp_path / "etc").mkdir()
        result = run("systemd-sysusers", f"--root={tmp_path}", UNITS / "slad.sysusers")
        assert result.returncode == 0, result.stderr
        assert re.search(r"^slad:", (tmp_path / "etc/group").read_text(), re.MULTILINE)
        assert not (tmp_path / "etc/passwd").exists()


class TestSladRelies:
    def test_on_a_type_that_debian_12_knows_and_on_reloads_by_its_signal(
        self, directives: dict[str, list[str]]
    ) -> None:
        assert directives["Type"] == ["notify"]
        assert directives["ExecReload"] == ["/bin/kill -HUP $MAINPID"]

    def test_on_being_started_again_whatever_happened_except_for_a_wrong_call(
        self, directives: dict[str, list[str]]
    ) -> None:
        assert directives["Restart"] == ["always"]
        assert directives["StartLimitIntervalSec"] == ["0"]
        assert directives["RestartPreventExitStatus"] == ["2"]

    def test_on_time_to_show_progress_and_to_log_out(self, directives: dict[str, list[str]]) -> None:
        assert int(directives["WatchdogSec"][0]) >= 10 * health.HEARTBEAT_S
        assert int(directives["TimeoutStopSec"][0]) > 2 * sources.STOP_S

    def test_on_the_folders_where_it_looks_by_default(
        self, directives: dict[str, list[str]], tmp_path: Path
    ) -> None:
        (tmp_path / "slad.toml").write_text("")
        config = load(tmp_path / "slad.toml", {})
        assert config.ledger.path.parent == Path("/var/lib", *directives["StateDirectory"])
        assert config.control.socket.parent == Path("/run", *directives["RuntimeDirectory"])
        assert DEFAULT_CONFIG.parent == Path("/etc", *directives["ConfigurationDirectory"])
        assert f"--config {DEFAULT_CONFIG} " in directives["ExecStart"][0]

    def test_on_a_group_that_may_reach_the_socket_and_nothing_else(
        self, directives: dict[str, list[str]]
    ) -> None:
        assert (directives["DynamicUser"], directives["Group"]) == (["yes"], ["slad"])
        assert directives["User"] != directives["Group"], (
            "systemd refuses a dynamic user named like a static group"
        )
        assert (directives["RuntimeDirectoryMode"], directives["StateDirectoryMode"]) == (["0750"], ["0700"])

    def test_on_seeing_who_calls_and_its_own_figures(self, directives: dict[str, list[str]]) -> None:
        assert directives["PrivateUsers"] == ["no"], "else every caller at the control socket is nobody"
        assert directives["ProcSubset"] == ["all"], "else process_* are missing from /metrics"

    def test_on_no_capability(self, directives: dict[str, list[str]]) -> None:
        assert directives["CapabilityBoundingSet"] == directives["AmbientCapabilities"] == [""]
        sysctl = (UNITS / "99-slad-ping.conf").read_text()
        assert "net.ipv4.ping_group_range = 0 2147483647" in sysctl.splitlines()

    def test_on_a_doctor_that_is_as_itself_and_leaves_the_running_one_its_folder(
        self, directives: dict[str, list[str]]
    ) -> None:
        doctor = read(UNITS / "slad-doctor.service")
        for same in (
            "DynamicUser",
            "User",
            "Group",
            "StateDirectory",
            "StateDirectoryMode",
            "LoadCredential",
            "UMask",
            *hardening(),
        ):
            assert doctor[same] == directives[same], same
        assert "RuntimeDirectory" not in doctor, "it would be removed when the doctor is done"

    def test_on_a_hub_that_is_kept_alive_as_itself_and_from_what_it_does_not_need(
        self, directives: dict[str, list[str]]
    ) -> None:
        hub = read(UNITS / "slad-hub.service")
        for same in (
            *("Type", "ExecReload", "Restart", "StartLimitIntervalSec", "RestartPreventExitStatus"),
            *("TimeoutStopSec", "WatchdogSec", "LimitNOFILE", "OOMPolicy"),
            *("DynamicUser", "Group", "StateDirectoryMode", "RuntimeDirectoryMode", "ConfigurationDirectory"),
            *("UMask", "WantedBy", *hardening()),
        ):
            assert hub[same] == directives[same], same

    def test_on_a_hub_that_shares_nothing_with_a_monitor_beside_it(
        self, directives: dict[str, list[str]]
    ) -> None:
        hub = read(UNITS / "slad-hub.service")
        for other in ("User", "StateDirectory", "RuntimeDirectory", "LoadCredential"):
            assert hub[other] != directives[other], other
        assert hub["User"] == ["slad-hub"], "by which PostgreSQL knows it on the same machine"
        folders = re.findall(r"^d (\S+) 0700 root root", (UNITS / "slad.tmpfiles").read_text(), re.MULTILINE)
        assert [f"hub:{folder}" for folder in folders if "hub" in folder] == hub["LoadCredential"]

    def test_on_the_places_that_the_example_of_a_hub_has(self) -> None:
        hub = read(UNITS / "slad-hub.service")
        config = load(ROOT / "slad-hub.example.toml", {})
        assert config.control.socket.parent == Path("/run", *hub["RuntimeDirectory"])
        assert "--config /etc/slad/hub.toml " in hub["ExecStart"][0]
        assert 'password_credential = "hub_store"' in (ROOT / "slad-hub.example.toml").read_text()

    @pytest.mark.parametrize("unit", EVERY_UNIT)
    def test_on_no_core_that_would_hold_a_password(self, unit: str) -> None:
        assert read(UNITS / unit)["LimitCORE"] == ["0"]


class TestInstall:
    def test_puts_files_where_the_readme_says(self, installed: Path) -> None:
        readme = (UNITS / "README.md").read_text()
        rows = re.findall(r"^\| (?!what)(.+?) \| (`/.+?) \|$", readme, re.MULTILINE)
        assert len(rows) == 10
        for _, places in rows:
            folder = Path()
            for name in re.findall(r"`([^`]+)`", places):
                if name in ("PREFIX", "/opt/slad"):
                    continue  # the program itself is not installed here
                path = Path(name) if name.startswith("/") else folder / name
                folder = path.parent
                there = installed / str(path).lstrip("/")
                assert there.exists() or there.is_symlink(), path

    def test_leaves_the_passwords_to_root_alone(self, installed: Path) -> None:
        require(shutil.which("systemd-tmpfiles"), "systemd-tmpfiles is not installed")
        made = run("systemd-tmpfiles", "--create", f"--root={installed}", UNITS / "slad.tmpfiles")
        assert made.returncode == 0, made.stderr
        for folder in ("credentials", "hub-credentials"):
            assert (installed / "etc/slad" / folder).stat().st_mode & 0o777 == 0o700

    def test_writes_the_prefix_into_the_units(self, tmp_path: Path) -> None:
        install_files(tmp_path / "root", PREFIX="/srv/slad")
        unit = (tmp_path / "root/usr/local/lib/systemd/system/slad.service").read_text()
        assert "ExecStart=/srv/slad/bin/slad run " in unit
        assert "/opt/" not in unit
        assert (tmp_path / "root/usr/local/bin/slad").readlink() == Path("/srv/slad/bin/slad")

    def test_installs_the_manual_completion_and_what_others_are_given(self, installed: Path) -> None:
        share = installed / "usr/local/share"
        for name in (
            "man/man1/slad-maintenance-announce.1",
            "man/man5/slad.toml.5",
            "bash-completion/completions/slad",
            "zsh/site-functions/_slad",
            "fish/vendor_completions.d/slad.fish",
            "doc/slad/slad.toml.md",
            "doc/slad/service.md",
            "doc/slad/specification/evidence.md",
            "slad/examples/slad.example.toml",
            "slad/examples/slad-hub.example.toml",
            "slad/prometheus/hub.yml",
            "slad/mixin/rules.yml",
            "slad/mixin/alerts.yml",
            "slad/mixin/dashboards/fleet.json",
            "slad/mixin/runbooks/ChronicOutage.md",
            "slad/grafana/provisioning/dashboards/slad.yml",
        ):
            assert (share / name).is_file(), name

    def test_puts_completion_where_packages_have_it(self, tmp_path: Path) -> None:
        install_files(tmp_path / "root", BASE="/usr")
        assert (tmp_path / "root/usr/share/zsh/vendor-completions/_slad").is_file()

    def test_without_a_wheel_says_how_it_is_called(self) -> None:
        result = run(INSTALL)
        assert result.returncode == 2
        assert "deploy/install WHEEL" in result.stderr

    def test_replaces_no_folder_that_is_not_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "usr/bin").mkdir(parents=True)
        result = run(INSTALL, "slad.whl", DESTDIR=str(tmp_path), PREFIX="/usr")
        assert result.returncode == 1
        assert "choose another PREFIX" in result.stderr
        assert [path.name for path in (tmp_path / "usr").iterdir()] == ["bin"]

    @pytest.mark.long
    @pytest.mark.timeout(600)
    def test_makes_a_program_that_runs_and_again_over_itself(self, tmp_path: Path) -> None:
        wheel = built_wheel(tmp_path.with_name(f"{tmp_path.name}.wheel"))
        install_files(tmp_path)
        built = built_files(tmp_path.with_name(f"{tmp_path.name}.built"))
        for _ in range(2):
            result = run(INSTALL, wheel, DESTDIR=str(tmp_path), PYTHON=sys.executable, **built)
            assert result.returncode == 0, result.stderr
        script = (tmp_path / "opt/slad/bin/slad").read_text()
        assert script.startswith("#!/opt/slad/bin/python") or "exec' /opt/slad/bin/python" in script
        program = tmp_path / "opt/slad/bin/python"
        result = subprocess.run(
            [program, "-m", "daemon", "--version"],
            check=True,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=60,
        )
        assert result.stdout.startswith("slad ")
        assert {path.name for path in (tmp_path / "opt").iterdir()} == {"slad"}
