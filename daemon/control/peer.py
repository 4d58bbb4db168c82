"""Who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED)."""

import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Final

from aiohttp import web

_CREDENTIALS: Final = struct.Struct("3i")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who is at the other end of a connection, as the kernel says."""

    uid: int

    @property
    def name(self) -> str:
        """The user's name, or the number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


def peer_of(request: web.BaseRequest) -> Peer:
    """Who sent a request."""
    connection = request.get_extra_info("socket")
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(packed)
    return Peer(uid=uid)
