"""The operations of what people put on record."""

from http import HTTPStatus
from typing import Final

from daemon.control import reading, recording, routes
from daemon.control.operation import CALENDAR, Operation
from daemon.records import bodies
from daemon.records.service import RecordService
from daemon.replies.causes import CauseReceipt
from daemon.replies.common import WithdrawalReceipt
from daemon.replies.exclusions import (
    EndReceipt,
    ExclusionList,
    ExclusionReceipt,
    MaintenanceCalendar,
    MaintenanceList,
    MaintenanceReceipt,
    SeriesReceipt,
)
from daemon.replies.proposals import DecisionReceipt, ProposalDetail, ProposalList
from daemon.replies.requests import RequestList, RequestReceipt
from daemon.replies.solutions import (
    NoticeList,
    NoticeReceipt,
    StepList,
    StepReceipt,
)
from daemon.replies.statements import IssueReceipt

_NOT_FOUND: Final = (HTTPStatus.NOT_FOUND,)

ANNOUNCE_MAINTENANCE: Final = Operation(
    route=routes.ANNOUNCE_MAINTENANCE,
    id="announceMaintenance",
    summary="Announce a maintenance window; answers what of it will be eligible.",
    handler=recording.recorded(RecordService.announce),
    answer=MaintenanceReceipt,
    body=bodies.MaintenanceBody,
)

ANNOUNCE_SERIES: Final = Operation(
    route=routes.ANNOUNCE_SERIES,
    id="announceSeries",
    summary="Announce maintenance windows that recur every week, all or none; answers what of each will be eligible.",
    handler=recording.recorded(RecordService.announce_series),
    answer=SeriesReceipt,
    body=bodies.SeriesBody,
)

LIST_MAINTENANCE: Final = Operation(
    route=routes.LIST_MAINTENANCE,
    id="listMaintenance",
    summary="The maintenance windows.",
    handler=recording.list_maintenance,
    answer=MaintenanceList,
    query=(recording.PAST,),
)

MAINTENANCE_CALENDAR: Final = Operation(
    route=routes.MAINTENANCE_CALENDAR,
    id="maintenanceCalendar",
    summary="The maintenance windows of a span, past and to come, and what each comes to.",
    handler=recording.calendar,
    answer=MaintenanceCalendar,
    query=recording.CALENDAR_QUERY,
    refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
)

CALENDAR_FILE: Final = Operation(
    route=routes.CALENDAR_FILE,
    id="calendarFile",
    summary="The maintenance windows as an iCalendar file.",
    handler=reading.calendar_file,
    answer=None,
    media_type=CALENDAR,
    query=recording.CALENDAR_QUERY,
    refusals=(HTTPStatus.NOT_FOUND,),
)

WITHDRAW_MAINTENANCE: Final = Operation(
    route=routes.WITHDRAW_MAINTENANCE,
    id="withdrawMaintenance",
    summary="Withdraw a maintenance window.",
    handler=recording.recorded_of(RecordService.withdraw_maintenance),
    answer=WithdrawalReceipt,
    body=bodies.WithdrawalBody,
    refusals=_NOT_FOUND,
)

ADD_EXCLUSION: Final = Operation(
    route=routes.ADD_EXCLUSION,
    id="addExclusion",
    summary="Exclude time for another reason than maintenance.",
    handler=recording.recorded(RecordService.exclude),
    answer=ExclusionReceipt,
    body=bodies.ExclusionBody,
)

LIST_EXCLUSIONS: Final = Operation(
    route=routes.LIST_EXCLUSIONS,
    id="listExclusions",
    summary="The exclusions for other reasons.",
    handler=recording.list_exclusions,
    answer=ExclusionList,
    query=(recording.PAST,),
)

END_EXCLUSION: Final = Operation(
    route=routes.END_EXCLUSION,
    id="endExclusion",
    summary="End an open exclusion.",
    handler=recording.recorded_of(RecordService.end_exclusion),
    answer=EndReceipt,
    body=bodies.MomentBody,
    body_needed=False,
    refusals=_NOT_FOUND,
)

WITHDRAW_EXCLUSION: Final = Operation(
    route=routes.WITHDRAW_EXCLUSION,
    id="withdrawExclusion",
    summary="Withdraw an exclusion.",
    handler=recording.recorded_of(RecordService.withdraw_exclusion),
    answer=WithdrawalReceipt,
    body=bodies.WithdrawalBody,
    refusals=_NOT_FOUND,
)

LIST_PROPOSALS: Final = Operation(
    route=routes.LIST_PROPOSALS,
    id="listProposals",
    summary="The exclusions that the causes of outages suggest.",
    handler=recording.list_proposals,
    answer=ProposalList,
    query=(recording.CLIENT, recording.MONTH, recording.STATE),
    refusals=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)

PROPOSAL: Final = Operation(
    route=routes.PROPOSAL,
    id="proposal",
    summary="One proposal: its outage, the events that prove it, and what became of it.",
    handler=recording.proposal,
    answer=ProposalDetail,
    refusals=_NOT_FOUND,
)

ACCEPT_PROPOSAL: Final = Operation(
    route=routes.ACCEPT_PROPOSAL,
    id="acceptProposal",
    summary="Accept a proposal: its time is excluded; of an outage that lasts until that ends.",
    handler=recording.recorded_of(RecordService.accept_proposal),
    answer=DecisionReceipt,
    body=bodies.AcceptanceBody,
    body_needed=False,
    refusals=_NOT_FOUND,
)

REJECT_PROPOSAL: Final = Operation(
    route=routes.REJECT_PROPOSAL,
    id="rejectProposal",
    summary="Reject a proposal; it is not made again unless the cause changes.",
    handler=recording.recorded_of(RecordService.reject_proposal),
    answer=DecisionReceipt,
    body=bodies.RejectionBody,
    refusals=_NOT_FOUND,
)

OPEN_REQUEST: Final = Operation(
    route=routes.OPEN_REQUEST,
    id="openRequest",
    summary="Record a service request.",
    handler=recording.recorded(RecordService.open_request),
    answer=RequestReceipt,
    body=bodies.ServiceRequestBody,
)

LIST_REQUESTS: Final = Operation(
    route=routes.LIST_REQUESTS,
    id="listRequests",
    summary="The service requests.",
    handler=recording.list_requests,
    answer=RequestList,
    query=(recording.OPEN,),
)

RESPOND_TO_REQUEST: Final = Operation(
    route=routes.RESPOND_TO_REQUEST,
    id="respondToRequest",
    summary="Record a response to a service request; the first one counts.",
    handler=recording.recorded_of(RecordService.respond),
    answer=RequestReceipt,
    body=bodies.MomentBody,
    body_needed=False,
    refusals=_NOT_FOUND,
)

CLOSE_REQUEST: Final = Operation(
    route=routes.CLOSE_REQUEST,
    id="closeRequest",
    summary="Close a service request.",
    handler=recording.recorded_of(RecordService.close_request),
    answer=RequestReceipt,
    body=bodies.MomentBody,
    body_needed=False,
    refusals=_NOT_FOUND,
)

WITHDRAW_REQUEST: Final = Operation(
    route=routes.WITHDRAW_REQUEST,
    id="withdrawRequest",
    summary="Withdraw a service request, with its responses and its end.",
    handler=recording.recorded_of(RecordService.withdraw_request),
    answer=WithdrawalReceipt,
    body=bodies.WithdrawalBody,
    refusals=_NOT_FOUND,
)

GIVE_NOTICE: Final = Operation(
    route=routes.GIVE_NOTICE,
    id="giveNotice",
    summary="Record a client's notice of intent to cancel a solution.",
    handler=recording.recorded(RecordService.give_notice),
    answer=NoticeReceipt,
    body=bodies.NoticeBody,
)

LIST_NOTICES: Final = Operation(
    route=routes.LIST_NOTICES,
    id="listNotices",
    summary="The notices of intent to cancel.",
    handler=recording.list_notices,
    answer=NoticeList,
    query=(recording.WITHDRAWN,),
)

WITHDRAW_NOTICE: Final = Operation(
    route=routes.WITHDRAW_NOTICE,
    id="withdrawNotice",
    summary="Withdraw a notice of intent to cancel.",
    handler=recording.recorded_of(RecordService.withdraw_notice),
    answer=WithdrawalReceipt,
    body=bodies.WithdrawalBody,
    refusals=_NOT_FOUND,
)

RECORD_STEP: Final = Operation(
    route=routes.RECORD_STEP,
    id="recordStep",
    summary="Record a step in the life of a solution.",
    handler=recording.recorded(RecordService.record_step),
    answer=StepReceipt,
    body=bodies.LifecycleBody,
)

LIST_STEPS: Final = Operation(
    route=routes.LIST_STEPS,
    id="listSteps",
    summary="The steps in the lives of solutions.",
    handler=recording.list_steps,
    answer=StepList,
    query=(recording.WITHDRAWN,),
)

WITHDRAW_STEP: Final = Operation(
    route=routes.WITHDRAW_STEP,
    id="withdrawStep",
    summary="Withdraw a step in the life of a solution.",
    handler=recording.recorded_of(RecordService.withdraw_step),
    answer=WithdrawalReceipt,
    body=bodies.WithdrawalBody,
    refusals=_NOT_FOUND,
)

SET_CAUSE: Final = Operation(
    route=routes.SET_CAUSE,
    id="setCause",
    summary="Record what brought about an outage, by a person's word; or have what slad itself finds hold again.",
    handler=recording.recorded(RecordService.set_cause),
    answer=CauseReceipt,
    body=bodies.CauseBody,
)

ISSUE_STATEMENT: Final = Operation(
    route=routes.ISSUE_STATEMENT,
    id="issueStatement",
    summary="Issue the statement of a month that is over: a new version where any figure of the month differs.",
    handler=recording.recorded(RecordService.issue),
    answer=IssueReceipt,
    body=bodies.IssueBody,
    refusals=_NOT_FOUND,
)

RECORD_OPERATIONS: Final = (
    ANNOUNCE_MAINTENANCE,
    ANNOUNCE_SERIES,
    LIST_MAINTENANCE,
    MAINTENANCE_CALENDAR,
    CALENDAR_FILE,
    WITHDRAW_MAINTENANCE,
    ADD_EXCLUSION,
    LIST_EXCLUSIONS,
    END_EXCLUSION,
    WITHDRAW_EXCLUSION,
    LIST_PROPOSALS,
    PROPOSAL,
    ACCEPT_PROPOSAL,
    REJECT_PROPOSAL,
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
    ISSUE_STATEMENT,
)
