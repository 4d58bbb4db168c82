"""Connections: one deadline for a whole call, whatever the other side does with the connection."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from probes.vcenter.faults import StoppedError, VCenterUnreachableError
from probes.vcenter.transport import Connection, Deadlines, Endpoint, Wire
from tests.peers.proxy import FaultProxy, Weather

BODY = b"x" * 300_000


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET; by HTTP/1.0, or where the path asks for it, it closes afterwards."""

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path != "/until-close":
            self.send_header("Content-Length", str(len(BODY)))
        if self.path == "/close":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Modern(Handler):
    protocol_version = "HTTP/1.1"


@contextmanager
def served(handler: type[Handler]) -> Iterator[Endpoint]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Endpoint(host="127.0.0.1", port=server.server_address[1], tls=None)
        finally:
            server.shutdown()
            thread.join()


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def get(connection: Connection, path: str) -> bytes:
    connection.request("GET", path)
    return connection.getresponse().read()


@pytest.mark.parametrize(
    ("handler", "path"), [(Handler, "/"), (Handler, "/until-close"), (Modern, "/"), (Modern, "/close")]
)
def test_a_reply_is_read_whole_also_where_the_connection_ends_with_it(
    handler: type[Handler], path: str
) -> None:
    with served(handler) as endpoint:
        wire = Wire(endpoint)
        connection = wire.connect(soon())
        for _ in range(3):
            connection.again(soon())
            assert get(connection, path) == BODY
        wire.close()


def test_closed_connections_are_let_go_of() -> None:
    with served(Modern) as endpoint:
        wire = Wire(endpoint)
        for _ in range(10):
            get(wire.connect(soon()), "/close")
        assert len(wire._connections) <= 2
        wire.close()


def test_the_deadline_is_that_of_the_whole_call() -> None:
    with served(Modern) as endpoint, FaultProxy((endpoint.host, endpoint.port)) as proxy:
        wire = Wire(Endpoint(host=proxy.host, port=proxy.port, tls=None))
        connection = wire.connect(soon())
        assert get(connection, "/") == BODY
        proxy.weather = Weather(drip_bytes_per_s=1_000)
        connection.again(soon(0.4))
        started_s = time.monotonic()
        with pytest.raises(VCenterUnreachableError, match="deadline"), wire.translating():
            get(connection, "/")
        assert time.monotonic() - started_s < 30, "the whole reply takes five minutes"
        wire.close()


def test_a_connection_can_be_used_again_after_a_call_that_nearly_missed_its_deadline() -> None:
    with served(Modern) as endpoint:
        wire = Wire(endpoint)
        connection = wire.connect(soon())
        get(connection, "/")
        connection.sock.settimeout(0.000_001)  # what is left of a deadline after the last read
        connection.again(soon())
        assert get(connection, "/") == BODY
        wire.close()


def test_a_stopped_wire_ends_a_call_and_refuses_another() -> None:
    with served(Modern) as endpoint, FaultProxy((endpoint.host, endpoint.port)) as proxy:
        wire = Wire(Endpoint(host=proxy.host, port=proxy.port, tls=None, deadlines=Deadlines(call_s=100)))
        connection = wire.connect(soon(100))
        proxy.weather = Weather(stall_after_bytes=0)
        stopper = threading.Timer(0.1, wire.stop)
        stopper.start()
        started_s = time.monotonic()
        with pytest.raises(StoppedError), wire.translating():
            get(connection, "/")
        assert time.monotonic() - started_s < 30
        with pytest.raises(StoppedError):
            wire.connect(soon())
        stopper.join()
        wire.close()


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(VCenterUnreachableError):
        Wire(Endpoint(host="vcenter.invalid", port=443, tls=None)).connect(soon())


def test_a_pin_without_tls_would_be_an_empty_promise() -> None:
    with pytest.raises(AssertionError):
        Endpoint(host="127.0.0.1", port=1, tls=None, pin=bytes(32))
