"""The fault proxy does what it is told, and ends all its threads."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.peers.proxy import CHUNK_BYTES, FAIR, FaultProxy, Weather

GREETING = b"G" * 100_000
PATIENCE_S = 10.0
SILENCE_S = 0.15


class Greeter:
    """A server that answers each line with its greeting."""

    def __init__(self, greeting: bytes) -> None:
        self.greeting = greeting
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.listener.getsockname()
        self.thread = threading.Thread(target=self.serve, name="greeter")
        self.thread.start()

    def serve(self) -> None:
        threads = []
        while True:
            client = self.listener.accept()[0]
            if client.recv(1, socket.MSG_PEEK) == b"Q":
                client.close()
                break
            threads.append(threading.Thread(target=self.greet, args=(client,)))
            threads[-1].start()
        for thread in threads:
            thread.join(PATIENCE_S)
        self.listener.close()

    def greet(self, client: socket.socket) -> None:
        with client:
            try:
                while client.recv(1):
                    client.sendall(self.greeting)
            except OSError:
                return

    def close(self) -> None:
        with socket.create_connection(self.address) as last:
            last.sendall(b"Q")
        self.thread.join(PATIENCE_S)


@pytest.fixture
def greeter() -> Iterator[Greeter]:
    greeter = Greeter(GREETING)
    yield greeter
    greeter.close()


@pytest.fixture
def proxy(greeter: Greeter) -> Iterator[FaultProxy]:
    before = threading.active_count()
    with FaultProxy(greeter.address) as proxy:
        yield proxy
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("fault proxy")] == []
    assert threading.active_count() >= before


def dial(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection((proxy.host, proxy.port), PATIENCE_S)


def ask(connection: socket.socket) -> None:
    connection.sendall(b"?")


def receive(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or what came before the end."""
    parts = bytearray()
    while len(parts) < size and (part := connection.recv(size - len(parts))):
        parts += part
    return bytes(parts)


def silent(connection: socket.socket) -> bool:
    connection.settimeout(SILENCE_S)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(PATIENCE_S)
    return False


def test_in_fair_weather_it_passes_everything_on(proxy: FaultProxy) -> None:
    with dial(proxy) as connection:
        for _ in range(3):
            ask(connection)
            assert receive(connection, len(GREETING)) == GREETING
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_it_cuts_after_so_many_bytes(proxy: FaultProxy) -> None:
    with dial(proxy) as connection:
        ask(connection)
        assert receive(connection, len(GREETING)) == GREETING
        proxy.weather = Weather(cut_after_bytes=1234)
        ask(connection)
        assert receive(connection, len(GREETING)) == GREETING[:1234]


def test_it_stalls_in_mid_stream_and_goes_on_when_the_weather_clears(proxy: FaultProxy) -> None:
    proxy.weather = Weather(stall_after_bytes=1000)
    with dial(proxy) as connection:
        ask(connection)
        assert receive(connection, 1000) == GREETING[:1000]
        assert silent(connection)
        proxy.weather = FAIR
        assert receive(connection, len(GREETING) - 1000) == GREETING[1000:]


def test_it_passes_on_twice_what_the_client_says(proxy: FaultProxy) -> None:
    proxy.weather = Weather(twice_up=True)
    with dial(proxy) as connection:
        ask(connection)
        assert receive(connection, 2 * len(GREETING)) == 2 * GREETING
        assert silent(connection)


def test_it_drips(proxy: FaultProxy) -> None:
    proxy.weather = Weather(drip_bytes_per_s=1000)
    with dial(proxy) as connection:
        ask(connection)
        began = time.monotonic()
        receive(connection, 300)
        assert time.monotonic() - began > 0.2


def test_it_accepts_and_never_answers(proxy: FaultProxy) -> None:
    proxy.weather = Weather(silent=True)
    with dial(proxy) as connection:
        ask(connection)
        assert silent(connection)
        proxy.weather = FAIR
        assert silent(connection)


def test_it_refuses_and_listens_again_on_the_same_port(proxy: FaultProxy) -> None:
    with dial(proxy) as connection:
        ask(connection)
        receive(connection, len(GREETING))
        proxy.weather = Weather(refuse=True)
        with pytest.raises(ConnectionRefusedError):
            dial(proxy)
        ask(connection)
        assert receive(connection, len(GREETING)) == GREETING
        proxy.weather = FAIR
        dial(proxy).close()


@pytest.mark.parametrize("weather", [Weather(delay_up_ms=100), Weather(delay_down_ms=100)])
def test_it_delays_either_way_once_and_not_for_each_piece(
    proxy: FaultProxy, greeter: Greeter, weather: Weather
) -> None:
    proxy.weather = weather
    greeter.greeting = GREETING * 200
    with dial(proxy) as connection:
        began = time.monotonic()
        ask(connection)
        assert receive(connection, len(greeter.greeting)) == greeter.greeting
        assert 0.1 <= time.monotonic() - began < 0.1 * len(greeter.greeting) / CHUNK_BYTES


def test_new_connections_go_to_the_new_upstream(proxy: FaultProxy) -> None:
    other = Greeter(b"other")
    try:
        with dial(proxy) as old:
            ask(old)
            receive(old, len(GREETING))
            proxy.upstream = other.address
            with dial(proxy) as new:
                ask(new)
                assert receive(new, 5) == b"other"
            ask(old)
            assert receive(old, 5) == GREETING[:5]
    finally:
        other.close()


def test_an_upstream_that_is_not_there_resets_the_client(proxy: FaultProxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        proxy.upstream = unused.getsockname()
    with dial(proxy) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


@pytest.mark.parametrize("reset", [False, True])
def test_it_drops_open_connections(proxy: FaultProxy, reset: bool) -> None:
    with dial(proxy) as connection:
        ask(connection)
        receive(connection, len(GREETING))
        assert proxy.connections == 1
        proxy.drop(reset=reset)
        if reset:
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        else:
            assert connection.recv(1) == b""
