"""The addresses of this machine: what answers there is this machine, whatever was to be tried."""

import socket
from struct import Struct
from typing import Final

from probes.targets.netlink import DUMP, MESSAGE_ERROR, ask, attributes, messages, open_netlink
from probes.targets.path import packed

_ADDRESS: Final = Struct("=BBBBI")
"""Family, length of the prefix, flags, scope, link."""
_NEW_ADDRESS: Final = 20
_GET_ADDRESS: Final = 22
_GROUPS: Final = 0x10 | 0x100
"""The multicast groups of changes to addresses, of both versions of IP."""
_PEER: Final = 1
"""`IFA_ADDRESS`: of a link between two that of the other, else the same as the next."""
_LOCAL: Final = 2
_ANY_PORT: Final = 9


class OwnAddresses:
    """Asked for anew whenever the kernel says that some changed, so that each answer is of now.

    Opened with the first question. Where netlink may not be used, the kernel is asked of each address by itself.
    """

    def __init__(self) -> None:
        self._hearing: socket.socket | None = None
        self._asking: socket.socket | None = None
        self._is_open = False
        self._known: frozenset[bytes] | None = None
        """None until they were read, and while something changed since."""
        self._changes = 0

    def close(self) -> None:
        """Give the descriptors back."""
        for sock in (self._hearing, self._asking):
            if sock is not None:
                sock.close()
        self._hearing = self._asking = self._known = None
        self._is_open = False

    def __contains__(self, address: object) -> bool:
        """Whether an IP number is an address of this machine."""
        assert isinstance(address, str)
        known = self._now()
        return _leads_back(address) if known is None else packed(address) in known

    @property
    def changes(self) -> int:
        """How often they were seen to change; always the same where netlink may not be used."""
        self._now()
        return self._changes

    def _now(self) -> frozenset[bytes] | None:
        if not self._is_open:
            self._hearing, self._asking = open_netlink(groups=_GROUPS), open_netlink(groups=0)
            self._is_open = True
        if sum(1 for _ in messages(self._hearing)):  # all of them, or they would tell again
            self._known = None
            self._changes += 1
        if self._known is None and self._hearing is not None and self._asking is not None:
            self._known = _read(self._asking)
        return self._known


def _read(sock: socket.socket) -> frozenset[bytes] | None:
    """All addresses, 4 or 16 bytes each; None where the kernel does not tell."""
    try:
        ask(sock, _GET_ADDRESS, DUMP, _ADDRESS.pack(0, 0, 0, 0, 0))
    except OSError:
        return None
    found: set[bytes] = set()
    for kind, body in messages(sock):
        if kind == MESSAGE_ERROR:
            return None
        if kind == _NEW_ADDRESS:
            told = dict(attributes(body[_ADDRESS.size :]))
            found.add(told.get(_LOCAL, told.get(_PEER, b"")))
    return frozenset(found)


def _leads_back(address: str) -> bool:
    """Whether packets to an address would come from it: nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, _ANY_PORT))
            return packed(str(sock.getsockname()[0])) == packed(address)
    except OSError:  # there is no way to it, so that it is none of this machine's
        return False
