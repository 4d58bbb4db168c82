"""What goes wrong on this machine is unknown, never down; what cannot work at all is said at once."""

import asyncio
import errno
import resource
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which

import pytest

from probes.targets.ping.packets import ECHO
from probes.targets.ping.pinger import Pinger
from probes.targets.ping.settings import Backend, PingForbiddenError, PingSettings, PingSourceError
from probes.targets.result import Reason
from sla.records import State
from tests.peers import require
from tests.peers.namespaces import GATEWAY, INTERFACE, MONITOR, MONITOR_6, Namespace, Network

TIMEOUT_S = 0.5
DEAD = "10.0.0.7"
LIVE = "10.0.0.1"


@contextmanager
def ruled(namespace: Namespace, chain: str, rule: str) -> Iterator[None]:
    """A firewall with one rule."""
    require(which("nft"), "firewalls need nft")
    hook = f"type filter hook {chain} priority 0;"
    namespace.run("nft", f"add table inet slad; add chain inet slad one {{ {hook} }}")
    namespace.run("nft", f"add rule inet slad one {rule}")
    try:
        yield
    finally:
        namespace.run("nft", "delete table inet slad")


async def test_where_the_sysctl_forbids_ping_sockets_the_error_names_it_and_the_file() -> None:
    with Namespace() as closed, closed.entered():
        with pytest.raises(PingForbiddenError, match=r"net\.ipv4\.ping_group_range .*99-slad-ping\.conf"):
            async with Pinger.open(PingSettings()):
                pytest.fail("opened all the same")
        closed.allow_pings()
        async with Pinger.open(PingSettings()) as pinger:
            assert (await pinger.ping("127.0.0.1", TIMEOUT_S)).state is State.UP


async def test_where_the_sysctl_forbids_ping_sockets_a_raw_one_serves_if_that_is_configured() -> None:
    with Namespace() as closed, closed.entered():
        for backend in (Backend.RAW, Backend.AUTO):
            async with Pinger.open(PingSettings(backend=backend)) as pinger:
                assert (await pinger.ping("127.0.0.1", TIMEOUT_S)).state is State.UP
                assert (await pinger.ping("::1", TIMEOUT_S)).state is State.UP


async def test_a_permission_that_was_taken_back_makes_the_other_version_unknown(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        network.monitor.allow_pings(allowed=False)
        try:
            result = await pinger.ping("fd00::1", TIMEOUT_S)
        finally:
            network.monitor.allow_pings()
        assert (result.state, result.reason) == (State.UNKNOWN, Reason.PERMISSION)
        assert (await pinger.ping("fd00::1", TIMEOUT_S)).state is State.UP


async def test_no_route_is_unknown() -> None:
    with Namespace() as alone, alone.entered():
        alone.allow_pings()
        async with Pinger.open(PingSettings()) as pinger:
            results = await pinger.ping_all([LIVE, "fd00::1"] * 100, TIMEOUT_S)
    assert {(result.state, result.reason) for result in results} == {(State.UNKNOWN, Reason.NO_ROUTE)}


@pytest.mark.parametrize("kind", ["unreachable", "prohibit", "blackhole"])
async def test_a_route_that_refuses_is_unknown(kind: str, network: Network) -> None:
    network.monitor.ip("route", "add", kind, "10.3.0.0/16")
    try:
        async with Pinger.open(PingSettings()) as pinger:
            assert (await pinger.ping("10.3.0.1", TIMEOUT_S)).state is State.UNKNOWN
    finally:
        network.monitor.ip("route", "del", kind, "10.3.0.0/16")


async def test_a_route_that_goes_while_the_answer_is_awaited_makes_it_unknown(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        loop = asyncio.get_running_loop()
        loop.call_later(0.1, network.monitor.ip, "route", "del", "default")
        try:
            result = await pinger.ping(DEAD, TIMEOUT_S)
        finally:
            network.plug_in()
    assert (result.state, result.reason) == (State.UNKNOWN, Reason.NO_ROUTE)


async def test_no_descriptor_left_is_unknown(network: Network) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with Pinger.open(PingSettings()) as pinger:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            result = await pinger.ping("fd00::1", TIMEOUT_S)
            other = await pinger.ping(LIVE, TIMEOUT_S)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert (result.state, result.reason) == (State.UNKNOWN, Reason.NO_RESOURCES)
        assert other.state is State.UP
        assert (await pinger.ping("fd00::1", TIMEOUT_S)).state is State.UP


def flood(identifier: int, count: int) -> None:
    """Replies that nobody asked for, to the socket with an identifier."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        packet = ECHO.pack(0, 0, identifier, 0, b"a flood.")
        total = sum(struct.unpack("=8H", packet))
        total = (total & 0xFFFF) + (total >> 16)
        summed = struct.pack("=H", ~(total + (total >> 16)) & 0xFFFF)
        for _ in range(count):
            raw.sendto(packet[:2] + summed + packet[4:], ("127.0.0.1", 0))


async def test_where_the_socket_dropped_packets_no_answer_is_unknown(network: Network) -> None:
    async with Pinger.open(PingSettings(receive_buffer_bytes=1 << 15)) as pinger:
        identifier = pinger._engines["ipv4"]._socket.identifier
        asyncio.get_running_loop().call_later(0.1, flood, identifier, 1_000)
        dead, live = await pinger.ping_all([DEAD, LIVE], TIMEOUT_S)
        assert (dead.state, dead.reason) == (State.UNKNOWN, Reason.DROPPED_HERE)
        assert live.state is State.UP
        assert pinger.dropped["ipv4"] > 0
        assert pinger.strays["ipv4"] > 0
        before = pinger.dropped
        assert (await pinger.ping(DEAD, TIMEOUT_S)).state is State.DOWN
        assert pinger.dropped == before


async def test_a_small_buffer_makes_pings_slower_and_drops_nothing(network: Network) -> None:
    """The loop is blocked again and again, so answers wait in the socket."""
    loop = asyncio.get_running_loop()
    for tenths in range(1, 20):
        loop.call_later(tenths / 10, time.sleep, 0.05)
    async with Pinger.open(PingSettings(rate=None, receive_buffer_bytes=1 << 16)) as pinger:
        results = await pinger.ping_all([f"10.0.{n}.1" for n in range(250)] * 20, 2.0)
        assert {result.state for result in results} == {State.UP}
        assert pinger.dropped == {"ipv4": 0}


async def test_our_own_firewall_that_refuses_is_unknown(network: Network) -> None:
    with ruled(network.monitor, "output", "ip protocol icmp drop"):
        async with Pinger.open(PingSettings()) as pinger:
            results = await pinger.ping_all([LIVE] * 100, TIMEOUT_S)
    assert {(result.state, result.reason) for result in results} == {(State.UNKNOWN, Reason.PERMISSION)}


async def test_a_firewall_on_the_way_that_drops_is_down_and_one_that_rejects_says_so(
    network: Network,
) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        with ruled(network.gateway, "forward", f"ip daddr {LIVE} drop"):
            dropped = await pinger.ping(LIVE, TIMEOUT_S)
        with ruled(network.gateway, "forward", f"ip daddr {LIVE} reject with icmpx admin-prohibited"):
            rejected = await pinger.ping(LIVE, TIMEOUT_S)
    assert (dropped.state, dropped.reason) == (State.DOWN, Reason.TIMEOUT)
    assert (rejected.state, rejected.reason) == (State.DOWN, Reason.UNREACHABLE)
    assert rejected.text == f"{GATEWAY}: prohibited"


async def test_a_silent_neighbour_is_down_but_behind_a_silent_gateway_is_unknown(network: Network) -> None:
    network.monitor.sysctl(f"net.ipv4.neigh.{INTERFACE}.retrans_time_ms", "100")
    network.monitor.ip("route", "add", "10.4.0.0/16", "via", "192.0.2.78")
    try:
        async with Pinger.open(PingSettings()) as pinger:
            neighbour, beyond = await pinger.ping_all(["192.0.2.77", "10.4.0.1"], 5.0)
    finally:
        network.monitor.ip("route", "del", "10.4.0.0/16")
    assert (neighbour.state, neighbour.reason) == (State.DOWN, Reason.UNREACHABLE)
    assert neighbour.text == f"{MONITOR}: host unreachable"
    assert (beyond.state, beyond.reason) == (State.UNKNOWN, Reason.NO_ROUTE)


@pytest.mark.parametrize(
    "settings",
    [
        PingSettings(address=MONITOR),
        PingSettings(address=MONITOR_6),
        PingSettings(interface=INTERFACE),
        PingSettings(interface=INTERFACE, backend=Backend.RAW),
    ],
    ids=str,
)
async def test_pings_leave_from_where_they_are_told_to(settings: PingSettings, network: Network) -> None:
    async with Pinger.open(settings) as pinger:
        over_4, over_6, dead = await pinger.ping_all([LIVE, "fd00::1", DEAD], TIMEOUT_S)
    assert (over_4.state is State.UP) is (settings.address != MONITOR_6)
    assert (over_6.state is State.UP) is (settings.address != MONITOR)
    assert State.DOWN not in (over_4.state, over_6.state)
    assert (dead.state is State.DOWN) is (settings.address != MONITOR_6)


async def test_loopback_is_not_reached_through_another_interface(network: Network) -> None:
    async with Pinger.open(PingSettings(interface="lo")) as pinger:
        assert (await pinger.ping("127.0.0.1", TIMEOUT_S)).state is State.UP
        assert (await pinger.ping(LIVE, TIMEOUT_S)).state is not State.UP


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (PingSettings(address="198.51.100.1"), "198.51.100.1: Cannot assign"),
        (PingSettings(interface="nothere0"), "nothere0: No such device"),
        (PingSettings(interface="lo", address="127.0.0.1"), "not both"),
    ],
    ids=str,
)
async def test_a_source_that_is_not_there_is_refused(
    settings: PingSettings, why: str, network: Network
) -> None:
    with pytest.raises(PingSourceError, match=why):
        async with Pinger.open(settings):
            pytest.fail("opened all the same")


async def test_an_interface_that_was_made_anew_is_used_again() -> None:
    def make() -> None:
        here.ip("link", "add", "way0", "type", "veth", "peer", "name", "way1")
        here.ip("addr", "add", "198.51.100.1/24", "dev", "way0")
        here.ip("link", "set", "way0", "up")
        here.ip("link", "set", "way1", "up")

    with Namespace() as here, here.entered():
        here.allow_pings()
        make()
        async with Pinger.open(PingSettings(interface="way0")) as pinger:
            before = await pinger.ping("198.51.100.2", TIMEOUT_S)
            here.ip("link", "del", "way0")
            without = await pinger.ping("198.51.100.2", TIMEOUT_S)
            make()
            for _ in range(10):  # the kernel takes up to a second to say that the new link stands
                after = await pinger.ping("198.51.100.2", TIMEOUT_S)
                if after.state is not State.UNKNOWN:
                    break
    assert [result.state for result in (before, without, after)] == [State.DOWN, State.UNKNOWN, State.DOWN]


async def test_without_netlink_a_dead_host_is_down_all_the_same(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a service whose unit allows no AF_NETLINK."""

    def refused(family: int, *rest: int) -> socket.socket:
        if family == socket.AF_NETLINK:
            raise OSError(errno.EAFNOSUPPORT, "no such family here")
        return opened(family, *rest)

    opened = socket.socket
    monkeypatch.setattr("probes.targets.path.socket.socket", refused)
    async with Pinger.open(PingSettings()) as pinger:
        live, dead = await pinger.ping_all([LIVE, DEAD], TIMEOUT_S)
    assert (live.state, dead.state) == (State.UP, State.DOWN)


async def test_pings_under_way_when_the_pinger_is_closed_are_unknown(network: Network) -> None:
    async with asyncio.TaskGroup() as group, Pinger.open(PingSettings(rate=100)) as pinger:
        task = group.create_task(pinger.ping_all([DEAD] * 100, 60.0))
        await pinger.ping(LIVE, TIMEOUT_S)
    assert {result.reason for result in task.result()} == {Reason.OVERRUN}


async def test_pings_that_nobody_waits_for_any_more_are_not_sent(network: Network) -> None:
    async with Pinger.open(PingSettings(rate=1_000)) as pinger:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await pinger.ping_all([DEAD] * 10_000, 60.0)
        assert (await pinger.ping(LIVE, TIMEOUT_S)).state is State.UP
        assert len(pinger._engines["ipv4"]._in_flight) < 1_000


@pytest.mark.parametrize("address", ["", "localhost", "10.0.0", "10.0.0.1 ", "fd00::1%nothere0", "1::2::3"])
async def test_what_is_no_address_is_refused(address: str, network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        with pytest.raises(ValueError, match="no address"):
            await pinger.ping_all([LIVE, address], TIMEOUT_S)
        assert await pinger.ping_all([], TIMEOUT_S) == []
