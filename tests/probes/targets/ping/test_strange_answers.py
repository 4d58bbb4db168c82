"""What comes back to a ping is not always its answer."""

import pytest

from probes.targets.ping.pinger import Pinger
from probes.targets.ping.settings import Backend, PingSettings
from probes.targets.result import Reason
from sla.records import State
from tests.peers.namespaces import Network

TIMEOUT_S = 0.5
DOWN, UP = State.DOWN, State.UP
STORIES = [
    ("the host is unreachable, says a router", 1, DOWN, Reason.UNREACHABLE),
    ("it is prohibited, says a firewall", 2, DOWN, Reason.UNREACHABLE),
    ("the packet went in circles", 3, DOWN, Reason.UNREACHABLE),
    ("the packet is too big for the path, which no ping of ours is", 4, DOWN, Reason.TIMEOUT),
    ("three replies", 8, UP, Reason.NONE),
    ("a reply from another address", 9, DOWN, Reason.TIMEOUT),
    ("a forged reply, with the right identifier and sequence", 10, DOWN, Reason.TIMEOUT),
    ("a reply with the sequence of another ping", 11, DOWN, Reason.TIMEOUT),
    ("replies cut short", 12, DOWN, Reason.TIMEOUT),
    ("a reply after the deadline", 13, DOWN, Reason.TIMEOUT),
    ("an error that quotes no more than it must", 14, DOWN, Reason.UNREACHABLE),
    ("forged errors, then the reply", 15, UP, Reason.NONE),
]
BACKENDS = [Backend.DATAGRAM, Backend.RAW]


def pick(version: int, behaviour: int) -> str:
    return f"10.1.0.{behaviour}" if version == 4 else f"fd00:1::{behaviour:x}"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("version", [4, 6])
async def test_each_is_told_from_an_answer(backend: Backend, version: int, network: Network) -> None:
    async with Pinger.open(PingSettings(backend=backend)) as pinger:
        results = await pinger.ping_all([pick(version, story[1]) for story in STORIES], TIMEOUT_S)
    found = [
        (what, behaviour, result.state, result.reason)
        for (what, behaviour, *_), result in zip(STORIES, results, strict=True)
    ]
    assert found == STORIES


@pytest.mark.parametrize("backend", BACKENDS)
async def test_redirects_say_nothing_about_the_target(backend: Backend, network: Network) -> None:
    async with Pinger.open(PingSettings(backend=backend)) as pinger:
        answered, not_answered = await pinger.ping_all([pick(4, 5), pick(4, 6)], TIMEOUT_S)
    assert answered.state is State.UP
    assert (not_answered.state, not_answered.reason) == (State.DOWN, Reason.TIMEOUT)


async def test_an_error_names_who_says_so(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        assert (await pinger.ping("10.1.0.1", TIMEOUT_S)).text == "10.9.9.9: host unreachable"
        assert (await pinger.ping("fd00:1::1", TIMEOUT_S)).text == "fd00:9::9: address unreachable"


@pytest.mark.parametrize("backend", BACKENDS)
async def test_errors_about_some_pings_are_not_taken_for_failures_to_send_others(
    backend: Backend, network: Network
) -> None:
    """The kernel reports an ICMP error as that of the next call on the socket, whatever it sends."""
    addresses = ["10.1.0.1", "10.0.0.1"] * 1_000
    async with Pinger.open(PingSettings(backend=backend)) as pinger:
        results = await pinger.ping_all(addresses, 2.0)
    unreachable, live = ([result.state for result in results[first::2]] for first in (0, 1))
    assert State.UP not in unreachable
    assert State.DOWN not in live
    # On a busy machine some answers are lost here, and unknown.
    assert unreachable.count(State.DOWN) > 900
    assert live.count(State.UP) > 900


async def test_doubles_and_forgeries_are_counted_as_strays(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        await pinger.ping_all(["10.1.0.9", "10.1.0.10", "10.1.0.11"], TIMEOUT_S)
        assert pinger.strays == {"ipv4": 3}


async def test_a_late_reply_is_no_answer_to_the_next_ping(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        results = [await pinger.ping("10.1.0.13", TIMEOUT_S) for _ in range(4)]
    assert {result.state for result in results} == {State.DOWN}
