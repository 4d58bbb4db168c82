"""A few servers over days, from a seed: evidence and records as they come in, late and out of order, step by step."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Final

from daemon.book.live_book import LiveBook
from sla.book import Book
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant, parse_instant
from sla.records import (
    ALL_LEGS,
    Blind,
    CancellationNotice,
    Category,
    Channel,
    Client,
    ClientId,
    Contract,
    Exclusion,
    ExclusionEnded,
    ExclusionId,
    ExclusionWithdrawn,
    Leg,
    Lifecycle,
    LifecycleEvent,
    NoticeId,
    ObserverRetired,
    Record,
    RequestId,
    Server,
    ServerId,
    ServiceRequest,
    ServiceRequestResponded,
    SolutionId,
    State,
    StepId,
    Withdrawn,
    Witness,
)

MON: Final = "mon"
VC = Witness(MON, "vc")
RECOVERED = Witness(MON, "vc/recovered")
NET = Witness(MON, "internet")
OTHER = Witness("other", "vc")
WITNESSES: Final = (VC, RECOVERED, NET, OTHER)
MONITORS: Final = ("m-1", "m-2")
ZONES: Final = ("America/St_Johns", "Australia/Lord_Howe", "Europe/London", "Asia/Kolkata", "America/Toronto")
CLIENTS: Final = (ClientId("c1"), ClientId("c2"))
SOLUTIONS: Final = (None, None, SolutionId("mail"), SolutionId("web"))
STATES: Final = (State.UP, State.UP, State.UP, State.DOWN, State.DOWN, State.UNKNOWN)
STARTS: Final = (
    "2026-03-27T10:00:00Z",
    "2026-10-29T10:00:00Z",
    "2026-01-29T10:00:00Z",
    "2026-03-05T00:00:00Z",
)
TERMS: Final = (
    (
        '{"chronic_outages":{"interruptions":2,"lasting":"30m","rejoin":"10m","within_days":3,"notice_days":1,'
        '"resolution_days":1,"evaluation_days":2,"evaluation_max":0},"availability":{"basis":"service"}}'
    ),
    (
        '{"availability":{"unobserved":"down","legs":["running"]},"scheduled_maintenance":{"notice":"0d",'
        '"between":["20:00","10:00"]},"chronic_outages":{"lasting":"1m","interruptions":2}}'
    ),
    '{"availability":{"unobserved":"up"},"scheduled_maintenance":{"emergency_in_cap":false}}',
)


class Days:
    """Keeps a book as the daemon does. `now` moves on with each step."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.now = parse_instant(self.dice.choice(STARTS))
        self.settled_at = Instant(self.now - MINUTE)
        self.book = LiveBook(MON)
        self.servers = tuple(ServerId(f"s{number}") for number in range(5))
        self._records: dict[ServerId, Server] = {}
        self._numbers = 0
        self._open: list[ExclusionId] = []
        self._standing: list[ExclusionId] = []
        self._requests: list[RequestId] = []
        self._stalled: set[Witness] = set()
        self._begin()

    @property
    def evidence(self) -> Book:
        return self.book.evidence

    def _begin(self) -> None:
        for client in CLIENTS:
            self._client(client)
        for terms in self.dice.sample(TERMS, 2):
            whose = self.dice.choice((None, *CLIENTS))
            self._take(Contract(client=whose, effective_from="2026-01", terms=terms, recorded_at=self.now))
        for server in self.servers:
            self._serve(server, self.dice.choice(CLIENTS), self.dice.choice(SOLUTIONS))
        self._see(WITNESSES, self.now)
        self.book.settle(self.now)

    def steps(self, count: int) -> Iterator[Instant]:
        """Let something happen, and time pass; gives the settled instant after each step."""
        for _ in range(count):
            self.now = Instant(
                self.now + self.dice.choice((SECOND, MINUTE, 7 * MINUTE, HOUR + 1, 5 * HOUR, 11 * HOUR))
            )
            self._sights()
            for _ in range(self.dice.choice((0, 1, 1, 2, 4))):
                self._happening()
            self.book.settle(self.now)
            settled_at = min(self.book.settled_at(), self.now)
            self.settled_at = max(self.settled_at, settled_at)
            yield self.settled_at

    def _sights(self) -> None:
        for witness in (VC, NET, OTHER):
            if witness in self._stalled:
                if self.dice.random() < 0.4:
                    self._stalled.discard(witness)
                    self._come_back(witness)
            elif self.dice.random() < 0.12:
                self._stalled.add(witness)
            else:
                self._see(
                    (witness,), Instant(self.now - self.dice.choice((0, SECOND, 40 * SECOND, 90 * SECOND)))
                )

    def _come_back(self, witness: Witness) -> None:
        since = self.book.watermark(witness)
        assert since is not None
        blind = []
        if since < self.now and self.dice.random() < 0.7:
            legs = self.dice.choice((ALL_LEGS, (Leg.RUNNING,)))
            blind = [Blind(witness=witness, start=since, end=self.now, legs=legs)]
        self.book.take_watermarks(
            {witness: self.now},
            [(witness, since, self.now)] if not blind and self.dice.random() < 0.5 else [],
            blind,
        )

    def _see(self, witnesses: tuple[Witness, ...], until: Instant) -> None:
        told = {w: max(until, self.book.watermark(w) or until) for w in witnesses}
        if VC in told:
            told[RECOVERED] = told[VC]
        self.book.take_watermarks(told, [], [])

    def _happening(self) -> None:
        happenings: tuple[Callable[[], None], ...] = (
            *[self._observe] * 12,
            self._observe_late,
            self._move,
            self._leave,
            self._exclude,
            self._exclude,
            self._exclude,
            self._end_or_withdraw,
            self._request,
            self._respond,
            self._notice,
            self._live,
            self._withdraw,
            lambda: self._client(self.dice.choice(CLIENTS)),
        )
        self.dice.choice(happenings)()

    def _take(self, record: Record) -> None:
        self.book.take_record(record, None)

    def _client(self, client: ClientId) -> None:
        zone = self.dice.choice(ZONES)
        self._take(Client(id=client, name=client, timezone=zone, tech_admins=("ann",), recorded_at=self.now))

    def _serve(
        self, server: ServerId, client: ClientId, solution: SolutionId | None, until: Instant | None = None
    ) -> None:
        before = self._records.get(server)
        since = Instant(self.now - self.dice.choice((0, MINUTE, 3 * HOUR)))
        if before is not None and before.in_service_until is not None:
            since = max(since, before.in_service_until)
        elif before is not None and (
            until is not None or (before.client, before.solution) == (client, solution)
        ):
            since = before.in_service_from
        if until is not None and until <= since:
            return
        record = self._records[server] = Server(
            id=server,
            name=server,
            client=client,
            solution=solution,
            in_service_from=since,
            in_service_until=until,
            legs=self.dice.choice((ALL_LEGS, (Leg.RUNNING,), (Leg.RUNNING, Leg.SAN))),
            recorded_at=self.now,
        )
        self._take(record)

    def _move(self) -> None:
        self._serve(self.dice.choice(self.servers), self.dice.choice(CLIENTS), self.dice.choice(SOLUTIONS))

    def _leave(self) -> None:
        server = self.dice.choice(self.servers)
        record = self._records[server]
        if record.in_service_until is None:
            until = Instant(self.now + self.dice.choice((-HOUR, -MINUTE, 2 * HOUR)))
            self._serve(server, record.client, record.solution, until)

    def _observe(self, *, ago: tuple[int, ...] = (0, SECOND, 30 * SECOND, -2 * SECOND)) -> None:
        server, leg = self.dice.choice(self.servers), self.dice.choice(ALL_LEGS)
        witness = (
            self.dice.choice((VC, VC, RECOVERED, OTHER))
            if leg is not Leg.INTERNET
            else self.dice.choice((NET, OTHER))
        )
        at = Instant(self.now - self.dice.choice(ago))
        everything = self.dice.random() < 0.5
        for each in ALL_LEGS if everything else (leg,):
            teller = NET if each is Leg.INTERNET and witness is not OTHER else witness
            state = State.UP if everything else self.dice.choice(STATES)
            track = self.book.track(server, each, teller)
            self.book.take_observation(track, at, state, "", self.book.settled(server, teller))

    def _observe_late(self) -> None:
        self._observe(ago=(2 * MINUTE, HOUR, DAY, 3 * DAY))

    def _id(self) -> str:
        self._numbers += 1
        return f"n{self._numbers}"

    def _exclude(self) -> None:
        scope = self.dice.choice(("clients", "solutions", "servers", "none"))
        named = {
            "clients": (self.dice.choice(CLIENTS),),
            "solutions": (self.dice.choice(("mail", "web", "s1")),),
            "servers": (self.dice.choice(self.servers),),
            "none": (),
        }[scope]
        start = Instant(self.now + self.dice.choice((-5 * HOUR, -MINUTE, 0, HOUR, 2 * DAY, 4 * DAY)))
        lasts = self.dice.choice((None, 20 * MINUTE, HOUR, 9 * HOUR))
        category = self.dice.choice((*Category, *[Category.SCHEDULED_MAINTENANCE] * 4))
        exclusion = ExclusionId(self._id())
        self._take(
            Exclusion(
                id=exclusion,
                category=category,
                start=start,
                end=None if lasts is None else Instant(start + lasts),
                announced_at=self.now,
                recorded_at=self.now,
                **({} if scope == "none" else {scope: named}),  # type: ignore[arg-type]
            )
        )
        self._standing.append(exclusion)
        if lasts is None:
            self._open.append(exclusion)

    def _end_or_withdraw(self) -> None:
        if self._open and self.dice.random() < 0.6:
            exclusion = self._open.pop()
            start = self.evidence.exclusions[exclusion].record.start
            if start < self.now:
                at = Instant(self.dice.randrange(start + 1, self.now + 1))
                self._take(ExclusionEnded(id=exclusion, at=at, recorded_at=self.now))
        elif self._standing:
            exclusion = self._standing.pop(self.dice.randrange(len(self._standing)))
            self._open = [each for each in self._open if each != exclusion]
            self._take(ExclusionWithdrawn(id=exclusion, why="", recorded_at=self.now))

    def _a_solution(self) -> tuple[SolutionId, ClientId]:
        return SolutionId(self.dice.choice(("mail", "web", "s0", "s1", "s2"))), self.dice.choice(CLIENTS)

    def _request(self) -> None:
        request, (solution, client) = RequestId(self._id()), self._a_solution()
        opened_at = Instant(self.now - self.dice.choice((0, MINUTE, HOUR, 6 * HOUR)))
        self._requests.append(request)
        self._take(
            ServiceRequest(
                id=request,
                client=client,
                solution=solution,
                opened_at=opened_at,
                opened_by="ann",
                channel=Channel.PHONE,
                recorded_at=self.now,
            )
        )

    def _respond(self) -> None:
        if self._requests:
            request = self._requests.pop(0)
            self._take(ServiceRequestResponded(id=request, at=self.now, recorded_at=self.now))

    def _notice(self) -> None:
        solution, client = self._a_solution()
        given_at = Instant(self.now - self.dice.choice((0, HOUR, DAY)))
        self._take(
            CancellationNotice(
                id=NoticeId(self._id()),
                client=client,
                solution=solution,
                given_at=given_at,
                recorded_at=self.now,
            )
        )

    def _withdraw(self) -> None:
        standing = sorted(self.evidence.withdrawable.keys() - self.evidence.withdrawn.keys(), key=str)
        if standing:
            what, withdrawn = self.dice.choice(standing)
            self._take(Withdrawn(what=what, id=withdrawn, why="", recorded_at=self.now))

    def _live(self) -> None:
        solution, client = self._a_solution()
        event = self.dice.choice(tuple(LifecycleEvent))
        at = Instant(self.now - self.dice.choice((0, DAY)))
        self._take(
            Lifecycle(
                id=StepId(self._id()),
                client=client,
                solution=solution,
                event=event,
                at=at,
                recorded_at=self.now,
            )
        )


class DaysOfMonitors(Days):
    """Two monitors tell whose the servers are, and not always the same; now and then one retires."""

    def _take(self, record: Record) -> None:
        if isinstance(record, Server):
            record = replace(record, observer=self.dice.choice(MONITORS))
        super()._take(record)

    def _happening(self) -> None:
        if self.dice.random() < 0.05:
            at = Instant(self.now - self.dice.choice((0, HOUR, DAY)))
            self._take(ObserverRetired(observer=self.dice.choice(MONITORS), at=at, recorded_at=self.now))
        else:
            super()._happening()
