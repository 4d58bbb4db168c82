"""TCP connections: to a target's addresses in turn, from where the target is to be tried from.

The kernel does the handshake and times it, so nothing here depends on how busy the event loop is: when it wakes up
late, the socket still tells what came of the connection. Silence is the far side's only where our own link stood.
"""

import asyncio
import errno
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple, TypeVar

from probes.targets.handshakes import Handshakes
from probes.targets.path import Paths, packed
from probes.targets.result import Reason, Result, reason_here, unknown
from sla.records import State

_BIND_ADDRESS_NO_PORT: Final = 24
_TCP_INFO: Final = Struct("=B67xI")
"""The state, and the smoothed round-trip time in microseconds."""
_SYN_SENT: Final = 2
_IN_PROGRESS: Final = (0, errno.EINPROGRESS)

_NO_PORT: Final = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
"""What connect is refused with when no port of this machine is left."""
_THERE: Final = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.EHOSTUNREACH: Reason.UNREACHABLE,
    errno.ENETUNREACH: Reason.UNREACHABLE,
    errno.EHOSTDOWN: Reason.UNREACHABLE,
    errno.ENONET: Reason.UNREACHABLE,
    errno.ENOPROTOOPT: Reason.UNREACHABLE,
    errno.EACCES: Reason.UNREACHABLE,  # IPv6: administratively prohibited
    errno.EPROTO: Reason.UNREACHABLE,
}
"""What an attempt that was under way ends with: a reset, or what ICMP says."""
_AFTER_HANDSHAKE: Final = (errno.ECONNRESET, errno.EPIPE)
_OF_NO_ANSWER: Final = (Reason.TIMEOUT, Reason.UNREACHABLE)

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where to try targets from: an address of this machine, an interface, or neither."""

    address: str | None = None
    interface: str | None = None


class Connected(NamedTuple):
    """A connection, which whoever has it closes. `rtt_us`: from the SYN to its answer."""

    socket: socket.socket
    rtt_us: int


class Connections:
    """Connections from one origin. On the running loop, until closed."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._paths = Paths(address=origin.address, interface=origin.interface)
        self._handshakes = Handshakes()
        self._loop = asyncio.get_running_loop()
        if self._paths.fileno() >= 0:
            self._loop.add_reader(self._paths.fileno(), self._listen)

    def close(self) -> None:
        """Make no more; those that were made are whose they are."""
        if self._paths.fileno() >= 0:
            self._loop.remove_reader(self._paths.fileno())
        self._paths.close()
        self._handshakes.close()

    async def connect(self, addresses: Sequence[str], port: int, deadline_s: float) -> Connected | Result:
        """A connection to the first of the addresses that gives one. `deadline_s`: by the loop's clock."""

        async def to_one(address: str, until_s: float) -> Connected | Result:
            return await self._connect(address, port, until_s)

        return await in_turn(addresses, self._origin, deadline_s, to_one)

    async def _connect(self, address: str, port: int, deadline_s: float) -> Connected | Result:
        try:
            sock = socket.socket(_family(address), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            return _refused_here(error.errno, "no socket could be opened")
        since_ns = time.monotonic_ns()
        result: Connected | Result | None = None
        try:
            result = _bind(sock, self._origin) or await self._handshake(sock, address, port, deadline_s)
        finally:
            if not isinstance(result, Connected):
                sock.close()
        if isinstance(result, Result) and result.reason in _OF_NO_ANSWER:
            return self._trouble(address, since_ns) or result
        return result

    async def _handshake(
        self, sock: socket.socket, address: str, port: int, deadline_s: float
    ) -> Connected | Result:
        started_s = self._loop.time()
        try:
            number = sock.connect_ex((address, port))
        except socket.gaierror as error:  # the interface that it names behind a % is not there
            return unknown(Reason.NO_ROUTE, f"{address}: {error.strerror}")
        if number not in _IN_PROGRESS:
            return _refused_here(number, f"cannot connect to {address}")
        await self._handshakes.ended(sock.fileno(), deadline_s)
        state, rtt_us = _TCP_INFO.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number and number not in _AFTER_HANDSHAKE:
            return _failed_there(number, address)
        if state == _SYN_SENT:
            return Result(state=State.DOWN, reason=Reason.TIMEOUT, text=f"{address} did not answer in time")
        if sock.getsockname()[:2] == (address, port):  # a free port of this machine that met itself
            return _failed_there(errno.ECONNREFUSED, address)
        return Connected(sock, rtt_us or round((self._loop.time() - started_s) * 1e6))

    def _trouble(self, address: str, since_ns: int) -> Result | None:
        """What on this host may be why an address did not answer."""
        if "%" in address:  # the kernel would take another way for it
            return None
        self._listen()
        trouble = self._paths.trouble(packed(address), since_ns)
        return unknown(Reason.NO_ROUTE, f"{address}: {trouble}") if trouble else None

    def _listen(self) -> None:
        self._paths.listen(time.monotonic_ns())


async def in_turn(
    addresses: Sequence[str],
    origin: Origin,
    deadline_s: float,
    attempt: Callable[[str, float], Awaitable[_Found | Result]],
) -> _Found | Result:
    """The first good outcome; each address has an equal share of the time that is left.

    Without one: unknown, if an address could not be tried for a fault of ours. Only a version of IP that this machine has
    no way for does not count beside another that was tried.
    """
    usable = [
        each for each in addresses if origin.address is None or _family(each) == _family(origin.address)
    ]
    if not usable:
        return unknown(Reason.NO_ROUTE, f"has no address of the version of IP of {origin.address}")
    loop = asyncio.get_running_loop()
    failures: list[Result] = []
    for place, address in enumerate(usable):
        now_s = loop.time()
        if now_s >= deadline_s:
            failures.append(unknown(Reason.OVERRUN, f"there was no time left to try {address}"))
            break
        outcome = await attempt(address, now_s + (deadline_s - now_s) / (len(usable) - place))
        if not isinstance(outcome, Result) or outcome.state is State.UP:
            return outcome
        failures.append(outcome)
    return _weightiest(failures)


def _weightiest(failures: Sequence[Result]) -> Result:
    def weight(failure: Result) -> int:
        if failure.state is State.DOWN:
            return 1
        return 0 if failure.reason is Reason.NO_ROUTE else 2

    return max(failures, key=weight)


def _bind(sock: socket.socket, origin: Origin) -> Result | None:
    try:
        if origin.interface is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, origin.interface.encode())
        if origin.address is not None:
            # Else bind would take one of 28,000 ports for each connection, and not only for each destination.
            sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            sock.bind((origin.address, 0))
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV):
            return unknown(Reason.NO_ROUTE, f"{origin.address or origin.interface} is not on this machine")
        return _refused_here(error.errno, f"cannot use {origin.interface or origin.address}")
    return None


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _refused_here(number: int | None, what: str) -> Result:
    return unknown(_reason_here(number or 0), f"{what}: {os.strerror(number or 0)}")


def _failed_there(number: int, address: str) -> Result:
    reason = _THERE.get(number)
    text = f"{address}: {os.strerror(number)}"
    if reason is None:
        return unknown(_reason_here(number), text)
    return Result(state=State.DOWN, reason=reason, text=text)


def _reason_here(number: int) -> Reason:
    return Reason.NO_RESOURCES if number in _NO_PORT else reason_here(number)
