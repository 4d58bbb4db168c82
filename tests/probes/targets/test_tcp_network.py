"""The TCP probe over a network: what routers, firewalls and our own lack of a way do to it."""

import asyncio
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from probes.targets.connect import Origin
from probes.targets.result import Reason
from probes.targets.table import probe
from probes.targets.target import parse_target
from sla.records import State
from tests.peers import require
from tests.peers.namespaces import GATEWAY, GATEWAY_6, INTERFACE, MONITOR, Namespace, Network
from tests.probes.targets.targets import TIMEOUT_S, listening, reset_on_close, tools, tried

BEYOND = "10.1.2.3"


@pytest.fixture(scope="module")
def shared_network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture
def network(shared_network: Network) -> Iterator[Network]:
    with shared_network.monitor.entered():
        yield shared_network


@contextmanager
def listening_at(network: Network, address: str) -> Iterator[int]:
    """A port of the gateway."""
    with network.gateway.entered():
        context = listening(address)
        listener = context.__enter__()
    try:
        yield listener.getsockname()[1]
    finally:
        context.__exit__(None, None, None)


@contextmanager
def filtered(network: Network, verdict: str) -> Iterator[None]:
    """The gateway's firewall says this to every TCP packet for itself."""
    require(shutil.which("nft"), "firewalls of the tests need nftables")
    chain = f"type filter hook input priority 0\nmeta l4proto tcp {verdict}\n"
    rules = f"table inet slad {{\nchain input {{\n{chain}}}\n}}\n"
    network.gateway.run("nft", "-f", "-", stdin=rules)
    try:
        yield
    finally:
        network.gateway.run("nft", "delete", "table", "inet", "slad")


@pytest.mark.parametrize(
    ("address", "where"), [(GATEWAY, GATEWAY), (GATEWAY_6, f"[{GATEWAY_6}]")], ids=["ipv4", "ipv6"]
)
async def test_a_listener_beyond_the_cable_is_up(network: Network, address: str, where: str) -> None:
    with listening_at(network, address) as port:
        assert (await tried(f"tcp://{where}:{port}")).state is State.UP


@pytest.mark.parametrize("origin", [Origin(address=MONITOR), Origin(interface=INTERFACE)])
async def test_an_origin_is_used(network: Network, origin: Origin) -> None:
    with listening_at(network, GATEWAY) as port:
        assert (await tried(f"tcp://{GATEWAY}:{port}", origin=origin)).state is State.UP


@pytest.mark.parametrize(
    ("verdict", "timeout_s", "reason"),
    [
        ("drop", 0.3, Reason.TIMEOUT),
        ("reject with tcp reset", TIMEOUT_S, Reason.REFUSED),
        ("reject with icmp type host-unreachable", TIMEOUT_S, Reason.UNREACHABLE),
        ("reject with icmp type net-unreachable", TIMEOUT_S, Reason.UNREACHABLE),
        ("reject with icmp type admin-prohibited", TIMEOUT_S, Reason.UNREACHABLE),
        ("reject with icmp type prot-unreachable", TIMEOUT_S, Reason.UNREACHABLE),
    ],
)
async def test_a_firewall_of_the_far_side_makes_it_down(
    network: Network, verdict: str, timeout_s: float, reason: Reason
) -> None:
    with listening_at(network, GATEWAY) as port, filtered(network, verdict):
        result = await tried(f"tcp://{GATEWAY}:{port}", timeout_s)
    assert (result.state, result.reason) == (State.DOWN, reason)


@pytest.mark.parametrize("code", ["no-route", "admin-prohibited", "addr-unreachable"])
async def test_a_firewall_of_the_far_side_makes_it_down_over_ipv6(network: Network, code: str) -> None:
    with listening_at(network, GATEWAY_6) as port, filtered(network, f"reject with icmpv6 type {code}"):
        result = await tried(f"tcp://[{GATEWAY_6}]:{port}")
    assert (result.state, result.reason) == (State.DOWN, Reason.UNREACHABLE)


async def test_a_host_beyond_that_says_nothing_is_down(network: Network) -> None:
    result = await tried(f"tcp://{BEYOND}:80", 0.3)
    assert (result.state, result.reason) == (State.DOWN, Reason.TIMEOUT)


async def test_a_gateway_without_a_way_makes_it_down(network: Network) -> None:
    network.gateway.ip("route", "del", "10.0.0.0/8")
    try:
        result = await tried(f"tcp://{BEYOND}:80")
    finally:
        network.gateway.ip("route", "add", "10.0.0.0/8", "dev", "far0")
    assert (result.state, result.reason) == (State.DOWN, Reason.UNREACHABLE)


@pytest.mark.parametrize("kind", ["unreachable", "blackhole", "prohibit"])
async def test_a_route_of_ours_that_leads_nowhere_is_unknown(network: Network, kind: str) -> None:
    network.monitor.ip("route", "add", kind, "198.51.100.0/24")
    try:
        result = await tried("tcp://198.51.100.1:80")
    finally:
        network.monitor.ip("route", "del", kind, "198.51.100.0/24")
    assert result.state is State.UNKNOWN


async def test_the_monitor_without_a_way_out_knows_nothing(network: Network) -> None:
    network.monitor.ip("link", "set", INTERFACE, "down")
    try:
        results = [await tried(f"tcp://{host}:80") for host in (GATEWAY, BEYOND, f"[{GATEWAY_6}]")]
    finally:
        network.plug_in()
    assert {(result.state, result.reason) for result in results} == {(State.UNKNOWN, Reason.NO_ROUTE)}


@pytest.mark.parametrize("shape", ["tcp://{}:80", "http://{}/", "https://{}/"])
async def test_the_monitors_own_cable_pulled_makes_all_unknown(network: Network, shape: str) -> None:
    network.unplug()
    try:
        async with tools() as opened, asyncio.TaskGroup() as group:
            tries = [
                group.create_task(probe(parse_target(shape.format(host)), opened, 0.5))
                for host in (GATEWAY, BEYOND, f"[{GATEWAY_6}]", "[fd00::7]")
            ]
    finally:
        network.plug_back()
    assert [(each.result().state, each.result().reason) for each in tries] == [
        (State.UNKNOWN, Reason.NO_ROUTE)
    ] * 4


async def test_the_monitors_own_cable_pulled_while_an_answer_is_awaited_makes_it_unknown(
    network: Network,
) -> None:
    async with tools() as opened:
        asyncio.get_running_loop().call_later(0.1, network.unplug)
        try:
            result = await probe(parse_target(f"tcp://{BEYOND}:80"), opened, 0.5)
        finally:
            network.plug_back()
    assert (result.state, result.reason) == (State.UNKNOWN, Reason.NO_ROUTE)


@pytest.fixture
def one_port() -> Iterator[int]:
    """The only port that this machine has for its own ends of connections."""
    with Namespace() as namespace:
        namespace.sysctl("net.ipv4.ip_local_port_range", "40000 40000")
        with namespace.entered():
            yield 40_000


async def test_a_free_port_that_meets_itself_is_refused(one_port: int) -> None:
    with socket.socket() as sock:
        sock.connect(("127.0.0.1", one_port))  # a connection to nobody, and yet it succeeds
        reset_on_close(sock)
    result = await tried(f"tcp://127.0.0.1:{one_port}")
    assert (result.state, result.reason) == (State.DOWN, Reason.REFUSED)


async def test_want_of_ports_is_ours(one_port: int) -> None:
    with socket.create_server(("127.0.0.1", 50_000)), socket.create_connection(("127.0.0.1", 50_000)):
        result = await tried("tcp://127.0.0.1:50000")
    assert (result.state, result.reason) == (State.UNKNOWN, Reason.NO_RESOURCES)
