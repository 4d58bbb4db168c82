"""The probe `icmp`: a name's addresses, within a deadline."""

import asyncio
from collections.abc import Sequence

import pytest

from probes.targets import icmp
from probes.targets.ping.pinger import Pinger
from probes.targets.ping.settings import PingSettings
from probes.targets.resolve import Resolver
from probes.targets.result import Reason, Result
from probes.targets.target import Method, Target
from sla.records import State
from tests.peers.namespaces import Network

TIMEOUT_S = 0.5


async def probe(host: str, *addresses: str) -> Result:
    resolver = Resolver(lambda _: addresses)
    async with Pinger.open(PingSettings()) as pinger:
        return await icmp.probe(Target(method=Method.ICMP, host=host), pinger, resolver, TIMEOUT_S)


async def test_an_address_is_pinged(network: Network) -> None:
    assert (await probe("10.0.0.1")).state is State.UP
    assert (await probe("fd00::1")).state is State.UP
    assert (await probe("10.0.0.7")).reason is Reason.TIMEOUT


@pytest.mark.parametrize(
    ("addresses", "state", "reason"),
    [
        (["10.0.0.7", "10.0.0.1"], State.UP, Reason.NONE),
        (["fd00::7", "10.0.0.1"], State.UP, Reason.NONE),
        (["10.0.0.7", "fd00::7"], State.DOWN, Reason.TIMEOUT),
        (["10.1.0.1"], State.DOWN, Reason.UNREACHABLE),
        (["2002:db8::1", "10.0.0.7"], State.DOWN, Reason.TIMEOUT),
        (["240.0.0.1"], State.UNKNOWN, Reason.NO_ROUTE),
    ],
)
async def test_a_name_is_up_if_one_of_its_addresses_is_and_unknown_if_all_are(
    addresses: Sequence[str], state: State, reason: Reason, network: Network
) -> None:
    network.monitor.ip("route", "add", "unreachable", "240.0.0.0/8")
    network.monitor.ip("-6", "route", "add", "unreachable", "2002::/16")
    try:
        result = await probe("a.test", *addresses)
    finally:
        network.monitor.ip("route", "del", "unreachable", "240.0.0.0/8")
        network.monitor.ip("-6", "route", "del", "unreachable", "2002::/16")
    assert (result.state, result.reason) == (state, reason)


class Never:
    """Pings that wait for their turn for ever."""

    async def ping(self, address: str, timeout_s: float) -> Result:
        return (await self.ping_all([address], timeout_s))[0]

    async def ping_all(self, addresses: Sequence[str], timeout_s: float) -> list[Result]:
        await asyncio.Event().wait()
        return []


async def test_pings_that_wait_too_long_for_their_turn_are_unknown() -> None:
    target = Target(method=Method.ICMP, host="10.0.0.1")
    result = await icmp.probe(target, Never(), Resolver(), 0.1, slack_s=0.1)
    assert (result.state, result.reason) == (State.UNKNOWN, Reason.OVERRUN)


async def test_a_name_that_does_not_resolve_in_time_is_unknown() -> None:
    class Silent(Resolver):
        async def addresses(self, host: str, deadline_s: float) -> tuple[str, ...] | Result:
            await asyncio.sleep(deadline_s - asyncio.get_running_loop().time())
            return ("10.0.0.1",)

    target = Target(method=Method.ICMP, host="slow.test")
    result = await icmp.probe(target, Never(), Silent(), 0.05)
    assert (result.state, result.reason) == (State.UNKNOWN, Reason.OVERRUN)
