"""The handlers of what people record, and of what they recorded."""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final, get_args

import structlog
from aiohttp import web

from daemon.control import query
from daemon.control.errors import BadRequestError
from daemon.control.identity import who_asks
from daemon.control.operation import CONFIRM, DRY_RUN, ApiServices, OperationHandler, QueryParameter
from daemon.records.bodies import INSTANT_SCHEMA, MONTH_SCHEMA
from daemon.records.proposals import WhichProposals
from daemon.records.refusals import FieldFault, RefusedError
from daemon.records.service import Answer, RecordCall, RecordService
from daemon.replies.words import ProposalState
from sla.decoding import LineError, parse_line
from sla.records import ClientId

KEY: Final = "Idempotency-Key"
REPLAY: Final = "Idempotent-Replay"
PAST: Final = QueryParameter("past", "Those that are past or withdrawn too.")
PAST_LINKS: Final = QueryParameter("past", "Those too that have expired or were taken back.")
OPEN: Final = QueryParameter("open", "Only those that are neither closed nor withdrawn.")
WITHDRAWN: Final = QueryParameter("withdrawn", "Those that are withdrawn too.")

CALENDAR_QUERY: Final = (
    QueryParameter("client", "Only what concerns one client, as it may be shown to it.", {"type": "string"}),
    QueryParameter(
        "from", "Only windows that end after this instant. Left out: 92 days back.", INSTANT_SCHEMA
    ),
    QueryParameter("until", "Only windows that begin before it. Left out: 366 days ahead.", INSTANT_SCHEMA),
)
CLIENT: Final = QueryParameter("client", "Only those of this client.", {"type": "string"})
MONTH: Final = QueryParameter(
    "month",
    "Only those that touch this local month.",
    MONTH_SCHEMA,
)
_STATES: Final[Mapping[str, ProposalState | None]] = {
    **{state: state for state in get_args(ProposalState)},
    "all": None,
}
STATE: Final = QueryParameter(
    "state",
    "Only those in this state.",
    {"type": "string", "enum": list(_STATES), "default": "pending"},
)

_PRINTABLE: Final = re.compile(r"[\x20-\x7e]{1,200}")

_log = structlog.get_logger(__name__)


def recorded(record: Callable[[RecordService, RecordCall], Awaitable[Answer]]) -> OperationHandler:
    """The handler that has something recorded."""

    async def handle(services: ApiServices, request: web.Request) -> web.Response:
        return await _recorded(request, partial(record, services.records))

    return handle


def recorded_of(record: Callable[[RecordService, str, RecordCall], Awaitable[Answer]]) -> OperationHandler:
    """The handler that has something recorded of what the path names by its `id`."""

    async def handle(services: ApiServices, request: web.Request) -> web.Response:
        return await _recorded(request, partial(record, services.records, request.match_info["id"]))

    return handle


async def list_maintenance(services: ApiServices, request: web.Request) -> web.Response:
    """The maintenance windows."""
    return _answered(await services.records.maintenance(past=query.flag(request, PAST.name)))


async def calendar(services: ApiServices, request: web.Request) -> web.Response:
    """The maintenance windows of a span, judged; 404 for a client that is not on record."""
    client = request.query.get("client")
    span = query.instant(request, "from"), query.instant(request, "until")
    return _answered(await services.records.calendar(client, *span))


async def list_exclusions(services: ApiServices, request: web.Request) -> web.Response:
    """The exclusions for other reasons."""
    return _answered(await services.records.exclusions(past=query.flag(request, PAST.name)))


async def list_proposals(services: ApiServices, request: web.Request) -> web.Response:
    """The proposals; 400 for a month or a state that is none."""
    client = request.query.get(CLIENT.name)
    which = WhichProposals(
        client=None if client is None else ClientId(client),
        month=query.month(request, MONTH.name),
        state=query.chosen(request, STATE.name, _STATES, "pending"),
    )
    return _answered(await services.records.proposals(which))


async def proposal(services: ApiServices, request: web.Request) -> web.Response:
    """One proposal."""
    return _answered(await services.records.proposal(request.match_info["id"]))


async def list_requests(services: ApiServices, request: web.Request) -> web.Response:
    """The service requests."""
    return _answered(await services.records.requests(only_open=query.flag(request, OPEN.name)))


async def list_notices(services: ApiServices, request: web.Request) -> web.Response:
    """The notices of intent to cancel."""
    return _answered(await services.records.notices(withdrawn=query.flag(request, WITHDRAWN.name)))


async def list_steps(services: ApiServices, request: web.Request) -> web.Response:
    """The steps in the lives of solutions."""
    return _answered(await services.records.steps(withdrawn=query.flag(request, WITHDRAWN.name)))


async def list_links(services: ApiServices, request: web.Request) -> web.Response:
    """The links for clients."""
    client = request.query.get(CLIENT.name)
    return _answered(await services.records.links(client, past=query.flag(request, PAST_LINKS.name)))


async def list_clients(services: ApiServices, _: web.Request) -> web.Response:
    """The clients."""
    return _answered(await services.records.clients())


async def client(services: ApiServices, request: web.Request) -> web.Response:
    """One client."""
    return _answered(await services.records.client(request.match_info["id"]))


async def accept_clock(services: ApiServices, request: web.Request) -> web.Response:
    """Have the wall clock believed; 409 where it is, or cannot be."""
    status = await services.control.accept_clock(who_asks(request))
    return web.Response(body=status.as_json(), content_type="application/json")


async def _recorded(request: web.Request, record: Callable[[RecordCall], Awaitable[Answer]]) -> web.Response:
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
    dry_run, confirmed = query.flag(request, DRY_RUN.name), query.flag(request, CONFIRM.name)
    return RecordCall(
        by=who_asks(request),
        key=_key(request),
        dry_run=dry_run,
        confirmed=confirmed,
        operation=f"{request.method} {request.path}",
        said=await _said(request),
    )


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
    body = await request.read()
    if body and request.content_type != "application/json":
        raise BadRequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            [FieldFault("Content-Type", "must be application/json")],
        )
    try:
        return parse_line(body) if body else {}
    except LineError as error:
        what = "" if error.key else "the body "
        raise BadRequestError(
            HTTPStatus.BAD_REQUEST, [FieldFault(error.key or "", f"{what}{error.problem}")]
        ) from None
