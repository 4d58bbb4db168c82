"""What the kernel lets through to a raw ICMP socket, which otherwise hears every ICMP packet of the host.

A program of the classic packet filter (BPF): echo replies with our identifier, and errors about our requests.
"""

import ctypes
import socket
from struct import pack
from typing import Final

from probes.targets.ping.packets import ERROR_BYTES, IPV4, IPV6_HEADER_BYTES, Protocol

_SO_ATTACH_FILTER: Final = 26
_ICMP_FILTER: Final = 1
_RAW: Final = 255
_ICMP6_FILTER: Final = 1

# Instructions, as <linux/bpf_common.h> composes them: A is the accumulator, X the index.
_A_BYTE: Final = 0x30  # A = byte at an offset
_A_BYTE_X: Final = 0x50  # A = byte at X + an offset
_A_HALF_X: Final = 0x48  # A = 16 bits at X + an offset
_X_IP_HEADER: Final = 0xB1  # X = 4 * (byte & 15): the length of the IPv4 header that begins there
_X_SET: Final = 0x01
_X_FROM_A: Final = 0x07
_AND: Final = 0x54
_SHIFT_LEFT: Final = 0x64
_ADD: Final = 0x04
_ADD_X: Final = 0x0C
_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_WHOLE: Final = 0xFFFF_FFFF

Instruction = tuple[int, int, int, int]
"""Code, how many instructions to skip if true, how many if false, operand."""


def attach_filter(sock: socket.socket, protocol: Protocol, identifier: int) -> None:
    """Attach it. Raises OSError."""
    wanted = (protocol.reply, protocol.unreachable, protocol.time_exceeded)
    if protocol is IPV4:  # a set bit blocks
        blocked = ~sum(1 << kind for kind in wanted) & 0xFFFF_FFFF
        sock.setsockopt(_RAW, _ICMP_FILTER, pack("=I", blocked))
    else:
        blocks = [0xFFFF_FFFF] * 8
        for kind in wanted:
            blocks[kind >> 5] &= ~(1 << (kind & 31))
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, pack("=8I", *blocks))
    program = b"".join(pack("=HBBI", *instruction) for instruction in _program(protocol, identifier))
    code = ctypes.create_string_buffer(program, len(program))
    sock.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, pack("@HP", len(program) // 8, ctypes.addressof(code))
    )


def _program(protocol: Protocol, identifier: int) -> list[Instruction]:
    """The IPv4 socket's packets begin with the IP header, the IPv6 socket's with the ICMP header."""
    return [
        *(_to_icmp_over_ipv4(protocol) if protocol is IPV4 else _to_icmp_over_ipv6(protocol)),
        (_A_HALF_X, 0, 0, 4),
        (_IF_EQUAL, 0, 1, identifier),
        (_RETURN, 0, 0, _WHOLE),
        (_RETURN, 0, 0, 0),
    ]


def _to_icmp_over_ipv4(protocol: Protocol) -> list[Instruction]:
    """X at the echo's header: the reply's own, or that of the request which an error quotes."""
    return [
        (_X_IP_HEADER, 0, 0, 0),
        (_A_BYTE_X, 0, 0, 0),
        (_IF_EQUAL, 6, 0, protocol.reply),
        (_A_BYTE_X, 0, 0, ERROR_BYTES),
        (_AND, 0, 0, 15),
        (_SHIFT_LEFT, 0, 0, 2),
        (_ADD, 0, 0, ERROR_BYTES),
        (_ADD_X, 0, 0, 0),
        (_X_FROM_A, 0, 0, 0),
    ]


def _to_icmp_over_ipv6(protocol: Protocol) -> list[Instruction]:
    return [
        (_A_BYTE, 0, 0, 0),
        (_X_SET, 0, 0, 0),
        (_IF_EQUAL, 1, 0, protocol.reply),
        (_X_SET, 0, 0, ERROR_BYTES + IPV6_HEADER_BYTES),
    ]
