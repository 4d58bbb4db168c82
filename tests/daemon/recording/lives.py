"""A daemon's life from a seed: what sources tell and people ask, committed to a real ledger; and all that a start knows of it."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum
from pathlib import Path
from random import Random
from typing import Any, cast

from prometheus_client import CollectorRegistry

from daemon.book.counting import Group
from daemon.ledger import Batch, Entry, Extent, Ledger, SnapshotSection
from daemon.metrics import ProcessMetrics
from daemon.recording.committing import Committer
from daemon.recording.recollection import Recollection
from daemon.recording.replay import replay
from daemon.recording.start_snapshot import restore, sections_of
from daemon.records.idempotency import AskedDraft, Draft, RequestIdentity
from daemon.records.links import REVOKED, ClientLinks, LinkGrant
from daemon.servers.policy import RECORDED_BY
from daemon.statements.register import DELIVERED
from probes.report import INTERNET, ManagedObject, Report, SourceEvent, SourceFailure
from sla.book import Declared
from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.people import People
from sla.records import (
    Blind,
    CancellationNotice,
    Category,
    Cause,
    CauseKind,
    Channel,
    Client,
    ClientId,
    Confidence,
    Event,
    Exclusion,
    ExclusionEnded,
    ExclusionId,
    ExclusionWithdrawn,
    Issued,
    Leg,
    Lifecycle,
    LifecycleEvent,
    NoticeId,
    Observation,
    Record,
    RequestId,
    ServerId,
    ServiceRequest,
    ServiceRequestResponded,
    SolutionId,
    State,
    StepId,
    Withdrawable,
    Withdrawn,
    Witness,
)
from tests.daemon.hand import Hand
from tests.daemon.monitor import START, ZONES, Monitor, Source, Vm, policy

NAMES = ("acme-web-1", "acme-web-2", "acme-db-1", "beta-1", "other", "ignored-1")
OBSERVER = "mon"
MONTHS = ("2026-02", "2026-03", "2026-04")


class Life:
    """Every step commits something, and then time is counted."""

    def __init__(self, path: Path, seed: int, *, most_events: int = 5) -> None:
        self.chance = Random(seed)
        self.hand = Hand(wall=START)
        self.ledger = Ledger.open(path)
        self.known = Recollection(OBSERVER, policy(), most_events=most_events)
        replay(self.ledger, self.known)
        self.committer = Committer(
            clock=self.hand,
            ledger=self.ledger,
            recollection=self.known,
            metrics=ProcessMetrics(CollectorRegistry()),
            on_waiting=lambda: None,
            on_fault=lambda: None,
            on_committed=lambda: None,
        )
        self._sources = [Source(cast(Monitor, self), name, observer=OBSERVER) for name in ("vc1", "vc2")]
        self._count = 0
        self._open: list[ExclusionId] = []
        self._standing: list[ExclusionId] = []
        self._asked: list[RequestId] = []

    @property
    def now(self) -> Instant:
        return self.hand.now()

    async def begin(self) -> None:
        clients = [
            Client(id=ClientId(name), name=name, timezone=zone, tech_admins=("ann",), recorded_at=self.now)
            for name, zone in ZONES.items()
        ]
        batch = await self.known.transitions.configured(clients, policy(), People(), self.now)
        await self.committer.commit(batch)

    async def step(self) -> None:
        # Past the horizon, and past the grace of servers that are gone, now and then.
        self.hand.pass_(self.chance.choice((SECOND, 7 * SECOND, MINUTE, 3 * MINUTE, HOUR, 9 * HOUR)))
        acts = (self._look, self._look, self._look, self._tell, self._ask, self._link, self._attribute)
        act = self.chance.choice(acts)
        await act()
        self.known.book.settle(self.now)

    def sections(self) -> tuple[Extent, list[SnapshotSection]]:
        """The snapshot as of now."""
        return self.ledger.extent, list(sections_of(self.known, self.ledger.extent))

    # What sources tell

    async def _look(self) -> None:
        told: list[Report | SourceFailure] = []
        for source in self._sources:
            if self.chance.random() < 0.3:
                continue
            if self.chance.random() < 0.1:
                source.restarted()
                told.append(
                    SourceFailure(source=source.name, reason="session_lost", message="it was", retry_in_us=0)
                )
            self._change(source)
            report = source.report(fresh=self.chance.random() < 0.1)
            objects = tuple(
                replace(listed, managed_object=ManagedObject("uuid", listed.server))
                for listed in report.listed
            )
            told.append(replace(report, listed=objects, events=tuple(self._events(source))))
        await self._commit(await self.known.transitions.batch_of(told, self.now))

    def _change(self, source: Source) -> None:
        if len(source.vms) < 4:
            name = f"u{self._next()}" if self.chance.random() < 0.8 else "shared"
            source.add(Vm(name, self.chance.choice(NAMES)))
        for uuid in self.chance.sample(sorted(source.vms), k=self.chance.randrange(3) % len(source.vms)):
            vm = source.vms[uuid]
            vm.on, vm.san = self.chance.random() < 0.6, self.chance.random() < 0.8
            if self.chance.random() < 0.2:
                vm.name = self.chance.choice(NAMES)
            if self.chance.random() < 0.1:
                del source.vms[uuid]

    def _events(self, source: Source) -> Iterator[SourceEvent]:
        for _ in range(self.chance.randrange(3)):
            at = Instant(self.now - self.chance.randrange(2 * HOUR))
            server = ServerId(self.chance.choice(sorted(source.vms))) if self.chance.random() < 0.7 else None
            yield SourceEvent(
                key=str(self._next()), type="VmPoweredOffEvent", at=at, server=server, user="eve", text="off"
            )

    async def _tell(self) -> None:
        """What other witnesses say, of now and of before."""
        servers = sorted(self.known.book.places)
        if not servers:
            return
        sources = (INTERNET, INTERNET, "vc1", "vc1/recovered")
        observer = self.chance.choice((OBSERVER, OBSERVER, OBSERVER, "elsewhere"))
        witness = Witness(observer, self.chance.choice(sources))
        observations = [
            Observation(
                witness=witness,
                server=server,
                leg=Leg.INTERNET if witness.source == INTERNET else Leg.RUNNING,
                state=self.chance.choice(tuple(State)),
                at=Instant(self.now - self.chance.choice((0, 0, 30 * SECOND, 5 * MINUTE, HOUR))),
                reason=self.chance.choice(("", "no answer")),
            )
            for server in self.chance.sample(servers, k=min(2, len(servers)))
        ]
        if witness == Witness(OBSERVER, INTERNET):
            report = Report(
                source=INTERNET,
                fresh=self.chance.random() < 0.2,
                observed_until=self.now,
                observations=tuple(observations),
            )
            await self._commit(await self.known.transitions.batch_of([report], self.now))
            return
        entries = [self.known.transitions.entry(observation) for observation in observations]
        if self.chance.random() < 0.3:
            start, lost = Instant(self.now - MINUTE), Witness("elsewhere", "vc9")
            entries.append(Entry(record=Blind(witness=lost, start=start, end=self.now, legs=(Leg.RUNNING,))))
        await self._commit(Batch(entries=entries))

    # What people ask, and what follows

    async def _ask(self) -> None:
        number = self._next()
        records = self.chance.choice(list(self._drafts(number)))
        await self._request(number, Draft(f"d{number}", records))
        for record in records:
            self._follow(record)

    async def _link(self) -> None:
        """A link for a client is made, or taken back."""
        number, links = self._next(), self.known.requests.links.by_id
        if links and self.chance.random() < 0.4:
            await self._request(number, Draft(self.chance.choice(list(links)), (), link=REVOKED))
            return
        grant = LinkGrant(
            client=ClientId("acme"),
            name="for bob",
            sha256=hashlib.sha256(str(number).encode()).digest(),
            expires_at=Instant(self.now + HOUR),
        )
        await self._request(number, Draft(f"ln{number}", (), link=grant))

    async def _request(self, number: int, draft: Draft) -> None:
        asked = AskedDraft(RequestIdentity("ann", f"key-{number}", "digest"), "POST /", draft)
        entries = [Entry(record=record) for record in (asked.event(self.now), *draft.records)]
        await self._commit(Batch(entries=entries, request=asked.key if number % 3 else None))

    def _drafts(self, number: int) -> Iterator[tuple[Declared, ...]]:
        acme, web, now = ClientId("acme"), SolutionId("acme-web"), self.now
        is_open = number % 2 == 0
        yield tuple(
            Exclusion(
                id=ExclusionId(f"ex{number}.{client}"),
                category=self.chance.choice(tuple(Category)),
                start=Instant(now - HOUR),
                end=None if is_open else Instant(now + MINUTE),
                clients=(client,),
                recorded_at=now,
                extra=(("reference_of", '"them"'),) if number % 5 == 0 else (),
            )
            for client in (acme, ClientId("beta"))[: 1 + number % 2]
        )
        yield (
            ServiceRequest(
                id=RequestId(f"sr{number}"),
                client=acme,
                solution=web,
                opened_at=now,
                opened_by="ann",
                channel=Channel.PHONE,
                recorded_at=now,
            ),
        )
        yield (
            CancellationNotice(
                id=NoticeId(f"n{number}"), client=acme, solution=web, given_at=now, recorded_at=now
            ),
        )
        yield (
            Lifecycle(
                id=StepId(f"st{number}"),
                client=acme,
                solution=web,
                event=LifecycleEvent.ACTIVATED,
                at=now,
                recorded_at=now,
            ),
        )
        if self._open:
            yield (ExclusionEnded(id=self._open[0], at=now, recorded_at=now),)
        if self._standing:
            yield (ExclusionWithdrawn(id=self._standing[-1], why="a slip", recorded_at=now),)
        if self._asked:
            yield (ServiceRequestResponded(id=self._asked[-1], at=now, recorded_at=now),)
            yield (
                Withdrawn(
                    what=Withdrawable.SERVICE_REQUEST, id=self._asked[-1], why="a slip", recorded_at=now
                ),
            )

    def _follow(self, record: Declared) -> None:
        match record:
            case Exclusion():
                self._standing.append(record.id)
                if record.end is None:
                    self._open.append(record.id)
            case ExclusionEnded():
                self._open.remove(record.id)
            case ExclusionWithdrawn():
                self._standing.remove(record.id)
            case ServiceRequest():
                self._asked.append(record.id)
            case Withdrawn():
                self._asked.remove(RequestId(record.id))
            case _:
                pass

    async def _attribute(self) -> None:
        servers = sorted(self.known.book.evidence.servers)
        records = list(self._statements())
        if servers:
            cause = Cause(
                server=self.chance.choice(servers),
                start=Instant(self.now - MINUTE),
                cause=CauseKind.GUEST,
                confidence=Confidence.LIKELY,
                user=self.chance.choice((None, "eve")),
                because=("1", "2"),
                text="it was so",
                recorded_at=self.now,
            )
            records.append(cause)
        await self._commit(Batch(entries=[Entry(record=record) for record in records]))

    def _statements(self) -> Iterator[Record]:
        """A version of one, of which evidence comes afterwards, too; that one was delivered; and terms that change figures."""
        client, month = ClientId(self.chance.choice(("acme", "beta"))), self.chance.choice(MONTHS)
        digest = f"{self._next():064x}"
        yield Issued(
            client=client,
            month=month,
            as_of=self.now,
            version=len(self.known.book.evidence.issued.get((client, month), ())) + 1,
            sha256=digest,
            recorded_at=self.now,
        )
        if self.chance.random() < 0.5:
            yield Event(
                source=RECORDED_BY,
                key=digest,
                type=DELIVERED,
                at=self.now,
                server=None,
                user="",
                text="smtp",
                recorded_at=self.now,
            )
        if self.chance.random() < 0.3:
            zone = self.chance.choice(("UTC", "America/Montreal"))
            yield Client(id=client, name=client, timezone=zone, tech_admins=("ann",), recorded_at=self.now)

    async def _commit(self, batch: Batch) -> None:
        before = self.ledger.head.seq
        await self.committer.commit(replace(batch, seal=self.chance.random() < 0.1))
        assert not self.ledger.quarantined, self.ledger.quarantined
        assert self.ledger.head.seq >= before

    def _next(self) -> int:
        self._count += 1
        return self._count


def started(path: Path, now: Instant, *, most_events: int = 5) -> tuple[Ledger, Recollection, Extent]:
    """What a start knows, from the snapshot beside the ledger where there is one; and how far that went."""
    ledger = Ledger.open(path)
    known = Recollection(OBSERVER, policy(), ledger.requests(), most_events=most_events)
    unread = restore(path, ledger, known)
    replay(ledger, known, unread)
    known.book.settle(now)
    return ledger, known, unread


# All of it, as plain values that compare

LEFT_OUT: Mapping[str, set[str]] = {
    "LiveBook": {
        "groups",  # and places: see `_counted`
        "places",
        "membership",  # a number that is another one whenever something changed
        "_is_counted",  # remembers what follows from the observer
    },
    "Transitions": {"_book", "_registry", "_people"},
    "Services": {"policy"},
    "EvidenceReader": {"_line", "_witnesses"},  # where it is in a file, and one object a witness
    "Track": {"ever_down"},  # a short cut
    "Book": {"_windows"},
    "StatementRegister": {"_book", "_news"},  # it is compared by itself; counts since somebody looked
    "ServerPages": {"_parts", "_parts_known"},  # worked out when somebody asks
    "ServerTimeline": set(),
    "ClientLinks": {"_key", "_ids"},  # by a key that each process makes for itself: see `_found`
}
UNORDERED: Mapping[str, set[str]] = {
    "LiveBook": {"events", "reasons"},
    "OutageIndex": {"_due"},
    "StatementRegister": {"suspects"},
}
"""Of which nobody asks what was first."""
OF_A_GROUP = {
    *(
        "witnesses",
        "settled",
        "rows",
        "references",
        "outages",
        "outage_at",
        "_waiting",
        "_unseen",
        "_elapsed",
    ),
    *(
        "numbers",
        "patterns",
        "_number_of",
        "_turns",
        "_idle",
        "_places",
        "_everything",
    ),  # follow from the codes
    *("_sights", "_free"),
}


def plain(thing: object) -> Any:
    """A value as it compares: every attribute of every object, so that none is forgotten that somebody adds."""
    match thing:
        case None | bool() | int() | str() | bytes() | Enum():
            return thing
        case array() | bytearray():
            return list(thing)
        case Counter() | dict():
            items = [(plain(key), plain(value)) for key, value in thing.items()]
            # Of witnesses nobody asks which one was first; of all else the order counts.
            return sorted(items, key=repr) if all(isinstance(key, Witness) for key in thing) else items
        case set() | frozenset():
            return sorted(map(repr, thing))
        case list() | tuple():
            return [plain(each) for each in thing]
        case _ if callable(thing):
            return None
        case _:
            return {name: plain(value) for name, value in _attributes(thing)}


def _attributes(thing: object) -> Iterator[tuple[str, object]]:
    kind = type(thing)
    slots = [name for base in kind.__mro__ for name in getattr(base, "__slots__", ())]
    for name in (*slots, *getattr(thing, "__dict__", ())):
        if name in UNORDERED.get(kind.__name__, ()):
            yield name, dict(sorted(getattr(thing, name).items()))
        elif name not in LEFT_OUT.get(kind.__name__, ()):
            yield name, getattr(thing, name)


def everything(known: Recollection) -> Any:
    """All that is known, the counters by server."""
    groups = {repr(key): _counted(group) for key, group in known.book.groups.items() if any(group.rows)}
    places = {server: place.group.witnesses for server, place in known.book.places.items()}
    return plain(known), groups, places, _found(known.requests.links)


def _found(links: ClientLinks) -> Any:
    """By the digest of which token each link is found."""
    digests = [link.grant.sha256 for link in links.by_id.values()]
    return [(digest, links._ids[links._keyed(digest)]) for digest in digests], len(links._ids)


def _counted(group: Group) -> Any:
    assert set(vars(group)) == OF_A_GROUP, "what is new of a group is to be stored, or to be named here"
    rows = {
        row.server: (plain(row), group.stored(index), group.counts(index), index in group._waiting)
        for index, row in enumerate(group.rows)
        if row is not None
    }
    return group.settled, rows, plain(group._elapsed)
