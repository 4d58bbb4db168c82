"""How the daemon and the fleet are."""

from pydantic import Field

from daemon.replies.causes import CauseStatus
from daemon.replies.common import At, Reply, StateWord
from daemon.replies.hub import HubStatus
from sla.records import Leg


class SourceStatus(Reply):
    """A source of observations. `last_contact_at`: null before its first answer; `note`: why it is not up."""

    name: str
    up: bool
    last_contact_at: At | None
    note: str


class WayStatus(Reply):
    """An uplink, or the monitor's own way out (`vantage`), and why it is not up."""

    name: str
    state: StateWord
    reason: str


class LedgerStatus(Reply):
    """The ledger: its records, the head of their chain (SHA-256, in hexadecimal), and its last commit."""

    records: int
    verified_until: int = Field(
        description="The number of the record up to which the daemon has verified all since its start, or wrote them."
    )
    head: str
    size_bytes: int
    last_commit_at: At | None


class DownServer(Reply):
    """A virtual server with an outage under way, the legs that are down, and what brought it about."""

    server: str
    name: str
    client: str
    since: At
    legs: tuple[Leg, ...]
    cause: CauseStatus | None = Field(description="Null until it is settled that the outage began.")


class OutdatedStatus(Reply):
    """An issued statement of which figures are others now."""

    client: str
    month: str
    figures: int


class UndeliveredStatus(Reply):
    """An issued statement that could not be delivered so far: the way, since when it fails, how often it did, and why."""

    client: str
    month: str
    way: str
    since: At
    attempts: int
    why: str


class Status(Reply):
    """How the daemon and the fleet are, of the instant up to which everything is settled."""

    version: str
    at: At
    settled_at: At | None = Field(description="Null before anything is.")
    not_ready: tuple[str, ...] = Field(description="Why slad is not ready; empty when it is.")
    sources: tuple[SourceStatus, ...]
    internet: tuple[WayStatus, ...]
    ledger: LedgerStatus
    states: dict[str, int] = Field(description="How many servers in service are in each state.")
    outdated: tuple[OutdatedStatus, ...] = Field(description="Issued statements that were not corrected yet.")
    undelivered: tuple[UndeliveredStatus, ...] = Field(description="Issued statements whose delivery fails.")
    proposals_pending: int = Field(description="How many proposals wait to be decided.")
    down: tuple[DownServer, ...] = Field(description="Those that are down the longest first.")
    hub: HubStatus | None = Field(
        default=None,
        description="Null at a monitor. A hub has no sources and ways to the Internet of its own: it sees by its monitors.",
    )
