"""A door: what it is called, what it puts up with, and what every answer of it carries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from daemon.metrics import DoorMetrics

SERVER: Final = "slad"
SECURITY_HEADERS: Final = {
    "Server": SERVER,
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "deny",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one door puts up with.

    `connections` are those of callers that were let in, `strangers` those of all others; `requests` are worked on at
    once. `request_s` bounds the work on a request, its answer included; None for no bound. A reader has to take
    `progress_bytes` in every `progress_s`.
    """

    connections: int = 256
    strangers: int = 64
    requests: int = 64
    handshake_s: float = 10.0
    head_s: float = 10.0
    request_s: float | None = 30.0
    keepalive_s: float = 75.0
    progress_s: float = 10.0
    progress_bytes: int = 16 * 1024
    leave_s: float = 10.0
    header_bytes: int = 8190
    body_bytes: int = 64 * 1024
    body_s: float = 10.0
    shutdown_s: float = 2.0


DEFAULT_LIMITS: Final = Limits()


def no_headers() -> Mapping[str, str]:
    """Those of a door that has none of its own."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One door. `headers` gives those that it has at the moment besides slad's own, and in place of them."""

    name: str
    limits: Limits = DEFAULT_LIMITS
    headers: Callable[[], Mapping[str, str]] = no_headers
    metrics: DoorMetrics = field(default_factory=DoorMetrics)

    def secure(self, response: web.StreamResponse) -> None:
        """Give an answer the headers that every answer carries; those that it has of its own accord, stay."""
        response.headers["Server"] = SERVER
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.update(self.headers())
