"""The kernel's own word on links, routes and addresses: rtnetlink, asked and listened to without waiting (rtnetlink(7))."""

import errno
import socket
from collections.abc import Iterator
from struct import Struct
from typing import Final

REQUEST: Final = 0x1
DUMP: Final = 0x300
MESSAGE_ERROR: Final = 2

_HEADER: Final = Struct("=IHHII")
_ATTRIBUTE: Final = Struct("=HH")
_ERROR: Final = Struct("=i")
_READ_BYTES: Final = 1 << 16
_READS: Final = 1_000


def open_netlink(*, groups: int) -> socket.socket | None:
    """A socket that hears of changes in some multicast groups; None where netlink may not be used."""
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    except OSError:
        return None
    try:
        sock.bind((0, groups))
    except OSError:
        sock.close()
        return None
    return sock


def ask(sock: socket.socket, kind: int, flags: int, body: bytes) -> None:
    """Send a request; its answer waits on the socket at once."""
    sock.send(_HEADER.pack(_HEADER.size + len(body), kind, REQUEST | flags, 0, 0) + body)


def messages(sock: socket.socket | None) -> Iterator[tuple[int, bytes]]:
    """What waits on the socket, as type and body. That some were lost is a message too, of type MESSAGE_ERROR."""
    for _ in range(_READS if sock is not None else 0):
        assert sock is not None
        try:
            read = sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            yield MESSAGE_ERROR, _ERROR.pack(-(error.errno or errno.EIO))
            continue
        while len(read) >= _HEADER.size:
            length, kind, *_ = _HEADER.unpack_from(read)
            yield kind, read[_HEADER.size : length]
            read = read[_aligned(max(length, _HEADER.size)) :]


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute as it stands in a message."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value


def attributes(packed: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes at the end of a message, as type and value."""
    while len(packed) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(packed)
        yield kind, packed[_ATTRIBUTE.size : length]
        packed = packed[_aligned(max(length, _ATTRIBUTE.size)) :]


def error_number(body: bytes) -> int:
    """What a message of type MESSAGE_ERROR says went wrong."""
    number: int = -_ERROR.unpack_from(body)[0]
    return number


def _aligned(length: int) -> int:
    return (length + 3) & ~3
