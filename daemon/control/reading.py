"""The handlers that show how the daemon and the fleet are, the evidence, and the document of the API itself."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from daemon.control import query
from daemon.control.errors import refusal
from daemon.control.identity import who_asks
from daemon.control.operation import CALENDAR, LINES, ApiServices
from daemon.control.questions import BusyError
from daemon.evidence.export import ExportError
from daemon.ledger import LedgerError
from daemon.replies.common import Error, Reply
from sla.client_document import NoDocumentError

_EXPORT_BYTES: Final = 64 * 1024

_log = structlog.get_logger(__name__)


async def status(services: ApiServices, _: web.Request) -> web.Response:
    """How the daemon and the fleet are."""
    return shown(services.control.status())


async def users(services: ApiServices, _: web.Request) -> web.Response:
    """The users whom events name."""
    return shown(await services.control.users())


async def clock(services: ApiServices, _: web.Request) -> web.Response:
    """What slad takes for the time."""
    return shown(services.control.clock())


async def server(services: ApiServices, request: web.Request) -> web.Response:
    """One server: 404 for a name that none has, 409 for one of several."""
    return shown(services.control.server(request.match_info["name"]))


async def list_solutions(services: ApiServices, _: web.Request) -> web.Response:
    """The solutions that have something to say."""
    return shown(await services.control.solutions())


async def solution(services: ApiServices, request: web.Request) -> web.Response:
    """One solution: 404 where its client has none of that id."""
    client, name = request.match_info["client"], request.match_info["id"]
    found = services.control.solution(client, name)
    if found is None:
        return refusal(HTTPStatus.NOT_FOUND, f"{name}: client {client} has no such solution")
    return shown(found)


async def document(services: ApiServices, _: web.Request) -> web.Response:
    """The OpenAPI document."""
    return web.json_response(services.document())


async def calendar_file(services: ApiServices, request: web.Request) -> web.Response:
    """Maintenance as an iCalendar file; 404 for a client that is not on record."""
    found = await services.control.windows(
        request.query.get("client"), query.instant(request, "from"), query.instant(request, "until")
    )
    return web.Response(body=found, content_type=CALENDAR, charset="utf-8")


async def statement(services: ApiServices, request: web.Request) -> web.Response:
    """The statement of a client: 404 for a client that is not on record, and for a month that has not begun."""
    client, month, as_of = (
        query.needed(request, "client"),
        query.needed_month(request),
        query.instant(request, "as_of"),
    )
    try:
        document = await services.control.statement(client, month, as_of)
    except NoDocumentError as error:
        return refusal(HTTPStatus.NOT_FOUND, str(error))
    except BusyError as error:
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    return web.Response(body=document, content_type="application/json")


async def letterhead(services: ApiServices, request: web.Request) -> web.Response:
    """Whose the statements of a client are."""
    return shown(services.control.letterhead(query.needed(request, "client")))


async def export(services: ApiServices, request: web.Request) -> web.StreamResponse:
    """The evidence, a record a line; 404 for a client that is not on record."""
    client = request.query.get("client")
    lines = services.control.export(client, query.instant(request, "from"), query.instant(request, "until"))
    try:
        first = await anext(lines, None)
    except ExportError as error:
        return refusal(HTTPStatus.NOT_FOUND, str(error))
    response = web.StreamResponse(headers={"Content-Type": LINES})
    response.enable_chunked_encoding()
    await response.prepare(request)
    async for block in _blocks(_led(first, lines)):
        await response.write(block)
    await response.write_eof()
    _log.info("evidence_exported", by=who_asks(request), client=client)
    return response


def shown(reply: Reply) -> web.Response:
    """An answer."""
    return web.Response(body=reply.as_json(), content_type="application/json")


async def _led(first: str | None, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    """The lines, the first of which was taken already."""
    if first is not None:
        yield first
    async for line in rest:
        yield line


async def _blocks(lines: AsyncIterator[str]) -> AsyncIterator[bytes]:
    pending: list[bytes] = []
    size = 0
    try:
        async for line in lines:
            encoded = line.encode() + b"\n"
            pending.append(encoded)
            size += len(encoded)
            if size >= _EXPORT_BYTES:
                yield b"".join(pending)
                pending.clear()
                size = 0
    except (
        LedgerError
    ) as error:  # too late for another status: the last line says what the answer is broken off for
        yield b"".join((*pending, Error(error=str(error)).as_json(), b"\n"))
        raise
    if pending:
        yield b"".join(pending)
