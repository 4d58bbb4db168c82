"""A monitor without clocks, threads and disk: registry, transitions and book, and evidence that is read back line by line."""

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from daemon.ledger import NOTHING_READ, Batch, Extent, Head, Lag, Ledger, Stored
from daemon.recording.recollection import Recollection
from daemon.recording.replay import replay
from daemon.recording.transitions import MOST_EVENTS
from daemon.servers.policy import Owner, Policy
from daemon.servers.rules import Undecided
from probes.facts import NOT_KNOWN, Fact, NotKnown
from probes.report import Departed, ListedServer, ManagedObject, Report, SourceFailure
from sla.evidence import encode
from sla.instants import BEGINNING, MINUTE, SECOND, Instant, parse_instant
from sla.people import People
from sla.reader import EvidenceReader
from sla.records import (
    Blind,
    Client,
    ClientId,
    Leg,
    Observation,
    Record,
    Server,
    ServerId,
    SolutionId,
    State,
    Witness,
)

T = TypeVar("T")

GRACE_US = 5 * MINUTE
START = parse_instant("2026-03-10T12:00:00Z")
ZONES = {"acme": "America/St_Johns", "beta": "Europe/London", "unassigned": "UTC"}


def assign(source: str, sighted: ListedServer) -> Owner | Undecided | None:
    """`acme-web-1` belongs to acme's solution acme-web, `beta-1` to beta; `ignored-1` and placeholders to nobody."""
    if isinstance(sighted.placeholder, str):
        return None
    if sighted.name is NOT_KNOWN:
        return Undecided(frozenset({"name"}))
    client, *rest = sighted.name.split("-")
    if client == "ignored":
        return None
    if client not in ZONES:
        return Owner(client=ClientId("unassigned"))
    solution = SolutionId(f"{client}-{rest[0]}") if len(rest) > 1 else None
    return Owner(client=ClientId(client), solution=solution)


def policy(
    *sources: str,
    rule: Callable[[str, ListedServer], Owner | Undecided | None] = assign,
    grace_us: int = GRACE_US,
    legs: Sequence[Leg] = (Leg.RUNNING, Leg.SAN),
) -> Policy:
    return Policy(
        assign=rule,
        zone_of=lambda client: ZONES.get(client, "UTC"),
        legs={source: frozenset(legs) for source in sources or ("vc1", "vc2")},
        grace_us=grace_us,
    )


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that waits for nothing but its turn."""
    while True:
        try:
            work.send(None)
        except StopIteration as end:
            return cast(T, end.value)


@dataclass
class Monitor:
    """What the recorder does with reports. It is also the ledger that a restart reads."""

    policy: Policy = field(default_factory=policy)
    now: Instant = START
    most_events: int = MOST_EVENTS
    records: list[tuple[Record, Instant | None]] = field(default_factory=list)
    watermarks: dict[Witness, Instant] = field(default_factory=dict)
    lags: list[Lag] = field(default_factory=list)
    known_objects: dict[tuple[str, ServerId], ManagedObject] = field(default_factory=dict)
    head: Head = field(default_factory=lambda: Head(0, b""))

    def __post_init__(self) -> None:
        self.reader = EvidenceReader()
        self._make()
        self.configure(self.policy)

    def _make(self) -> None:
        self.recollection = Recollection("mon", self.policy, most_events=self.most_events)
        self.book, self.registry = self.recollection.book, self.recollection.registry
        self.transitions = self.recollection.transitions

    def restart(self) -> None:
        """Forget all but the ledger."""
        self._make()
        assert replay(cast(Ledger, self), self.recollection).newest <= self.now
        self.book.settle(self.now)
        self.configure(self.policy)

    def configure(self, policy: Policy) -> list[Record]:
        self.policy = policy
        clients = [
            Client(
                id=ClientId(name),
                name=name.upper(),
                timezone=zone,
                tech_admins=("ann",),
                recorded_at=self.now,
                recorded_by="slad",
            )
            for name, zone in ZONES.items()
            if self.book.evidence.client(ClientId(name), self.now) is None
        ]
        return self.commit(finished(self.transitions.configured(clients, policy, People(), self.now)))

    def tell(self, *told: Report | SourceFailure, passed_us: int = 0) -> list[Record]:
        """Digest what sources told, `passed_us` after the last time; gives the new records."""
        self.now = Instant(self.now + passed_us)
        return self.commit(finished(self.transitions.batch_of(told, self.now)))

    def commit(self, batch: Batch) -> list[Record]:
        for entry in batch.entries:
            read = self.reader.read(encode(entry.record).encode())
            assert not self.reader.faults, (self.reader.faults[0], entry.record)
            assert read == entry.record
        for witness, at in batch.watermarks.items():
            assert at >= self.watermarks.get(witness, BEGINNING), "a watermark fell"
        self.records += [(entry.record, entry.settled) for entry in batch.entries]
        self.watermarks |= batch.watermarks
        self.lags += batch.lags
        self.known_objects |= batch.objects
        made = [entry.record for entry in batch.entries]
        self.book.take_watermarks(
            batch.watermarks,
            ((lag.witness, lag.start, lag.end) for lag in batch.lags),
            (record for record in made if isinstance(record, Blind)),
        )
        first = len(self.records) - len(batch.entries) + 1
        for seq, entry in enumerate(batch.entries, first):
            self.recollection.take(seq, entry.record, entry.settled)
        self.book.settle(self.now)
        return made

    # As the ledger

    def bodies(self, beginning: str, after_seq: int = 0) -> list[str]:
        return [body for seq, body, _ in self.replay() if seq > after_seq and body.startswith(beginning)]

    def judge_by(self, reader: EvidenceReader) -> None:
        """As the ledger's: the reader of the records is `reader` here anyway."""

    def objects(self) -> Mapping[tuple[str, ServerId], ManagedObject]:
        return self.known_objects

    def replay(self, after: Extent = NOTHING_READ) -> Iterator[Stored]:
        for seq, (record, settled) in enumerate(self.records[after.head.seq :], after.head.seq + 1):
            yield seq, encode(record)[:-1] + ',"salt":"0"}', settled

    # What is asked of it

    def record(self, server: str) -> Server:
        return self.book.record_of(ServerId(server))

    def history(self, server: str, since: Instant = START) -> list[tuple[State, float]]:
        """The states of a server from `since` to now, each with how many minutes it lasted."""
        states: list[tuple[State, float]] = []
        for part in self.book.segments(ServerId(server), since, self.now):
            lasted = (part.end - part.start) / MINUTE
            if states and states[-1][0] is part.state:
                lasted += states.pop()[1]
            states.append((part.state, lasted))
        return states


@dataclass
class Vm:
    """A virtual server as a vCenter has it."""

    uuid: str
    name: str | NotKnown
    on: bool = True
    san: bool = True
    placeholder: Fact = None


@dataclass
class Source:
    """A vCenter and its watch: it tells the monitor what changed since it told it last."""

    monitor: Monitor
    name: str = "vc1"
    vms: dict[str, Vm] = field(default_factory=dict)
    told: dict[str, tuple[ListedServer | None, State | None, State | None]] = field(default_factory=dict)
    is_new: bool = True
    observer: str = "mon"

    def add(self, *vms: Vm) -> None:
        self.vms |= {vm.uuid: vm for vm in vms}

    def look(self, *, fresh: bool = False, passed_us: int = MINUTE) -> list[Record]:
        """Have the monitor digest a report, `passed_us` after the last."""
        self.monitor.now = Instant(self.monitor.now + passed_us)
        return self.monitor.tell(self.report(fresh=fresh))

    def restarted(self) -> None:
        """A new watch has told nothing."""
        self.told.clear()
        self.is_new = True

    def report(self, *, fresh: bool = False) -> Report:
        """What a watch reports. A watch that is new is fresh and repeats all; one that lost its session, all that is."""
        at, main = self.monitor.now, Witness(self.observer, self.name)
        fresh, self.is_new = fresh or self.is_new, False
        sighted, observations = [], []
        departed = [Departed(server=ServerId(uuid), at=at) for uuid in self.told if uuid not in self.vms]
        self.told = {uuid: told for uuid, told in self.told.items() if uuid in self.vms}
        for uuid, vm in self.vms.items():
            seen = ListedServer(server=ServerId(uuid), name=vm.name, san=vm.san, placeholder=vm.placeholder)
            running, san = (State.UP if vm.on else State.DOWN), (State.UP if vm.san else None)
            before = self.told.get(uuid, (None, None, None))
            if fresh or before[0] != seen:
                sighted.append(seen)
            for leg, state, was in ((Leg.SAN, san, before[2]), (Leg.RUNNING, running, before[1])):
                if state is not None and state is not was:
                    observation = Observation(
                        witness=main, server=ServerId(uuid), leg=leg, state=state, at=at, noticed_at=at
                    )
                    observations.append(observation)
            self.told[uuid] = seen, running, san if san is not None else before[2]
        return Report(
            source=self.name,
            fresh=fresh,
            observed_until=at,
            listed=tuple(sighted),
            departed=tuple(departed),
            observations=tuple(observations),
        )


def servers(records: Sequence[Record]) -> list[Server]:
    """The records of servers among others."""
    return [record for record in records if isinstance(record, Server)]


__all__ = ["GRACE_US", "SECOND", "START", "Monitor", "Source", "Vm", "policy", "replace", "servers"]
