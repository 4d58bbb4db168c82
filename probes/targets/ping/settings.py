"""How to ping, what every backend offers, and why pings cannot be sent.

PingError                   pings cannot be sent as configured
  PingForbiddenError        net.ipv4.ping_group_range, or a missing CAP_NET_RAW, forbids the socket
  PingSourceError           the source address or interface cannot be used
  PingBackendError          the backend is not installed, or may not be used here
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from probes.targets.ping.echo_socket import RECEIVE_BUFFER_BYTES
from probes.targets.result import Result

DEFAULT_RATE: Final = 25_000
_PING_GROUP_RANGE: Final = (
    "net.ipv4.ping_group_range forbids ping sockets to this process's groups: install deploy/systemd/99-slad-ping.conf "
    "as /etc/sysctl.d/99-slad-ping.conf, then run `sysctl --system`"
)


class PingError(Exception):
    """Pings cannot be sent as configured."""


class PingForbiddenError(PingError):
    """The kernel forbids the socket."""


class PingSourceError(PingError):
    """The source address or interface cannot be used."""


class PingBackendError(PingError):
    """The backend is not installed, or may not be used here."""


class Backend(StrEnum):
    """What sends the pings. `AUTO`: a datagram socket, and where that is forbidden a raw one."""

    DATAGRAM = "datagram"
    RAW = "raw"
    AUTO = "auto"
    AIOPING = "aioping"


@dataclass(frozen=True, slots=True, kw_only=True)
class PingSettings:
    """How to ping. `address` or `interface`, or neither, is where from; `rate` is pings a second, None without limit.

    `receive_buffer_bytes`: see `echo_socket`.
    """

    backend: Backend = Backend.DATAGRAM
    address: str | None = None
    interface: str | None = None
    rate: int | None = DEFAULT_RATE
    receive_buffer_bytes: int = RECEIVE_BUFFER_BYTES


class Pings(Protocol):
    """What every backend offers."""

    async def ping(self, address: str, timeout_s: float) -> Result:
        """Ping one numeric address. Raises ValueError if it is none."""
        ...

    async def ping_all(self, addresses: Sequence[str], timeout_s: float) -> list[Result]:
        """Ping every address once; results in their order. The time-out runs from each ping's sending."""
        ...


def forbidden(*, raw: bool) -> str:
    """What to do where the kernel forbids the socket."""
    return "a raw ICMP socket needs the capability CAP_NET_RAW" if raw else _PING_GROUP_RANGE
