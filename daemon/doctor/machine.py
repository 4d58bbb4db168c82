"""What slad needs of the machine besides files and addresses."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from daemon.doctor.finding import Finding, ok, warn
from daemon.timezones import time_zone_release

_SYSTEM_ZONES: Final = Path("/usr/share/zoneinfo/tzdata.zi")


def machine() -> Iterator[Finding]:
    """Time zones, and the right to ping."""
    ours, theirs = time_zone_release(), _system_zone_release()
    if theirs in (None, ours):
        yield ok("time zones", f"slad's own data, release {ours}")
    else:
        yield warn(
            "time zones",
            f"slad goes by its own data, release {ours}; this machine's is {theirs}, and other programs may show"
            " other local times",
            "update the older: the package tzdata here, or slad",
        )
    yield _ping()


def _system_zone_release() -> str | None:
    try:
        with _SYSTEM_ZONES.open(encoding="ascii") as file:
            first = file.readline()
    except (OSError, UnicodeDecodeError):
        return None
    return first.removeprefix("# version ").strip()


def _ping() -> Finding:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except OSError:
        return warn(
            "ping",
            "this group may not open ping sockets: the Internet leg cannot be watched by ICMP",
            "sysctl -w net.ipv4.ping_group_range='0 2147483647', as 99-slad-ping.conf does at each boot",
        )
    return ok("ping", "ping sockets can be opened, without any capability")
