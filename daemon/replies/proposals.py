"""Proposals: exclusions that causes suggest, and what became of them (`spec/causes.md`)."""

from pydantic import Field

from daemon.replies.causes import CauseStatus
from daemon.replies.common import At, Receipt, Reply
from daemon.replies.exclusions import MonthEffect
from daemon.replies.words import ProposalState
from sla.records import Category, Decision


class ProposedServer(Reply):
    """A virtual server that a proposal is about, and whose it was at its beginning (empty: nobody's)."""

    server: str
    name: str
    client: str


class DecisionStatus(Reply):
    """What became of a proposal, by whom and why; `exclusion`: the id of what an accepted one made."""

    decision: Decision
    recorded_at: At
    recorded_by: str
    why: str
    exclusion: str | None


class ProposalStatus(Reply):
    """A proposal as it stands, and the cause of its outage as that is known now."""

    id: str
    state: ProposalState
    category: Category
    start: At = Field(serialization_alias="from")
    end: At | None = Field(serialization_alias="until", description="Null while the outage lasts.")
    servers: tuple[ProposedServer, ...]
    text: str
    because: tuple[str, ...] = Field(description="The keys of the events that it rests on.")
    cause: CauseStatus | None
    recorded_at: At
    decided: DecisionStatus | None = Field(description="Null while it is pending.")


class ProposalList(Reply):
    """Proposals, by their beginning."""

    proposals: tuple[ProposalStatus, ...]


class ProvingEvent(Reply):
    """An event that proves a cause, as a vCenter reported it; what it does not name is empty."""

    key: str
    type: str
    at: At
    user: str
    host: str
    datastore: str


class ProposalDetail(ProposalStatus):
    """A proposal with the outage that it is for, and the events that prove it as far as slad has them, 40 days."""

    outage_from: At | None
    outage_until: At | None = Field(description="Null while it lasts.")
    events: tuple[ProvingEvent, ...]


class DecisionReceipt(Receipt):
    """A decision that was recorded."""

    id: str
    decision: Decision
    why: str
    exclusion: str | None = Field(description="The exclusion that it made; null where it made none.")
    effects: tuple[MonthEffect, ...] = Field(
        description="For a dry run: the months of virtual servers whose figures would be others, at most 1000."
    )
