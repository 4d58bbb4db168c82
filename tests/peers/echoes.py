"""The far side of a network: a TUN device behind which every address answers pings as its number says.

Run as a program: `echoes.py DEVICE DELAY_MS`. It says "ready", obeys the lines `swallow` and `answer` on its standard
input by repeating them, and ends with it. It imports nothing of the tests, so it starts at once.

10.0.0.0/16, fd00::/64   answer after the delay, but for those with a last digit of 7, which are dead
10.1.0.N, fd00:1::N      do as BEHAVIOURS says of N
"""

import fcntl
import heapq
import os
import select
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x1
_IFF_NO_PI: Final = 0x1000
LATE_S: Final = 1.0
READS: Final = 64
ROUTER: Final = bytes((10, 9, 9, 9))
ROUTER_6: Final = bytes.fromhex("fd000009000000000000000000000009")

Sending = tuple[float, bytes]
"""Seconds after the delay, and a packet."""
Behaviour = Callable[["Request"], Iterator[Sending]]


class Request:
    """An echo request, and the packets that could follow it."""

    def __init__(self, packet: bytes) -> None:
        self.packet = packet
        self.v6 = packet[0] >> 4 == 6
        self.source, self.target = (
            (packet[8:24], packet[24:40]) if self.v6 else (packet[12:16], packet[16:20])
        )
        self.icmp = packet[40:] if self.v6 else packet[(packet[0] & 15) * 4 :]

    @property
    def is_echo(self) -> bool:
        protocol = self.packet[6] if self.v6 else self.packet[9]
        return (protocol, self.icmp[:1]) == ((58, b"\x80") if self.v6 else (1, b"\x08"))

    def reply(
        self, *, sender: bytes = b"", change: tuple[int, bytes] | None = None, length: int = 16
    ) -> bytes:
        """The reply; with bytes of its ICMP part changed at an offset, or cut to a length."""
        icmp = bytearray(b"\x81" if self.v6 else b"\x00") + self.icmp[1:]
        if change is not None:
            at, new = change
            icmp[at : at + len(new)] = new
        return self.from_to(sender or self.target, bytes(icmp[:length]))

    def error(self, kind: int, code: int, *, rest: bytes = bytes(4), quoted: bytes | None = None) -> bytes:
        """An ICMP error about the request, from a router."""
        body = bytes((kind, code, 0, 0)) + rest + (self.packet if quoted is None else quoted)
        return self.from_to(ROUTER_6 if self.v6 else ROUTER, body)

    def quoted(self, *, cookie: bytes | None = None, length: int | None = None) -> bytes:
        """The request as an error would repeat it, with another cookie, or shorter."""
        quoted = self.packet if cookie is None else self.packet[:-8] + cookie
        return quoted[:length]

    def from_to(self, sender: bytes, icmp: bytes) -> bytes:
        """An IP packet to who asked."""
        if self.v6:
            pseudo = sender + self.source + struct.pack(">I3xB", len(icmp), 58)
            header = struct.pack(">IHBB", 6 << 28, len(icmp), 58, 64) + sender + self.source
            return header + _summed(icmp, 2, pseudo)
        header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(icmp), 0, 0, 64, 1, 0) + sender + self.source
        return _summed(header, 10) + _summed(icmp, 2)


def _summed(data: bytes, at: int, before: bytes = b"") -> bytes:
    """With the Internet checksum written where it belongs."""
    blank = data[:at] + bytes(2) + data[at + 2 :]
    total = sum(
        struct.unpack(f">{(len(before) + len(blank) + 1) // 2}H", before + blank + bytes(len(blank) % 2))
    )
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return blank[:at] + struct.pack(">H", ~total & 0xFFFF) + blank[at + 2 :]


def _unreachable(request: Request, code: int, **quote: bytes) -> bytes:
    return request.error(1 if request.v6 else 3, code, **quote)


def _host_unreachable(request: Request) -> Iterator[Sending]:
    yield 0.0, _unreachable(request, 3 if request.v6 else 1)


def _prohibited(request: Request) -> Iterator[Sending]:
    yield 0.0, _unreachable(request, 1 if request.v6 else 13)


def _time_exceeded(request: Request) -> Iterator[Sending]:
    yield 0.0, request.error(3 if request.v6 else 11, 0)


def _too_big(request: Request) -> Iterator[Sending]:
    yield (
        0.0,
        request.error(2, 0, rest=struct.pack(">I", 1280))
        if request.v6
        else request.error(3, 4, rest=struct.pack(">HH", 0, 576)),
    )


def _redirected(request: Request) -> Iterator[Sending]:
    yield 0.0, request.error(5, 1, rest=bytes((192, 0, 2, 9)))
    yield 0.0, request.reply()


def _redirected_for_nothing(request: Request) -> Iterator[Sending]:
    yield 0.0, request.error(5, 1, rest=bytes((192, 0, 2, 9)))


def _three_times(request: Request) -> Iterator[Sending]:
    yield from ((0.0, request.reply()),) * 3


def _from_elsewhere(request: Request) -> Iterator[Sending]:
    yield 0.0, request.reply(sender=request.target[:-1] + b"\xfe")


def _forged(request: Request) -> Iterator[Sending]:
    """Identifier and sequence are right, as one can guess; the cookie is not."""
    yield 0.0, request.reply(change=(8, b"forgery!"))


def _wrong_sequence(request: Request) -> Iterator[Sending]:
    sequence = struct.unpack(">H", request.icmp[6:8])[0]
    yield 0.0, request.reply(change=(6, struct.pack(">H", sequence ^ 0x8000)))


def _truncated(request: Request) -> Iterator[Sending]:
    yield from ((0.0, request.reply(length=length)) for length in (4, 7, 8, 12, 15))


def _late(request: Request) -> Iterator[Sending]:
    yield LATE_S, request.reply()


def _short_quote(request: Request) -> Iterator[Sending]:
    """As RFC 792 asks for: the IP header and eight bytes."""
    yield (
        0.0,
        _unreachable(request, 3 if request.v6 else 1, quoted=request.quoted(length=48 if request.v6 else 28)),
    )


def _forged_error(request: Request) -> Iterator[Sending]:
    yield 0.0, _unreachable(request, 3 if request.v6 else 1, quoted=request.quoted(cookie=b"forgery!"))
    yield 0.0, _unreachable(request, 3 if request.v6 else 1, quoted=request.quoted(length=22))
    yield 0.0, request.reply()


BEHAVIOURS: Final[dict[int, Behaviour]] = {
    1: _host_unreachable,
    2: _prohibited,
    3: _time_exceeded,
    4: _too_big,
    5: _redirected,
    6: _redirected_for_nothing,
    8: _three_times,
    9: _from_elsewhere,
    10: _forged,
    11: _wrong_sequence,
    12: _truncated,
    13: _late,
    14: _short_quote,
    15: _forged_error,
}


def answers(packet: bytes) -> Iterator[Sending]:
    """What follows a packet that was sent to the far side."""
    if packet[:1] == b"\x45" and len(packet) == 36 and packet[20] == 8 and packet[17] == 0:
        if (
            packet[19] % 10 != 7
        ):  # the many, fast: with the addresses exchanged the header's checksum stays right
            total = (packet[22] << 8) + packet[23] + 0x0800
            total = (total & 0xFFFF) + (total >> 16)
            head = packet[:12] + packet[16:20] + packet[12:16] + b"\x00\x00"
            yield 0.0, head + total.to_bytes(2, "big") + packet[24:]
        return
    request = Request(packet)
    if not request.is_echo:
        return
    special = request.target[:4] == b"\xfd\x00\x00\x01" if request.v6 else request.target[1] == 1
    if special:
        yield from BEHAVIOURS[request.target[-1]](request)
    elif request.target[-1] % 10 != 7:
        yield 0.0, request.reply()


def open_tun(name: str) -> int:
    """Make the device; it goes when the descriptor does."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return tun


def main() -> None:
    """Answer until standard input ends."""
    tun, delay_s, swallowing = open_tun(sys.argv[1]), int(sys.argv[2]) / 1_000, False
    print("ready", flush=True)  # noqa: T201  what the tests wait for
    waiting: list[tuple[float, int, bytes]] = []
    count = 0
    while True:
        timeout_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([tun, 0], [], [], timeout_s)
        now_s = time.monotonic()
        while waiting and waiting[0][0] <= now_s:
            os.write(tun, heapq.heappop(waiting)[2])
        if 0 in readable:
            word = os.read(0, 100).decode().strip()
            if not word:
                return
            swallowing = word == "swallow"
            print(word, flush=True)  # noqa: T201
        for _ in range(READS if tun in readable else 0):
            try:
                packet = os.read(tun, 2048)
            except BlockingIOError:
                break
            for later_s, sending in () if swallowing else answers(packet):
                count += 1
                heapq.heappush(waiting, (time.monotonic() + delay_s + later_s, count, sending))


if __name__ == "__main__":
    main()
