from collections.abc import Iterator

import pytest

from tests.probes.vcenter.peers import Govmomi, Peer, Simulated


@pytest.fixture(params=["simulation", "govmomi"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """A vCenter that both simulators can play."""
    made: Peer = Simulated() if request.param == "simulation" else Govmomi()
    with made as peer:
        yield peer


@pytest.fixture
def simulation(request: pytest.FixtureRequest) -> Iterator[Simulated]:
    """slad's own simulation, which says that a property is unset unless the parameter tells it to leave it out."""
    with Simulated(omit_unset=getattr(request, "param", "") == "unset left out") as peer:
        yield peer
