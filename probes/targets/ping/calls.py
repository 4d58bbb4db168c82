"""Many datagrams in one system call: `sendmmsg(2)` and `recvmmsg(2)`, which Python's sockets lack.

At 50,000 pings a second a call for each packet, and an address as text and a list of ancillary data for each, cost
more than all the rest. Here packets lie side by side in one buffer, and `struct` reads them off it. The memory layout
is that of 64-bit Linux.
"""

import ctypes
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from struct import Struct, calcsize
from typing import Any, Final

NAME_BYTES: Final = 28
"""A `sockaddr_in6`, the longer of the two."""
_NAME_ROOM: Final = 32
_PACKET_BYTES: Final = 16
_CONTROL_BYTES: Final = 64
_HEADER_BYTES: Final = 64
_SO_TIMESTAMPNS: Final = 35

_libc = ctypes.CDLL(None, use_errno=True)
_sendmmsg = _libc.sendmmsg
_sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
_recvmmsg = _libc.recvmmsg
_recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)


class _IoVector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """`struct mmsghdr`."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vectors_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("padding", ctypes.c_int),
        ("length", ctypes.c_uint),
    )


class _Messages:
    """Message headers that point, once and for all, into one buffer of records: name, data, control."""

    def __init__(self, count: int, *, name_bytes: int, data_bytes: int, control_bytes: int) -> None:
        assert ctypes.sizeof(_Message) == _HEADER_BYTES, "the layout of a 32-bit system"
        self.count = count
        self.record_bytes = _NAME_ROOM + data_bytes + control_bytes
        self.buffer = bytearray(self.record_bytes * count)
        self._anchor = (ctypes.c_char * len(self.buffer)).from_buffer(self.buffer)
        self._vectors = (_IoVector * count)()
        self.headers = (_Message * count)()
        first = ctypes.addressof(self._anchor)
        for index in range(count):
            name = first + index * self.record_bytes
            vector = self._vectors[index]
            vector.base, vector.length = name + _NAME_ROOM, data_bytes
            header = self.headers[index]
            header.name, header.name_length = name, name_bytes
            header.vectors, header.vectors_length = ctypes.addressof(vector), 1
            if control_bytes:
                header.control, header.control_length = name + _NAME_ROOM + data_bytes, control_bytes


class Outbox:
    """Echo requests to send: `load` them, then `send`. Numbers are as the wire has them, so in its byte order."""

    _RECORD: Final = Struct(f"={NAME_BYTES}s{_NAME_ROOM - NAME_BYTES}xBxHHH8s")

    def __init__(self, count: int, *, family: int) -> None:
        name_bytes = NAME_BYTES if family == socket.AF_INET6 else 16
        self._messages = _Messages(count, name_bytes=name_bytes, data_bytes=_PACKET_BYTES, control_bytes=0)
        assert self._RECORD.size == self._messages.record_bytes

    def load(
        self,
        names: Sequence[bytes],
        kind: int,
        checksums: Iterable[int],
        identifier: int,
        sequences: Sequence[int],
        cookies: Sequence[bytes],
    ) -> None:
        """Write one request to each socket address."""
        pack_into, buffer, offset = self._RECORD.pack_into, self._messages.buffer, 0
        for name, checksum, sequence, cookie in zip(names, checksums, sequences, cookies, strict=False):
            pack_into(buffer, offset, name, kind, checksum, identifier, sequence, cookie)
            offset += self._RECORD.size

    def send(self, fileno: int, count: int) -> int:
        """Send the first so many; how many went out. Raises OSError if not even the first did."""
        sent: int = _sendmmsg(fileno, self._messages.headers, count, socket.MSG_DONTWAIT)
        if sent < 0:
            raise _error()
        return sent


class Inbox:
    """Packets that one call received. `data` is the `struct` format of what is wanted of each packet's beginning."""

    _HEADER: Final = "40xQ8xI4x"

    def __init__(self, count: int, *, data: str) -> None:
        data_bytes = calcsize(f"={data}")
        self._messages = _Messages(
            count, name_bytes=NAME_BYTES, data_bytes=data_bytes, control_bytes=_CONTROL_BYTES
        )
        self._fresh = bytes(self._messages.headers)
        self._headers = Struct("=" + self._HEADER * count)
        self._view = memoryview(self._messages.buffer)
        self._record = Struct(f"={NAME_BYTES}s{_NAME_ROOM - NAME_BYTES}x{data}16xqq32x")
        assert self._record.size == self._messages.record_bytes

    def receive(self, fileno: int) -> int:
        """How many packets were waiting, at most a full inbox. Raises OSError; BlockingIOError if there were none."""
        messages = self._messages
        ctypes.memmove(messages.headers, self._fresh, len(self._fresh))
        count: int = _recvmmsg(fileno, messages.headers, messages.count, socket.MSG_DONTWAIT, None)
        if count < 0:
            raise _error()
        return count

    def read(self, count: int) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
        """Of each packet: zero if it has no stamp, its length, and its fields.

        These are its source's socket address, the data's, and the kernel's stamp: seconds and nanoseconds of wall time.
        What lies beyond the packet's length, and a stamp that it does not have, is an older packet's.
        """
        headers = self._headers.unpack(self._messages.headers)
        records = self._record.iter_unpack(self._view[: count * self._record.size])
        return zip(headers[0 : 2 * count : 2], headers[1 : 2 * count : 2], records, strict=True)


def stamp_on_receipt(sock: socket.socket) -> None:
    """Have the kernel stamp each packet with when it received it; it may do so only a moment later."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
