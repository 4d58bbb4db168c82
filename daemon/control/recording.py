"""Routes of what people record, and of what they recorded."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web

from daemon.control.errors import BadRequestError, check_query
from daemon.control.identity import who_asks
from daemon.control.openapi import document
from daemon.records.refusals import FieldFault, RefusedError
from daemon.records.service import Answer, RecordCall, RecordService
from daemon.web.connections import Handler
from sla.decoding import LineError, parse_line

BODY_S: Final = 10.0
"""How long a body may take to arrive."""
KEY: Final = "Idempotency-Key"
REPLAY: Final = "Idempotent-Replay"

_PRINTABLE: Final = re.compile(r"[\x20-\x7e]{1,200}")
_FLAGS: Final = {"true": True, "false": False}

_log = structlog.get_logger(__name__)

Post = Callable[[RecordCall], Awaitable[Answer]]
PostTo = Callable[[str, RecordCall], Awaitable[Answer]]


def record_routes(records: RecordService) -> Iterable[web.RouteDef]:
    """The routes."""
    return (
        web.post("/v1/maintenance", _post(records.announce)),
        web.get("/v1/maintenance", _get("past", lambda past: records.maintenance(past=past))),
        web.post("/v1/maintenance/{id}/withdraw", _post_to(records.withdraw_maintenance)),
        web.post("/v1/exclusions", _post(records.exclude)),
        web.get("/v1/exclusions", _get("past", lambda past: records.exclusions(past=past))),
        web.post("/v1/exclusions/{id}/end", _post_to(records.end_exclusion)),
        web.post("/v1/exclusions/{id}/withdraw", _post_to(records.withdraw_exclusion)),
        web.post("/v1/requests", _post(records.open_request)),
        web.get("/v1/requests", _get("open", lambda only_open: records.requests(only_open=only_open))),
        web.post("/v1/requests/{id}/respond", _post_to(records.respond)),
        web.post("/v1/requests/{id}/close", _post_to(records.close_request)),
        web.post("/v1/notices", _post(records.give_notice)),
        web.post("/v1/lifecycle", _post(records.record_step)),
        web.get("/v1/clients", _get_all(records.clients)),
        web.get("/v1/clients/{id}", _get_one(records.client)),
        web.get("/v1/openapi.json", _document),
    )


def _post(record: Post) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        return await _recorded(request, record)

    return handle


def _post_to(record: PostTo) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        return await _recorded(request, partial(record, request.match_info["id"]))

    return handle


def _get(flag: str, show: Callable[[bool], Awaitable[Answer]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        return _answered(await show(_flag(request, flag)))

    return handle


def _get_all(show: Callable[[], Awaitable[Answer]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        check_query(request, ())
        return _answered(await show())

    return handle


def _get_one(show: Callable[[str], Awaitable[Answer]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        check_query(request, ())
        return _answered(await show(request.match_info["id"]))

    return handle


async def _document(request: web.Request) -> web.Response:
    check_query(request, ())
    return web.json_response(document())


async def _recorded(request: web.Request, record: Post) -> web.Response:
    """What a request comes to; every refusal of it is logged."""
    call = await _call(request)
    try:
        return _answered(await record(call))
    except RefusedError as error:
        _log.info("record_refused", operation=call.operation, by=call.by, reason=str(error))
        raise


def _answered(answer: Answer) -> web.Response:
    response = web.Response(
        body=answer.body,
        content_type="application/json",
        status=HTTPStatus.CREATED if answer.recorded else HTTPStatus.OK,
    )
    if answer.replayed:
        response.headers[REPLAY] = "true"
    return response


async def _call(request: web.Request) -> RecordCall:
    """What a request asks to have recorded. Raises BadRequestError, and aiohttp's 413."""
    dry_run = _flag(request, "dry_run")
    return RecordCall(
        by=who_asks(request),
        key=_key(request),
        dry_run=dry_run,
        operation=f"{request.method} {request.path}",
        said=await _said(request),
    )


def _flag(request: web.Request, name: str) -> bool:
    """A query parameter that is true or false; false where it is not there."""
    check_query(request, (name,))
    given = request.query.get(name, "false")
    if given not in _FLAGS:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, [FieldFault(name, "must be true or false")])
    return _FLAGS[given]


def _key(request: web.Request) -> str:
    keys = request.headers.getall(KEY, [])
    if len(keys) != 1 or not _PRINTABLE.fullmatch(keys[0]):
        raise BadRequestError(
            HTTPStatus.BAD_REQUEST,
            [
                FieldFault(
                    KEY,
                    "is needed, once: 1 to 200 printable characters, new for each request and the same when it is"
                    " sent again",
                )
            ],
        )
    return keys[0]


async def _said(request: web.Request) -> Mapping[str, Any]:
    """The JSON object of the body; an empty one where there is no body."""
    if request.can_read_body and request.content_type != "application/json":
        raise BadRequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            [FieldFault("Content-Type", "must be application/json")],
        )
    try:
        async with asyncio.timeout(BODY_S):
            body = await request.read()
    except TimeoutError:
        raise BadRequestError(
            HTTPStatus.REQUEST_TIMEOUT, [FieldFault("", f"the body did not arrive within {BODY_S:g} s")]
        ) from None
    try:
        return parse_line(body) if body else {}
    except LineError as error:
        what = "" if error.key else "the body "
        raise BadRequestError(
            HTTPStatus.BAD_REQUEST, [FieldFault(error.key or "", f"{what}{error.problem}")]
        ) from None
