"""A raw socket hears its own replies and errors, and nothing else of all the host's ICMP."""

import socket

import pytest

from probes.targets.ping.echo_socket import EchoSocket, open_socket
from probes.targets.ping.packets import IPV4, IPV6, Protocol, socket_name
from tests.peers.namespaces import Namespace


def raw(protocol: Protocol) -> EchoSocket:
    return open_socket(protocol, raw=True, address=None, interface=None)


def test_another_programs_replies_do_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    identifiers = (bytes((number, 1)) for number in range(256))
    monkeypatch.setattr("probes.targets.ping.echo_socket.os.urandom", lambda _: next(identifiers))
    with Namespace() as here, here.entered():
        for protocol, address in ((IPV4, "127.0.0.1"), (IPV6, "::1")):
            ours, theirs = raw(protocol), raw(protocol)
            theirs.load([socket_name(address)] * 3, [1, 2, 3], [b"a cookie"] * 3)
            assert theirs.send(3) == 3
            assert ours.memory().waiting_bytes == 0
            assert theirs.memory().waiting_bytes > 0
            assert [sequence for _, sequence, *_ in theirs.replies(theirs.receive())] == [1, 2, 3]
            ours.close()
            theirs.close()


def test_errors_about_another_programs_packets_do_not_reach_it() -> None:
    with Namespace() as here, here.entered():
        ours = raw(IPV4)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs:
            theirs.sendto(b"nobody listens here", ("127.0.0.1", 9))
        assert ours.memory().waiting_bytes == 0
        ours.close()
