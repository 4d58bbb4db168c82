"""What a link shows a program of one client's own, and of nobody else's: `/c/TOKEN/status.json`."""

from pydantic import Field

from daemon.replies.common import At, Ratio, Reply, StateWord
from sla.client_document import MonthVerdict


class OwnServer(Reply):
    """A virtual server in service with the client, and its month so far. A ratio is null where there is nothing to divide by."""

    id: str
    name: str
    solution: str | None
    state: StateWord
    down_since: At | None = Field(description="Since when the outage that is under way has lasted here.")
    availability: Ratio | None
    target: Ratio
    verdict: MonthVerdict = Field(description="How the month would end if it ended now.")


class OwnWindow(Reply):
    """A window of maintenance that runs or is to come."""

    uid: str = Field(description="As the calendar has it.")
    start: At = Field(serialization_alias="from")
    end: At | None = Field(serialization_alias="until", description="Null where it is open.")
    summary: str


class OwnStatus(Reply):
    """How a client's own virtual servers are."""

    client: str
    name: str
    timezone: str
    at: At | None = Field(description="Of which instant; null before anything was worked out.")
    month: str | None = Field(description="The local month of that instant.")
    state: StateWord | None = Field(
        description="down where any is, else unknown where any is, else up; null where there is none."
    )
    states: dict[str, int] = Field(description="How many virtual servers are in each state.")
    verdicts: dict[str, int] = Field(description="How many would end the month in each way if it ended now.")
    lowest_availability: Ratio | None
    maintenance: tuple[OwnWindow, ...] = Field(description="At most 100, by their beginning.")
    servers: tuple[OwnServer, ...] = Field(
        description="At most 1000: those that are not up first, then by name."
    )
