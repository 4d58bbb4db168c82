"""The watch of one vCenter: a thread that logs in, follows the updates and reports each look.

One look is one update set, drained to its end, and the events that there are by then. State comes from the updates,
history from the events, which are read in the same turn, so that a change is reported at the instant at which it
happened. Any error ends the session: every object of it is dropped, and after a pause the next one begins with a full
set, which is compared with what was known. Until then nothing is said, and the watermark stands still.
"""

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Final

from probes.report import Departed, ListedServer, Report, Resume, SourceEvent, SourceFailure
from probes.vcenter import san
from probes.vcenter.attributes import AttributeNames
from probes.vcenter.bindings import Bindings
from probes.vcenter.boots import Boot
from probes.vcenter.chain import Chain
from probes.vcenter.clock_reading import measure
from probes.vcenter.clocks import VCenterClock
from probes.vcenter.events import EventRead, EventReader, NamedObject
from probes.vcenter.faults import (
    LoginRefusedError,
    NamelessError,
    PermissionDeniedError,
    StoppedError,
    VcenterError,
)
from probes.vcenter.file_reading import FileReading
from probes.vcenter.history import Hint
from probes.vcenter.infrastructure import NOTHING, Infrastructure, News
from probes.vcenter.inventory import Inventory
from probes.vcenter.listing import listed
from probes.vcenter.objects import Vm
from probes.vcenter.properties import moid_of
from probes.vcenter.session import Session
from probes.vcenter.settings import Settings
from probes.vcenter.tracks import ServerLook, Tracks
from probes.vcenter.transport import Wire
from probes.vcenter.values import Moid
from sla.instants import SECOND, Instant
from sla.records import Observation, ServerId, Witness

EARLY: Final = 1 / 20
"""What part of its wait an answer is early after that says that nothing is new."""
EARLY_PAUSE_S: Final = 1.0
"""How long a vCenter is let be then, which would have itself be asked without end."""
NAMELESS_SETS: Final = 3
"""How many first sets in a row are not taken because an object in them does not say which it is: thereafter it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _FailureStreak:
    """How many attempts in a row failed in the same way: refused at login, or otherwise."""

    failures: int = 0
    refused: bool = False

    def next(self, *, refused: bool) -> "_FailureStreak":
        """One more that failed."""
        failures = self.failures + 1 if refused is self.refused else 1
        return _FailureStreak(failures=min(failures, 20), refused=refused)


class VcenterWatch:
    """The thread of one vCenter. `emit` gets each Report and SourceFailure, in the thread, and may block."""

    def __init__(
        self,
        settings: Settings,
        resume: Resume,
        now: Callable[[], Instant],
        emit: Callable[[Report | SourceFailure], None],
    ) -> None:
        self._settings = settings
        self._now = now
        self._emit = emit
        self._inventory = Inventory(Moid(""))
        """vCenter's objects as this session tells them; made anew with each session."""
        self._infrastructure = Infrastructure()
        """Hosts and datastores by the names under which they are told; kept over sessions."""
        self._tracks = Tracks(Witness(settings.observer, settings.source), resume.out_of_contact)
        """What was told of each server; kept over sessions."""
        self._clock = VCenterClock()
        """vCenter's clock against ours; kept over sessions."""
        self._events = EventReader(resume, self._clock)
        self._bindings = Bindings(resume.objects)
        """Which server each managed object is; kept over sessions."""
        self._files = FileReading(a_look=settings.portions.places_a_look, page=settings.portions.places)
        """What is known of the files that servers need; kept over sessions."""
        self._attribute_names = AttributeNames()
        """Those of custom attributes that updates did not tell; made anew with each session."""
        self._seen_until = resume.observed_until
        """How far everything was seen, over all sessions; None before the first look."""
        self._gap: tuple[Instant, Instant] | None = None
        """The time before this session that nobody saw, until all events of it are read; None otherwise."""
        self._events_behind = False
        """Whether the history holds events that were not read yet."""
        self._events_wait = False
        """Whether the next look reads on at once."""
        self._history_faulty = False
        """Whether events of that time may be missing, so that those that are there prove nothing of it."""
        self._nameless_sets = 0
        """How many first sets in a row were not taken because of objects that do not say which they are."""
        self._jitter = random.Random()  # noqa: S311  its own: a thread does not touch what the process shares
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        """What ended the thread though nobody stopped it."""
        self._wire: Wire | None = None
        """The connections of the newest session, which `stop` ends; None before the first."""
        self._lock = threading.Lock()
        """Guards `_wire` between the thread and whoever stops it."""
        self._waits_until_s = math.inf
        """Until when it waits for something other than vCenter, by the monotonic clock."""
        self._thread = threading.Thread(target=self._run, name=f"vcenter-{settings.source}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Have the thread end, in the middle of a long poll if need be; returns at once."""
        self._stopped.set()
        with self._lock:
            if self._wire is not None:
                self._wire.stop()

    @property
    def progress_due_s(self) -> float | None:
        """By when the thread takes its next step at the latest, by the monotonic clock.

        A call is answered or given up by its deadline, a pause is over. None while nothing bounds it: while it connects,
        or waits for whoever takes its reports, who answers for himself; before it has begun and once it has ended.
        """
        wire = self._wire
        due_s = max(self._waits_until_s, -math.inf if wire is None else wire.deadline_s)
        return due_s if math.isfinite(due_s) else None

    @property
    def failure(self) -> BaseException | None:
        """What ended the thread though nobody stopped it: a fault of ours."""
        return self._failure

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._goes_on()
        try:
            self._watch()
        except BaseException as error:  # noqa: BLE001  the daemon tells it and begins the watch again
            self._failure = error
        self._waits_until_s = math.inf

    def _goes_on(self) -> None:
        """It waits for nothing but vCenter from here on."""
        self._waits_until_s = time.monotonic()

    def _tell(self, report: Report | SourceFailure) -> None:
        self._waits_until_s = math.inf
        self._emit(report)
        self._goes_on()

    def _watch(self) -> None:
        attempt = _FailureStreak()
        while not self._stopped.is_set():
            began_s = time.monotonic()
            try:
                for _ in self._looks():
                    if time.monotonic() - began_s > self._settings.retry_s[1]:
                        attempt = _FailureStreak()
            except StoppedError:
                return
            except VcenterError as error:
                refused = isinstance(error, LoginRefusedError)
                # Only a full look tells what an update was about: that is no reason to wait ever longer.
                attempt = _FailureStreak() if isinstance(error, NamelessError) else attempt
                attempt = attempt.next(refused=refused)
                first_s, longest_s = self._settings.login_retry_s if refused else self._settings.retry_s
                pause_s = min(longest_s, first_s * 2 ** (attempt.failures - 1))
                pause_s *= self._jitter.uniform(0.75, 1.25)
                self._tell(
                    SourceFailure(
                        source=self._settings.source,
                        reason=error.reason,
                        message=str(error),
                        retry_in_us=int(pause_s * SECOND),
                    )
                )
                self._pause(pause_s)

    def _pause(self, seconds: float) -> None:
        self._waits_until_s = time.monotonic() + seconds
        self._stopped.wait(seconds)
        self._goes_on()

    def _looks(self) -> Iterator[None]:
        """One session from its login to its end, a step for each look."""
        wire = Wire(self._settings.endpoint)
        with self._lock:
            self._wire = wire
        if self._stopped.is_set():
            return
        try:
            session = Session.open(wire, self._settings.credentials)
            try:
                chain = self._begin(session)
                while True:
                    self._look(chain)
                    yield
            finally:
                session.close()
        finally:
            wire.close()

    def _begin(self, session: Session) -> Chain:
        measure(self._clock, session, self._now)
        self._events.open(session, self._now())
        for server in self._bindings.begin(session.instance_uuid):
            self._tracks.forget(server)
        self._files.begin(self._bindings.servers)
        self._attribute_names = AttributeNames()
        self._inventory = Inventory(moid_of(session.content.rootFolder))
        return Chain(
            session,
            self._inventory,
            self._settings.watched(),
            attribute_names=self._settings.attributes,
            left_out=self._nameless_sets >= NAMELESS_SETS,
        )

    def _look(self, chain: Chain) -> None:
        started_us = time.monotonic_ns() // 1_000
        arrived_at = self._drain(chain)
        chain.read_odd()
        chain.touched.update(self._read_files(chain))
        self._follow_attributes(chain)
        departed = [self._departed(server, arrived_at) for server in self._bind(chain)]
        events = self._read_events(chain)
        history_faults = self._events.faults()
        self._history_faulty |= bool(history_faults)
        ignored = self._ignored_datastores()
        news = self._news(chain, ignored)
        fresh = chain.seen_until is None
        if fresh and self._seen_until is not None:
            start = self._gap[0] if self._gap is not None else self._seen_until
            self._gap = (start, arrived_at)
        observations = list(self._judge(chain, arrived_at, ignored))
        departed += [self._departed(server, arrived_at) for server in self._departures(chain)]
        observations += self._tracks.dated(arrived_at)
        observations += self._close_gap()
        skipped_events, unread = self._events.skipped()
        report = Report(
            source=self._settings.source,
            fresh=fresh,
            partial=fresh and (chain.nameless > 0 or self._bindings.hides(self._inventory)),
            observed_until=arrived_at,
            listed=tuple(self._sightings(chain, ignored)),
            departed=tuple(departed),
            observations=tuple(observations),
            events=tuple(events),
            poll_us=time.monotonic_ns() // 1_000 - started_us,
            objects={
                "virtual_machine": len(self._inventory.vms),
                "host": len(self._inventory.hosts),
                "datastore": len(self._inventory.datastores),
            },
            unreadable=len(self._inventory.unread) + chain.nameless,
            clock_offset_us=self._clock.ahead_us,
            skipped_events=skipped_events,
            history_faults=history_faults,
            passed_over=(*unread, *chain.newly_odd()),
            hosts=news.hosts,
            datastores=news.datastores,
            lost_mounts=news.lost_mounts,
            in_maintenance=news.in_maintenance,
            gone_hosts=news.gone_hosts,
            gone_datastores=news.gone_datastores,
        )
        self._seen_until = arrived_at
        chain.looked(arrived_at)
        self._tell(report)

    def _drain(self, chain: Chain) -> Instant:
        """Take all that there is of updates; gives the instant at which the first of them came."""
        wait_s = self._settings.poll_s
        # Of the instant of a session's first look only what comes after it says what holds.
        if chain.looks == 1 or (chain.looks and (self._events_wait or self._files.waiting)):
            wait_s = 0
        elif chain.looks and self._files.unread:
            wait_s = 1
        first_at: Instant | None = None
        asked_s = time.monotonic()
        is_first = chain.seen_until is None
        try:
            for _ in chain.drain(wait_s):
                first_at = first_at or self._now()
        except NamelessError:
            self._nameless_sets += is_first
            raise
        assert first_at is not None, "an answer came"
        if is_first and not chain.nameless:
            self._nameless_sets = 0
        if is_first and self._inventory.is_empty:
            raise PermissionDeniedError(
                "vCenter shows this account no object at all: it may read none, or vCenter is still starting"
            )
        if chain.is_quiet and time.monotonic() - asked_s < wait_s * EARLY:
            self._pause(EARLY_PAUSE_S)
        return first_at

    def _touched(self, chain: Chain) -> Set[Moid]:
        """The machines that this look is about."""
        every = self._inventory.vms.keys()
        # In the order in which they came, which is that in which they lie in memory.
        return every if every <= chain.touched else chain.touched & every

    def _read_files(self, chain: Chain) -> list[Moid]:
        touched, ignored = self._touched(chain), self._ignored_datastores()
        is_first = chain.seen_until is None
        return list(self._files.read(chain.session, self._inventory, touched, ignored, is_first=is_first))

    def _follow_attributes(self, chain: Chain) -> None:
        if self._settings.attributes:
            touched = self._touched(chain)
            chain.places_changed |= self._attribute_names.follow(
                chain.session, self._inventory, touched, self._now()
            )

    def _bind(self, chain: Chain) -> list[ServerId]:
        released = list(self._bindings.bind(self._inventory, self._touched(chain)))
        chain.touched |= self._bindings.take_displaced()
        return released

    def _departures(self, chain: Chain) -> list[ServerId]:
        """After a resync the daemon sees by itself whom the full set lacks."""
        is_whole = chain.seen_until is None and not chain.nameless
        return list(self._bindings.departures(self._inventory, chain.left, fresh=is_whole))

    def _judge(self, chain: Chain, at: Instant, ignored: frozenset[Moid]) -> Iterator[Observation]:
        for moid in self._touched(chain):
            server, vm = self._bindings.servers.get(moid), self._inventory.vms[moid]
            if server is None or not vm.is_server:
                continue
            yield from self._tracks.judged(
                server,
                ServerLook(
                    running=self._inventory.running(vm),
                    san=san.verdict(self._inventory, vm, ignored) if san.is_judged(vm, ignored) else None,
                    boot=_boot(vm),
                    at=at,
                    seen_until=chain.seen_until,
                ),
            )

    def _departed(self, server: ServerId, at: Instant) -> Departed:
        self._tracks.forget(server)
        return Departed(server=server, at=at)

    def _sightings(self, chain: Chain, ignored: frozenset[Moid]) -> Iterator[ListedServer]:
        every = chain.seen_until is None or chain.places_changed
        asked = frozenset(self._settings.watched()["VirtualMachine"])
        for moid in self._inventory.vms.keys() if every else self._touched(chain):
            server = self._bindings.servers.get(moid)
            if server is None:
                continue
            vm = self._inventory.vms[moid]
            track = self._tracks.of(server)
            told = listed(
                server,
                vm,
                self._inventory,
                self._infrastructure,
                asked=asked,
                ignored=ignored,
                returned=moid in self._bindings.returned,
                managed_object=self._bindings.managed_object(moid),
            )
            if chain.seen_until is None or told != track.listed:
                track.listed = told
                yield told

    def _news(self, chain: Chain, ignored: frozenset[Moid]) -> News:
        """What is new of hosts and datastores; where nothing of them was told, nothing is."""
        fresh = chain.seen_until is None
        if not (fresh or chain.infrastructure_changed):
            return NOTHING
        # A name that is another now is that of every server on it.
        chain.places_changed |= self._infrastructure.name(self._inventory)
        return self._infrastructure.news(self._inventory, ignored, fresh=fresh)

    def _ignored_datastores(self) -> frozenset[Moid]:
        patterns = self._settings.ignored_datastores
        if not patterns:
            return frozenset()
        names = {moid: datastore.name for moid, datastore in self._inventory.datastores.items()}
        names |= {moid: moid[1:-1] for moid in self._inventory.unfound}
        return frozenset(
            moid for moid, name in names.items() if any(fnmatchcase(name, each) for each in patterns)
        )

    def _read_events(self, chain: Chain) -> list[SourceEvent]:
        """What there is of events. Their clock is measured after they came, so that each has the setting it was made by."""
        found, drained = self._events_there_are()
        now = self._now()
        is_another: bool | None = False
        if found or chain.touched or self._clock.is_due(now):
            is_another = measure(self._clock, chain.session, self._now)
        if is_another is None:
            self._events.unmeasured()
        if is_another:
            # It was set: what was made since may lie before the time from which the collector gives events.
            self._tracks.clock_was_set()
            self._events.open(chain.session, now)
            more, drained = self._events_there_are()
            found += more
        self._events_behind = not drained
        read = self._events.new(found, self._now(), drained=drained)
        # A collector that lost its place gives what is known, over and over: that can wait.
        self._events_wait = bool(read) and not drained
        for event in read:
            if event.connection is not None:
                self._infrastructure.connected(event.connection)
                chain.infrastructure_changed = True
        return [self._happened(event, chain) for event in read]

    def _events_there_are(self) -> tuple[list[Any], bool]:
        portions = self._settings.portions
        return self._events.read(portions.event_pages, portions.events, now=self._now())

    def _happened(self, event: EventRead, chain: Chain) -> SourceEvent:
        server = self._bindings.servers.get(event.vm) if event.vm is not None else None
        if server is not None and event.turn is not None:
            self._tracks.hint(server, Hint(event.event.at, event.turn, event.dated), chain.seen_until)
        return replace(
            event.event,
            server=server,
            host=_called(event.host, self._infrastructure.hosts),
            datastore=_called(event.datastore, self._infrastructure.datastores),
        )

    def _close_gap(self) -> Iterator[Observation]:
        """Say what events and boot times prove of the time in which nobody watched, once all events of it are read."""
        if self._gap is None:
            self._history_faulty = False
        if self._gap is None or self._events_behind:
            return
        (start, end), self._gap = self._gap, None
        if self._history_faulty:
            self._history_faulty = False
            return
        boots = (
            (server, _boot(self._inventory.vms[moid]))
            for moid, server in self._bindings.servers.items()
            if moid in self._inventory.vms
        )
        yield from self._tracks.gap_closed(start, end, boots)


def _called(named: NamedObject | None, names: Mapping[Moid, str]) -> str:
    """What an object that an event names is called; by its name of that time, where it is no longer there."""
    return "" if named is None else names.get(named.moid, named.name)


def _boot(vm: Vm) -> Boot | None:
    return None if vm.boot_at is None else Boot(vm.host, vm.boot_at)
