"""Who asks, as the records will name them: set by the door that let them in."""

from typing import Final

from aiohttp import web

from daemon.control.peer import peer_of
from daemon.web.connections import Handler

_WHO: Final = web.RequestKey("who", str)


def who_asks(request: web.Request) -> str:
    """`uid:1000 (ann)` on the Unix socket, `token:NAME` on TCP."""
    return request[_WHO]


def let_in(request: web.Request, who: str) -> None:
    """Name who asks."""
    request[_WHO] = who


@web.middleware
async def by_peer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in whoever could open the Unix socket, by the name of the user."""
    peer = peer_of(request)
    let_in(request, f"uid:{peer.uid} ({peer.name})")
    return await handler(request)
