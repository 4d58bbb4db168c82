"""One ICMP socket: how it is opened, what it sends, what it hears.

A *datagram* socket ("ping socket") needs no capability: the kernel writes the identifier, delivers only replies that
carry it, and queues ICMP errors apart (`IP_RECVERR`). A *raw* one needs CAP_NET_RAW and hears every ICMP packet of the
host, so a filter in the kernel lets through replies with our identifier, and errors about our requests.
"""

import errno
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from struct import Struct
from typing import Final, NamedTuple

from probes.targets.ping.calls import Inbox, Outbox, stamp_on_receipt
from probes.targets.ping.filter import attach_filter
from probes.targets.ping.packets import (
    ECHO,
    ECHO_FORMAT,
    ERROR_BYTES,
    IPV4,
    IPV6,
    Protocol,
    checksum,
    destination_in,
    meaning,
    peer_of,
    read_quoted,
    without_ip_header,
)

BATCH: Final = 64
"""Packets in one system call."""
FULL: Final = frozenset((errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM))
"""Error numbers of a send that may succeed a moment later."""
RECEIVE_BUFFER_BYTES: Final = 4 << 20
"""What is asked for; the kernel grants at most net.core.rmem_max, and counts twice that."""
_TRIES: Final = 5
_SO_BINDTODEVICE: Final = 25
_SO_MEMINFO: Final = 55
_MSG_ERRQUEUE: Final = 0x2000
_RECEIVE_ERRORS: Final = ((socket.IPPROTO_IP, 11), (socket.IPPROTO_IPV6, 25))  # IP_RECVERR, IPV6_RECVERR
_MEMORY: Final = Struct("=9I")
_EXTENDED_ERROR: Final = Struct("=IBBBBII")
_ORIGIN_LOCAL: Final = 1
_ORIGINS_ICMP: Final = (2, 3)
_RAW_FORMAT: Final = "192s"
"""Two IP headers with options, an error's, and a request."""
_QUOTE_BYTES: Final = 512
_SECOND_NS: Final = 1_000_000_000

EchoReply = tuple[bytes, int, bytes, int]
"""Whose it is (`Protocol.peer`), its sequence number and cookie, and when the kernel received it: wall time in
nanoseconds, 0 where it did not say. A tuple, for there are 50,000 a second."""


class UnusableSourceError(OSError):
    """The address or interface to send from is not there, or not for us."""


class IcmpError(NamedTuple):
    """Why a request will not be answered. `cookie` is empty where too little of the request was quoted.

    `offender` is the address that says so; empty where it was this host's own kernel, with error `number`.
    """

    peer: bytes
    sequence: int
    cookie: bytes
    offender: str
    says: str
    number: int


@dataclass(frozen=True, slots=True)
class Memory:
    """`SO_MEMINFO`: the memory that waiting packets take, and how many there was no room for (modulo 2³²)."""

    waiting_bytes: int
    dropped: int


class EchoSocket:
    """A non-blocking socket for one version of IP. `identifier` is in every request and every reply, and in their byte order."""

    def __init__(self, sock: socket.socket, protocol: Protocol, identifier: int) -> None:
        self.protocol = protocol
        self.identifier = identifier
        self.receive_buffer_bytes = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._raw = sock.type == socket.SOCK_RAW
        self._socket = sock
        self._fileno = sock.fileno()
        self._outbox = Outbox(BATCH, family=protocol.family)
        self._inbox = Inbox(BATCH, data=_RAW_FORMAT if self._raw else ECHO_FORMAT)
        self._errors: list[IcmpError] = []

    def fileno(self) -> int:
        """For the event loop."""
        return self._fileno

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()

    def load(self, names: Sequence[bytes], sequences: Sequence[int], cookies: Sequence[bytes]) -> None:
        """Write requests to socket addresses, at most BATCH, for `send`."""
        protocol, identifier = self.protocol, self.identifier
        checksums: Iterable[int] = repeat(0)  # the kernel computes it
        if self._raw:
            checksums = [
                checksum(protocol, identifier, *rest) for rest in zip(sequences, cookies, strict=True)
            ]
        self._outbox.load(names, protocol.request, checksums, identifier, sequences, cookies)

    def send(self, count: int) -> int:
        """Send the first that were loaded; how many went. Raises OSError if not even the first could be sent.

        The kernel fails a call for an ICMP error about an earlier request too: such are cleared away.
        """
        for tries_left in reversed(range(_TRIES)):
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            try:
                return self._outbox.send(self._fileno, count)
            except OSError as error:
                if not tries_left or error.errno in FULL:
                    raise
        raise AssertionError("the last try returns or raises")

    def receive(self) -> int:
        """How many packets were waiting, at most BATCH; `replies` reads them. Raises OSError."""
        return self._inbox.receive(self._fileno)

    def replies(self, count: int) -> Iterator[EchoReply]:
        """The echo replies that were received: whole ones, with our identifier. `errors` has what else there was."""
        return self._raw_replies(count) if self._raw else self._datagram_replies(count)

    def errors(self) -> list[IcmpError]:
        """The ICMP errors that have come since the last call; few at a time, so call again until there are none."""
        if not self._raw:
            self._read_error_queue()
        errors, self._errors = self._errors, []
        return errors

    def memory(self) -> Memory:
        """What waits to be received, and what was dropped."""
        fields = _MEMORY.unpack(self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size))
        return Memory(fields[0], fields[8])

    def _datagram_replies(self, count: int) -> Iterator[EchoReply]:
        reply, ours, peer = self.protocol.reply, self.identifier, self.protocol.peer
        for stamped, length, fields in self._inbox.read(count):
            name, kind, _, identifier, sequence, cookie, seconds, nanoseconds = fields
            if kind == reply and identifier == ours and length >= ECHO.size:
                yield name[peer], sequence, cookie, seconds * _SECOND_NS + nanoseconds if stamped else 0

    def _raw_replies(self, count: int) -> Iterator[EchoReply]:
        protocol = self.protocol
        for stamped, length, (name, data, seconds, nanoseconds) in self._inbox.read(count):
            packet = data[:length]
            icmp = without_ip_header(protocol, packet) if protocol is IPV4 else packet
            if len(icmp) < ECHO.size:
                continue
            kind, code, identifier, sequence, cookie = ECHO.unpack_from(icmp)
            if kind != protocol.reply:
                self._note_packet(name, kind, code, icmp[ERROR_BYTES:])
            elif identifier == self.identifier:
                stamp_ns = seconds * _SECOND_NS + nanoseconds if stamped else 0
                yield name[protocol.peer], sequence, cookie, stamp_ns

    def _note_packet(self, name: bytes, kind: int, code: int, quoted: bytes) -> None:
        """An ICMP error as it came over the wire."""
        protocol = self.protocol
        says = meaning(protocol, kind, code)
        request = read_quoted(protocol, without_ip_header(protocol, quoted))
        if says and request is not None and request.identifier == self.identifier:
            peer, offender = destination_in(protocol, quoted), self._address_in(name)
            self._errors.append(IcmpError(peer, request.sequence, request.cookie, offender, says, 0))

    def _address_in(self, name: bytes) -> str:
        return socket.inet_ntop(self.protocol.family, name[self.protocol.address])

    def _read_error_queue(self) -> None:
        for _ in range(BATCH):
            try:
                quoted, ancillary, _, name = self._socket.recvmsg(_QUOTE_BYTES, _QUOTE_BYTES, _MSG_ERRQUEUE)
            except OSError:  # it is empty, or the caller meets the same error at its next call
                return
            for level, kind, data in ancillary:
                if (level, kind) in _RECEIVE_ERRORS:
                    self._note_queued(quoted, data, name)

    def _note_queued(
        self, quoted: bytes, data: bytes, name: tuple[str, int] | tuple[str, int, int, int]
    ) -> None:
        """An entry of the error queue: `name` is whom the request was for, which `quoted` is from its ICMP header on."""
        number, origin, kind, code, *_ = _EXTENDED_ERROR.unpack_from(data)
        if origin not in (_ORIGIN_LOCAL, *_ORIGINS_ICMP):
            return
        local = origin == _ORIGIN_LOCAL
        says = os.strerror(number) if local else meaning(self.protocol, kind, code)
        request = read_quoted(self.protocol, quoted)
        if not says or request is None:
            return
        offender = "" if local else self._address_in(data[_EXTENDED_ERROR.size :])
        self._errors.append(
            IcmpError(peer_of(name), request.sequence, request.cookie, offender, says, number if local else 0)
        )


def open_socket(
    protocol: Protocol,
    *,
    raw: bool,
    address: str | None,
    interface: str | None,
    receive_buffer_bytes: int = RECEIVE_BUFFER_BYTES,
) -> EchoSocket:
    """Open a socket that sends from an address, or through an interface. Raises OSError, UnusableSourceError too."""
    kind = socket.SOCK_RAW if raw else socket.SOCK_DGRAM
    sock = socket.socket(protocol.family, kind | socket.SOCK_NONBLOCK, protocol.number)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        stamp_on_receipt(sock)
        if raw:
            identifier = int.from_bytes(os.urandom(2), "big")
            attach_filter(sock, protocol, identifier)
        else:
            sock.setsockopt(*_RECEIVE_ERRORS[protocol is IPV6], 1)
        _bind(sock, address or protocol.any, interface)
        if not raw:
            identifier = sock.getsockname()[1]
        return EchoSocket(sock, protocol, socket.htons(identifier))
    except BaseException:
        sock.close()
        raise


def _bind(sock: socket.socket, address: str, interface: str | None) -> None:
    try:
        if interface is not None:  # needs no capability on a socket that is not bound yet, since Linux 5.7
            sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, interface.encode())
        sock.bind((address, 0))
    except OSError as error:
        raise UnusableSourceError(
            error.errno, f"cannot send from {interface or address}: {error.strerror}"
        ) from error
