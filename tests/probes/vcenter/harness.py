"""A watch under test: what it reports is collected, read as a book would read it, and waited for with a bound."""

import queue
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from probes.facts import NOT_KNOWN
from probes.report import Departed, ListedServer, Report, Resume, SourceEvent, SourceFailure
from probes.vcenter.session import Credentials
from probes.vcenter.settings import Portions, Settings
from probes.vcenter.transport import Deadlines, Endpoint
from probes.vcenter.watch import VcenterWatch
from sla.instants import Instant
from sla.records import Leg, Observation, ServerId, State
from tests import wall
from tests.waiting import PATIENCE_S

SOURCE = "east"
RECOVERED = "east/recovered"
QUICK = Deadlines(call_s=3.0, first_poll_margin_s=3.0, poll_margin_s=3.0, logout_s=2.0)
HASTY = Deadlines(call_s=0.6, first_poll_margin_s=0.4, poll_margin_s=0.4, logout_s=0.3)
"""For what is given up."""
SLOW = Deadlines(call_s=120.0, first_poll_margin_s=120.0, poll_margin_s=120.0, logout_s=120.0)
"""For what must not be waited for."""
DEFAULT_PORTIONS = Portions()
STOP_S = 20.0
"""Enough for any machine, and far less than what a watch that was stopped must not wait for."""

T = TypeVar("T")


class Hand:
    """The wall clock, moved forward at will."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def __call__(self) -> Instant:
        return Instant(wall.now() + self.ahead_us)

    def advance(self, seconds: float) -> Instant:
        self.ahead_us += int(seconds * 1_000_000)
        return self()


def numbers(listed: ListedServer) -> list[str]:
    """The addresses of a server that are told."""
    return [] if listed.addresses is NOT_KNOWN else [each.number for each in listed.addresses]


class Watched:
    """What a watch has said so far."""

    def __init__(self, watch: VcenterWatch, said: queue.Queue[Report | SourceFailure]) -> None:
        self.watch = watch
        self.said = said
        self.reports: list[Report] = []
        self.failures: list[SourceFailure] = []

    def until(self, found: Callable[[], T | None], timeout_s: float = PATIENCE_S) -> T:
        """Take what is said until `found` gives something true."""
        deadline = time.monotonic() + timeout_s
        while not (result := found()):
            left_s = deadline - time.monotonic()
            assert self.watch.failure is None, repr(self.watch.failure)
            assert left_s > 0, f"not within {timeout_s} s; {self}"
            try:
                said = self.said.get(timeout=min(left_s, 0.05))
            except queue.Empty:
                continue
            if isinstance(said, Report):
                self.reports.append(said)
            else:
                self.failures.append(said)
        return result

    def report(self) -> Report:
        """The next report."""
        count = len(self.reports)
        self.until(lambda: len(self.reports) > count)
        return self.reports[count]

    def failure(self) -> SourceFailure:
        """The next failure."""
        count = len(self.failures)
        self.until(lambda: len(self.failures) > count)
        return self.failures[count]

    def looks(self, count: int) -> None:
        """Let so many more looks pass."""
        wanted = len(self.reports) + count
        self.until(lambda: len(self.reports) >= wanted)

    @property
    def observations(self) -> list[Observation]:
        return [observation for report in self.reports for observation in report.observations]

    @property
    def sightings(self) -> list[ListedServer]:
        return [listed for report in self.reports for listed in report.listed]

    @property
    def departures(self) -> list[Departed]:
        return [departed for report in self.reports for departed in report.departed]

    @property
    def events(self) -> list[SourceEvent]:
        return [event for report in self.reports for event in report.events]

    def listed(self, server: ServerId) -> ListedServer:
        """What a server was when it was last listed."""
        return next(each for each in reversed(self.sightings) if each.server == server)

    @property
    def hosts(self) -> dict[str, State]:
        """The hosts as all reports together tell of them, and so below."""
        return _told((each.fresh, each.hosts, each.gone_hosts) for each in self.reports)

    @property
    def datastores(self) -> dict[str, State]:
        return _told((each.fresh, each.datastores, each.gone_datastores) for each in self.reports)

    def server(self, name: str) -> ServerId:
        """Who was last listed under a name."""
        return self.until(
            lambda: next((each.server for each in reversed(self.sightings) if each.name == name), None)
        )

    def timeline(
        self, server: ServerId, leg: Leg = Leg.RUNNING, source: str = SOURCE
    ) -> list[tuple[Instant, State]]:
        """The states that a witness gave a server, in order of their instants; repetitions left out."""
        said: dict[Instant, State] = {}
        for each in self.observations:
            if (each.server, each.leg, each.witness.source) == (server, leg, source):
                said[each.at] = each.state
        line: list[tuple[Instant, State]] = []
        for at, state in sorted(said.items()):
            if not line or line[-1][1] is not state:
                line.append((at, state))
        return line

    def states(self, server: ServerId, leg: Leg = Leg.RUNNING, source: str = SOURCE) -> list[State]:
        return [state for _, state in self.timeline(server, leg, source)]

    def state(self, server: ServerId, leg: Leg = Leg.RUNNING, source: str = SOURCE) -> State:
        return (self.states(server, leg, source) or [State.UNKNOWN])[-1]

    def until_state(
        self, server: ServerId, state: State, leg: Leg = Leg.RUNNING, source: str = SOURCE
    ) -> None:
        self.until(lambda: self.state(server, leg, source) is state)

    def __repr__(self) -> str:
        last = self.reports[-1] if self.reports else None
        return f"{len(self.reports)} reports, the last {last}; failures {self.failures[-3:]}"


def _told(reports: Iterable[tuple[bool, Mapping[str, State], tuple[str, ...]]]) -> dict[str, State]:
    told: dict[str, State] = {}
    for fresh, states, gone in reports:
        told = dict(states) if fresh else {**told, **states}
        assert not told.keys() & set(gone) or not fresh, "what a fresh report names is there"
        for name in gone:
            told.pop(name, None)
    return told


def stopped(watch: VcenterWatch) -> None:
    watch.stop()
    assert watch.join(STOP_S), "the watch goes on"


@contextmanager
def watching(
    endpoint: Endpoint,
    *,
    user: str = "watcher",
    password: str = "secret",
    now: Callable[[], Instant] = wall.now,
    resume: Resume | None = None,
    poll_s: int = 1,
    ignored_datastores: tuple[str, ...] = (),
    resource_pools: bool = False,
    attributes: bool = False,
    networks: bool = False,
    placeholders: bool = False,
    addresses: bool = False,
    retry_s: tuple[float, float] = (0.05, 0.2),
    login_retry_s: tuple[float, float] = (300.0, 1800.0),
    portions: Portions = DEFAULT_PORTIONS,
) -> Iterator[Watched]:
    """Run a watch, short of patience, for as long as the block lasts."""
    settings = Settings(
        source=SOURCE,
        observer="monitor",
        endpoint=endpoint,
        credentials=Credentials(user=user, password=lambda: password),
        poll_s=poll_s,
        ignored_datastores=ignored_datastores,
        resource_pools=resource_pools,
        attributes=attributes,
        networks=networks,
        placeholders=placeholders,
        addresses=addresses,
        retry_s=retry_s,
        login_retry_s=login_retry_s,
        portions=portions,
    )
    said: queue.Queue[Report | SourceFailure] = queue.Queue()
    watch = VcenterWatch(settings, resume or Resume(), now, said.put)
    watched = Watched(watch, said)
    watch.start()
    try:
        yield watched
    finally:
        stopped(watch)
    assert watch.failure is None, repr(watch.failure)
