"""The handlers of statements that were issued; `daemon.control.reading` has that of what is known now."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from daemon.control import query
from daemon.control.errors import refusal
from daemon.control.operation import ApiServices, QueryParameter
from daemon.control.questions import BusyError
from sla.calendars import Month

_MOST: Final = 999_999_999
_SCHEMA: Final = {"type": "integer", "minimum": 1, "maximum": _MOST}

VERSION: Final = QueryParameter("version", "By default the newest.", _SCHEMA)
VERSION_OR_NOW: Final = QueryParameter(
    "version", "The later of the two. Left out: what is known now, beside the newest version.", _SCHEMA
)


async def listed(services: ApiServices, request: web.Request) -> web.Response:
    """The versions of issued statements."""
    found = services.control.issued(request.query.get("client"), query.month(request, "month"))
    return web.Response(body=found.as_json(), content_type="application/json")


async def issued(services: ApiServices, request: web.Request) -> web.Response:
    """The bytes of a version; 404 where there is none, or they are not in this ledger."""
    document = await services.control.issued_document(*_statement(request))
    return web.Response(body=document, content_type="application/json")


async def difference(services: ApiServices, request: web.Request) -> web.Response:
    """What differs between two versions; 404 where there are not two."""
    try:
        document = await services.control.difference(*_statement(request))
    except BusyError as error:
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    return web.Response(body=document, content_type="application/json")


def _statement(request: web.Request) -> tuple[str, Month, int | None]:
    """The client, month and version that are asked for. Raises BadRequestError."""
    version = query.number(request, "version", most=_MOST, usual=1) if "version" in request.query else None
    named = request.match_info
    return named["client"], query.as_month("month", named["month"]), version
