"""From reports to evidence: what of them is new, in the ledger's words, as one batch for one transaction.

Only transitions enter the ledger, each with when it happened and when it was noticed. A look that stands on no earlier
one makes a `blind` record of the time between; a watermark moves on with every look. What is made here is in force, and
in the book, only after the commit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from daemon.believed_clock import MOST_STEPS, ClockStep
from daemon.book.live_book import LiveBook
from daemon.ledger import Batch, Entry, Lag
from daemon.pacing import for_good, paced
from daemon.servers.policy import RECORDED_BY, Policy
from daemon.servers.registry import ServerRegistry
from probes.report import (
    INTERNET,
    RECOVERED,
    KnownEvent,
    ManagedObject,
    Report,
    Resume,
    SourceEvent,
    SourceFailure,
)
from probes.vcenter.positions import OVERLAP_US
from sla.instants import BEGINNING, FOREVER, Instant
from sla.owners import owners_of_server
from sla.people import People, whose
from sla.reasons import PlainReason
from sla.records import (
    Blind,
    Client,
    Contract,
    Event,
    Leg,
    Observation,
    Record,
    Server,
    ServerId,
    State,
    Witness,
)

MOST_EVENTS: Final = 10_000
"""How many events are kept of a source, to know them again, before the old ones are forgotten."""

BLIND_BECAUSE: Final[Mapping[str, PlainReason]] = {
    "unreachable": PlainReason.NOT_REACHED,
    "certificate": PlainReason.NOT_LET_IN,
    "credentials": PlainReason.NOT_LET_IN,
    "login_refused": PlainReason.NOT_LET_IN,
    "permission_denied": PlainReason.NOT_LET_IN,
    "session_lost": PlainReason.SESSION_LOST,
    "bad_reply": PlainReason.ANSWER_NOT_READ,
    "defect": PlainReason.MONITOR_FAILED,
}
"""By the word of a `SourceFailure`; its message is in the log."""


@dataclass(slots=True)
class _TakenEvents:
    """A source's newest events. Keys of a source that was restored repeat."""

    most: int
    events: dict[KnownEvent, None] = field(default_factory=dict)
    kept: int = 0

    def remember(self, event: KnownEvent) -> None:
        """Add one. Those within the overlap that a new watch reads again have to stay, however many they are."""
        self.events[event] = None
        if len(self.events) > max(self.most, 2 * self.kept):
            oldest = max(known.at for known in self.events) - 2 * OVERLAP_US
            self.events = {known: None for known in self.events if known.at >= oldest}
            self.kept = len(self.events)


class Transitions:
    """Makes batches. Invariant: between two commits it looks at the book and at what it put into the batch itself."""

    def __init__(self, book: LiveBook, registry: ServerRegistry, *, most_events: int = MOST_EVENTS) -> None:
        self._book = book
        self._registry = registry
        self._most_events = most_events
        self._said: dict[tuple[Witness, ServerId, Leg], tuple[Instant, State]] = {}
        self._blind_because: dict[str, PlainReason] = {}
        self._taken_events: dict[str, _TakenEvents] = {}
        self._events_under_way: dict[str, set[KnownEvent]] = {}
        """By source those of the batch made last that are not on record yet."""
        self._objects: dict[tuple[str, ServerId], ManagedObject] = {}
        self._steps: list[Event] = []
        self._people = People()
        self._stepped_over: list[ClockStep] = []
        """Where time jumped forward since the process began."""

    async def configured(
        self, records: Iterable[Client | Contract], policy: Policy, people: People, now: Instant
    ) -> Batch:
        """What a configuration, new or changed, has to put on record: `records` that are lacking, and whose servers are whose."""
        self._said.clear()
        self._people = people
        entries = [self.entry(record) for record in records]
        entries += await self._entered(self._registry.follow(policy, now))
        return Batch(entries=entries)

    def clock_stepped(self, step: ClockStep, now: Instant) -> None:
        """Put a step of the wall clock on record with the next batch; over one forward nobody watched."""
        self._steps.append(
            Event(
                source="slad",
                key=f"clock-{now}",
                type="clock_step",
                at=now,
                server=None,
                user=step.accepted_by,
                text=f"{step.text}: {step.outcome}",
                recorded_at=now,
                recorded_by=RECORDED_BY,
            )
        )
        if step.until > step.since:
            self._stepped_over = [*self._stepped_over, step][-MOST_STEPS:]

    async def batch_of(self, told: Iterable[Report | SourceFailure], now: Instant) -> Batch:
        """What sources told, in its order, and the time since the last batch put on record; made in slices."""
        self._said.clear()
        self._events_under_way.clear()
        entries = [Entry(record=step) for step in self._steps]
        self._steps.clear()
        watermarks: dict[Witness, Instant] = {}
        objects: dict[tuple[str, ServerId], ManagedObject] = {}
        lags: list[Lag] = []
        for report in told:
            if isinstance(report, SourceFailure):
                because = BLIND_BECAUSE.get(report.reason, PlainReason.NO_CONTACT)
                self._blind_because.setdefault(report.source, because)
                continue
            main = Witness(self._book.observer, report.source)
            seen_until = watermarks.get(main) or self._book.watermark(main)
            if report.observed_until is not None:
                until = max(report.observed_until, seen_until or BEGINNING)
                watermarks[main] = until
                if report.source != INTERNET:
                    watermarks[Witness(main.observer, main.source + RECOVERED)] = until
                if seen_until is not None:
                    blind = list(self._gaps(report, main, seen_until, until))
                    entries += map(self.entry, blind)
                    if not blind and seen_until < self._book.horizon:
                        lags.append(Lag(witness=main, start=seen_until, end=self._book.horizon))
            with for_good(len(report.observations)):
                entries += await self._entered(self._evidence(report, now))
            objects |= self._other_objects(report)
        entries += await self._entered(self._registry.pass_to(now))
        return Batch(entries=entries, watermarks=watermarks, lags=lags, objects=objects)

    def resume(self, source: str) -> Resume:
        """What a watch of `source` has to know of the one before it."""
        main = Witness(self._book.observer, source)
        lost = {}
        for server, uuid in self._registry.in_service(source):
            last = self._book.last_said(main, server, Leg.RUNNING)
            if last is not None and last[1] is State.UNKNOWN:
                lost[uuid] = last[0]
        return Resume(
            observed_until=self._book.watermark(main),
            out_of_contact=lost,
            known_events=frozenset(
                {
                    *self._taken_events.get(source, _TakenEvents(self._most_events)).events,
                    *self._events_under_way.get(source, ()),
                }
            ),
            objects=self._known_objects(source),
        )

    def entry(self, record: Record) -> Entry:
        """A record for the ledger, with how far its server was counted."""
        if isinstance(record, Observation):
            return Entry(record=record, settled=self._book.settled(record.server, record.witness))
        if isinstance(record, Server):
            witness = Witness(self._book.observer, self._registry.source_of(record.id))
            return Entry(record=record, settled=self._book.settled(record.id, witness))
        return Entry(record=record)

    def remember_objects(self, objects: Mapping[tuple[str, ServerId], ManagedObject]) -> None:
        """Take which object each server was last from the ledger, at start."""
        self._objects.update(objects)

    def remember(self, event: Event) -> None:
        """Take an event that is on record: the watch of its source goes on there."""
        known = _known(event)
        self._taken_events.setdefault(event.source, _TakenEvents(self._most_events)).remember(known)
        self._events_under_way.get(event.source, set()).discard(known)

    def positions(self) -> Iterator[tuple[str, int, Sequence[KnownEvent]]]:
        """By source: how many events were kept when old ones were last forgotten, and those that are known."""
        for source, taken in self._taken_events.items():
            yield source, taken.kept, tuple(taken.events)

    def restore_position(self, source: str, kept: int, events: Iterable[KnownEvent]) -> None:
        """Know what `positions` gave of a source, whatever was remembered of it."""
        self._taken_events[source] = _TakenEvents(self._most_events, dict.fromkeys(events), kept)

    async def _entered(self, records: Iterable[Record | None]) -> list[Entry]:
        """The entries of what is new in `records`, made in slices."""
        return [self.entry(record) async for record in paced(self._fresh(records)) if record is not None]

    def _evidence(self, report: Report, now: Instant) -> Iterator[Record | None]:
        yield from self._registry.take_list(report, now)
        for observation in report.observations:
            yield from self._registry.take_observation(report.source, observation, now)
        for said in report.events:
            event = self._event(report.source, said, now)
            yield self._shown(event)
            yield event

    def _fresh(self, records: Iterable[Record | None]) -> Iterator[Record | None]:
        """The records, None in place of observations that say what was said before."""
        for record in records:
            if not isinstance(record, Observation):
                yield record
                continue
            key = (record.witness, record.server, record.leg)
            last = self._said.get(key) or self._book.last_said(*key)
            if record.at >= (last[0] if last else BEGINNING):
                if record.state is (last[1] if last else State.UNKNOWN):
                    yield None
                    continue
                self._said[key] = (record.at, record.state)
            yield record

    def _other_objects(self, report: Report) -> dict[tuple[str, ServerId], ManagedObject]:
        """The listed servers that are another object than was on record."""
        others = {
            (report.source, listed.server): listed.managed_object
            for listed in report.listed
            if listed.managed_object is not None
            and self._objects.get((report.source, listed.server)) != listed.managed_object
        }
        self._objects |= others
        return others

    def _known_objects(self, source: str) -> dict[ManagedObject, ServerId]:
        """Who the objects of a source were. Of a twin that an old version recorded, its id says which object it is."""
        twins = {ManagedObject("", uuid.rpartition("@")[2]): uuid for uuid in self._registry.twins(source)}
        known = {known: server for (of, server), known in self._objects.items() if of == source}
        return twins | known

    def _gaps(self, report: Report, main: Witness, seen_until: Instant, until: Instant) -> Iterator[Blind]:
        """The time between two looks, where the later one does not stand on the earlier; else what of it never was."""
        because = self._blind_because.pop(report.source, PlainReason.NO_CONTACT)
        over = [step for step in self._stepped_over if step.since < until and seen_until < step.until]
        if over:
            because = PlainReason.CLOCK_SET_FORWARD
        if report.fresh and seen_until < until:
            yield Blind(witness=main, start=seen_until, end=until, reason=because)
        elif not report.fresh:
            for step in over:
                start, end = max(seen_until, step.since), min(until, step.until)
                if start < end:
                    yield Blind(witness=main, start=start, end=end, reason=because)

    def _event(self, source: str, said: SourceEvent, now: Instant) -> Event:
        server = said.server
        event = Event(
            source=source,
            key=said.key,
            type=said.type,
            at=said.at,
            server=None if server is None else self._registry.id_of(source, server),
            user=said.user,
            text=said.text,
            recorded_at=now,
            recorded_by=RECORDED_BY,
        )
        self._events_under_way.setdefault(source, set()).add(_known(event))
        return event

    def _shown(self, event: Event) -> Event | None:
        """What the client whose server an event is about may see of it: that it was, and who did it if that was no one else's user."""
        if event.server is None:
            return None
        owners = owners_of_server(self._book.evidence, event.server, event.at, Instant(event.at + 1), FOREVER)
        if len(owners) != 1:
            return None
        (client,) = owners
        user = whose(event.user, client, self._people).shown_user if event.user else None
        return replace(event, user=user or "", text="", shown_to=client)


def _known(event: Event) -> KnownEvent:
    # One that is dated after it was read, as old versions took them, must not move the position.
    return KnownEvent(event.key, event.type, min(event.at, event.recorded_at))
