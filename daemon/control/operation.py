"""An operation of the control API: one method on one path, who handles it, and what the OpenAPI document says of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from aiohttp import web

from daemon.control import routes
from daemon.control.questions import Control
from daemon.control.routes import ApiRoute
from daemon.records.bodies import RequestBody
from daemon.records.refusals import CONFIRMED
from daemon.records.service import RecordService

LINES: Final = "application/x-ndjson"
CALENDAR: Final = "text/calendar"

_FLAG: Final = {"type": "boolean", "default": False}


class QueryParameter(NamedTuple):
    """A query parameter: true or false, and false where it is left out, unless its schema says otherwise."""

    name: str
    description: str
    schema: Mapping[str, Any] = _FLAG
    required: bool = False


CONFIRM: Final = QueryParameter(
    CONFIRMED,
    "Record what slad would ask about first: what lies far from now, or turns a state back.",
)
DRY_RUN: Final = QueryParameter(routes.DRY_RUN, "Only judge and answer, and record nothing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """Whom the handlers ask; `document` gives the OpenAPI document."""

    control: Control
    records: RecordService
    document: Callable[[], Mapping[str, Any]]


OperationHandler = Callable[[ApiServices, web.Request], Awaitable[web.StreamResponse]]
"""Its request has no query parameter but those of the operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is done on one route.

    `answer` is the model of its answers, None for a document of `media_type`; `body` that of what it records; `query` are its
    parameters but for those that all have which record; `refusals` the statuses that not every operation has.
    """

    route: ApiRoute
    id: str
    summary: str
    handler: OperationHandler
    answer: Any
    media_type: str = "application/json"
    body: type[RequestBody] | None = None
    body_needed: bool = True
    query: Sequence[QueryParameter] = ()
    refusals: Sequence[HTTPStatus] = ()

    @property
    def records(self) -> bool:
        """Whether it records something."""
        return self.body is not None

    @property
    def query_parameters(self) -> Sequence[QueryParameter]:
        """All that a request may have."""
        return (*self.query, DRY_RUN, CONFIRM) if self.records else self.query
