"""The units under a real systemd: start, readiness, credentials, reload, a watchdog that kills, stop; and the doctor's."""

import asyncio
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError

import pytest

from probes.simulation import ThreadedVCenter
from tests.daemon.harness import Samples, scraped, simulated
from tests.daemon.hub.stores import PASSWORD as OF_THE_STORE
from tests.daemon.hub.stores import add_hub, make_store
from tests.peers.booted import Booted, booted
from tests.peers.postgres import postgres
from tests.waiting import until

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
HUB = """observer = "hub"
[web]
listen = ["127.0.0.1:0"]
[hub]
dsn = "postgresql://slad-hub@127.0.0.1:{port}/{database}?sslmode=disable"
password_credential = "hub_store"
"""
WATCHDOG_S = 5
IMPATIENT = f"""[Service]
WatchdogSec={WATCHDOG_S}
TimeoutAbortSec=2
RestartSec=1
"""
"""So that a test need not wait for half a minute."""
IN_CONTACT = ("slad_source_up", frozenset({("source", "vc1")}))
_OPENED = re.compile(r'"addresses": \[\["127\.0\.0\.1", (\d+)\]\]')

pytestmark = pytest.mark.timeout(300)


class Host:
    """A machine on which slad is installed and configured."""

    def __init__(self, systemd: Booted, vcenter: ThreadedVCenter) -> None:
        self.systemd = systemd
        etc = systemd.folder / "etc"
        (etc / "slad/credentials/vc1").write_text(PASSWORD)
        self.config = etc / "slad/slad.toml"
        self.config.write_text(CONFIG.format(vcenter=vcenter.port))
        (etc / "systemd/system/slad.service.d").mkdir()
        (etc / "systemd/system/slad.service.d/test.conf").write_text(IMPATIENT)
        systemd.systemctl("daemon-reload")

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        asyncio.run(until(condition, what))

    def wait_in_contact(self) -> None:
        """Until the password was handed over and taken."""
        port = int(_OPENED.findall(self.systemd.log("slad"))[-1])
        self.wait(lambda: scraped("127.0.0.1", port).get(IN_CONTACT) == 1, "contact with the vCenter")

    def pid(self) -> int:
        return int(self.systemd.shown("slad", "MainPID")["MainPID"])


@contextmanager
def host(folder: Path) -> Iterator[Host]:
    with simulated(accounts={"slad": PASSWORD}) as vcenter, booted(folder) as systemd:
        yield Host(systemd, vcenter)


def test_slad_lives_under_a_real_systemd(tmp_path: Path) -> None:
    with host(tmp_path / "root") as machine:
        systemd = machine.systemd

        systemd.systemctl("start", "slad")
        assert systemd.shown("slad", "ActiveState", "SubState", "NRestarts", "LimitCORE") == {
            "ActiveState": "active",
            "SubState": "running",
            "NRestarts": "0",
            "LimitCORE": "0",
        }, "systemctl waits for READY=1"
        assert '"event": "public_door_opened"' in systemd.log("slad")
        machine.wait_in_contact()
        status = systemd.run("cat", f"/proc/{machine.pid()}/status").stdout.splitlines()
        fields = dict(line.split(":", 1) for line in status)
        assert int(fields["Uid"].split()[0]) > 60_000, "a dynamic user"
        assert int(fields["CapEff"], 16) == 0
        assert PASSWORD not in systemd.log("slad")

        before = machine.pid()
        machine.config.write_text(
            machine.config.read_text() + '[client.acme]\nname = "ACME"\ntimezone = "UTC"\n'
        )
        systemd.systemctl("reload", "slad")
        assert '"event": "config_reloaded"' in systemd.log("slad"), "systemctl waits for its end"
        assert machine.pid() == before

        assert systemd.run("kill", f"-{signal.SIGSTOP.value}", str(before)).returncode == 0
        machine.wait(
            lambda: (
                systemd.shown("slad", "NRestarts", "ActiveState")
                == {"NRestarts": "1", "ActiveState": "active"}
            ),
            "a restart by the watchdog",
        )
        assert "Watchdog timeout" in systemd.log("slad")
        assert machine.pid() not in (0, before)
        machine.wait_in_contact()

        systemd.systemctl("stop", "slad")
        assert systemd.shown("slad", "ActiveState", "Result", "ExecMainStatus") == {
            "ActiveState": "inactive",
            "Result": "success",
            "ExecMainStatus": "0",
        }
        assert "Traceback" not in systemd.log("slad")
        assert "code=killed, status=6/ABRT" in systemd.log("slad"), (
            "and not code=dumped: there is no core of it"
        )


def test_a_hub_lives_under_a_real_systemd_whatever_becomes_of_the_store(tmp_path: Path) -> None:
    with postgres() as server, booted(tmp_path / "root") as systemd:
        store = asyncio.run(make_store(server, tmp_path, "mon1"))
        asyncio.run(add_hub(store))
        etc = systemd.folder / "etc"
        (etc / "slad/hub-credentials/store").write_text(OF_THE_STORE)
        (etc / "slad/hub.toml").write_text(HUB.format(port=server.port, database=store.name))
        (etc / "systemd/system/slad-hub.service.d").mkdir()
        (etc / "systemd/system/slad-hub.service.d/test.conf").write_text(IMPATIENT)
        systemd.systemctl("daemon-reload")

        def samples() -> Samples:
            with suppress(HTTPError):  # before the first are prepared
                return scraped("127.0.0.1", int(_OPENED.findall(systemd.log("slad-hub"))[-1]))
            return {}

        def wait(condition: Callable[[Samples], bool], what: str) -> None:
            asyncio.run(until(lambda: condition(samples()), what))

        systemd.systemctl("start", "slad-hub")
        wait(lambda found: found.get(("slad_hub_active", frozenset())) == 1, "the lock, by its password")
        pid = systemd.shown("slad-hub", "MainPID")["MainPID"]
        status = systemd.run("cat", f"/proc/{pid}/status").stdout.splitlines()
        fields = dict(line.split(":", 1) for line in status)
        assert int(fields["Uid"].split()[0]) > 60_000, "a dynamic user"
        assert int(fields["CapEff"], 16) == 0
        assert systemd.run("test", "-S", "/run/slad-hub/control.sock").returncode == 0
        systemd.systemctl("reload", "slad-hub")
        assert '"event": "config_reloaded"' in systemd.log("slad-hub"), "systemctl waits for its end"

        server.kill()
        behind = ("slad_hub_tail_behind_seconds", frozenset[tuple[str, str]]())
        wait(
            lambda found: found.get(behind, 0) > 1.5 * WATCHDOG_S,
            "it to wait for longer than the watchdog does",
        )
        server.start()
        wait(lambda found: found.get(behind, 60) < 1, "it to go on")
        systemd.systemctl("stop", "slad-hub")
        assert systemd.shown("slad-hub", "ActiveState", "Result", "NRestarts") == {
            "ActiveState": "inactive",
            "Result": "success",
            "NRestarts": "0",
        }
        assert OF_THE_STORE not in systemd.log("slad-hub")
        assert "Traceback" not in systemd.log("slad-hub")


def test_the_doctor_tries_all_as_slad_itself_would(tmp_path: Path) -> None:
    with host(tmp_path / "root") as machine:
        machine.systemd.systemctl("start", "slad-doctor")
        said = machine.systemd.log("slad-doctor")
        assert "ok    ledger: /var/lib/slad can be written" in said
        assert "ok    vcenter.vc1: slad is logged in to " in said
        assert ", 0 FAIL" in said
