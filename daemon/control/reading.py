"""Routes that only show: how the daemon and the fleet are, and the evidence."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from daemon.control.errors import BadRequestError, check_query, refusal
from daemon.control.identity import who_asks
from daemon.control.questions import AmbiguousNameError, Control
from daemon.evidence.export import ExportError
from daemon.records.refusals import FieldFault
from daemon.replies.common import Reply
from sla.instants import Instant, parse_instant

_EXPORT_BYTES: Final = 64 * 1024
_WRITE_S: Final = 60.0

_log = structlog.get_logger(__name__)


def reading_routes(control: Control) -> Iterable[web.RouteDef]:
    """The routes."""
    handlers = _Handlers(control)
    return (
        web.get("/v1/status", handlers.status),
        web.get("/v1/servers/{name}", handlers.server),
        web.get("/v1/solutions", handlers.solutions),
        web.get("/v1/solutions/{client}/{id}", handlers.solution),
        web.get("/v1/export", handlers.export),
    )


class _Handlers:
    """The handlers."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def status(self, request: web.Request) -> web.Response:
        check_query(request, ())
        return _shown(self._control.status())

    async def server(self, request: web.Request) -> web.Response:
        check_query(request, ())
        name = request.match_info["name"]
        try:
            found = self._control.server(name)
        except AmbiguousNameError as error:
            return refusal(HTTPStatus.CONFLICT, f"{name}: {error}", candidates=error.candidates)
        if found is None:
            return refusal(HTTPStatus.NOT_FOUND, f"{name}: there is no such server")
        return _shown(found)

    async def solutions(self, request: web.Request) -> web.Response:
        check_query(request, ())
        return _shown(await self._control.solutions())

    async def solution(self, request: web.Request) -> web.Response:
        check_query(request, ())
        client, name = request.match_info["client"], request.match_info["id"]
        found = self._control.solution(client, name)
        if found is None:
            return refusal(HTTPStatus.NOT_FOUND, f"{name}: client {client} has no such solution")
        return _shown(found)

    async def export(self, request: web.Request) -> web.StreamResponse:
        check_query(request, ("client", "from", "until"))
        client = request.query.get("client")
        lines = self._control.export(client, _instant(request, "from"), _instant(request, "until"))
        try:
            first = await anext(lines, None)
        except ExportError as error:
            return refusal(HTTPStatus.NOT_FOUND, str(error))
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for block in _blocks(_led(first, lines)):
            async with asyncio.timeout(_WRITE_S):
                await response.write(block)
        await response.write_eof()
        _log.info("evidence_exported", by=who_asks(request), client=client)
        return response


def _shown(reply: Reply) -> web.Response:
    return web.Response(body=reply.as_json(), content_type="application/json")


def _instant(request: web.Request, name: str) -> Instant | None:
    """A query parameter that is an instant. Raises BadRequestError."""
    try:
        return parse_instant(request.query[name]) if name in request.query else None
    except ValueError as error:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, [FieldFault(name, str(error))]) from None


async def _led(first: str | None, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    """The lines, the first of which was taken already."""
    if first is not None:
        yield first
    async for line in rest:
        yield line


async def _blocks(lines: AsyncIterator[str]) -> AsyncIterator[bytes]:
    pending: list[bytes] = []
    size = 0
    async for line in lines:
        encoded = line.encode() + b"\n"
        pending.append(encoded)
        size += len(encoded)
        if size >= _EXPORT_BYTES:
            yield b"".join(pending)
            pending.clear()
            size = 0
    if pending:
        yield b"".join(pending)
