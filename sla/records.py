"""The records of evidence, one class a kind (`spec/evidence.md`, Records), and the words they are made of.

Instants are UTC microseconds. Where the format allows null, the field is None. `extra` holds the keys of a known kind
that this version does not know, as (key, JSON text) pairs: they are kept and written out again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from itertools import combinations
from typing import ClassVar, Final, NamedTuple, NewType

from sla.instants import Instant

ServerId = NewType("ServerId", str)
ClientId = NewType("ClientId", str)
SolutionId = NewType("SolutionId", str)
ExclusionId = NewType("ExclusionId", str)
RequestId = NewType("RequestId", str)
NoticeId = NewType("NoticeId", str)
StepId = NewType("StepId", str)

Extra = tuple[tuple[str, str], ...]


class State(IntEnum):
    """What a witness says of a leg, or what holds of a leg or a server (spec §2.1).

    The order is the merge of witnesses: of several views of one leg the greatest holds (spec §2.4).
    """

    UNKNOWN = 0
    DOWN = 1
    UP = 2

    # Enum hashes names in Python code; states are hashed as often as anything is.
    __hash__ = int.__hash__

    @property
    def word(self) -> str:
        """The word in the evidence."""
        return self.name.lower()


class Leg(StrEnum):
    """The three things that availability rests on (spec §2.1), in the order in which they are shown."""

    RUNNING = "running"
    SAN = "san"
    INTERNET = "internet"

    # See State; equal to its text, and so of the same hash.
    __hash__ = str.__hash__


ALL_LEGS: Final = tuple(Leg)
_IN_ORDER: Final = {
    frozenset(legs): legs for count in range(len(ALL_LEGS) + 1) for legs in combinations(ALL_LEGS, count)
}


def in_order(legs: Iterable[Leg]) -> tuple[Leg, ...]:
    """Each of the legs once, in the order of `Leg`: one object for all who have the same, as most servers have."""
    return _IN_ORDER[frozenset(legs)]


class Category(Enum):
    """Why time is excluded, in order of precedence for the breakdown (spec §4.1)."""

    FORCE_MAJEURE = "force_majeure"
    CLIENT_CHANGE = "client_change"
    CLIENT_SYSTEM = "client_system"
    END_USER_PC = "end_user_pc"
    EMERGENCY_SECURITY_UPDATE = "emergency_security_update"
    SCHEDULED_MAINTENANCE = "scheduled_maintenance"


class Channel(Enum):
    """How a service request reached the provider."""

    PHONE = "phone"
    EMAIL = "email"
    PORTAL = "portal"


class LifecycleEvent(Enum):
    """The steps in the life of a solution (spec §9)."""

    ORDER_ACCEPTED = "order_accepted"
    PROVISIONED = "provisioned"
    ACTIVATED = "activated"
    PROBLEM_REPORTED = "problem_reported"
    PROBLEM_FIXED = "problem_fixed"
    DATA_REQUESTED = "data_requested"
    DATA_RETURNED = "data_returned"


class CauseKind(Enum):
    """What brings about an outage (`spec/causes.md`)."""

    CLIENT_CHANGE = "client_change"
    PROVIDER_CHANGE = "provider_change"
    HOST_MAINTENANCE = "host_maintenance"
    STORAGE = "storage"
    HOST_FAILURE = "host_failure"
    NETWORK = "network"
    GUEST = "guest"
    UNKNOWN = "unknown"


class Confidence(Enum):
    """How sure a cause is."""

    PROVED = "proved"
    LIKELY = "likely"
    NONE = "none"


class Decision(Enum):
    """What becomes of a proposal."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LAPSED = "lapsed"


class Withdrawable(Enum):
    """What people may withdraw, exclusions aside (spec §9.7): the kinds of those records."""

    SERVICE_REQUEST = "service_request"
    CANCELLATION_NOTICE = "cancellation_notice"
    LIFECYCLE = "lifecycle"

    @property
    def noun(self) -> str:
        """What people call one."""
        return "life-cycle event" if self is Withdrawable.LIFECYCLE else self.value.replace("_", " ")


class Witness(NamedTuple):
    """A pair of observer and source: one vantage point (spec §2.2)."""

    observer: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a witness says of one leg of one server, from `at` until it says otherwise (spec §2.2).

    `noticed_at` is when the monitor learned of it: an extra key of slad's own that no figure reads.
    """

    kind: ClassVar = "observation"
    witness: Witness
    server: ServerId
    leg: Leg
    state: State
    at: Instant
    reason: str = ""
    noticed_at: Instant | None = None
    extra: Extra = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """A span in which a witness saw nothing of `legs` (spec §2.3)."""

    kind: ClassVar = "blind"
    witness: Witness
    start: Instant
    end: Instant
    legs: tuple[Leg, ...] = ALL_LEGS
    reason: str = ""
    extra: Extra = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedUntil:
    """A watermark: from the newest `at` of a witness on, its view is unknown (spec §2.3)."""

    kind: ClassVar = "observed_until"
    witness: Witness
    at: Instant
    extra: Extra = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the records that somebody, or the daemon, wrote at an instant have in common."""

    kind: ClassVar[str]

    recorded_at: Instant
    recorded_by: str = ""
    extra: Extra = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract(Recorded):
    """The terms of one client, or of all, from a month on (spec §10). `terms` is the object as JSON text."""

    kind: ClassVar = "contract"
    client: ClientId | None
    effective_from: str
    terms: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Client(Recorded):
    """A client: its name, IANA zone and at most two tech admins (spec §3.3, §8.1)."""

    kind: ClassVar = "client"
    id: ClientId
    name: str
    timezone: str
    tech_admins: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Recorded):
    """A virtual server's service, owner and watched legs; a later record of the same id: spec §3.2."""

    kind: ClassVar = "server"
    id: ServerId
    name: str
    client: ClientId
    solution: SolutionId | None
    in_service_from: Instant
    in_service_until: Instant | None
    legs: tuple[Leg, ...] = ALL_LEGS
    observer: str = ""
    """The monitor that made it; of several, each has its own say (spec §3.4)."""

    @property
    def key(self) -> SolutionId:
        """The solution's name; a lone server's own id (spec §6.1)."""
        return self.solution or SolutionId(self.id)

    def left_at(self, by: Instant) -> Instant | None:
        """When it left service; None where it had not by an instant."""
        until = self.in_service_until
        return until if until is not None and until <= by else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverRetired(Recorded):
    """The end of a monitor: what its records of servers on earlier lines make reaches no further than `at` (spec §3.4)."""

    kind: ClassVar = "observer_retired"
    observer: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion(Recorded):
    """A span that the contract excludes, so far as it is eligible (spec §4). `end` None: still open."""

    kind: ClassVar = "exclusion"
    id: ExclusionId
    category: Category
    start: Instant
    end: Instant | None
    clients: tuple[ClientId, ...] = ()
    solutions: tuple[SolutionId, ...] = ()
    servers: tuple[ServerId, ...] = ()
    announced_at: Instant | None = None
    reference: str | None = None

    @property
    def is_of_all(self) -> bool:
        """Its scope names nobody, which means everybody (spec §4.2)."""
        return not (self.clients or self.solutions or self.servers)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionEnded(Recorded):
    """The end of an open exclusion."""

    kind: ClassVar = "exclusion_ended"
    id: ExclusionId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionWithdrawn(Recorded):
    """An exclusion is as if never recorded, from here on (spec §4.2)."""

    kind: ClassVar = "exclusion_withdrawn"
    id: ExclusionId
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRequest(Recorded):
    """A request for support, opened by a tech admin (spec §8)."""

    kind: ClassVar = "service_request"
    id: RequestId
    client: ClientId
    solution: SolutionId
    opened_at: Instant
    opened_by: str
    channel: Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRequestResponded(Recorded):
    """The provider answered a request."""

    kind: ClassVar = "service_request_responded"
    id: RequestId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRequestClosed(Recorded):
    """A request is settled."""

    kind: ClassVar = "service_request_closed"
    id: RequestId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationNotice(Recorded):
    """The client's notice of intent to cancel a solution (spec §7.4)."""

    kind: ClassVar = "cancellation_notice"
    id: NoticeId | None = None
    """None: it was recorded when they had no ids, and cannot be withdrawn."""
    client: ClientId
    solution: SolutionId
    given_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle(Recorded):
    """A step in the life of a solution (spec §9)."""

    kind: ClassVar = "lifecycle"
    id: StepId | None = None
    """As a notice's."""
    client: ClientId
    solution: SolutionId
    event: LifecycleEvent
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(Recorded):
    """A request with its responses and its end, a notice, or a step is as if never recorded, from here on (spec §9.7)."""

    kind: ClassVar = "withdrawn"
    what: Withdrawable
    id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Recorded):
    """What vCenter reported; no figure reads it."""

    kind: ClassVar = "event"
    source: str
    key: str
    type: str
    at: Instant
    server: ServerId | None
    user: str
    text: str
    shown_to: str = ""
    """As a cause's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal(Recorded):
    """An exclusion that the evidence suggests and a person has to decide; no figure reads it."""

    kind: ClassVar = "proposal"
    id: str
    category: Category
    start: Instant
    end: Instant | None
    servers: tuple[ServerId, ...]
    because: tuple[str, ...]
    """The keys of the events that it rests on."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDecided(Recorded):
    """What became of a proposal, and the exclusion that an accepted one made; no figure reads it."""

    kind: ClassVar = "proposal_decided"
    id: str
    decision: Decision
    exclusion: ExclusionId | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause(Recorded):
    """Who or what brought about the outage of a server that began at `start` (`spec/causes.md`); no figure reads it.

    The last five keys are slad's own; each is "" where it says nothing.
    """

    kind: ClassVar = "cause"
    server: ServerId
    start: Instant
    cause: CauseKind
    confidence: Confidence
    user: str | None
    because: tuple[str, ...]
    text: str
    incident: str = ""
    """The id that outages have in common of which one thing was the cause (`sla.incidents`)."""
    host: str = ""
    """The host on which it ran."""
    datastore: str = ""
    """The datastore that was lost."""
    uplink: str = ""
    """The uplink that was down."""
    shown_to: str = ""
    """The client whose export shows the record, which tells nothing of anybody else; "": it is the provider's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued(Recorded):
    """A statement that was handed out, with the hash of its bytes; no figure reads it."""

    kind: ClassVar = "issued"
    client: ClientId
    month: str
    as_of: Instant
    version: int
    sha256: str

    @property
    def id(self) -> str:
        """What tells it from all others."""
        return f"{self.client} {self.month} {self.version}"


Sighting = Observation | Blind | ObservedUntil
"""The records that carry no `recorded_at`."""

Record = (
    Sighting
    | Contract
    | Client
    | Server
    | ObserverRetired
    | Exclusion
    | ExclusionEnded
    | ExclusionWithdrawn
    | ServiceRequest
    | ServiceRequestResponded
    | ServiceRequestClosed
    | CancellationNotice
    | Lifecycle
    | Withdrawn
    | Event
    | Proposal
    | ProposalDecided
    | Cause
    | Issued
)
