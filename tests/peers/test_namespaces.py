"""The tests' own network: what was taken from it comes back whole."""

from collections.abc import Callable

import pytest

from tests.peers.namespaces import INTERFACE, Network
from tests.waiting import wait_until

INTERFACES = 3
"""Each has an address of its own making once it is up."""


def ways(network: Network) -> list[str]:
    """All addresses and routes of both ends."""
    return sorted(
        line
        for end in (network.monitor, network.gateway)
        for what in (["-o", "addr", "show"], ["route", "show"], ["-6", "route", "show"])
        for line in end.ip(*what).splitlines()
    )


def pull_the_cable(network: Network) -> None:
    network.unplug()
    network.plug_back()


def take_the_link_down(network: Network) -> None:
    network.monitor.ip("link", "set", INTERFACE, "down")
    network.plug_in()


@pytest.mark.parametrize("interrupt", [pull_the_cable, take_the_link_down])
def test_a_network_that_was_interrupted_is_as_before(interrupt: Callable[[Network], None]) -> None:
    with Network() as network:
        wait_until(lambda: sum("inet6 fe80:" in way for way in ways(network)) == INTERFACES, "all links")
        before = ways(network)
        interrupt(network)
        wait_until(lambda: ways(network) == before, "the network as it was")
