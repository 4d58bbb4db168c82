"""Tokens: who may use the control door on TCP, and for what.

The configuration has their digests alone (`daemon.new_tokens`). What is stolen is taken back by removing its table and reloading.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import hdrs, web

from daemon.clock import Clock
from daemon.control.errors import refusal
from daemon.control.identity import let_in
from daemon.new_tokens import digest_of_token
from daemon.web.access import Bucket
from daemon.web.connections import Handler
from sla.instants import Instant, format_instant

_FAILURES_AT_ONCE: Final = 10
_FAILURE_INTERVAL_S: Final = 1.0
_READING: Final = (hdrs.METH_GET, hdrs.METH_HEAD)

_log = structlog.get_logger(__name__)


class Role(Enum):
    """What a token is good for."""

    READ = "read"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token, as the configuration knows it. It holds before `expires_at`."""

    name: str
    role: Role
    sha256: bytes
    expires_at: Instant | None


class Gate:
    """Who gets in by which token. `tokens` may be replaced at any time; the next request counts by the new ones."""

    def __init__(self, tokens: Sequence[Token], clock: Clock) -> None:
        self.tokens = tuple(tokens)
        self._clock = clock
        self._failures = Bucket(clock)

    def middleware(self) -> Any:
        """Let in whoever has a token for it."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            given = _bearer(request.headers.getall(hdrs.AUTHORIZATION, []))
            token = None if given is None else self._found(given)
            if token is None:
                return self._refused(request, "needs a token" if given is None else "the token is wrong")
            if token.expires_at is not None and self._clock.now() >= token.expires_at:
                return self._refused(
                    request, f"the token {token.name} expired at {format_instant(token.expires_at)}"
                )
            if token.role is Role.READ and request.method not in _READING:
                _log.warning("token_refused", token=token.name, path=request.path, reason="may only read")
                forbidden = refusal(
                    HTTPStatus.FORBIDDEN,
                    f'the token {token.name} has the role "read": to record needs one with the role "record"',
                )
                forbidden.headers[hdrs.WWW_AUTHENTICATE] = (
                    'Bearer realm="slad", error="insufficient_scope", scope="record"'
                )
                return forbidden
            let_in(request, f"token:{token.name}")
            return await handler(request)

        return middleware

    def _found(self, given: str) -> Token | None:
        """The token whose digest it is; every one is compared, whichever it is."""
        digest = digest_of_token(given)
        found = [token for token in self.tokens if hmac.compare_digest(token.sha256, digest)]
        return found[0] if found else None

    def _refused(self, request: web.Request, reason: str) -> web.Response:
        """401, or 429 where there have been many: who has a good token never waits for those who have none."""
        if not self._failures.take(_FAILURE_INTERVAL_S, _FAILURES_AT_ONCE):
            many = refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests with no good token")
            many.headers[hdrs.RETRY_AFTER] = "1"
            many.force_close()
            return many
        _log.warning("token_refused", remote=request.remote, path=request.path, reason=reason)
        answer = refusal(HTTPStatus.UNAUTHORIZED, f"{reason}: send Authorization: Bearer TOKEN")
        error = ', error="invalid_token"' if hdrs.AUTHORIZATION in request.headers else ""
        answer.headers[hdrs.WWW_AUTHENTICATE] = f'Bearer realm="slad"{error}'
        return answer


def _bearer(headers: Sequence[str]) -> str | None:
    """The token of the only Authorization header (RFC 6750), None for anything else."""
    if len(headers) != 1:
        return None
    scheme, _, token = headers[0].partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.isascii() else None
