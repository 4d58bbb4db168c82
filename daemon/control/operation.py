"""An operation of the control API: one method on one path, who handles it, and what the OpenAPI document says of it."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from aiohttp import web

from daemon.control.questions import Control
from daemon.records.bodies import RequestBody
from daemon.records.refusals import CONFIRMED
from daemon.records.service import RecordService

LINES: Final = "application/x-ndjson"
CALENDAR: Final = "text/calendar"

_FLAG: Final = {"type": "boolean", "default": False}
_NAME: Final = re.compile(r"\{(\w+)\}")


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
DRY_RUN: Final = QueryParameter("dry_run", "Only judge and answer, and record nothing.")


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
    """One method on the path that `template` makes of names.

    `answer` is the model of its answers, None for a document of `media_type`; `body` that of what it records; `query` are its
    parameters but for those that all have which record; `refusals` the statuses that not every operation has.
    """

    method: str
    template: str
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

    @property
    def names(self) -> Sequence[str]:
        """What the path is made of, in its order."""
        return _NAME.findall(self.template)

    @property
    def pattern(self) -> str:
        """The template as a route: a name may have braces too, which aiohttp would not let it have."""
        return _NAME.sub(r"{\1:[^/]+}", self.template)

    def path(self, **names: str) -> str:
        """The path of some names, each of which is one segment whatever its characters are."""
        assert sorted(names) == sorted(self.names), f"{self.template} is made of other names"
        return _NAME.sub(lambda name: segment(names[name[1]]), self.template)


def segment(name: str) -> str:
    """A name as one segment of a path: dots alone would be steps up in it."""
    return quote(name, safe="", errors="surrogatepass") if name.strip(".") else name.replace(".", "%2E")
