"""A network of the tests' own, and pingers in it."""

from collections.abc import Iterator

import pytest

from tests.peers.namespaces import Network

DELAY_MS = 20


@pytest.fixture(scope="module")
def shared_network() -> Iterator[Network]:
    with Network(delay_ms=DELAY_MS) as network:
        yield network


@pytest.fixture
def network(shared_network: Network) -> Iterator[Network]:
    """The test runs where the monitor would."""
    with shared_network.monitor.entered():
        yield shared_network
