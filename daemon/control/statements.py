"""The handlers of statements that were issued; `daemon.control.reading` has that of what is known now."""

import re
from http import HTTPStatus
from typing import Final

from aiohttp import web

from daemon.control.errors import BadRequestError, refusal
from daemon.control.operation import ApiServices, QueryParameter
from daemon.control.questions import BusyError
from daemon.records.bodies import read_month
from daemon.records.refusals import FieldFault
from sla.calendars import Month

_SCHEMA: Final = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

VERSION: Final = QueryParameter("version", "By default the newest.", _SCHEMA)
VERSION_OR_NOW: Final = QueryParameter(
    "version", "The later of the two. Left out: what is known now, beside the newest version.", _SCHEMA
)


async def listed(services: ApiServices, request: web.Request) -> web.Response:
    """The versions of issued statements."""
    month = _month(request.query["month"]) if "month" in request.query else None
    found = services.control.issued(request.query.get("client"), month)
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
    version = request.query.get("version")
    if version is not None and not _NUMBER.fullmatch(version):
        raise BadRequestError(
            HTTPStatus.BAD_REQUEST, [FieldFault("version", "must be a whole number from 1 on")]
        )
    named = request.match_info
    return named["client"], _month(named["month"]), None if version is None else int(version)


def _month(text: str) -> Month:
    try:
        return read_month(text)
    except ValueError as error:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, [FieldFault("month", str(error))]) from None
