"""The table of operations: routes, the OpenAPI document and the client are made of it, and no path is written elsewhere."""

from http import HTTPStatus
from typing import Any, Final

from daemon.control import listing, reading, recording
from daemon.control.operation import Operation, QueryParameter
from daemon.records import bodies
from daemon.records.service import RecordService
from daemon.replies.causes import CauseReceipt
from daemon.replies.clients import ClientList, ClientStatus
from daemon.replies.clock import ClockStatus
from daemon.replies.common import WithdrawalReceipt
from daemon.replies.events import EventList
from daemon.replies.exclusions import (
    EndReceipt,
    ExclusionList,
    ExclusionReceipt,
    MaintenanceList,
    MaintenanceReceipt,
)
from daemon.replies.outages import IncidentList, OutageList
from daemon.replies.requests import RequestList, RequestReceipt
from daemon.replies.servers import ServerList, ServerStatus
from daemon.replies.solutions import (
    NoticeList,
    NoticeReceipt,
    SolutionList,
    SolutionStatus,
    StepList,
    StepReceipt,
)
from daemon.replies.status import Status

_NOT_FOUND: Final = (HTTPStatus.NOT_FOUND,)

STATUS: Final = Operation(
    method="GET",
    template="/v1/status",
    id="status",
    summary="How the daemon and the fleet are.",
    handler=reading.status,
    answer=Status,
)

CLOCK: Final = Operation(
    method="GET",
    template="/v1/clock",
    id="clock",
    summary="What slad takes for the time, and what the wall clock shows.",
    handler=reading.clock,
    answer=ClockStatus,
)

ACCEPT_CLOCK: Final = Operation(
    method="POST",
    template="/v1/clock/accept",
    id="acceptClock",
    summary="Have slad believe at once what the wall clock shows; who did is put on record.",
    handler=recording.accept_clock,
    answer=ClockStatus,
    refusals=(HTTPStatus.CONFLICT,),
)

SERVER: Final = Operation(
    method="GET",
    template="/v1/servers/{name}",
    id="server",
    summary="One virtual server, by its id or its name.",
    handler=reading.server,
    answer=ServerStatus,
    refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)

LIST_SERVERS: Final = Operation(
    method="GET",
    template="/v1/servers",
    id="listServers",
    summary="The virtual servers in service, a page at a time.",
    handler=listing.list_servers,
    answer=ServerList,
    query=listing.SERVER_QUERY,
    refusals=_NOT_FOUND,
)

LIST_OUTAGES: Final = Operation(
    method="GET",
    template="/v1/outages",
    id="listOutages",
    summary="The outages of servers, a page at a time: each with what brought it about, and what excluded it.",
    handler=listing.list_outages,
    answer=OutageList,
    query=listing.OUTAGE_QUERY,
    refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)

LIST_INCIDENTS: Final = Operation(
    method="GET",
    template="/v1/incidents",
    id="listIncidents",
    summary="The same outages, those as one of which one thing was the cause.",
    handler=listing.list_incidents,
    answer=IncidentList,
    query=listing.OUTAGE_QUERY,
    refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)

LIST_EVENTS: Final = Operation(
    method="GET",
    template="/v1/events",
    id="listEvents",
    summary="What vCenter reported that names a server, a page at a time.",
    handler=listing.list_events,
    answer=EventList,
    query=listing.EVENT_QUERY,
    refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)

LIST_SOLUTIONS: Final = Operation(
    method="GET",
    template="/v1/solutions",
    id="listSolutions",
    summary="The solutions: interruptions, chronic outages, deadlines.",
    handler=reading.list_solutions,
    answer=SolutionList,
)

SOLUTION: Final = Operation(
    method="GET",
    template="/v1/solutions/{client}/{id}",
    id="solution",
    summary="One solution of a client, by its id; a lone server's id is one.",
    handler=reading.solution,
    answer=SolutionStatus,
    refusals=_NOT_FOUND,
)

EXPORT: Final = Operation(
    method="GET",
    template="/v1/export",
    id="export",
    summary="The evidence, a record a line.",
    handler=reading.export,
    answer=None,
    query=(
        QueryParameter("client", "Only what concerns one client.", {"type": "string"}),
        QueryParameter("from", "Of observations only those from this instant on.", bodies.INSTANT_SCHEMA),
        QueryParameter("until", "Of observations only those before this instant.", bodies.INSTANT_SCHEMA),
    ),
    refusals=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)

ANNOUNCE_MAINTENANCE: Final = Operation(
    method="POST",
    template="/v1/maintenance",
    id="announceMaintenance",
    summary="Announce a maintenance window; answers what of it will be eligible.",
    handler=recording.recorded(RecordService.announce),
    answer=MaintenanceReceipt,
    body=bodies.MaintenanceBody,
)

LIST_MAINTENANCE: Final = Operation(
    method="GET",
    template="/v1/maintenance",
    id="listMaintenance",
    summary="The maintenance windows.",
    handler=recording.list_maintenance,
    answer=MaintenanceList,
    query=(recording.PAST,),
)

WITHDRAW_MAINTENANCE: Final = Operation(
    method="POST",
    template="/v1/maintenance/{id}/withdraw",
    id="withdrawMaintenance",
    summary="Withdraw a maintenance window.",
    handler=recording.recorded_of(RecordService.withdraw_maintenance),
    answer=WithdrawalReceipt,
    body=bodies.WithdrawalBody,
    refusals=_NOT_FOUND,
)

ADD_EXCLUSION: Final = Operation(
    method="POST",
    template="/v1/exclusions",
    id="addExclusion",
    summary="Exclude time for another reason than maintenance.",
    handler=recording.recorded(RecordService.exclude),
    answer=ExclusionReceipt,
    body=bodies.ExclusionBody,
)

LIST_EXCLUSIONS: Final = Operation(
    method="GET",
    template="/v1/exclusions",
    id="listExclusions",
    summary="The exclusions for other reasons.",
    handler=recording.list_exclusions,
    answer=ExclusionList,
    query=(recording.PAST,),
)

END_EXCLUSION: Final = Operation(
    method="POST",
    template="/v1/exclusions/{id}/end",
    id="endExclusion",
    summary="End an open exclusion.",
    handler=recording.recorded_of(RecordService.end_exclusion),
    answer=EndReceipt,
    body=bodies.MomentBody,
    body_needed=False,
    refusals=_NOT_FOUND,
)

WITHDRAW_EXCLUSION: Final = Operation(
    method="POST",
    template="/v1/exclusions/{id}/withdraw",
    id="withdrawExclusion",
    summary="Withdraw an exclusion.",
    handler=recording.recorded_of(RecordService.withdraw_exclusion),
    answer=WithdrawalReceipt,
    body=bodies.WithdrawalBody,
    refusals=_NOT_FOUND,
)

OPEN_REQUEST: Final = Operation(
    method="POST",
    template="/v1/requests",
    id="openRequest",
    summary="Record a service request.",
    handler=recording.recorded(RecordService.open_request),
    answer=RequestReceipt,
    body=bodies.ServiceRequestBody,
)

LIST_REQUESTS: Final = Operation(
    method="GET",
    template="/v1/requests",
    id="listRequests",
    summary="The service requests.",
    handler=recording.list_requests,
    answer=RequestList,
    query=(recording.OPEN,),
)

RESPOND_TO_REQUEST: Final = Operation(
    method="POST",
    template="/v1/requests/{id}/respond",
    id="respondToRequest",
    summary="Record a response to a service request; the first one counts.",
    handler=recording.recorded_of(RecordService.respond),
    answer=RequestReceipt,
    body=bodies.MomentBody,
    body_needed=False,
    refusals=_NOT_FOUND,
)

CLOSE_REQUEST: Final = Operation(
    method="POST",
    template="/v1/requests/{id}/close",
    id="closeRequest",
    summary="Close a service request.",
    handler=recording.recorded_of(RecordService.close_request),
    answer=RequestReceipt,
    body=bodies.MomentBody,
    body_needed=False,
    refusals=_NOT_FOUND,
)

WITHDRAW_REQUEST: Final = Operation(
    method="POST",
    template="/v1/requests/{id}/withdraw",
    id="withdrawRequest",
    summary="Withdraw a service request, with its responses and its end.",
    handler=recording.recorded_of(RecordService.withdraw_request),
    answer=WithdrawalReceipt,
    body=bodies.WithdrawalBody,
    refusals=_NOT_FOUND,
)

GIVE_NOTICE: Final = Operation(
    method="POST",
    template="/v1/notices",
    id="giveNotice",
    summary="Record a client's notice of intent to cancel a solution.",
    handler=recording.recorded(RecordService.give_notice),
    answer=NoticeReceipt,
    body=bodies.NoticeBody,
)

LIST_NOTICES: Final = Operation(
    method="GET",
    template="/v1/notices",
    id="listNotices",
    summary="The notices of intent to cancel.",
    handler=recording.list_notices,
    answer=NoticeList,
    query=(recording.WITHDRAWN,),
)

WITHDRAW_NOTICE: Final = Operation(
    method="POST",
    template="/v1/notices/{id}/withdraw",
    id="withdrawNotice",
    summary="Withdraw a notice of intent to cancel.",
    handler=recording.recorded_of(RecordService.withdraw_notice),
    answer=WithdrawalReceipt,
    body=bodies.WithdrawalBody,
    refusals=_NOT_FOUND,
)

RECORD_STEP: Final = Operation(
    method="POST",
    template="/v1/lifecycle",
    id="recordStep",
    summary="Record a step in the life of a solution.",
    handler=recording.recorded(RecordService.record_step),
    answer=StepReceipt,
    body=bodies.LifecycleBody,
)

LIST_STEPS: Final = Operation(
    method="GET",
    template="/v1/lifecycle",
    id="listSteps",
    summary="The steps in the lives of solutions.",
    handler=recording.list_steps,
    answer=StepList,
    query=(recording.WITHDRAWN,),
)

WITHDRAW_STEP: Final = Operation(
    method="POST",
    template="/v1/lifecycle/{id}/withdraw",
    id="withdrawStep",
    summary="Withdraw a step in the life of a solution.",
    handler=recording.recorded_of(RecordService.withdraw_step),
    answer=WithdrawalReceipt,
    body=bodies.WithdrawalBody,
    refusals=_NOT_FOUND,
)

SET_CAUSE: Final = Operation(
    method="POST",
    template="/v1/causes",
    id="setCause",
    summary="Record what brought about an outage, by a person's word; or have what slad itself finds hold again.",
    handler=recording.recorded(RecordService.set_cause),
    answer=CauseReceipt,
    body=bodies.CauseBody,
)

LIST_CLIENTS: Final = Operation(
    method="GET",
    template="/v1/clients",
    id="listClients",
    summary="The clients.",
    handler=recording.list_clients,
    answer=ClientList,
)

CLIENT: Final = Operation(
    method="GET",
    template="/v1/clients/{id}",
    id="client",
    summary="One client: its terms, its solutions, and what is due.",
    handler=recording.client,
    answer=ClientStatus,
    refusals=_NOT_FOUND,
)

DOCUMENT: Final = Operation(
    method="GET",
    template="/v1/openapi.json",
    id="document",
    summary="This document.",
    handler=reading.document,
    answer=dict[str, Any],
)

OPERATIONS: Final = (
    STATUS,
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
    ANNOUNCE_MAINTENANCE,
    LIST_MAINTENANCE,
    WITHDRAW_MAINTENANCE,
    ADD_EXCLUSION,
    LIST_EXCLUSIONS,
    END_EXCLUSION,
    WITHDRAW_EXCLUSION,
    OPEN_REQUEST,
    LIST_REQUESTS,
    RESPOND_TO_REQUEST,
    CLOSE_REQUEST,
    WITHDRAW_REQUEST,
    GIVE_NOTICE,
    LIST_NOTICES,
    WITHDRAW_NOTICE,
    RECORD_STEP,
    LIST_STEPS,
    WITHDRAW_STEP,
    SET_CAUSE,
    LIST_CLIENTS,
    CLIENT,
    DOCUMENT,
)
