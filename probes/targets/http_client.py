"""The aiohttp client session of the HTTP probe.

Its connections are made by `Connections`, as those of the TCP probe are, so that a fault of ours is known as one; each
request has its own. No cookies, no proxies, no second try behind our back.
"""

import asyncio
import errno
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

from probes.targets.connect import Connections
from probes.targets.resolve import Resolver, resolve_by
from probes.targets.result import Reason, Result
from sla.instants import SECOND, Instant
from sla.records import State

if TYPE_CHECKING:  # neither is needed at run time, nor public
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.tracing import Trace

_HEADERS: Final = {"User-Agent": "slad", "Accept": "*/*", "Accept-Encoding": "identity"}
_TLS_SHUTDOWN_S: Final = 1.0
_LAST_WORD_S: Final = 0.01
"""So much before the try ends a connection is given up, since it can tell why it did not come."""
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None, connect=None)


class TryEndedError(Exception):
    """A try came to its end before there was a response."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.text)
        self.result = result


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One try, as it goes on: what it waits for, how long names took to resolve, which certificate was shown."""

    deadline_s: float
    waits_for: str = "a connection"
    resolving_s: float = 0.0
    certificate_expires_at: Instant | None = None


_ATTEMPT: ContextVar[Attempt] = ContextVar("_ATTEMPT")


@contextmanager
def underway(attempt: Attempt) -> Iterator[None]:
    """The requests made within belong to this attempt."""
    token = _ATTEMPT.set(attempt)
    try:
        yield
    finally:
        _ATTEMPT.reset(token)


@asynccontextmanager
async def open_session(
    resolver: Resolver, connections: Connections, tls: ssl.SSLContext
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that connects by `connections` and verifies certificates by `tls`. Time is limited by the caller."""
    async with aiohttp.ClientSession(
        connector=_Connector(resolver, connections, tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
        timeout=_NO_TIMEOUT,
        middlewares=(_once,),
    ) as session:
        yield session


def judge_error(error: aiohttp.ClientError) -> Result:
    """What an error in the course of a request says of the target."""
    reason, text = Reason.PROTOCOL, str(error)
    if isinstance(error, OSError) and error.errno in (errno.ECONNRESET, errno.EPIPE):
        reason, text = Reason.RESET, "the connection was reset"
    elif isinstance(error, aiohttp.ServerDisconnectedError):
        text = "the connection was closed without a response"
    elif isinstance(error, aiohttp.TooManyRedirects):
        reason, text = Reason.STATUS, "was redirected too often"
    elif isinstance(error, aiohttp.ClientResponseError):
        text = error.message
    return Result(state=State.DOWN, reason=reason, text=" ".join(text.split()) or type(error).__name__)


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a request whose connection broke."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise TryEndedError(judge_error(error)) from error


class _Connector(aiohttp.BaseConnector):
    """Gives each request a connection of its own."""

    def __init__(self, resolver: Resolver, connections: Connections, tls: ssl.SSLContext) -> None:
        super().__init__(force_close=True, limit=0)  # whoever probes has one
        self._resolver = resolver
        self._connections = connections
        self._tls = tls

    async def _create_connection(
        self,
        req: "ClientRequest",
        traces: "list[Trace]",  # noqa: ARG002  aiohttp's signature
        timeout: aiohttp.ClientTimeout,  # noqa: ARG002, ASYNC109  the same
    ) -> ResponseHandler:
        attempt = _ATTEMPT.get()
        assert req.port is not None, "http and https have one by default"
        addresses = await self._addresses(req.host, attempt)
        connected = await self._connections.connect(addresses, req.port, _connect_by(attempt.deadline_s))
        if isinstance(connected, Result):
            raise TryEndedError(connected)
        secure: dict[str, Any] = {}
        if req.is_ssl():
            attempt.waits_for = "the TLS handshake"
            secure = {
                "ssl": self._tls,
                "server_hostname": req.host.rstrip("."),
                "ssl_shutdown_timeout": _TLS_SHUTDOWN_S,
            }
        try:
            transport, protocol = await self._loop.create_connection(
                self._factory, sock=connected.socket, **secure
            )
        except OSError as error:  # ssl.SSLError is one
            raise TryEndedError(_tls_failure(error)) from error
        if secure and attempt.certificate_expires_at is None:
            attempt.certificate_expires_at = _expiry(transport.get_extra_info("ssl_object"))
        attempt.waits_for = "a response"
        return protocol

    async def _addresses(self, host: str, attempt: Attempt) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        addresses = await self._resolver.addresses(host, resolve_by(attempt.deadline_s))
        attempt.resolving_s += loop.time() - started_s
        if isinstance(addresses, Result):
            raise TryEndedError(addresses)
        return addresses


def _connect_by(deadline_s: float) -> float:
    left_s = deadline_s - asyncio.get_running_loop().time()
    return deadline_s - min(_LAST_WORD_S, left_s / 2)


def _expiry(tls: ssl.SSLObject) -> Instant:
    """The first instant at which the certificate is no longer valid."""
    certificate = tls.getpeercert()
    assert certificate, "a verified peer has shown a certificate"
    return Instant((ssl.cert_time_to_seconds(str(certificate["notAfter"])) + 1) * SECOND)


def _tls_failure(error: OSError) -> Result:
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"the certificate is not accepted: {error.verify_message}"
    elif isinstance(error, ssl.SSLError):
        text = f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}"
    else:
        text = "the connection ended during the TLS handshake"
    return Result(state=State.DOWN, reason=Reason.TLS, text=text)
