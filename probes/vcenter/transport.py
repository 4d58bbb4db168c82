"""Connections to a vCenter: the pin checked on every one of them, a deadline on every call, a limit on every answer.

pyvmomi's own pinning is void from the second connection on, and its time-out counts anew with every packet, so a reply
that drips never ends. Both are settled here, for pyvmomi's calls and for our own.
"""

import hmac
import http.client
import io
import math
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from probes.vcenter.faults import CertificateError, ReplyError, StoppedError, VCenterUnreachableError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

REPLY_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""More than any answer that slad asks for: vCenter pages by 100 objects."""
IDLE_S: Final = 5.0
"""How long a connection may have idled that is used again: a firewall or a load balancer may have forgotten it, without a word."""
KEEPALIVE: Final = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""How TCP asks, in seconds and tries, whether the other side of a quiet connection is there: it also keeps firewalls awake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a call may take from its first byte to its last, in seconds.

    `poll_margin_s` is how much longer than its wait a long poll may, `first_poll_margin_s` the first of a session: a first
    page of a large inventory takes its time.
    """

    call_s: float = 30.0
    first_poll_margin_s: float = 30.0
    poll_margin_s: float = 10.0
    logout_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and what was read of its answer, both as they came over the wire, and how long that took."""

    question: bytes
    status: int
    answer: bytes
    took_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a vCenter is, how it proves that it is the one, and how long it may take.

    `tls` None means plain HTTP: a simulation on loopback. `pin` is the SHA-256 of the certificate (DER). `overheard`, where
    it is given, is told each exchange, by whatever thread made it.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    pin: bytes | None = None
    deadlines: Deadlines = Deadlines()
    reply_limit_bytes: int = REPLY_LIMIT_BYTES
    overheard: Callable[[Exchange], None] | None = None

    def __post_init__(self) -> None:
        """A pin without TLS would be a promise that nothing keeps."""
        assert self.tls is not None or self.pin is None


def tls_context(*, ca_file: str | None, pinned: bool) -> ssl.SSLContext:
    """The TLS settings for a vCenter: verified by `ca_file`, by the system's authorities, or by a pin alone.

    With a pin the chain is not verified, because a self-signed vCenter has none: the pin, which `Connection` checks on
    every connection, is the proof. Raises CertificateError where the CA file cannot be used.
    """
    if pinned:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(f"the CA file {ca_file} cannot be used: {error}") from error
    # A CA file may hold the vCenter's own certificate instead of an authority's.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


class _BoundedReader(io.RawIOBase):
    """A socket's bytes until a deadline and up to a number, whatever their pace.

    `file` is the socket's own: while it is open, so is the socket, also where the other side asked to close it.
    """

    def __init__(
        self, sock: socket.socket, file: io.BufferedIOBase, deadline: float, limit_bytes: int
    ) -> None:
        self._sock = sock
        self._file = file
        self._deadline = deadline
        self._limit_bytes = self._left = limit_bytes

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def readinto(self, buffer: "WriteableBuffer") -> int:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the deadline of the call has passed")
        self._sock.settimeout(remaining)
        count = self._sock.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise ReplyError(f"the answer is longer than {self._limit_bytes} bytes")
        return count


class _BoundedResponse(http.client.HTTPResponse):
    """A response read through a `_BoundedReader`."""

    def __init__(
        self, deadline: float, limit_bytes: int, sock: socket.socket, method: str | None = None
    ) -> None:
        super().__init__(sock, method=method)
        self.fp = io.BufferedReader(_BoundedReader(sock, self.fp, deadline, limit_bytes), 256 * 1024)


class _OverheardResponse(_BoundedResponse):
    """One whose bytes are told once all were read, or it was given up; nothing, while not even its status came."""

    def __init__(self, told: Callable[[int, bytes], None], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._told = told
        self._parts: list[bytes] | None = []
        """What was read; None once it was told."""

    def read(self, amt: int | None = None) -> bytes:
        """The next part; it is kept."""
        try:
            part = super().read(amt)
        except http.client.IncompleteRead as error:
            self._keep(error.partial)
            self._tell()
            raise
        self._keep(part)
        if self.isclosed():  # at the last byte
            self._tell()
        return part

    def close(self) -> None:
        """Nothing more is read: what was is told."""
        super().close()
        self._tell()

    def _keep(self, part: bytes) -> None:
        if self._parts is not None:
            self._parts.append(part)

    def _tell(self) -> None:
        parts, self._parts = self._parts, None
        if parts is not None and isinstance(self.status, int):
            self._told(self.status, b"".join(parts))


class Connection(http.client.HTTPConnection):
    """One HTTP(S) connection whose next call has to be over by `deadline` (monotonic seconds)."""

    def __init__(self, endpoint: Endpoint, deadline: float) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self._endpoint = endpoint
        self.deadline = deadline
        self._used_s = time.monotonic()
        self._question, self._asked_s = b"", self._used_s
        """The body of the last request, and when it was sent."""
        self._is_cut = False

    def connect(self) -> None:
        """Connect, shake hands and check the pin."""
        self.timeout = self._left_s()
        super().connect()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE:
            if hasattr(socket, name):  # Linux's names
                self.sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        endpoint = self._endpoint
        if endpoint.tls is None:
            return
        # The handshake comes once `sock` is the one that `Wire.stop` can end.
        self.sock = endpoint.tls.wrap_socket(
            self.sock, server_hostname=endpoint.host, do_handshake_on_connect=False
        )
        self.sock.settimeout(self._left_s())
        self.sock.do_handshake()
        if endpoint.pin is None:
            return
        certificate = self.sock.getpeercert(binary_form=True)
        if certificate is None or not hmac.compare_digest(sha256(certificate).digest(), endpoint.pin):
            shown = sha256(certificate or b"").hexdigest()
            self.close()
            raise CertificateError(
                f"{endpoint.host}:{endpoint.port} shows a certificate with the SHA-256 {shown}, which is not the pinned"
                " one: somebody is in between, or the certificate was renewed and the pin must be too"
            )

    def again(self, deadline: float) -> None:
        """Be used for another call."""
        self.deadline = deadline
        if self.sock is not None:
            self.sock.settimeout(self._left_s())

    def rest(self) -> None:
        """Its call is over."""
        self._used_s = time.monotonic()

    @property
    def idle_s(self) -> float:
        """How long it has idled."""
        return time.monotonic() - self._used_s

    @property
    def is_stale(self) -> bool:
        """Whether it may not be used again: closed, by either side, or idle for so long that somebody may have forgotten it."""
        if self.sock is None or self.idle_s > IDLE_S:
            return True
        # There is nothing to be read between two calls but the end.
        ready = select.poll()
        ready.register(self.sock, select.POLLIN)
        return bool(ready.poll(0))

    def _left_s(self) -> float:
        return max(0.001, self.deadline - time.monotonic())

    def request(self, method: str, url: str, body: Any = None, *arguments: Any, **named: Any) -> None:
        """Send a request; it is kept where it is overheard, and nowhere else: it may hold a password."""
        is_overheard = self._endpoint.overheard is not None
        self._question = bytes(body or b"") if is_overheard else b""
        self._asked_s = time.monotonic()
        super().request(method, url, body, *arguments, **named)

    def getresponse(self) -> http.client.HTTPResponse:
        """The response to the request that was sent."""
        bounds = self.deadline, self._endpoint.reply_limit_bytes
        is_overheard = self._endpoint.overheard is not None
        response = (
            partial(_OverheardResponse, self._tell, *bounds)
            if is_overheard
            else partial(_BoundedResponse, *bounds)
        )
        self.response_class = response  # type: ignore[assignment]  # a maker of the class will do
        return super().getresponse()

    def cut(self) -> None:
        """End the call that is under way; the answer that it lacks is none."""
        self._is_cut = True
        sock = self.sock  # its own thread may close it meanwhile
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already

    def _tell(self, status: int, answer: bytes) -> None:
        assert self._endpoint.overheard is not None
        if self._is_cut:
            return
        took_s = time.monotonic() - self._asked_s
        self._endpoint.overheard(
            Exchange(question=self._question, status=status, answer=answer, took_s=took_s)
        )


class Wire:
    """All connections of one session: opened here, so that `stop` can end every call at once from another thread."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.deadline_s = -math.inf
        """By when the call begun last is over, by the monotonic clock; infinite while it connects: names are resolved
        by the system, which takes no deadline."""
        self._lock = threading.Lock()
        self._connections: set[Connection] = set()
        self._stopped = False

    def connect(self, deadline: float) -> Connection:
        """A connected Connection. Raises VCenterUnreachableError, CertificateError, StoppedError."""
        connection = Connection(self.endpoint, deadline)
        with self._lock:
            if self._stopped:
                raise StoppedError("the watch stops")
            self._connections = {each for each in self._connections if each.sock is not None}
            self._connections.add(connection)
        self.deadline_s = math.inf
        try:
            with self.translating():
                connection.connect()
        finally:
            self.deadline_s = deadline
        return connection

    def ready(self, connection: Connection | None, deadline: float) -> Connection:
        """A connection for a call: this one, where it is fresh enough, or a new one. Raises as `connect` does."""
        if connection is None or connection.is_stale:
            if connection is not None:
                connection.close()
            return self.connect(deadline)
        self.deadline_s = deadline
        connection.again(deadline)
        return connection

    def stop(self) -> None:
        """End every call that is under way, and refuse new ones."""
        with self._lock:
            self._stopped = True
            connections = list(self._connections)
        for connection in connections:
            connection.cut()

    def close(self) -> None:
        """Close the connections of a session that has ended."""
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            connection.close()

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Turn what the network raises into this package's errors."""
        where = f"{self.endpoint.host}:{self.endpoint.port}"
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            if self._stopped:
                raise StoppedError("the watch stops") from error
            if isinstance(error, ssl.SSLCertVerificationError):
                raise CertificateError(
                    f"the certificate of {where} is not accepted: {error.verify_message}"
                ) from error
            if isinstance(error, TimeoutError):
                raise VCenterUnreachableError(f"{where} did not answer within the deadline") from error
            if isinstance(error, ConnectionError | ssl.SSLError | socket.gaierror):
                raise VCenterUnreachableError(f"{where} cannot be reached, or broke off: {error}") from error
            if isinstance(error, http.client.HTTPException):
                raise ReplyError(f"{where} gave an HTTP answer that cannot be read: {error!r}") from error
            raise VCenterUnreachableError(f"{where} cannot be reached: {error}") from error
