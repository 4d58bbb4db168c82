"""By which hosts a door may be asked for, and from which pages written to.

A page that rebinds its own name to the monitor's address is of one origin with it in the eyes of a browser, and tells
itself apart by that name alone: so `Host` has to be a host that slad knows itself by. A number cannot be rebound; it has
to be the one at which the request came in, a loopback number, or configured. The port proves nothing, and a tunnel
changes it: it is not compared.
"""

import math
import re
import socket
import time
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import structlog
from aiohttp import HttpVersion11, hdrs, web

from daemon.web.connections import Handler
from daemon.web.door import Door

_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<number>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]{1,254}))(?::[0-9]{0,5})?", re.ASCII
)
_TOLD: Final = 32
_TOLD_AGAIN_S: Final = 3600.0
"""How many different refusals the log tells of in how long: a browser can be made to invent names without end."""
_SAFE: Final = (hdrs.METH_GET, hdrs.METH_HEAD)

_log = structlog.get_logger(__name__)


class UnknownHostError(Exception):
    """A request for a host that the door is not known by; the message says what to configure."""


class Hosts:
    """The hosts that a door is known by, without ports."""

    def __init__(self, door: Door, section: str, hosts: Iterable[str]) -> None:
        """`hosts`: what is listened on and configured, besides this machine's name; `section` of slad.toml has them."""
        self._door = door
        self._section = section
        self._told: set[str] = set()
        self._told_since_s = -math.inf
        """What the log was told of, and since when that is remembered, by the monotonic clock."""
        self._known = frozenset(filter(None, map(host_of, map(_bracketed, (*own_names(), *hosts)))))

    def middleware(self) -> Any:
        """Let in requests for a host that is known, and none that writes from a page of another origin."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                self._check_hosts(request)
            except ValueError as error:
                return self._refused("host", HTTPStatus.BAD_REQUEST, str(error), request)
            except UnknownHostError as error:
                return self._refused("host", HTTPStatus.MISDIRECTED_REQUEST, str(error), request)
            if request.method not in _SAFE and _is_of_another_origin(request):
                return self._refused(
                    "origin", HTTPStatus.FORBIDDEN, "a web page of another origin may not write", request
                )
            return await handler(request)

        return middleware

    def _check_hosts(self, request: web.Request) -> None:
        """Every host that the request names. Raises ValueError for what is no host, and UnknownHostError."""
        given = request.headers.getall(hdrs.HOST, [])
        if len(given) > 1:
            raise ValueError("a request has one Host")
        if not given and request.version >= HttpVersion11:
            raise ValueError("a request needs a Host")
        target = request._message.url  # noqa: SLF001  aiohttp shows the target with its host nowhere else
        for authority in (*given, *([target.raw_authority] if target.absolute else [])):
            host = host_of(authority)
            if host is None:
                raise ValueError("this is no Host")
            if not self._is_known(host, request):
                raise UnknownHostError(
                    f'slad is not known as {host} here: where that is right, write hosts = ["{host}"] under '
                    f"[{self._section}] in slad.toml and restart slad"
                )

    def _is_known(self, host: str, request: web.Request) -> bool:
        if host in self._known:
            return True
        local, _, _ = request.get_extra_info("sockname")[0].partition("%")  # a link's number may have a zone
        try:
            return ip_address(host).is_loopback or host == host_of(_bracketed(local))
        except ValueError:
            return False

    def _refused(self, reason: str, status: HTTPStatus, text: str, request: web.Request) -> web.Response:
        self._door.metrics.refused(self._door.name, reason)
        if time.monotonic() - self._told_since_s > _TOLD_AGAIN_S:
            self._told_since_s = time.monotonic()
            self._told.clear()
        if text not in self._told and len(self._told) < _TOLD:
            self._told.add(text)
            _log.warning("request_refused", door=self._door.name, remote=request.remote, reason=text)
        refused = web.Response(status=status, text=f"{text}\n")
        refused.force_close()
        return refused


def own_names() -> Sequence[str]:
    """By which every door is known: this machine's own names, which no name service is asked for."""
    name = socket.gethostname()
    return "localhost", name, name.partition(".")[0]


def host_of(authority: str) -> str | None:
    """The host of `host`, `host:port` or `[number]:port`, in its one spelling; None for what is no such thing."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        return None
    host = match["number"] or match["name"].removesuffix(".").lower()
    try:
        number = ip_address(host)
    except ValueError:
        return host if match["name"] and host else None
    mapped = number.ipv4_mapped if isinstance(number, IPv6Address) else None
    return str(mapped or number)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_of_another_origin(request: web.Request) -> bool:
    """What the browser says, and where it is too old to say: whether the page is not of the host that is asked."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get(hdrs.ORIGIN)
    host = request.headers.get(hdrs.HOST, "")
    return origin is not None and origin.lower().partition("://")[2] != host.lower()
