"""The live book: all evidence in memory, and the counters that run beside it, kept by what the ledger has committed.

It is filled by replaying the ledger and goes on record by record: `take_record` serves both, so that a restart gives
the same counters. Only the task that commits changes it; `settle` then moves the counters on, and `corrected` says what
was learned, since the process began, of time that they had counted already.
"""

import collections
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from daemon.book.cause_counts import CauseCounts
from daemon.book.changes import BookChanges
from daemon.book.counting import HORIZON_US, MOST_WITNESSES, NEVER, Counts, Group, GroupMember
from daemon.book.elapsed import WitnessSight
from daemon.book.outage_index import OutageIndex
from daemon.book.patterns import legs_code
from daemon.book.service_edges import service_edges
from probes.report import RECOVERED
from sla.book import Book
from sla.instants import BEGINNING, FOREVER, Instant
from sla.outages import Run, runs_of
from sla.records import (
    Blind,
    Cause,
    Event,
    Leg,
    Observation,
    ObservedUntil,
    ObserverRetired,
    Record,
    Server,
    ServerId,
    State,
    Witness,
)
from sla.timeline import Segment, Track


@dataclass(slots=True)
class GroupPlace:
    """Where a server is counted."""

    group: Group
    index: int


@dataclass(slots=True, frozen=True, eq=False)
class CountedTrack:
    """A track, of what it is, and whether the counters go by its witness."""

    server: ServerId
    leg: Leg
    witness: Witness
    track: Track
    is_counted: bool


_STATES: Final = tuple(State)
_, _DOWN, _UP = _STATES  # a member of an enum is slow to look up by its name

Told = tuple[int, Instant, int, str, Instant]
"""An observation: which of some tracks it is of, its instant, state and reason, and how far its server's counters had been
counted when it was committed.
"""


class LiveBook:
    """The evidence of one ledger and its counters; of the hub, that of all ledgers in the store."""

    def __init__(self, observer: str, *, counts_by_all: bool = False) -> None:
        """`counts_by_all`: the counters go by the witnesses of all monitors, not only by this one's."""
        self.observer = observer
        """This monitor: unless the counters go by all, only its own witnesses are counted by."""
        self._counts_by_all = counts_by_all
        self.evidence = Book()
        """All that the ledger holds, of whichever observer."""
        self.outages = OutageIndex(self.evidence, self._settled_of)
        """Every outage of every server."""
        self.cause_counts = CauseCounts(self.evidence)
        """How many outages had which cause."""
        self.events: dict[ServerId, array[int]] = {}
        """The numbers in the ledger of the events that name a server."""
        self.corrected: collections.Counter[tuple[State, State]] = collections.Counter()
        """By the state that was counted and the one that is known now: microseconds, since the book went live."""
        self.groups: dict[tuple[Witness, ...], Group] = {}
        """By their witnesses, sorted; a group that has become empty stays."""
        self.places: dict[ServerId, GroupPlace] = {}
        """Each server that one of its own witnesses ever spoke of, in one group; it stays when it leaves service."""
        self.horizon: Instant = BEGINNING
        """Up to here all time is settled, whoever has answered for it; it never falls."""
        self.membership = 0
        """Another number whenever servers came, went, changed or moved between groups."""
        self.reasons: dict[tuple[ServerId, Leg], str] = {}
        """Why a leg was last not up, by a witness that is counted by; it stays when the leg is up again."""
        self._counted: dict[Witness, WitnessSight] = {}
        """When the witnesses saw that are counted by."""
        self._late: dict[ServerId, _Late] = {}
        """What was known of counted time before news of it came, until the next settling."""
        self._went_live = False
        """The ledger was replayed, and has been settled once: news may be late from then on."""
        self._is_counted: dict[Witness, bool] = {}
        """Whether a witness is counted by: remembered, for a million observations ask."""
        self._changes = BookChanges()
        """What was taken since somebody asked, and since the book went live."""

    # What the ledger holds

    def take_record(self, record: Record, settled: Instant | None, seq: int = 0) -> None:
        """Take a record; `settled`: how far its server's counters had been counted when it was committed.

        `seq`: its number in the ledger.
        """
        counted_until = BEGINNING if settled is None else settled
        if isinstance(record, Observation):
            track = self.track(record.server, record.leg, record.witness)
            self.take_observation(track, record.at, record.state, record.reason, counted_until)
        elif not isinstance(record, ObservedUntil | Blind):  # those are taken by `take_watermarks`
            self.evidence.add(record)
            if isinstance(record, Server):
                self._take_service(record, counted_until)
            elif isinstance(record, ObserverRetired):
                self._take_retirement(record, counted_until)
            elif self._went_live:
                self._changes.records.append(record)
            if isinstance(record, Cause):
                self.outages.take_cause(record)
                self.cause_counts.take(record)
            elif isinstance(record, Event) and record.server is not None and not record.shown_to:
                self.events.setdefault(record.server, array("q")).append(seq)

    def track(self, server: ServerId, leg: Leg, witness: Witness) -> CountedTrack:
        """Where the observations of a witness go that speak of a leg of a server."""
        track = self.evidence.track(server, leg, witness)
        return CountedTrack(server, leg, witness, track, self._counts(witness))

    def take_observation(
        self, of: CountedTrack, at: Instant, state: State, reason: str, settled: Instant
    ) -> None:
        """Take an observation: `take_record` in its parts."""
        if self._went_live:
            self._changes.servers.add(of.server)
            if at < settled:
                self._note_late(of.server, at, settled)
        self.take_run((of,), ((0, at, state, reason, settled),))

    def take_run(self, tracks: Sequence[CountedTrack], run: Sequence[Told]) -> ServerId:
        """Take observations of one server in their order, before the book went live; which server it is.

        As `take_observation` one after the other: what a start with a million of them is made of.
        """
        server = tracks[run[0][0]].server
        place = self.places.get(server)
        changes: list[tuple[Instant, int, int]] = []
        codes: dict[int, int] = {}
        """By track: where in the server's code it is."""
        counted, says_down = BEGINNING, False

        for number, at, value, reason, settled in run:
            of, state = tracks[number], _STATES[value]
            of.track.add(at, state, reason)
            says_down = says_down or state is _DOWN
            if not of.is_counted:
                continue
            if at < settled:
                # Not what comes last counts from now on, but what is said of now: this may be older (spec §2.2).
                at, (_, said, _) = settled, of.track.around(settled)
                if said is not state:
                    continue
            code = codes.get(number)
            if code is None or settled < counted:
                if place is not None and changes:
                    place.group.change_all(place.index, changes, counted)
                    changes = []
                if place is None or of.witness not in place.group.witnesses:
                    place, codes = self._regroup(server, place, of.witness, settled), {}
                code = codes[number] = place.group.place_of(of.witness, of.leg)
            counted = settled
            changes.append((at, code, value))
            if state is not _UP:
                self.reasons[server, of.leg] = reason
        if place is not None and changes:
            place.group.change_all(place.index, changes, counted)
        self.outages.take_observations(server, says_down)
        return server

    def take_watermarks(
        self,
        watermarks: Mapping[Witness, Instant],
        lags: Iterable[tuple[Witness, Instant, Instant]],
        blind: Iterable[Blind],
    ) -> None:
        """Take when witnesses saw: to be done before what was counted by it is taken.

        `lags` are spans that the counters counted as unobserved before an answer came that covers them; they stay so.
        """
        for witness, until in watermarks.items():
            self._take_watermark(witness, until)
        for witness, start, end in lags:
            self._darken(witness, start, end)
            self._note_lag(witness, start, end)
        for record in blind:
            self.evidence.add(record)
            self._darken(record.witness, record.start, record.end)
            if self._went_live:
                self._changes.see(record.witness, record.start)
                self.outages.take_blind(record)

    def _take_watermark(self, witness: Witness, until: Instant) -> None:
        if self._went_live:
            self._changes.see(witness, min(until, self.evidence.sights.of(witness).until))
        self.evidence.add(ObservedUntil(witness=witness, at=until))
        if self._counts(witness):
            sight = self._counted.setdefault(witness, WitnessSight())
            sight.until = max(sight.until, until)

    def settle(self, now: Instant) -> None:
        """Count up to what is settled at `now`. What is learned late from then on is a correction."""
        for _ in self.settling(now):
            pass

    def settling(self, now: Instant) -> Iterator[None]:
        """`settle` in small steps."""
        self._went_live = True
        for server in list(self._late):
            self._finish_late(server)
            yield
        self.horizon = max(self.horizon, Instant(now - HORIZON_US))
        self.cause_counts.settle(now)
        for group in self.groups.values():
            yield from group.settling(now)

    # What is asked of it

    def settled_at(self) -> Instant:
        """The oldest settled instant of all servers in service."""
        settled = (
            group.settled for group in self.groups.values() if any(True for _ in group.members_in_service())
        )
        return min(settled, default=self.horizon)

    def taken_changes(self) -> BookChanges:
        """What was taken since this was last asked, and since the book went live."""
        changes, self._changes = self._changes, BookChanges()
        return changes

    def watermark(self, witness: Witness) -> Instant | None:
        """How far a witness has seen."""
        until = self.evidence.sights.of(witness).until
        return None if until == BEGINNING else until

    def last_said(self, witness: Witness, server: ServerId, leg: Leg) -> tuple[Instant, State] | None:
        """The newest observation of a leg by a witness."""
        pages = self.evidence.servers.get(server)
        track = pages.timeline.find(leg, witness) if pages is not None else None
        return track.last() if track is not None else None

    def settled(self, server: ServerId, witness: Witness) -> Instant:
        """How far a server's counters are counted; of a server that has none yet, those of its witness."""
        place = self.places.get(server)
        if place is not None:
            return place.group.settled
        sight = self._counted.get(witness)
        return max(self.horizon, sight.until if sight is not None else BEGINNING)

    def _settled_of(self, server: ServerId) -> Instant:
        place = self.places.get(server)
        return self.horizon if place is None else place.group.settled

    def record_of(self, server: ServerId) -> Server:
        """A server's newest record."""
        return self.evidence.servers[server].records[-1]

    def segments(self, server: ServerId, start: Instant, end: Instant) -> list[Segment]:
        """The states of a server by all evidence, of the legs that its newest record names."""
        return self.evidence.servers[server].timeline.segments(self.record_of(server).legs, start, end)

    def runs_since(self, server: ServerId, since: Instant) -> list[Run]:
        """The outages of a server that last beyond `since`, as far as they are settled, each from its own start."""
        place = self.places.get(server)
        if place is None:
            return []
        record, settled = self.record_of(server), place.group.settled
        outage_at = place.group.outage_at[place.index]
        causes = self.evidence.causes.get(server, {})
        began = max((start for start in causes if start <= since), default=since)
        if outage_at != NEVER:
            began = min(began, Instant(outage_at))
        left_at = record.left_at(settled)
        start = max(record.in_service_from, began)
        runs = runs_of(self.segments(server, start, left_at or settled), left_at=left_at)
        return [run for run in runs if run.end is None or run.end > since]

    def why_down(self, server: ServerId, legs: Iterable[Leg]) -> tuple[str, ...]:
        """Why legs of a server that are down were last said to be; where nobody said why, which leg it is."""
        return tuple(dict.fromkeys(self.reasons.get((server, leg), "") or leg.value for leg in legs))

    def cause_of_outage(self, server: ServerId, began_at: Instant) -> Cause | None:
        """The cause of an outage under way, which begins at `began_at` by the counters; None where none is known.

        Late news moves no counter: by the evidence, as causes go, it may have begun at another instant.
        """
        starts = self.evidence.causes.get(server)
        if starts is None:
            return None
        if max(starts) == began_at:  # as nearly always, and cheap
            return self.evidence.cause(server, began_at)
        return self.evidence.cause_at(server, (BEGINNING, self._settled_of(server)), FOREVER)

    def counts(self, server: ServerId) -> Counts:
        place = self.places.get(server)
        return place.group.counts(place.index) if place is not None else Counts()

    def state(self, server: ServerId) -> State:
        """A server's state at its settled instant."""
        place = self.places.get(server)
        return place.group.state(place.index) if place is not None else State.UNKNOWN

    # How it is counted

    def _counts(self, witness: Witness) -> bool:
        """Whether the counters go by a witness."""
        counted = self._is_counted.get(witness)
        if counted is None:
            counted = self._is_counted[witness] = self._goes_by(witness)
        return counted

    def _goes_by(self, witness: Witness) -> bool:
        is_own = self._counts_by_all or witness.observer == self.observer
        return is_own and not witness.source.endswith(RECOVERED)

    def _take_service(self, record: Server, settled: Instant) -> None:
        self.membership += 1
        if self._went_live:
            self._changes.servers.add(record.id)
        self.outages.take_service(record)
        self._change_service(record.id, settled)

    def _take_retirement(self, record: ObserverRetired, settled: Instant) -> None:
        for pages in self.evidence.servers.values():
            if pages.told and pages.told[-1] is record:
                self._take_service(pages.records[-1], settled)

    def _change_service(self, server: ServerId, settled: Instant) -> None:
        place = self.places.get(server)
        if place is not None:
            last = len(place.group.blank()) - 1
            for at, legs in service_edges(self.evidence.servers[server]):
                place.group.change(place.index, at, last, legs_code(legs), settled)

    def _regroup(
        self, server: ServerId, place: GroupPlace | None, witness: Witness, settled: Instant
    ) -> GroupPlace:
        """Count a server where its present witnesses, and a new one, speak."""
        self.membership += 1
        if place is None:
            group = self.group_of((witness,))
            row, counts = GroupMember(server=server, code=group.blank()), Counts()
        else:
            before = place.group
            settled = max(settled, before.counted_until(place.index))
            row, counts = before.remove(place.index, settled)
            group = self.group_of(self._heard(witness, before.speaking(row)))
            group.adopt(row, before)
        new_place = self.places[server] = GroupPlace(group, group.add(row, counts, settled))
        if place is None:
            self._change_service(server, settled)
        return new_place

    def _heard(self, speaker: Witness, others: Iterable[Witness]) -> tuple[Witness, ...]:
        """By whom a server is counted: who speaks of it now, and of too many others those that saw last."""
        by_sight = sorted({*others} - {speaker}, key=lambda each: (self._counted[each].until, each))
        return tuple(sorted((speaker, *by_sight[1 - MOST_WITNESSES :])))

    def group_of(self, witnesses: tuple[Witness, ...]) -> Group:
        """The group of the servers for which these witnesses speak, sorted; from its first mention on."""
        group = self.groups.get(witnesses)
        if group is None:
            sights = [self._counted.setdefault(witness, WitnessSight()) for witness in witnesses]
            group = self.groups[witnesses] = Group(witnesses, sights)
        return group

    def _darken(self, witness: Witness, start: Instant, end: Instant) -> None:
        if not self._counts(witness):
            return
        self._counted.setdefault(witness, WitnessSight()).darken(start, end)
        for witnesses, group in self.groups.items():
            if witness in witnesses:
                group.darkened()

    # What was learned late

    def _note_late(self, server: ServerId, at: Instant, settled: Instant) -> None:
        """Remember what was known of counted time before evidence of it came late: of one commit, so one `settled`."""
        start = max(at, self.record_of(server).in_service_from)
        late = self._late.get(server)
        if late is not None and late.end != settled:
            self._finish_late(server)
            late = None
        if late is None:
            late = self._late[server] = _Late(start=settled, end=settled)
        if start < late.start:
            # What was taken meanwhile lies at or after `late.start`, so it changed nothing before it.
            late.segments[:0] = self.segments(server, start, late.start)
            late.start = start

    def _note_lag(self, witness: Witness, start: Instant, end: Instant) -> None:
        """Note what time is known to have been that was counted as unobserved."""
        if not self._went_live:
            return
        for witnesses, group in self.groups.items():
            if witness in witnesses:
                for then, now, lasted in group.seen_after_all(witnesses.index(witness), start, end):
                    self.corrected[then, now] += lasted

    def _finish_late(self, server: ServerId) -> None:
        late = self._late.pop(server)
        for then, now, lasted in _differences(late.segments, self.segments(server, late.start, late.end)):
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
