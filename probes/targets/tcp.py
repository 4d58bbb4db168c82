"""The probe `tcp://HOST:PORT`: up when the port takes a connection; not a byte is sent.

A connection is closed by a reset (`SO_LINGER` 0). A FIN would leave one socket in TIME_WAIT, or in FIN_WAIT where the
far side never closes, for a minute after each try: at 40,000 targets every 10 seconds that is 240,000 sockets, more than
the kernel keeps. A reset leaves nothing behind, here or there. What a server does once it has accepted, a reset of its
own too, is not looked at: whether we would see it in time is chance.
"""

import socket
from struct import pack
from typing import Final

from probes.targets.resolve import resolve_by
from probes.targets.result import Result
from probes.targets.target import Target
from probes.targets.tools import Tools
from sla.records import State

_RESET_ON_CLOSE: Final = pack("ii", 1, 0)


async def probe_tcp(target: Target, tools: Tools, deadline_s: float) -> Result:
    """Connect. The round-trip time is the kernel's own, of the handshake."""
    addresses = await tools.resolver.addresses(target.host, resolve_by(deadline_s))
    if isinstance(addresses, Result):
        return addresses
    connected = await tools.connections.connect(addresses, target.port, deadline_s)
    if isinstance(connected, Result):
        return connected
    connected.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connected.socket.close()
    return Result(state=State.UP, rtt_us=connected.rtt_us)
