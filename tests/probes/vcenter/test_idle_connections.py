"""A connection that idled, and was closed or forgotten on the way, costs no session."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from probes.vcenter import session as sessions
from probes.vcenter import transport
from probes.vcenter.session import Credentials, Session
from probes.vcenter.transport import Endpoint, Wire
from sla.records import State
from tests.peers.proxy import Weather
from tests.probes.vcenter.harness import watching
from tests.probes.vcenter.peers import Simulated, behind_proxy


@contextmanager
def session_of(peer: Simulated, endpoint: Endpoint | None = None) -> Iterator[Session]:
    """A session of its own, logged in."""
    opened = Session.open(
        Wire(endpoint or peer.endpoint), Credentials(user="watcher", password=lambda: "secret")
    )
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("forget", [False, True])
def test_a_connection_that_idled_and_was_closed_or_forgotten_costs_no_session(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, forget: bool
) -> None:
    monkeypatch.setattr(sessions, "RESTED_S", 0.1)
    monkeypatch.setattr(sessions, "KEPT_S", 0.3)
    with session_of(simulation) as session:
        assert session.current_time()
        simulation.do(lambda: simulation.vcenter.wire.idle(0.15, forget=forget))
        for _ in range(2):
            time.sleep(0.2)
            started_s = time.monotonic()
            assert session.current_time()
            assert time.monotonic() - started_s < 1.5
        simulation.do(simulation.vcenter.wire.idle)
        simulation.clear_faults()


def test_a_connection_that_idled_for_long_is_not_used_again(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "IDLE_S", 0.1)
    with behind_proxy(simulation) as (proxy, endpoint), session_of(simulation, endpoint) as session:
        assert session.current_time()
        before = proxy.accepted
        assert session.current_time()
        assert proxy.accepted == before
        time.sleep(0.2)
        proxy.weather = Weather(stall_after_bytes=0)  # what is open is forgotten
        proxy.weather = Weather()
        assert session.current_time()
        assert proxy.accepted == before + 1


def test_a_quiet_connection_is_kept_alive(simulation: Simulated) -> None:
    wire = Wire(simulation.endpoint)
    connection = wire.connect(time.monotonic() + 3.0)
    assert connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) < 60
    wire.close()


def test_an_answer_that_is_lost_while_it_waits_is_asked_for_again_by_the_same_version(
    simulation: Simulated,
) -> None:
    """A firewall whose patience is shorter than a poll: the chain of versions goes on, and so does what was seen."""
    with behind_proxy(simulation) as (proxy, endpoint), watching(endpoint, poll_s=3) as watched:
        server = watched.server(simulation.server)
        for state, act in ((State.DOWN, simulation.power_off), (State.UP, simulation.power_on)):
            watched.looks(1)
            proxy.drop()
            act(simulation.server)
            watched.until_state(server, state)
        assert watched.failures == []
        assert sum(report.fresh for report in watched.reports) == 1
