"""Service requests: who may open one, and whether it was answered in time (spec §8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sla.calendars import BusinessTime
from sla.instants import Instant
from sla.records import ClientId, RequestId


class Outcome(Enum):
    """How a deadline stands (spec §8.3, §9)."""

    MET = "met"
    MISSED = "missed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A service request at `as_of`. `elapsed_business` is microseconds of business time."""

    id: RequestId
    due_at: Instant
    response: Outcome
    elapsed_business: int


def refusal(client: ClientId, tech_admins: Sequence[str], opened_by: str) -> str | None:
    """Why somebody may not open a request for a client; None where they may (spec §8.1)."""
    if opened_by in tech_admins:
        return None
    if not tech_admins:
        return f"{opened_by!r} may not open a request: client {client!r} has no tech admin"
    these = " and ".join(repr(admin) for admin in tech_admins)
    noun = "tech admin is" if len(tech_admins) == 1 else "tech admins are"
    return f"{opened_by!r} may not open a request: the {noun} {these}"


def response_of(
    request: RequestId,
    *,
    opened_at: Instant,
    responded_at: Instant | None,
    business: BusinessTime,
    respond_within: int,
    as_of: Instant,
) -> Response:
    """How a request stands; `responded_at` is its first response (spec §8.2, §8.3)."""
    due_at = business.after(opened_at, respond_within)
    return Response(
        id=request,
        due_at=due_at,
        response=outcome(due_at, responded_at, as_of),
        elapsed_business=business.between(opened_at, as_of if responded_at is None else responded_at),
    )


def outcome(due_at: Instant, done_at: Instant | None, as_of: Instant) -> Outcome:
    """Whether something was done at or before `due_at`; missed once that is past (spec §8.3, §9)."""
    if done_at is not None and done_at <= due_at:
        return Outcome.MET
    return Outcome.MISSED if done_at is not None or as_of > due_at else Outcome.PENDING
