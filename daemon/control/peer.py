"""Who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED)."""

import pwd
from dataclasses import dataclass

from aiohttp import web

from daemon.web.callers import uid_of


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
    return Peer(uid=uid_of(request.get_extra_info("socket")))
