"""The handlers of lists that are read a page at a time."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from daemon.control import query
from daemon.control.operation import ApiServices, QueryParameter
from daemon.control.paging import USUAL_ROWS, cursor_behind
from daemon.control.questions import OutagesAsked, Page, PageKey, ServersAsked
from daemon.control.reading import shown
from daemon.control.routes import MOST_ROWS, ServerOrder
from daemon.records.bodies import INSTANT_SCHEMA
from daemon.replies.events import EventList
from daemon.replies.hub import DisagreementList
from daemon.replies.outages import IncidentList, OutageList
from daemon.replies.servers import ServerList
from sla.disagreements import DisagreementKind
from sla.records import CauseKind, State

_TEXT: Final = {"type": "string", "minLength": 1}
_CAUSES: Final[Mapping[str, CauseKind | None]] = {cause.value: cause for cause in CauseKind}
_STATES: Final[Mapping[str, State | None]] = {state.word: state for state in State}
_KINDS: Final[Mapping[str, DisagreementKind | None]] = {kind.value: kind for kind in DisagreementKind}
_ORDERS: Final = {order.value: order for order in ServerOrder}


def _one_of(*words: str) -> Mapping[str, Any]:
    return {"type": "string", "enum": list(words)}


_CLIENT: Final = QueryParameter("client", "Only those of a client, by its id.", _TEXT)
_SOLUTION: Final = QueryParameter("solution", "Only those of a solution, by its id.", _TEXT)
_CURSOR: Final = (
    QueryParameter(
        "limit",
        "So many at most.",
        {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": USUAL_ROWS},
    ),
    QueryParameter("cursor", "`next` of the page before, with the same filters.", _TEXT),
)
OUTAGE_QUERY: Final = (
    _CLIENT,
    _SOLUTION,
    QueryParameter("server", "Only those of a server, by its id or its name.", _TEXT),
    QueryParameter("from", "Only those that last to after this instant.", INSTANT_SCHEMA),
    QueryParameter("until", "Only those that began before this instant.", INSTANT_SCHEMA),
    QueryParameter(
        "month",
        "Only those in a month, YYYY-MM, local to each client; in place of `from` and `until`.",
        {"type": "string", "pattern": "^(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])$"},
    ),
    QueryParameter("open", "Only those that last."),
    QueryParameter("cause", "Only those with a cause.", _one_of(*(cause.value for cause in CauseKind))),
    QueryParameter(
        "sort", "The order: by when they began.", {**_one_of("newest", "oldest"), "default": "newest"}
    ),
    *_CURSOR,
)
SERVER_QUERY: Final = (
    _CLIENT,
    _SOLUTION,
    QueryParameter("state", "Only those in a state.", _one_of(*(state.word for state in State))),
    QueryParameter(
        "name", "Only those whose name fits a pattern: `*` is any text, `?` one character.", _TEXT
    ),
    QueryParameter(
        "sort",
        "The order: `worst` has those that are down the longest first, and then those with the least budget left"
        " this month; `since` those that changed last first.",
        {**_one_of(*(order.value for order in ServerOrder)), "default": ServerOrder.NAME.value},
    ),
    *_CURSOR,
)
EVENT_QUERY: Final = (
    QueryParameter("server", "The server, by its id or its name.", _TEXT, required=True),
    *_CURSOR,
)

DISAGREEMENT_QUERY: Final = (
    QueryParameter("kind", "Only those of a kind.", _one_of(*(kind.value for kind in DisagreementKind))),
    *_CURSOR,
)

_OUTAGE_KEY: Final[PageKey] = (0, "")
SERVER_KEYS: Final[Mapping[ServerOrder, PageKey]] = {
    ServerOrder.NAME: ("", ""),
    ServerOrder.SINCE: (0, ""),
    ServerOrder.WORST: (0, 0, ""),
}
_EVENT_KEY: Final[PageKey] = (0,)
DISAGREEMENT_KEY: Final[PageKey] = (0, "")


async def list_outages(services: ApiServices, request: web.Request) -> web.Response:
    """Outages."""
    asked = _outages_asked(request)
    question = "outages", asked
    found = await services.control.outages(asked, _page(request, question, _OUTAGE_KEY))
    return shown(OutageList(outages=found.rows, next=cursor_behind(question, found)))


async def list_incidents(services: ApiServices, request: web.Request) -> web.Response:
    """Incidents."""
    asked = _outages_asked(request)
    question = "incidents", asked
    found = await services.control.incidents(asked, _page(request, question, _OUTAGE_KEY))
    return shown(IncidentList(incidents=found.rows, next=cursor_behind(question, found)))


async def list_servers(services: ApiServices, request: web.Request) -> web.Response:
    """Servers in service."""
    asked = ServersAsked(
        client=query.text(request, "client"),
        solution=query.text(request, "solution"),
        state=query.chosen(request, "state", _STATES, None),
        name=query.text(request, "name"),
        order=query.chosen(request, "sort", _ORDERS, ServerOrder.NAME),
    )
    question = "servers", asked
    found = await services.control.servers(asked, _page(request, question, SERVER_KEYS[asked.order]))
    return shown(ServerList(servers=found.rows, next=cursor_behind(question, found)))


async def list_events(services: ApiServices, request: web.Request) -> web.Response:
    """Events that name a server."""
    server = query.text(request, "server")
    if server is None:
        raise query.bad("server", "is missing: the id or the name of a server")
    question = "events", server
    name, found = await services.control.events(server, _page(request, question, _EVENT_KEY))
    return shown(EventList(server=name, events=found.rows, next=cursor_behind(question, found)))


async def list_disagreements(services: ApiServices, request: web.Request) -> web.Response:
    """What monitors say differently; 404 where this is no hub."""
    kind = query.chosen(request, "kind", _KINDS, None)
    question = "disagreements", kind
    found = await services.control.disagreements(kind, _page(request, question, DISAGREEMENT_KEY))
    return shown(DisagreementList(disagreements=found.rows, next=cursor_behind(question, found)))


def _outages_asked(request: web.Request) -> OutagesAsked:
    since, until = query.instant(request, "from"), query.instant(request, "until")
    month = query.month(request, "month")
    if month is not None and (since is not None or until is not None):
        raise query.bad("month", "takes the place of from and until: leave out one or the other")
    if since is not None and until is not None and since >= until:
        raise query.bad("until", "must be after from")
    return OutagesAsked(
        client=query.text(request, "client"),
        solution=query.text(request, "solution"),
        server=query.text(request, "server"),
        since=since,
        until=until,
        month=month,
        is_open=query.flag(request, "open"),
        cause=query.chosen(request, "cause", _CAUSES, None),
        oldest_first=query.chosen(request, "sort", {"newest": False, "oldest": True}, usual=False),
    )


def _page(request: web.Request, question: object, example: PageKey) -> Page:
    rows = query.number(request, "limit", most=MOST_ROWS, usual=USUAL_ROWS)
    return query.page(request, question, example, rows)
