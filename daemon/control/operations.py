"""Every operation of the control door, as its document tells them. A test holds the routes to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from daemon.records import bodies
from daemon.replies.clients import ClientList, ClientStatus
from daemon.replies.exclusions import (
    EndReceipt,
    ExclusionList,
    ExclusionReceipt,
    MaintenanceList,
    MaintenanceReceipt,
    WithdrawalReceipt,
)
from daemon.replies.requests import RequestList, RequestReceipt
from daemon.replies.servers import ServerStatus
from daemon.replies.solutions import NoticeReceipt, SolutionList, SolutionStatus, StepReceipt
from daemon.replies.status import Status


class Flag(NamedTuple):
    """A query parameter that is true or false, and false where it is left out; or a text (`is_text`)."""

    name: str
    description: str
    is_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path. `answer` None: lines of evidence. `refusals`: statuses of its own."""

    method: str
    path: str
    id: str
    summary: str
    answer: Any
    body: type[bodies.RequestBody] | None = None
    body_needed: bool = True
    query: Sequence[Flag] = ()
    refusals: Sequence[HTTPStatus] = ()

    @property
    def records(self) -> bool:
        """Whether it records something."""
        return self.body is not None


_PAST: Final = Flag("past", "Those that are past or withdrawn too.")
_OPEN: Final = Flag("open", "Only those that are not closed.")
_NOT_FOUND: Final = (HTTPStatus.NOT_FOUND,)

OPERATIONS: Final = (
    Operation(
        method="get",
        path="/v1/status",
        id="status",
        summary="How the daemon and the fleet are.",
        answer=Status,
    ),
    Operation(
        method="get",
        path="/v1/servers/{name}",
        id="server",
        summary="One virtual server, by its id or its name.",
        answer=ServerStatus,
        refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
    Operation(
        method="get",
        path="/v1/solutions",
        id="listSolutions",
        summary="The solutions: interruptions, chronic outages, deadlines.",
        answer=SolutionList,
    ),
    Operation(
        method="get",
        path="/v1/solutions/{client}/{id}",
        id="solution",
        summary="One solution of a client, by its id; a lone server's id is one.",
        answer=SolutionStatus,
        refusals=_NOT_FOUND,
    ),
    Operation(
        method="get",
        path="/v1/export",
        id="export",
        summary="The evidence, a record a line.",
        answer=None,
        query=(
            Flag("client", "Only what concerns one client.", is_text=True),
            Flag("from", "Of observations only those from this instant on.", is_text=True),
            Flag("until", "Of observations only those before this instant.", is_text=True),
        ),
        refusals=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
    ),
    Operation(
        method="post",
        path="/v1/maintenance",
        id="announceMaintenance",
        summary="Announce a maintenance window; answers what of it will be eligible.",
        answer=MaintenanceReceipt,
        body=bodies.MaintenanceBody,
    ),
    Operation(
        method="get",
        path="/v1/maintenance",
        id="listMaintenance",
        summary="The maintenance windows.",
        answer=MaintenanceList,
        query=(_PAST,),
    ),
    Operation(
        method="post",
        path="/v1/maintenance/{id}/withdraw",
        id="withdrawMaintenance",
        summary="Withdraw a maintenance window.",
        answer=WithdrawalReceipt,
        body=bodies.WithdrawalBody,
        refusals=_NOT_FOUND,
    ),
    Operation(
        method="post",
        path="/v1/exclusions",
        id="addExclusion",
        summary="Exclude time for another reason than maintenance.",
        answer=ExclusionReceipt,
        body=bodies.ExclusionBody,
    ),
    Operation(
        method="get",
        path="/v1/exclusions",
        id="listExclusions",
        summary="The exclusions for other reasons.",
        answer=ExclusionList,
        query=(_PAST,),
    ),
    Operation(
        method="post",
        path="/v1/exclusions/{id}/end",
        id="endExclusion",
        summary="End an open exclusion.",
        answer=EndReceipt,
        body=bodies.MomentBody,
        body_needed=False,
        refusals=_NOT_FOUND,
    ),
    Operation(
        method="post",
        path="/v1/exclusions/{id}/withdraw",
        id="withdrawExclusion",
        summary="Withdraw an exclusion.",
        answer=WithdrawalReceipt,
        body=bodies.WithdrawalBody,
        refusals=_NOT_FOUND,
    ),
    Operation(
        method="post",
        path="/v1/requests",
        id="openRequest",
        summary="Record a service request.",
        answer=RequestReceipt,
        body=bodies.ServiceRequestBody,
    ),
    Operation(
        method="get",
        path="/v1/requests",
        id="listRequests",
        summary="The service requests.",
        answer=RequestList,
        query=(_OPEN,),
    ),
    Operation(
        method="post",
        path="/v1/requests/{id}/respond",
        id="respondToRequest",
        summary="Record a response to a service request; the first one counts.",
        answer=RequestReceipt,
        body=bodies.MomentBody,
        body_needed=False,
        refusals=_NOT_FOUND,
    ),
    Operation(
        method="post",
        path="/v1/requests/{id}/close",
        id="closeRequest",
        summary="Close a service request.",
        answer=RequestReceipt,
        body=bodies.MomentBody,
        body_needed=False,
        refusals=_NOT_FOUND,
    ),
    Operation(
        method="post",
        path="/v1/notices",
        id="giveNotice",
        summary="Record a client's notice of intent to cancel a solution.",
        answer=NoticeReceipt,
        body=bodies.NoticeBody,
    ),
    Operation(
        method="post",
        path="/v1/lifecycle",
        id="recordStep",
        summary="Record a step in the life of a solution.",
        answer=StepReceipt,
        body=bodies.LifecycleBody,
    ),
    Operation(
        method="get",
        path="/v1/clients",
        id="listClients",
        summary="The clients.",
        answer=ClientList,
    ),
    Operation(
        method="get",
        path="/v1/clients/{id}",
        id="client",
        summary="One client: its terms, its solutions, and what is due.",
        answer=ClientStatus,
        refusals=_NOT_FOUND,
    ),
    Operation(
        method="get",
        path="/v1/openapi.json",
        id="document",
        summary="This document.",
        answer=dict[str, Any],
    ),
)
