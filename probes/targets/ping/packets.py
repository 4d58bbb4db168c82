"""ICMP on the wire: echo requests and replies, what errors say, and addresses as the kernel writes them."""

import socket
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct, pack, unpack
from typing import Final, NamedTuple

ECHO_FORMAT: Final = "BBxxHH8s"
ECHO: Final = Struct(f"={ECHO_FORMAT}")
"""Type, code, identifier, sequence, and the cookie that is all of the payload. The numbers are in the host's byte order,
for nobody but us reads them."""
ERROR_BYTES: Final = 8
"""The ICMP header of an error; after it comes the packet that it speaks of, or its beginning."""
_QUOTED: Final = Struct("=BxxxHH")
_IPV4_HEADER_BYTES: Final = 20
IPV6_HEADER_BYTES: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """ICMP over one version of IP: its numbers, and the wildcard address.

    `address`: where in a `sockaddr` the address is; `peer`: what in one tells hosts apart, the scope too.
    `says`: what an error's type and code, or its type alone, mean. What is not there, such as a redirect, says nothing
    about whether the destination answers. `neighbour_silent`: what the kernel says where nobody on the link answers.
    """

    name: str
    family: socket.AddressFamily
    number: int
    request: int
    reply: int
    unreachable: int
    time_exceeded: int
    any: str
    address: slice
    peer: slice
    says: dict[tuple[int, int | None], str]
    neighbour_silent: str


IPV4: Final = Protocol(
    name="ipv4",
    family=socket.AF_INET,
    number=socket.IPPROTO_ICMP,
    request=8,
    reply=0,
    unreachable=3,
    time_exceeded=11,
    any="0.0.0.0",  # noqa: S104  it receives replies to what it sent, no more
    address=slice(4, 8),
    peer=slice(4, 8),
    says={
        (3, 0): "network unreachable",
        (3, 1): "host unreachable",
        (3, 4): "",  # a packet too big for the path
        (3, 9): "network prohibited",
        (3, 10): "host prohibited",
        (3, 13): "prohibited",
        (3, None): "unreachable",
        (11, None): "time to live exceeded",
    },
    neighbour_silent="host unreachable",
)
IPV6: Final = Protocol(
    name="ipv6",
    family=socket.AF_INET6,
    number=socket.IPPROTO_ICMPV6,
    request=128,
    reply=129,
    unreachable=1,
    time_exceeded=3,
    any="::",
    address=slice(8, 24),
    peer=slice(8, 28),
    says={
        (1, 0): "no route to destination",
        (1, 1): "prohibited",
        (1, 3): "address unreachable",
        (1, None): "unreachable",
        (3, None): "hop limit exceeded",
    },
    neighbour_silent="address unreachable",
)


class Quoted(NamedTuple):
    """What an ICMP error repeats of a request. `cookie` is empty where the quote is too short for it."""

    identifier: int
    sequence: int
    cookie: bytes


def protocol_of(address: str) -> Protocol:
    """The protocol of a numeric address."""
    return IPV6 if ":" in address else IPV4


@lru_cache(maxsize=131_072)
def socket_name(address: str) -> bytes:
    """A numeric address, IPv6 with its scope if it has one, as a `sockaddr`. Raises ValueError."""
    try:
        if ":" not in address:
            return pack("=H2x4s8x", socket.AF_INET, socket.inet_pton(socket.AF_INET, address))
        host, _, scope = address.partition("%")
        index = int(scope) if scope.isdecimal() else socket.if_nametoindex(scope) if scope else 0
        return pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, host), index)
    except OSError:
        raise ValueError(f"{address!r} is no address, or of no interface here") from None


def peer_of(name: tuple[str, int] | tuple[str, int, int, int]) -> bytes:
    """Of a socket address as Python has it: what `Protocol.peer` cuts out of one as the kernel has it."""
    if len(name) == 2:
        return socket_name(name[0])[IPV4.peer]
    return socket_name(f"{name[0].partition('%')[0]}%{name[3]}")[IPV6.peer]


def meaning(protocol: Protocol, kind: int, code: int) -> str:
    """What an ICMP error says; empty where it says nothing of the destination's being reached."""
    said = protocol.says.get((kind, code))
    return protocol.says.get((kind, None), "") if said is None else said


def read_quoted(protocol: Protocol, icmp: bytes) -> Quoted | None:
    """Our request as an error quotes it, from its ICMP header on; None if it is no echo request or too short."""
    if len(icmp) < _QUOTED.size:
        return None
    kind, identifier, sequence = _QUOTED.unpack_from(icmp)
    if kind != protocol.request:
        return None
    return Quoted(identifier, sequence, icmp[8:16] if len(icmp) >= ECHO.size else b"")


def without_ip_header(protocol: Protocol, packet: bytes) -> bytes:
    """What an IP packet carries; empty where it is cut short. IPv6 extension headers are not expected."""
    if protocol is IPV6:
        return packet[IPV6_HEADER_BYTES:]
    header_bytes = (packet[0] & 0x0F) * 4 if packet else 0
    return packet[header_bytes:] if header_bytes >= _IPV4_HEADER_BYTES else b""


def destination_in(protocol: Protocol, packet: bytes) -> bytes:
    """Whom an IP packet is for, as `Protocol.peer` would cut it; without the scope, which no packet carries."""
    return packet[24:40] + bytes(4) if protocol is IPV6 else packet[16:20]


def checksum(protocol: Protocol, identifier: int, sequence: int, cookie: bytes) -> int:
    """The request's checksum (RFC 1071), which is the same in every byte order."""
    words: tuple[int, ...] = unpack("=8H", ECHO.pack(protocol.request, 0, identifier, sequence, cookie))
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
