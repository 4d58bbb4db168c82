"""Errors as JSON: one sentence, and the fields that it is about."""

from collections.abc import Collection, Iterable
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web

from daemon.ledger import LedgerError
from daemon.records.refusals import (
    CONFIRMED,
    NOTHING_RECORDED,
    AmbiguousNameError,
    FieldFault,
    NotRecordingError,
    RefusedError,
    UnconfirmedError,
    told,
)
from daemon.replies.common import Error, FieldError
from daemon.web.connections import Handler

_RETRY_S = 5
_FAILED = "slad failed at this request, by a defect of its own: its log says how"

_log = structlog.get_logger(__name__)


class BadRequestError(Exception):
    """A request that cannot be read: why, and the status that says so."""

    def __init__(self, status: HTTPStatus, faults: Iterable[FieldFault]) -> None:
        """With at least one fault."""
        self.status = status
        self.faults = tuple(faults)
        super().__init__(told(self.faults))


def refusal(
    status: HTTPStatus, message: str, faults: Iterable[FieldFault] = (), candidates: Iterable[str] = ()
) -> web.Response:
    """An answer that says what is wrong."""
    errors = tuple(FieldError(field=fault.field, message=fault.message) for fault in faults)
    error = Error(error=message, errors=errors, candidates=tuple(candidates))
    return web.Response(body=error.as_json(), content_type="application/json", status=status)


def check_query(request: web.Request, known: Collection[str]) -> None:
    """Refuse parameters that mean nothing: a mistyped dry_run must not record, a mistyped client not export all.

    Raises BadRequestError.
    """
    said = f"known are {', '.join(known)}" if known else "there are none here"
    faults = [FieldFault(name, f"is no parameter: {said}") for name in request.query if name not in known]
    faults += [
        FieldFault(name, "is given twice") for name in known if len(request.query.getall(name, ())) > 1
    ]
    if faults:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, faults)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal as JSON, whoever made it."""
    try:
        response = await handler(request)
    except UnconfirmedError as error:
        return refusal(error.status, f"{error}; send it with {CONFIRMED}=true if that is meant", error.faults)
    except AmbiguousNameError as error:
        return refusal(HTTPStatus.CONFLICT, str(error), candidates=error.candidates)
    except (RefusedError, BadRequestError) as error:
        return refusal(error.status, str(error), error.faults)
    except NotRecordingError as error:
        is_sure = str(error).startswith(NOTHING_RECORDED)
        again = "" if is_sure else "; sent again with the same Idempotency-Key it is recorded once"
        busy = refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}{again}")
        busy.headers[hdrs.RETRY_AFTER] = str(_RETRY_S)
        return busy
    except web.HTTPException as error:
        answer = refusal(HTTPStatus(error.status), f"{request.method} {request.path}: {error.reason}")
        if hdrs.ALLOW in error.headers:
            answer.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return answer
    except ConnectionError:
        raise  # the client hung up, and no answer reaches it
    except LedgerError as error:
        _log.error("control_failed", method=request.method, path=request.path, error=str(error))
        if request.writer.output_size:
            raise
        return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    except Exception:
        _log.exception("control_failed", method=request.method, path=request.path)
        if request.writer.output_size:  # an answer is under way: only breaking it off tells
            raise
        return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, _FAILED)
    if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _too_large(request)
    if isinstance(response, web.Response) and response.content_type == "text/plain" and response.text:
        response.body = Error(error=response.text.strip()).as_json()
        response.content_type = "application/json"
    return response


def _too_large(request: web.Request) -> web.Response:
    """413, and how large a body may be; what is left of it is not read."""
    fault = FieldFault("", f"the body is too large: it may have {request.client_max_size} bytes")
    answer = refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told([fault]), [fault])
    answer.force_close()
    return answer
