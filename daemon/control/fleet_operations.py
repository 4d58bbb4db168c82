"""The operations that ask about the daemon, the fleet and its clients."""

from http import HTTPStatus
from typing import Any, Final

from daemon.control import listing, reading, recording, routes, statements
from daemon.control.operation import LINES, Operation, QueryParameter
from daemon.records import bodies
from daemon.replies.clients import ClientList, ClientStatus
from daemon.replies.clock import ClockStatus
from daemon.replies.events import EventList
from daemon.replies.hub import DisagreementList
from daemon.replies.outages import IncidentList, OutageList
from daemon.replies.servers import ServerList, ServerStatus
from daemon.replies.solutions import (
    SolutionList,
    SolutionStatus,
)
from daemon.replies.statements import IssuedList, LetterheadStatus
from daemon.replies.status import Status
from daemon.replies.users import UserList

_NOT_FOUND: Final = (HTTPStatus.NOT_FOUND,)

_OF_CLIENT: Final = QueryParameter("client", "The client's id.", {"type": "string"}, required=True)

STATUS: Final = Operation(
    route=routes.STATUS,
    id="status",
    summary="How the daemon and the fleet are.",
    handler=reading.status,
    answer=Status,
)

LIST_USERS: Final = Operation(
    route=routes.LIST_USERS,
    id="listUsers",
    summary="The users of the vCenters whom events of the last 40 days name that causes rest on.",
    handler=reading.users,
    answer=UserList,
    refusals=_NOT_FOUND,
)

CLOCK: Final = Operation(
    route=routes.CLOCK,
    id="clock",
    summary="What slad takes for the time, and what the wall clock shows.",
    handler=reading.clock,
    answer=ClockStatus,
)

ACCEPT_CLOCK: Final = Operation(
    route=routes.ACCEPT_CLOCK,
    id="acceptClock",
    summary="Have slad believe at once what the wall clock shows; who did is put on record.",
    handler=recording.accept_clock,
    answer=ClockStatus,
    refusals=(HTTPStatus.CONFLICT,),
)

SERVER: Final = Operation(
    route=routes.SERVER,
    id="server",
    summary="One virtual server, by its id or its name.",
    handler=reading.server,
    answer=ServerStatus,
    refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)

LIST_SERVERS: Final = Operation(
    route=routes.LIST_SERVERS,
    id="listServers",
    summary="The virtual servers in service, a page at a time.",
    handler=listing.list_servers,
    answer=ServerList,
    query=listing.SERVER_QUERY,
    refusals=_NOT_FOUND,
)

LIST_OUTAGES: Final = Operation(
    route=routes.LIST_OUTAGES,
    id="listOutages",
    summary="The outages of servers, a page at a time: each with what brought it about, and what excluded it.",
    handler=listing.list_outages,
    answer=OutageList,
    query=listing.OUTAGE_QUERY,
    refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)

LIST_INCIDENTS: Final = Operation(
    route=routes.LIST_INCIDENTS,
    id="listIncidents",
    summary="The same outages, those as one of which one thing was the cause.",
    handler=listing.list_incidents,
    answer=IncidentList,
    query=listing.OUTAGE_QUERY,
    refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)

LIST_EVENTS: Final = Operation(
    route=routes.LIST_EVENTS,
    id="listEvents",
    summary="What vCenter reported that names a server, a page at a time.",
    handler=listing.list_events,
    answer=EventList,
    query=listing.EVENT_QUERY,
    refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)

LIST_SOLUTIONS: Final = Operation(
    route=routes.LIST_SOLUTIONS,
    id="listSolutions",
    summary="The solutions: interruptions, chronic outages, deadlines.",
    handler=reading.list_solutions,
    answer=SolutionList,
)

SOLUTION: Final = Operation(
    route=routes.SOLUTION,
    id="solution",
    summary="One solution of a client, by its id; a lone server's id is one.",
    handler=reading.solution,
    answer=SolutionStatus,
    refusals=_NOT_FOUND,
)

EXPORT: Final = Operation(
    route=routes.EXPORT,
    id="export",
    summary="The evidence, a record a line.",
    handler=reading.export,
    answer=None,
    media_type=LINES,
    query=(
        QueryParameter("client", "Only what concerns one client.", {"type": "string"}),
        QueryParameter("from", "Of observations only those from this instant on.", bodies.INSTANT_SCHEMA),
        QueryParameter("until", "Of observations only those before this instant.", bodies.INSTANT_SCHEMA),
    ),
    refusals=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)

STATEMENT: Final = Operation(
    route=routes.STATEMENT,
    id="statement",
    summary="The monthly statement of a client, as a document; `summary.servers` is 0 where none was in service.",
    handler=reading.statement,
    answer=dict[str, Any],
    query=(
        _OF_CLIENT,
        QueryParameter("month", "The client's local calendar month.", bodies.MONTH_SCHEMA, required=True),
        QueryParameter("as_of", "What was known then; by default now.", bodies.INSTANT_SCHEMA),
    ),
    refusals=(HTTPStatus.NOT_FOUND,),
)

LIST_ISSUED: Final = Operation(
    route=routes.LIST_ISSUED,
    id="listIssued",
    summary="The statements that were issued, with all their versions.",
    handler=statements.listed,
    answer=IssuedList,
    query=(
        QueryParameter("client", "Only those of one client.", {"type": "string"}),
        QueryParameter("month", "Only those of one month.", bodies.MONTH_SCHEMA),
    ),
    refusals=_NOT_FOUND,
)

ISSUED_STATEMENT: Final = Operation(
    route=routes.ISSUED_STATEMENT,
    id="issuedStatement",
    summary="An issued statement: the bytes of its document, as they were made.",
    handler=statements.issued,
    answer=dict[str, Any],
    query=(statements.VERSION,),
    refusals=_NOT_FOUND,
)

STATEMENT_DIFFERENCE: Final = Operation(
    route=routes.STATEMENT_DIFFERENCE,
    id="statementDifference",
    summary="What differs between a version and the one before it, and the records that came in between.",
    handler=statements.difference,
    answer=dict[str, Any],
    query=(statements.VERSION_OR_NOW,),
    refusals=_NOT_FOUND,
)

LETTERHEAD: Final = Operation(
    route=routes.LETTERHEAD,
    id="letterhead",
    summary="Whose the statements of a client are, and in which language: what a layout needs beside the document.",
    handler=reading.letterhead,
    answer=LetterheadStatus,
    query=(_OF_CLIENT,),
    refusals=_NOT_FOUND,
)

LIST_CLIENTS: Final = Operation(
    route=routes.LIST_CLIENTS,
    id="listClients",
    summary="The clients.",
    handler=recording.list_clients,
    answer=ClientList,
)

CLIENT: Final = Operation(
    route=routes.CLIENT,
    id="client",
    summary="One client: its terms, its solutions, and what is due.",
    handler=recording.client,
    answer=ClientStatus,
    refusals=_NOT_FOUND,
)

LIST_DISAGREEMENTS: Final = Operation(
    route=routes.LIST_DISAGREEMENTS,
    id="listDisagreements",
    summary="At a hub: what monitors say differently of servers and clients, a page at a time.",
    handler=listing.list_disagreements,
    answer=DisagreementList,
    query=listing.DISAGREEMENT_QUERY,
    refusals=_NOT_FOUND,
)

DOCUMENT: Final = Operation(
    route=routes.DOCUMENT,
    id="document",
    summary="This document.",
    handler=reading.document,
    answer=dict[str, Any],
)

FLEET_OPERATIONS: Final = (
    STATUS,
    LIST_USERS,
    CLOCK,
    ACCEPT_CLOCK,
    SERVER,
    LIST_SERVERS,
    LIST_OUTAGES,
    LIST_INCIDENTS,
    LIST_EVENTS,
    LIST_SOLUTIONS,
    SOLUTION,
    EXPORT,
    STATEMENT,
    LIST_ISSUED,
    ISSUED_STATEMENT,
    STATEMENT_DIFFERENCE,
    LETTERHEAD,
    LIST_CLIENTS,
    CLIENT,
    LIST_DISAGREEMENTS,
    DOCUMENT,
)
