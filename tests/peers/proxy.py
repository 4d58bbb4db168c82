"""A TCP proxy that misbehaves on demand, between a client under test and any server.

One thread accepts, two more serve each connection (one a direction). Everything waits in short steps, so that a
change of weather is felt by connections that are already open, and closing the proxy ends all threads.
"""

import select
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

CHUNK_BYTES = 64 * 1024
HELD_BYTES_MAX = 4 * 1024 * 1024  # on their way in one direction of one connection
CONNECTIONS_MAX = 256
STEP_S = 0.02
CONNECT_TIMEOUT_S = 5.0
JOIN_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How the proxy treats its connections. Counts of bytes start when the weather does, or the connection."""

    refuse: bool = False
    """Nothing listens: new connections are refused, open ones go on."""
    silent: bool = False
    """New connections are accepted and stay without an answer for as long as they live."""
    cut_after_bytes: int | None = None
    """After so many bytes to the client both sides are closed; 0 is at once."""
    stall_after_bytes: int | None = None
    """After so many bytes to the client nothing moves, either way, until the weather changes; 0 is at once."""
    drip_bytes_per_s: int | None = None
    """At most so many bytes a second to the client, in small pieces."""
    twice_up: bool = False
    """Each piece from the client reaches the server twice."""
    delay_up_ms: int = 0
    """From the client to the server."""
    delay_down_ms: int = 0
    """From the server to the client."""


FAIR = Weather()


class FaultProxy:
    """The proxy, for a `with` statement. Set `weather` and `upstream` at any time."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.upstream = upstream
        """Where connections that are opened from now on go."""
        self.accepted = 0
        self._weather = FAIR
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener: socket.socket | None = None
        self._links: set[_Link] = set()
        self._silent: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, name="fault proxy")

    @property
    def weather(self) -> Weather:
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        with self._lock:
            self._weather = weather
            if weather.refuse and self._listener is not None:
                self._listener.close()
                self._listener = None
            elif not weather.refuse and self._listener is None:
                self._listener = self._listen()

    def drop(self, *, reset: bool = False) -> None:
        """Close every open connection now; `reset` as a host does that knows nothing of it (RST)."""
        with self._lock:
            links, silent = list(self._links), self._silent
            self._silent = []
        for link in links:
            link.close(reset=reset)
        for connection in silent:
            _close(connection, reset=reset)

    @property
    def connections(self) -> int:
        """How many are open."""
        with self._lock:
            return len(self._links) + len(self._silent)

    def __enter__(self) -> Self:
        self._listener = self._listen()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join(JOIN_TIMEOUT_S)
        with self._lock:
            links = list(self._links)
        self.drop()
        for link in links:
            link.join()
        if self._listener is not None:
            self._listener.close()
        assert not self._thread.is_alive()

    def _listen(self) -> socket.socket:
        listener = socket.create_server((self.host, self.port), backlog=CONNECTIONS_MAX)
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        return listener

    def _accept(self) -> None:
        while not self._closing.is_set():
            with self._lock:
                listener, weather = self._listener, self._weather
                try:
                    client = None if listener is None else listener.accept()[0]
                except BlockingIOError:
                    client = None
            if client is None:
                self._closing.wait(STEP_S / 4)
            else:
                self._serve(client, weather)

    def _serve(self, client: socket.socket, weather: Weather) -> None:
        self.accepted += 1
        with self._lock:
            if weather.silent:
                self._silent.append(client)
                return
            full = len(self._links) + len(self._silent) >= CONNECTIONS_MAX
        if full:
            _close(client, reset=True)
            return
        link = _Link(self, client)
        with self._lock:
            self._links.add(link)
        link.start()

    def forget(self, link: "_Link") -> None:
        with self._lock:
            self._links.discard(link)


class _Link:
    """One connection through the proxy."""

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._closed = threading.Event()
        self._reset = False
        self._passed = (FAIR, 0)  # bytes to the client, and the weather in which they went
        self._thread = threading.Thread(target=self._run, name="fault proxy link")

    def start(self) -> None:
        self._thread.start()

    def close(self, *, reset: bool = False) -> None:
        self._reset = self._reset or reset
        self._closed.set()

    def join(self) -> None:
        self._thread.join(JOIN_TIMEOUT_S)
        assert not self._thread.is_alive()

    def _passed_in(self, weather: Weather) -> int:
        """How many bytes went to the client since this weather began."""
        then, passed = self._passed
        return passed if then is weather else 0

    def _run(self) -> None:
        try:
            server = socket.create_connection(self._proxy.upstream, CONNECT_TIMEOUT_S)
        except OSError:
            self._reset = True
        else:
            server.setblocking(False)
            self._client.setblocking(False)
            up = threading.Thread(
                target=self._pump, args=(self._client, server, False), name="fault proxy up"
            )
            up.start()
            self._pump(server, self._client, True)
            up.join()
            _close(server, reset=self._reset)
        _close(self._client, reset=self._reset)
        self._proxy.forget(self)

    def _pump(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        try:
            self._carry(source, sink, down)
        except OSError:  # one side is gone, and so is the connection
            self._reset = True
            self._closed.set()

    def _carry(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        """Move bytes one way until the source ends or the link is closed."""
        held: deque[tuple[float, bytes]] = deque()  # (when it may go on, on the monotonic clock; what)
        held_bytes, ended, rested_until = 0, False, 0.0
        while not self._closed.is_set():
            weather = self._proxy.weather
            passed = self._passed_in(weather)
            if _reached(weather.cut_after_bytes, passed):
                self._closed.set()
                return
            if ended and not held:
                sink.shutdown(socket.SHUT_WR)
                return
            now = time.monotonic()
            stalled = _reached(weather.stall_after_bytes, passed)
            may_go_at = max(held[0][0], rested_until) if held else now + STEP_S
            sending = bool(held) and not stalled and may_go_at <= now
            reading = not ended and held_bytes < HELD_BYTES_MAX
            wait_s = STEP_S if stalled else min(STEP_S, max(0.0, may_go_at - now))
            readable, writable, _ = select.select(
                [source] if reading else [], [sink] if sending else [], [], STEP_S if sending else wait_s
            )
            if readable:
                data = source.recv(CHUNK_BYTES)
                ended = not data
                if data:
                    delay_ms = weather.delay_down_ms if down else weather.delay_up_ms
                    pieces = [data, data] if weather.twice_up and not down else [data]
                    held += [(time.monotonic() + delay_ms / 1000, piece) for piece in pieces]
                    held_bytes += len(data) * len(pieces)
            if writable:
                due, data = held.popleft()
                limit = _allowance(weather, passed) if down else len(data)
                sent = sink.send(data[:limit])
                held_bytes -= sent
                if sent < len(data):
                    held.appendleft((due, data[sent:]))
                if down:
                    self._passed = (weather, passed + sent)
                    if weather.drip_bytes_per_s is not None:
                        rested_until = now + sent / weather.drip_bytes_per_s


def _reached(limit: int | None, count: int) -> bool:
    return limit is not None and count >= limit


def _allowance(weather: Weather, passed: int) -> int:
    """How many bytes may go to the client in one piece."""
    limits = [CHUNK_BYTES]
    if weather.drip_bytes_per_s is not None:
        limits.append(max(1, int(weather.drip_bytes_per_s * STEP_S)))
    limits += [
        limit - passed for limit in (weather.cut_after_bytes, weather.stall_after_bytes) if limit is not None
    ]
    return min(limits)


def _close(connection: socket.socket, *, reset: bool) -> None:
    """Close with a FIN, or without lingering: the other side gets a RST."""
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
