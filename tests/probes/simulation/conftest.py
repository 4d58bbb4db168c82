"""A simulated vCenter with 250 servers, and a client that is logged in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import pytest

from probes.simulation import SimulatedVCenter, ThreadedVCenter, build

from .client import PASSWORD, USER, Client, Hand, Monotonic


class Connect(Protocol):
    def __call__(self, user: str = USER, session: str | None = None) -> Client: ...


ACCOUNTS = {USER: PASSWORD, "alice": PASSWORD}
SERVERS = 250


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def vcenter(clock: Hand, monotonic: Monotonic) -> Iterator[ThreadedVCenter]:
    def make() -> SimulatedVCenter:
        inventory = build(now=clock.now_us, servers=SERVERS, hosts=8, datastores=4)
        return SimulatedVCenter(inventory, now_us=clock, monotonic=monotonic, accounts=ACCOUNTS)

    with ThreadedVCenter(make) as vcenter:
        yield vcenter


@pytest.fixture
def connect(vcenter: ThreadedVCenter) -> Iterator[Connect]:
    """Makes clients, and closes their connections in the end."""
    clients: list[Client] = []

    def make(user: str = USER, session: str | None = None) -> Client:
        clients.append(Client(vcenter.port, user=user, session=session))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Connect) -> Client:
    return connect()
