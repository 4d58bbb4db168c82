"""The pages of the book: what it says of one server, one exclusion, one request and one proposal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sla.instants import BEGINNING, FOREVER, Instant
from sla.records import (
    Category,
    ClientId,
    Exclusion,
    ExclusionEnded,
    ExclusionId,
    ExclusionWithdrawn,
    Leg,
    ObserverRetired,
    Proposal,
    ProposalDecided,
    Recorded,
    Server,
    ServiceRequest,
    ServiceRequestClosed,
    ServiceRequestResponded,
    Witness,
)
from sla.service import Part, parts_of
from sla.timeline import ServerTimeline, Track

_R = TypeVar("_R", bound=Recorded)

_NEVER: Final = (FOREVER, BEGINNING)
"""No instant lies between these."""


def known(records: Iterable[_R], as_of: Instant) -> list[_R]:
    """Those of the records that exist at `as_of`, in their order."""
    return [record for record in records if record.recorded_at <= as_of]


def newest(records: Sequence[_R], as_of: Instant) -> _R | None:
    """The last of the records that exist at `as_of`."""
    return next((record for record in reversed(records) if record.recorded_at <= as_of), None)


class ServerPages:
    """What the book says of one server."""

    __slots__ = ("_clients_since", "_held", "_parts", "records", "timeline", "told")

    def __init__(self, clients_since: Mapping[ClientId, Instant]) -> None:
        """`clients_since` is from when on there is a record of each client."""
        self.records: Sequence[Server] = ()
        self.told: Sequence[Server | ObserverRetired] = ()
        """Its records, and the retirements of the monitors that made those on earlier lines; where there are none, the very same."""
        self.timeline = ServerTimeline()
        self._clients_since = clients_since
        self._parts: tuple[Part, ...] = ()
        self._held = _NEVER
        """The first and the last instant of knowledge for which those are the parts."""

    @property
    def tracks(self) -> Mapping[tuple[Leg, Witness], Track]:
        """What was said of it, by leg and witness, in the order of their first mention."""
        return self.timeline.tracks

    def tell(self, record: Server | ObserverRetired) -> None:
        """Take a record of it, or that a monitor that made one was retired."""
        if isinstance(record, Server):
            is_all = self.told is self.records
            self.records = (*self.records, record)
            self.told = self.records if is_all else (*self.told, record)
        else:
            self.told = (*self.told, record)
        self.forget_parts()

    def forget_parts(self) -> None:
        """Something else is known of its service."""
        self._held = _NEVER

    def parts(self, as_of: Instant) -> tuple[Part, ...]:
        """The parts of its service that are known at `as_of`."""
        first, last = self._held
        if not first <= as_of <= last:
            edges = list(self.edges())
            self._parts = parts_of(
                [record for record, edge in zip(self.told, edges, strict=True) if edge <= as_of]
            )
            first = max((edge for edge in edges if edge <= as_of), default=BEGINNING)
            later = min((edge for edge in edges if edge > as_of), default=None)
            self._held = first, FOREVER if later is None else Instant(later - 1)
        return self._parts

    @property
    def is_told_by_one(self) -> bool:
        """Whether one monitor made all that is told, and none was retired: its newest record says whether it goes on."""
        observer = self.records[-1].observer
        return all(isinstance(record, Server) and record.observer == observer for record in self.told)

    @property
    def goes_on(self) -> bool:
        """Whether it is in service without an end, by the newest record or, of several monitors, by any of them (spec §3.4)."""
        if self.is_told_by_one:
            return self.records[-1].in_service_until is None
        return any(part.end == FOREVER for part in self.parts(FOREVER))

    def known(self, as_of: Instant) -> list[Server | ObserverRetired]:
        """Those of `told` that exist at `as_of`."""
        return [record for record in self.told if self._known_from(record) <= as_of]

    def name(self, as_of: Instant) -> str:
        """What it is called: by the newest line of all that exist at `as_of` (spec §3.4)."""
        return next(record.name for record in reversed(self.records) if self._known_from(record) <= as_of)

    @property
    def known_from(self) -> Instant:
        """When the first of `told` comes to be known; there has to be one."""
        return min(self.edges())

    def edges(self) -> Iterator[Instant]:
        """When each of `told` comes to be known."""
        return map(self._known_from, self.told)

    def _known_from(self, record: Server | ObserverRetired) -> Instant:
        """From when on a record exists: that of a server not before its client's first (spec §1.4)."""
        if isinstance(record, ObserverRetired):
            return record.recorded_at
        return max(record.recorded_at, self._clients_since.get(record.client, BEGINNING))


@dataclass(slots=True)
class ExclusionPages:
    """What the book says of one exclusion."""

    record: Exclusion
    ended: ExclusionEnded | None = None
    withdrawn: ExclusionWithdrawn | None = None


@dataclass(slots=True)
class RequestPages:
    """What the book says of one service request."""

    record: ServiceRequest
    responses: list[ServiceRequestResponded] = field(default_factory=list)
    closed: list[ServiceRequestClosed] = field(default_factory=list)


@dataclass(slots=True)
class ProposalPages:
    """What the book says of one proposal: of several records the last."""

    record: Proposal
    decided: ProposalDecided | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """An exclusion as it stands at an instant of knowledge. Its end is `FOREVER` while it is open."""

    id: ExclusionId
    category: Category
    start: Instant
    end: Instant
    record: Exclusion


def window_of(pages: ExclusionPages, as_of: Instant) -> Window:
    """How an exclusion stands at `as_of`."""
    record = pages.record
    end = FOREVER if record.end is None else record.end
    if pages.ended is not None and pages.ended.recorded_at <= as_of:
        end = pages.ended.at
    return Window(id=record.id, category=record.category, start=record.start, end=end, record=record)
