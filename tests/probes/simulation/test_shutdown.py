"""The simulation ends without leaving anything open, whatever its clients do meanwhile."""

from __future__ import annotations

import gc
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from probes.simulation import SimulatedVCenter, ThreadedVCenter, build

ROUNDS = 5


@contextmanager
def connecting(port: int) -> Iterator[threading.Event]:
    """Clients that connect and hang up as fast as they can; the event says that they have begun."""
    begun, ended = threading.Event(), threading.Event()

    def connect() -> None:
        while not ended.is_set():
            with socket.socket() as client:
                client.settimeout(1.0)
                try:
                    client.connect(("127.0.0.1", port))
                except OSError:
                    continue  # it has ended
                begun.set()

    threads = [threading.Thread(target=connect) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield begun
    finally:
        ended.set()
        for thread in threads:
            thread.join(10.0)


@pytest.mark.parametrize("encrypted", [False, True])
def test_connections_that_come_as_it_ends_are_closed(encrypted: bool) -> None:
    context = None
    if encrypted:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("localhost").configure_cert(context)

    def make() -> SimulatedVCenter:
        return SimulatedVCenter(build(now=0, servers=0), now_us=lambda: 0, tls=context)

    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        for _ in range(ROUNDS):
            vcenter = ThreadedVCenter(make)
            vcenter.__enter__()
            with connecting(vcenter.port) as begun:
                assert begun.wait(10.0)
                vcenter.__exit__(None, None, None)
        gc.collect()
    assert [str(each.message) for each in left_open] == []
