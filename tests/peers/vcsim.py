"""govmomi's simulator as a vCenter on loopback: the program in tests/vcsim, which `tests/install-peers` builds."""

import http.client
import json
import select
import shutil
import ssl
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

from sla.instants import Instant, format_instant
from tests.peers import require, tls

BUILD = Path(__file__).parents[1] / "vcsim" / "build"
START_TIMEOUT_S = 100
STOP_TIMEOUT_S = 10
CONTROL_TIMEOUT_S = 30
MEMORY = Path("/dev/shm")  # each VM is a directory with six files


def binary() -> Path:
    """Where the simulator is. None is built here: that takes minutes, and a test has two."""
    place = subprocess.run(
        [BUILD, "--place"], capture_output=True, text=True, timeout=CONTROL_TIMEOUT_S, check=True
    )
    program = Path(place.stdout.strip())
    require(program, "govmomi's simulator is not built: tests/install-peers does that, and needs Go")
    return program


class VcSim:
    """A running simulator, for a `with` statement.

    In each datacenter (DC0) are so many clusters (DC0_C0) of hosts (DC0_C0_H0) with VMs (DC0_C0_RP0_VM0), and
    standalone hosts (DC0_H0) with as many VMs (DC0_H0_VM0). The VMs of each run, in turn on its hosts and on the
    datacenter's datastores (LocalDS_0), which all its hosts mount.

    The methods change what no call of the API can. Each names objects by name or by moId, and is seen by who
    waits for updates as one change of each object. The simulator collects every filter anew for each change: one
    is seen at once among 10 VMs and after 1 to 2 s among 2,000, and storms are for small inventories only.
    """

    def __init__(
        self,
        *,
        dcs: int = 1,
        clusters: int = 1,
        hosts: int = 3,
        standalone_hosts: int = 0,
        vms: int = 4,
        datastores: int = 2,
        api_version: str = "8.0.3.0",
        user: str = "slad@vsphere.local",
        password: str = "a password",
    ) -> None:
        self.user = user
        self.password = password
        self._flags = {
            "dc": dcs,
            "cluster": clusters,
            "host": hosts,
            "standalone-host": standalone_hosts,
            "vm": vms,
            "ds": datastores,
            "api-version": api_version,
            "user": user,
            "password": password,
        }

    def __enter__(self) -> Self:
        program = binary()
        with ExitStack() as resources:
            # The simulator removes the directory when it ends, also when this process was killed.
            scratch = Path(tempfile.mkdtemp(prefix="slad-vcsim-", dir=MEMORY if MEMORY.is_dir() else None))
            resources.callback(shutil.rmtree, scratch, ignore_errors=True)
            certificate = tls.issue(scratch)
            self.cafile = certificate.cafile
            files = {"cert": certificate.certfile, "key": certificate.keyfile, "scratch": scratch}
            log = resources.enter_context(tempfile.TemporaryFile("w+"))
            process = subprocess.Popen(
                [program, *(f"-{flag}={value}" for flag, value in (self._flags | files).items())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            resources.callback(_stop, process)
            self.pid = process.pid
            assert process.stdout is not None
            readable, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
            line = process.stdout.readline() if readable else ""
            if not line:
                log.seek(0)
                raise RuntimeError(f"the simulator did not start: {log.read().strip()}")
            url = urlsplit(json.loads(line)["url"])
            assert url.hostname is not None
            assert url.port is not None
            self.host, self.port = url.hostname, url.port
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def set_datastore(
        self, name: str, *, accessible: bool, host: str | None = None, reason: str | None = None
    ) -> None:
        """Say whether a host, or every host, reaches the datastore, and why not (`inaccessibleReason`).

        The datastore's summary follows: accessible while any host reaches it.
        """
        self._control("datastore", name=name, accessible=str(accessible), host=host, reason=reason)

    def set_host(self, name: str, *, connection: str) -> None:
        """Set the host's connectionState. Its VMs keep theirs: see `lose_host`."""
        self._control("host", name=name, connection=connection)

    def set_vm(
        self,
        name: str,
        *,
        connection: str | None = None,
        power: str | None = None,
        booted_at: Instant | None = None,
        host: str | None = None,
    ) -> None:
        """Set what is given of the VM's runtime info; `host` is where it runs from now on."""
        boot_time = None if booted_at is None else format_instant(booted_at)
        self._control("vm", name=name, connection=connection, power=power, boot_time=boot_time, host=host)

    def switch_off(self, name: str) -> None:
        """Take the VM's power, and with it its boot time, without the events of a call."""
        self._control("vm", name=name, power="poweredOff", boot_time="")

    def set_vms_on(self, host: str, *, connection: str) -> None:
        """Set the connectionState of every VM that runs on the host."""
        self._control("vm", on_host=host, connection=connection)

    def lose_host(self, name: str) -> None:
        """Let vCenter hear no more from a host: it does not respond, its VMs are disconnected."""
        self.set_host(name, connection="notResponding")
        self.set_vms_on(name, connection="disconnected")

    def regain_host(self, name: str) -> None:
        """Undo `lose_host`."""
        self.set_host(name, connection="connected")
        self.set_vms_on(name, connection="connected")

    def _control(self, what: str, **form: str | None) -> None:
        given = {key: value for key, value in form.items() if value is not None}
        connection = http.client.HTTPSConnection(
            self.host,
            self.port,
            timeout=CONTROL_TIMEOUT_S,
            context=ssl.create_default_context(cafile=self.cafile),
        )
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", f"/ctl/{what}", urlencode(given), headers)
            response = connection.getresponse()
            said = response.read().decode().strip()
            if response.status != http.client.OK:
                raise ValueError(f"{what} {given}: {said}")
        finally:
            connection.close()


def _stop(process: subprocess.Popen[str]) -> None:
    with process:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
