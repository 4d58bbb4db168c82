"""aioping as a second opinion, on datagram sockets only."""

import asyncio
import json
import subprocess
import sys
from importlib.util import find_spec
from shutil import which

import pytest

from probes.targets.ping.aioping_backend import AiopingPinger
from probes.targets.ping.pinger import open_pings
from probes.targets.ping.settings import (
    Backend,
    PingBackendError,
    PingForbiddenError,
    PingSettings,
    PingSourceError,
)
from tests.peers import require
from tests.peers.namespaces import Network

SETTINGS = PingSettings(backend=Backend.AIOPING)
TIMEOUT_S = 60
ADDRESSES = [f"10.0.0.{last}" for last in range(1, 201)] + [f"fd00::{last:x}" for last in range(1, 51)]

BOTH = """
import asyncio, json, os, sys
from probes.targets.ping.pinger import open_pings
from probes.targets.ping.settings import Backend, PingSettings

async def main():
    addresses = json.load(sys.stdin)
    said = {}
    for backend in (Backend.DATAGRAM, Backend.AIOPING):
        async with open_pings(PingSettings(backend=backend)) as pings:
            await pings.ping_all(["10.0.0.1", "fd00::1"], 2.0)
            before = len(os.listdir("/proc/self/fd"))
            said[backend] = [result.state.name for result in await pings.ping_all(addresses, 2.0)]
            try:
                async with asyncio.timeout(0.1):
                    await pings.ping_all(["10.0.0.7"] * 20, 2.0)
            except TimeoutError:
                pass
            refused = await pings.ping_all(["203.0.113.1"] * 20, 2.0)
            said[backend].append(sorted({(r.state.name, r.reason) for r in refused}))
            said[backend].append(len(os.listdir("/proc/self/fd")) - before)
    print(json.dumps(said))

asyncio.run(main())
"""


def without_raw_sockets(script: str, said: str) -> str:
    """Run a program as a service runs, without CAP_NET_RAW."""
    require(which("setpriv"), "a process without CAP_NET_RAW needs setpriv")
    command = ("setpriv", "--inh-caps=-net_raw", "--bounding-set=-net_raw", sys.executable, "-c", script)
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def need_aioping() -> None:
    require(find_spec("aioping"), "the second opinion needs aioping: the extra slad[aioping]")


async def test_it_is_refused_to_a_process_that_may_open_raw_sockets(network: Network) -> None:
    with pytest.raises(PingBackendError, match="CAP_NET_RAW"):
        async with open_pings(SETTINGS):
            pytest.fail("opened all the same")


async def test_where_it_is_not_installed_the_error_names_the_extra(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aioping", None)
    with pytest.raises(PingBackendError, match=r"slad\[aioping\]"):
        async with AiopingPinger.open(SETTINGS, is_privileged=lambda: False):
            pytest.fail("opened all the same")


async def test_it_cannot_choose_the_source(network: Network) -> None:
    with pytest.raises(PingSourceError, match="cannot choose"):
        async with AiopingPinger.open(
            PingSettings(backend=Backend.AIOPING, address="192.0.2.2"), is_privileged=lambda: False
        ):
            pytest.fail("opened all the same")


async def test_without_the_sysctl_it_cannot_be_used(network: Network) -> None:
    need_aioping()
    network.monitor.allow_pings(allowed=False)
    try:
        with pytest.raises(PingForbiddenError, match="ping_group_range"):
            async with AiopingPinger.open(SETTINGS, is_privileged=lambda: False):
                pytest.fail("opened all the same")
    finally:
        network.monitor.allow_pings()


async def test_it_agrees_on_every_address_and_leaves_no_socket_open(network: Network) -> None:
    need_aioping()
    network.monitor.ip("route", "add", "unreachable", "203.0.113.0/24")
    try:
        said = json.loads(await asyncio.to_thread(_both_in, network))
    finally:
        network.monitor.ip("route", "del", "unreachable", "203.0.113.0/24")
    assert said["aioping"] == said["datagram"]
    assert said["aioping"][-2:] == [[["UNKNOWN", "no_route"]], 0]
    assert said["aioping"].count("DOWN") == 25


def _both_in(network: Network) -> str:
    with network.monitor.entered():
        return without_raw_sockets(BOTH, json.dumps(ADDRESSES))
