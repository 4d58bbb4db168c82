"""The book: all evidence in memory, by server, kept by what the ledger has committed and by nothing else.

It is filled by replaying the ledger and goes on record by record: the same `take` serves both, so that a restart gives
the same book. Only the task that commits changes it; `settle` then moves the counters on, and `corrected` says what
was learned of time that they had counted already.
"""

from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from daemon.counting import HORIZON_US, Change, Counter, Group, Row, Sight
from sla.instants import BEGINNING, Instant
from sla.records import (
    ALL_LEGS,
    Blind,
    Client,
    ClientId,
    Contract,
    Leg,
    Observation,
    ObservedUntil,
    Record,
    Server,
    ServerId,
    State,
    Witness,
)
from sla.timeline import Segment, ServerTimeline, Sights

RECOVERED: Final = "/recovered"
"""What ends the source of a witness that speaks only of the past: no counter waits for it."""


@dataclass(slots=True)
class Page:
    """One server in the book: its records, its evidence, and its place in the counting."""

    records: list[Server]
    timeline: ServerTimeline = field(default_factory=ServerTimeline)
    group: Group | None = None
    index: int = 0

    @property
    def server(self) -> Server:
        """The newest record."""
        return self.records[-1]


class Book:
    """All evidence of one ledger. `observer` is this monitor: only its own witnesses count in the counters."""

    def __init__(self, observer: str) -> None:
        self.observer = observer
        self.pages: dict[ServerId, Page] = {}
        self.clients: dict[ClientId, Client] = {}
        self.contracts: dict[ClientId | None, Contract] = {}
        self.corrected: Tally[tuple[State, State]] = Tally()
        self.groups: dict[tuple[Witness, ...], Group] = {}
        self.horizon: Instant = BEGINNING
        self.membership = 0
        self._sights = Sights()
        self._late: dict[ServerId, _Late] = {}
        self._counted: dict[Witness, Sight] = {}

    # What the ledger holds

    def take(self, record: Record, settled: Instant) -> None:
        """Take a record; `settled`: how far its server's counters had been counted when it was committed."""
        if isinstance(record, Observation):
            page = self.pages[record.server]
            if record.at < settled:
                self._note_late(page, record.at, settled)
            self._observe(page, record, settled)
        elif isinstance(record, Server):
            self._serve(record, settled)
        elif isinstance(record, Blind):
            self._sights.of(record.witness).blind(record)
            self._darken(record.witness, record.start, record.end)
        elif isinstance(record, Client):
            self.clients[record.id] = record
        elif isinstance(record, Contract):
            self.contracts[record.client] = record
        elif isinstance(record, ObservedUntil):
            self.see(record.witness, record.at)

    def see(self, witness: Witness, until: Instant) -> None:
        """Move a watermark on."""
        self._sights.of(witness).observed_until(until)
        if self._counts(witness):
            sight = self._counted.setdefault(witness, Sight())
            sight.until = max(sight.until, until)

    def lag(self, witness: Witness, start: Instant, end: Instant) -> None:
        """Leave a span out of the counters: it was counted as unobserved before an answer came that covers it."""
        self._darken(witness, start, end)

    def settle(self, now: Instant) -> None:
        """Count up to what is settled at `now`."""
        for server in list(self._late):
            self._finish_late(server)
        self.horizon = max(self.horizon, Instant(now - HORIZON_US))
        for group in self.groups.values():
            group.settle(now)

    # What is asked of it

    def watermark(self, witness: Witness) -> Instant | None:
        """How far a witness has seen."""
        until = self._sights.of(witness).until
        return None if until == BEGINNING else until

    def last_said(self, witness: Witness, server: ServerId, leg: Leg) -> tuple[Instant, State] | None:
        """The newest observation of a leg by a witness."""
        page = self.pages.get(server)
        if page is None:
            return None
        return next((track.last() for known, _, track in page.timeline.views(leg) if known == witness), None)

    def settled(self, server: ServerId, witness: Witness) -> Instant:
        """How far a server's counters are counted; of a server that has none yet, those of its witness."""
        page = self.pages.get(server)
        if page is not None and page.group is not None:
            return page.group.settled
        sight = self._counted.get(witness)
        return max(self.horizon, sight.until if sight is not None else BEGINNING)

    def segments(self, server: ServerId, start: Instant, end: Instant) -> list[Segment]:
        """The states of a server by all evidence, of the legs that its newest record names."""
        page = self.pages[server]
        return page.timeline.segments(page.server.legs, start, end)

    def counts(self, server: ServerId) -> list[int]:
        """A server's counters in microseconds, by `Counter`."""
        page = self.pages[server]
        return page.group.counts(page.index) if page.group is not None else [0] * len(Counter)

    # How it is done

    def _counts(self, witness: Witness) -> bool:
        return witness.observer == self.observer and not witness.source.endswith(RECOVERED)

    def _observe(self, page: Page, record: Observation, settled: Instant) -> None:
        page.timeline.track(record.leg, record.witness, self._sights).add(record.at, record.state)
        if not self._counts(record.witness):
            return
        if page.group is None or record.witness not in page.group.witnesses:
            self._regroup(page, record.witness, settled)
        assert page.group is not None
        change = Change(witness=record.witness, leg=record.leg, state=record.state)
        page.group.change(page.index, record.at, change, settled)

    def _serve(self, record: Server, settled: Instant) -> None:
        page = self.pages.get(record.id)
        if page is None:
            page = self.pages[record.id] = Page([record])
        else:
            page.records.append(record)
        self.membership += 1
        if page.group is None:
            return
        self._change_service(page, record, settled)

    def _change_service(self, page: Page, record: Server, settled: Instant) -> None:
        assert page.group is not None
        page.group.change(
            page.index, record.in_service_from, Change(in_service=True, legs=record.legs), settled
        )
        if record.in_service_until is not None:
            page.group.change(page.index, record.in_service_until, Change(in_service=False), settled)

    def _regroup(self, page: Page, witness: Witness, settled: Instant) -> None:
        """Put a server among those for which its present witnesses, and a new one, speak."""
        self.membership += 1
        known = page.group.witnesses if page.group is not None else ()
        if page.group is None:
            row, counts = Row(server=page.server.id, views=[], legs=page.server.legs), [0] * len(Counter)
        else:
            row, counts = page.group.remove(page.index, settled)
        spoken = {w: view for w, view in zip(known, row.views, strict=True) if any(view)}
        spoken[witness] = [State.UNKNOWN] * len(ALL_LEGS)
        witnesses = tuple(sorted(spoken))
        row.views = [spoken[w] for w in witnesses]
        row.pending = [item for item in row.pending if item[1].witness is None or item[1].witness in spoken]
        group = self.groups.get(witnesses)
        if group is None:
            sights = [self._counted.setdefault(w, Sight()) for w in witnesses]
            group = self.groups[witnesses] = Group(witnesses, sights)
        page.group, page.index = group, group.add(row, counts, settled)
        if not known:
            self._change_service(page, page.server, settled)

    def _darken(self, witness: Witness, start: Instant, end: Instant) -> None:
        if not self._counts(witness):
            return
        self._counted.setdefault(witness, Sight()).darken(start, end)
        for witnesses, group in self.groups.items():
            if witness in witnesses:
                group.darkened()

    def _note_late(self, page: Page, at: Instant, settled: Instant) -> None:
        """Remember what was known of counted time before evidence of it came late: of one commit, so one `settled`."""
        server, start = page.server.id, max(at, page.server.in_service_from)
        late = self._late.get(server)
        if late is not None and late.end != settled:
            self._finish_late(server)
            late = None
        if late is None:
            late = self._late[server] = _Late(start=settled, end=settled)
        if start < late.start:
            # What was taken meanwhile lies at or after `late.start`, so it changed nothing before it.
            late.segments[:0] = page.timeline.segments(page.server.legs, start, late.start)
            late.start = start

    def _finish_late(self, server: ServerId) -> None:
        late = self._late.pop(server)
        now_known = self.segments(server, late.start, late.end)
        for then, now, lasted in _differences(late.segments, now_known):
            self.corrected[then, now] += lasted


@dataclass(slots=True)
class _Late:
    """What was known of the counted time `[start, end)` before late evidence."""

    start: Instant
    end: Instant
    segments: list[Segment] = field(default_factory=list)


def _differences(before: Sequence[Segment], after: Sequence[Segment]) -> Iterator[tuple[State, State, int]]:
    """Where two readings of one span differ: the state then and now, and for how long."""
    i = j = 0
    while i < len(before) and j < len(after):
        start = max(before[i].start, after[j].start)
        end = min(before[i].end, after[j].end)
        if start < end and before[i].state is not after[j].state:
            yield before[i].state, after[j].state, end - start
        if before[i].end <= end:
            i += 1
        if j < len(after) and after[j].end <= end:
            j += 1
