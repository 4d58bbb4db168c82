"""Errors as JSON: one sentence, and the fields that it is about."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import hdrs, web

from daemon.records.refusals import Fault, NotRecordingError, RefusedError, told
from daemon.web.connections import Handler

_RETRY_S = 5
_FAILED = "slad failed at this request, by a defect of its own: its log says how"

_log = structlog.get_logger(__name__)


class BadRequestError(Exception):
    """A request that cannot be read: why, and the status that says so."""

    def __init__(self, status: HTTPStatus, faults: Iterable[Fault]) -> None:
        """With at least one fault."""
        self.status = status
        self.faults = tuple(faults)
        super().__init__(told(self.faults))


def refusal(status: HTTPStatus, message: str, faults: Iterable[Fault] = (), **more: Any) -> web.Response:
    """An answer that says what is wrong."""
    errors = [fault._asdict() for fault in faults]
    return web.json_response(
        {"error": message, **({"errors": errors} if errors else {}), **more}, status=status
    )


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal as JSON, whoever made it."""
    try:
        response = await handler(request)
    except (RefusedError, BadRequestError) as error:
        answer = refusal(error.status, str(error), error.faults)
        if error.status is HTTPStatus.REQUEST_TIMEOUT:
            answer.force_close()
        return answer
    except NotRecordingError as error:
        busy = refusal(
            HTTPStatus.SERVICE_UNAVAILABLE, f"{error}; send it again with the same Idempotency-Key"
        )
        busy.headers[hdrs.RETRY_AFTER] = str(_RETRY_S)
        return busy
    except web.HTTPException as error:
        answer = refusal(HTTPStatus(error.status), f"{request.method} {request.path}: {error.reason}")
        if hdrs.ALLOW in error.headers:
            answer.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return answer
    except Exception:
        _log.exception("control_failed", method=request.method, path=request.path)
        if request.writer.output_size:  # an answer is under way: only breaking it off tells
            raise
        return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, _FAILED)
    if isinstance(response, web.Response) and response.content_type == "text/plain" and response.text:
        response.text = json.dumps({"error": response.text.strip()})
        response.content_type = "application/json"
    return response
