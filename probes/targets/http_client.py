"""The HTTP client of the probe: one GET on a connection of its own, and redirects where they are to be followed.

Connections are made by `Connections`, as those of the TCP probe are, so that a fault of ours is known as one. No
cookies, no proxies, no second try. aiohttp's client is not used: its parser refuses much that browsers show, and reads
ahead into bodies that nobody asked for.
"""

import asyncio
import errno
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urldefrag, urljoin, urlsplit

import idna

from probes.targets.certificates import chain_ends_at
from probes.targets.connect import Connections
from probes.targets.http_response import LimitError, NoHttpError, ResponseError, ResponseHead, read_head
from probes.targets.incoming import Incoming
from probes.targets.resolve import Resolver, resolve_by
from probes.targets.result import Reason, Result, unknown
from probes.targets.target import Method, Target, bracketed, parse_target
from sla.instants import Instant
from sla.records import State
from sla.texts import printable

MAX_REDIRECTS: Final = 20
"""As many as browsers follow."""

_FIELDS: Final = "User-Agent: slad\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_TLS_SHUTDOWN_S: Final = 1.0
_LAST_WORD_S: Final = 0.01
"""So much before the try ends a connection is given up, since it can tell why it did not come."""
_SHOWN_BYTES: Final = 200
_VISIBLE: Final = "".join(map(chr, range(ord("!"), ord("~") + 1)))


class TryEndedError(Exception):
    """A try came to its end before there was a response."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.text)
        self.result = result


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One try, as it goes on: what it waits for, how long names took to resolve, when the first chain shown ends."""

    deadline_s: float
    waits_for: str = "a connection"
    resolving_s: float = 0.0
    certificate_expires_at: Instant | None = None


class HttpResponse(NamedTuple):
    """The head of a response, and where its body comes from."""

    head: ResponseHead
    incoming: Incoming


class HttpClient:
    """Connects by `connections` and verifies certificates by `tls`. Time is limited by the caller."""

    def __init__(self, resolver: Resolver, connections: Connections, tls: ssl.SSLContext) -> None:
        self._resolver = resolver
        self._connections = connections
        self._tls = tls
        self._loop = asyncio.get_running_loop()

    @asynccontextmanager
    async def get(self, target: Target, attempt: Attempt) -> AsyncIterator[HttpResponse]:
        """The response to a GET, the last one where redirects are followed; the connection is closed at the end.

        Raises TryEndedError; of what is read from the response see `http_response`.
        """
        sets_cookies = False
        for _ in range(MAX_REDIRECTS + 1):
            async with self._asked(target, attempt) as response:
                location = response.head.first("location")
                sets_cookies |= bool(response.head.first("set-cookie"))
                if not (target.follow_redirects and location and response.head.status in _REDIRECTS):
                    yield response
                    return
            target = _redirected(target, location)
        if sets_cookies:
            text = "was redirected too often, and with cookies, which slad keeps none of"
            raise TryEndedError(unknown(Reason.UNREADABLE, text))
        raise TryEndedError(Result(state=State.DOWN, reason=Reason.STATUS, text="was redirected too often"))

    @asynccontextmanager
    async def _asked(self, target: Target, attempt: Attempt) -> AsyncIterator[HttpResponse]:
        transport, incoming = await self._connected(target, attempt)
        try:
            transport.write(f"GET {target.path} HTTP/1.1\r\nHost: {_host(target)}\r\n{_FIELDS}".encode())
            attempt.waits_for = "a response"
            yield HttpResponse(await read_head(incoming), incoming)
        finally:
            transport.close()

    async def _connected(self, target: Target, attempt: Attempt) -> tuple[asyncio.Transport, Incoming]:
        attempt.waits_for = "a connection"
        addresses = await self._addresses(target.host, attempt)
        connected = await self._connections.connect(addresses, target.port, self._connect_by(attempt))
        if isinstance(connected, Result):
            raise TryEndedError(connected)
        secure: dict[str, Any] = {}
        if target.method is Method.HTTPS:
            attempt.waits_for = "the TLS handshake"
            secure = {
                "ssl": self._tls,
                "server_hostname": target.host.rstrip("."),
                "ssl_shutdown_timeout": _TLS_SHUTDOWN_S,
            }
        try:
            transport, incoming = await self._loop.create_connection(
                Incoming, sock=connected.socket, **secure
            )
        except OSError as error:  # ssl.SSLError is one
            raise TryEndedError(_tls_failure(error)) from error
        if secure and attempt.certificate_expires_at is None:
            attempt.certificate_expires_at = chain_ends_at(transport.get_extra_info("ssl_object"))
        return transport, incoming

    async def _addresses(self, host: str, attempt: Attempt) -> tuple[str, ...]:
        started_s = self._loop.time()
        addresses = await self._resolver.addresses(host, resolve_by(attempt.deadline_s))
        attempt.resolving_s += self._loop.time() - started_s
        if isinstance(addresses, Result):
            raise TryEndedError(addresses)
        return addresses

    def _connect_by(self, attempt: Attempt) -> float:
        left_s = attempt.deadline_s - self._loop.time()
        return attempt.deadline_s - min(_LAST_WORD_S, left_s / 2)


def judge_error(error: ResponseError | OSError) -> Result:
    """What it says of the target that its response could not be read."""
    match error:
        case LimitError():
            return unknown(Reason.UNREADABLE, str(error))
        case ResponseError():
            return Result(state=State.DOWN, reason=Reason.PROTOCOL, text=str(error))
        case ssl.SSLError():
            return _tls_failure(error)
        case OSError(errno=errno.ECONNRESET | errno.EPIPE):
            return Result(state=State.DOWN, reason=Reason.RESET, text="the connection was reset")
        case _:
            return Result(state=State.DOWN, reason=Reason.PROTOCOL, text=f"the connection broke: {error}")


def _host(target: Target) -> str:
    """What the field Host says: the host, and its port unless it is the method's own (RFC 9112 §3.2)."""
    authority = replace(target, host=target.host.rstrip("."), path="").text
    return authority.partition("://")[2]


def _redirected(target: Target, location: str) -> Target:
    """Where a redirect leads, with what is asked of the target. Raises TryEndedError where that cannot be followed."""
    try:
        location = location.encode("latin-1").decode()
    except UnicodeDecodeError:
        pass  # it is Latin-1
    try:
        there = _page_at(urldefrag(urljoin(target.text, location)).url)
    except ValueError:
        text = f"redirects to {told(location)}, which is no address of a page"
        raise TryEndedError(judge_error(NoHttpError(text))) from None
    return replace(target, method=there.method, host=there.host, port=there.port, path=there.path)


def _page_at(url: str) -> Target:
    """A page by its URL, as browsers take it: letters beyond ASCII are encoded. Raises ValueError, TryEndedError."""
    parts = urlsplit(url)
    if parts.scheme not in (Method.HTTP, Method.HTTPS):
        raise ValueError(f"{parts.scheme} is not HTTP")
    if parts.username is not None:
        text = "redirects to an address with a user in it, and slad logs in nowhere"
        raise TryEndedError(unknown(Reason.UNREADABLE, text))
    host = parts.hostname or ""
    host = bracketed(host) if host.isascii() else _in_ascii(host)
    port = "" if parts.port is None else f":{parts.port}"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return replace(parse_target(f"{parts.scheme}://{host}{port}/"), path=quote(path, safe=_VISIBLE))


def _in_ascii(host: str) -> str:
    """A host's name for the DNS, as browsers have it (UTS #46). Raises UnicodeError where it is none."""
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:  # browsers resolve symbols too, which IDNA 2008 has not
        return host.encode("idna").decode()


def told(text: str) -> str:
    """What a server said, as it may stand in a line for people: cut short, and nothing that steers a terminal."""
    return printable(text, _SHOWN_BYTES)


def _tls_failure(error: OSError) -> Result:
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"the certificate is not accepted: {error.verify_message}"
    elif isinstance(error, ssl.SSLError):
        text = f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}"
    else:
        text = "the connection ended during the TLS handshake"
    return Result(state=State.DOWN, reason=Reason.TLS, text=text)
