"""Who is at the other end of a connection, as the kernel says."""

import socket
import struct
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

_CREDENTIALS: Final = struct.Struct("3i")
_SITE_BITS: Final = 64
"""How much of an IPv6 number is a site's: one that has any has all the rest."""


def uid_of(connection: socket.socket) -> int:
    """Whose process has the other end of a Unix socket (SO_PEERCRED)."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(packed)
    return int(uid)


def caller_of(connection: socket.socket) -> str:
    """Who shares room with whom: the user on a Unix socket, the number on TCP, of IPv6 the site's."""
    if connection.family == socket.AF_UNIX:
        return f"uid:{uid_of(connection)}"
    try:
        number = ip_address(connection.getpeername()[0].partition("%")[0])
    except OSError:
        return "gone"
    if isinstance(number, IPv6Address):
        return str(ip_network((number, _SITE_BITS), strict=False))
    return str(number)
