"""Our own part of the way to an address: whether there is a route, and whether its link stood all the while.

Asked of the kernel (rtnetlink), and only of addresses that did not answer: a cable pulled here is nobody's outage but
ours. Where netlink may not be used (a service whose unit allows no AF_NETLINK) every path counts as standing.
"""

import os
import socket
from dataclasses import dataclass
from struct import Struct
from typing import Final

from probes.targets.netlink import (
    DUMP,
    MESSAGE_ERROR,
    ask,
    attribute,
    attributes,
    error_number,
    messages,
    open_netlink,
)
from probes.targets.ping.packets import IPV4, IPV6

_ROUTE: Final = Struct("=BBBBBBBBI")
_LINK: Final = Struct("=BxHiII")
"""Family, type, index, flags, which of them changed."""
_NUMBER: Final = Struct("=I")

_NEW_LINK: Final = 16
_DELETED_LINK: Final = 17
_GET_LINK: Final = 18
_NEW_ROUTE: Final = 24
_GET_ROUTE: Final = 26
_LINKS: Final = 1
"""The multicast group of changes to links."""
_STANDS: Final = 0x1_0001
"""`IFF_UP` and `IFF_LOWER_UP`: the link is on, and has a carrier."""
_TO: Final = 1
_FROM: Final = 2
_THROUGH: Final = 4
_GATEWAY: Final = 5
_VIA: Final = 18
_CARRIER_CHANGES: Final = 35
"""`IFLA_CARRIER_CHANGES`: how often the link came or went."""
_LOCAL: Final = 2
_REFUSING: Final = {6: "a blackhole route", 7: "an unreachable route", 8: "a prohibiting route"}
_FRESH_NS: Final = 5_000_000
_ALWAYS: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How this host would send to an address. `trouble` says why it could not; then the rest means nothing."""

    trouble: str = ""
    local: bool = False
    by_gateway: bool = False
    link: int = 0


class Paths:
    """The paths of packets that leave from an address, or through an interface, where those are given."""

    def __init__(self, *, address: str | None = None, interface: str | None = None) -> None:
        """Listens from now on to changes of links."""
        self._through = interface
        self._from = None if address is None else packed(address)
        self._down_until_ns: dict[int, int] = {}
        self._changes: dict[int, bytes] = {}
        self._asked: set[int] = set()
        self._heard_ns = -_FRESH_NS
        self._asking = open_netlink(groups=0)
        self._listening = open_netlink(groups=_LINKS)
        if self._listening is not None:
            ask(self._listening, _GET_LINK, DUMP, _LINK.pack(0, 0, 0, 0, 0))
            self.listen(0)

    def fileno(self) -> int:
        """Readable when a link has changed: then call `listen`. -1 where netlink may not be used."""
        return -1 if self._listening is None else self._listening.fileno()

    def close(self) -> None:
        """Give the descriptors back."""
        for sock in (self._asking, self._listening):
            if sock is not None:
                sock.close()

    def listen(self, now_ns: int) -> None:
        """Take note of what changed, if we did not just now.

        A link is held to have been down until the moment we hear that it is not.
        """
        if now_ns - self._heard_ns < _FRESH_NS:
            return
        self._asked.clear()
        self._heard_ns = now_ns
        for kind, body in messages(self._listening):
            if kind == MESSAGE_ERROR:  # we missed some, and shall ask
                self._down_until_ns = dict.fromkeys(self._down_until_ns, now_ns)
            elif kind in (_NEW_LINK, _DELETED_LINK):
                self._note(kind, body, now_ns)

    def _note(self, kind: int, body: bytes, now_ns: int) -> None:
        _, _, link, flags, _ = _LINK.unpack_from(body)
        told = dict(attributes(body[_LINK.size :]))
        changes = told.get(_CARRIER_CHANGES, b"")
        if kind == _DELETED_LINK or flags & _STANDS != _STANDS:
            self._down_until_ns[link] = _ALWAYS
        elif self._down_until_ns.get(link) == _ALWAYS or self._changes.get(link, changes) != changes:
            self._down_until_ns[link] = now_ns
        self._changes[link] = changes

    def route(self, packed: bytes) -> Route | None:
        """The route to an address, 4 or 16 bytes of it; None where the kernel does not say."""
        if self._asking is None:
            return None
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        bits = len(packed) * 8
        ours = self._from if self._from is not None and len(self._from) == len(packed) else None
        body = _ROUTE.pack(family, bits, bits if ours else 0, 0, 0, 0, 0, 0, 0) + attribute(_TO, packed)
        if ours:
            body += attribute(_FROM, ours)
        if self._through is not None:
            try:
                body += attribute(_THROUGH, _NUMBER.pack(socket.if_nametoindex(self._through)))
            except OSError:
                return Route(trouble=f"no interface {self._through}")
        ask(self._asking, _GET_ROUTE, 0, body)
        for kind, answer in messages(self._asking):
            if kind == MESSAGE_ERROR:
                return Route(trouble=os.strerror(error_number(answer)))
            if kind == _NEW_ROUTE:
                return _read_route(answer)
        return None

    def trouble(self, packed: bytes, since_ns: int) -> str:
        """Why a packet to the address, or its answer, may have been lost on this host since then; empty: it was not.

        As far as `listen` has heard.
        """
        route = self.route(packed)
        if route is None:
            return ""
        if route.trouble:
            return route.trouble
        self._ask_about(route.link)
        return "the link was down" if self._down_until_ns.get(route.link, 0) >= since_ns else ""

    def _ask_about(self, link: int) -> None:
        """Once between calls of `listen`: the kernel's own news is up to a second late."""
        if self._asking is None or link in self._asked:
            return
        self._asked.add(link)
        ask(self._asking, _GET_LINK, 0, _LINK.pack(0, 0, link, 0, 0))
        for kind, body in messages(self._asking):
            if kind == _NEW_LINK:
                self._note(kind, body, self._heard_ns)

    def is_local(self, packed: bytes) -> bool:
        """Whether the address is this host's own."""
        route = self.route(packed)
        return route is not None and route.local


def _read_route(answer: bytes) -> Route:
    kind = _ROUTE.unpack_from(answer)[7]
    if kind in _REFUSING:
        return Route(trouble=_REFUSING[kind])
    told = dict(attributes(answer[_ROUTE.size :]))
    link = _NUMBER.unpack(told[_THROUGH])[0] if _THROUGH in told else 0
    return Route(local=kind == _LOCAL, by_gateway=bool({_GATEWAY, _VIA} & told.keys()), link=link)


def packed(address: str) -> bytes:
    """An address as the kernel has it: 4 or 16 bytes, without the interface behind a %. Raises OSError if it is none."""
    protocol = IPV6 if ":" in address else IPV4
    return socket.inet_pton(protocol.family, address.partition("%")[0])
