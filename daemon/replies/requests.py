"""Service requests, and how the response to each stands (spec §8)."""

from pydantic import Field

from daemon.replies.common import At, Receipt, Reply, Seconds, WithdrawalStatus
from sla.records import Channel
from sla.requests import Outcome


class RequestKeys(Reply):
    """What a service request says, and how it stands (spec §8)."""

    id: str | None
    client: str
    solution: str
    opened_at: At
    opened_by: str
    channel: Channel
    due_at: At
    response: Outcome
    elapsed_business_seconds: Seconds = Field(description="Business time to the first response, or so far.")
    responded_at: At | None
    closed_at: At | None


class RequestReceipt(Receipt, RequestKeys):
    """A service request that was recorded, or what happened to one."""


class RequestStatus(RequestKeys):
    """A service request on record. `solution_name`: the server's, of a server that is sold alone."""

    solution_name: str | None
    recorded_at: At
    recorded_by: str
    withdrawn: WithdrawalStatus | None


class RequestList(Reply):
    """Service requests, by their opening."""

    requests: tuple[RequestStatus, ...]
