"""Who or what brought about an outage (`spec/causes.md`): the rules in their order, the first that holds decides.

No figure reads a cause. All instants are the monitor's. Facts about other servers, hosts and datastores may come along: they
are left aside before any rule looks.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from sla.cause_events import (
    ASKS,
    CRASHED,
    HOST_LOST,
    MAINTENANCE,
    RESETS,
    RESTARTS,
    STARTS,
    STOPS,
    TURNED_OFF,
    CauseEvent,
    Component,
    host_fault,
    is_for_silence,
    is_storage_fault,
)
from sla.instants import FOREVER, MINUTE, Instant
from sla.people import PROVIDER, People, whose
from sla.records import Category, Cause, CauseKind, ClientId, Confidence, Leg, ServerId

BEFORE_US: Final = 15 * MINUTE
"""How long before the start of an outage events and placements count."""
AFTER_US: Final = 2 * MINUTE
"""How long after the start events count, restarts by HA aside."""
_SHADOW_US: Final = 2 * MINUTE
"""For how long after a fault of host or storage what turns a server off follows from that."""
_SILENT_US: Final = 5 * MINUTE
"""How long before the start a host stopped responding that took the server down."""

PROPOSES: Final[Mapping[CauseKind, Category]] = {
    CauseKind.CLIENT_CHANGE: Category.CLIENT_CHANGE,
    CauseKind.GUEST: Category.CLIENT_SYSTEM,
}
"""The exclusion that a cause proposes; the others propose none."""


class Placement(NamedTuple):
    """Where a server was: its host, and the datastores of its disks; `end` None: it still is."""

    host: Component
    datastores: frozenset[Component]
    start: Instant
    end: Instant | None


class HostSpan(NamedTuple):
    """A stretch in the life of a host; `end` None: it lasts."""

    host: Component
    start: Instant
    end: Instant | None


class LostMount(NamedTuple):
    """A host could not reach a datastore; `end` None: it still cannot."""

    host: Component
    datastore: Component
    start: Instant
    end: Instant | None


class UplinkSpan(NamedTuple):
    """An uplink was down; `end` None: it still is."""

    uplink: str
    start: Instant
    end: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An outage of a server and the facts at hand, in any order; facts about others may be among them.

    `down`: the legs down at the start. `booted_anew`: it had been when it was next seen.
    """

    server: ServerId
    client: ClientId
    start: Instant
    end: Instant | None
    down: frozenset[Leg]
    booted_anew: bool = False
    uplink: str = ""
    """The server's uplink; "" where it has none."""
    events: Collection[CauseEvent] = ()
    placements: Collection[Placement] = ()
    """The server's own."""
    silent: Collection[HostSpan] = ()
    """When hosts did not respond."""
    in_maintenance: Collection[HostSpan] = ()
    """When hosts were entering maintenance mode or in it."""
    lost_mounts: Collection[LostMount] = ()
    uplinks_down: Collection[UplinkSpan] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The cause of an outage, how sure that is, who did it if anybody, the keys of the events that prove it, and a sentence."""

    cause: CauseKind
    confidence: Confidence
    user: str | None = None
    because: tuple[str, ...] = ()
    text: str
    shown: tuple[str | None, str] | None = None
    """The user and the sentence that the client may be told; None: those above."""
    host: str = ""
    """That on which it was at the start, "" where that is not known or has nothing to do with it."""
    datastore: str = ""
    """The one that was lost."""
    uplink: str = ""
    """The one that was down."""


def records_of(cause: Cause, client: ClientId, user: str | None, text: str) -> tuple[Cause, ...]:
    """The records of a cause: what the client of the server may be shown, by `user` and `text`; and where that is less, all of it."""
    shown = replace(cause, user=user, text=text, host="", datastore="", uplink="", shown_to=client)
    return (shown,) if replace(cause, shown_to=client) == shown else (shown, cause)


def attributed(case: Case, people: People) -> Attribution:
    """The cause of an outage by the facts at hand."""
    seen = _Seen(case)
    found = next(found for rule in _RULES if (found := rule(seen, people)) is not None)
    return found if seen.host is None or found.uplink else replace(found, host=seen.host.name)


class _Seen:
    """What of a case is about its server, and when: events in order of time."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.first = Instant(case.start - BEFORE_US)
        self.end = FOREVER if case.end is None else case.end
        near = [p for p in case.placements if p.start < self.end and _end(p.end) > self.first]
        self.hosts = frozenset(placement.host for placement in near)
        self.datastores = frozenset(store for placement in near for store in placement.datastores)
        self.host = next((p.host for p in near if p.start <= case.start < _end(p.end)), None)
        """That on which it was placed at the start; None where that is not known."""
        self.events = sorted(filter(self._counts, case.events), key=_in_time)

    def _counts(self, event: CauseEvent) -> bool:
        until = self.case.start + AFTER_US
        if event.type in RESTARTS:
            until = max(until, self.end)
        return self.first <= event.at <= until and self._is_about(event)

    def _is_about(self, event: CauseEvent) -> bool:
        """Whether it is about the server, or about a host of it and no datastore but its own."""
        if event.server is not None:
            return event.server == self.case.server
        return event.host in self.hosts and (event.datastore is None or event.datastore in self.datastores)

    def of(self, types: Collection[str]) -> list[CauseEvent]:
        """The events of these types."""
        return [event for event in self.events if event.type in types]

    def act(self, types: Collection[str]) -> CauseEvent | None:
        """The event of these types about the server that is nearest to the start.

        What was undone before the start, or came after the end, is of another outage.
        """
        start = self.case.start
        starts = [event.at for event in self.of(STARTS) if event.at < start]
        acts = [
            event
            for event in self.of(types)
            if event.server is not None
            and event.at <= self.end
            and not any(event.at < started for started in starts)
        ]
        return min(acts, key=lambda event: (abs(event.at - start), not event.user, event.key), default=None)

    def storage_faults(self) -> Iterator[CauseEvent]:
        """The events that tell of storage that failed under it."""
        for event in self.events:
            of_server = event.datastore is None or event.datastore in self.datastores
            if of_server and is_storage_fault(event):
                yield event

    def host_faults(self) -> Iterator[tuple[CauseEvent, str]]:
        """The events that tell that its host failed it, each with what it says."""
        for event in self.events:
            said = host_fault(event)
            if said is not None:
                yield event, said


def _by_event_of_a_user(seen: _Seen, people: People) -> Attribution | None:
    """Rule 1: somebody turned it off or suspended it, and not because host or storage had just failed."""
    stop = seen.act(STOPS)
    if stop is None or not stop.user:
        return None
    faults = (*seen.storage_faults(), *(event for event, _ in seen.host_faults()))
    if any(stop.at - _SHADOW_US <= fault.at <= stop.at for fault in faults):
        return None
    return _done_by(stop, STOPS[stop.type], Confidence.PROVED, seen.case.client, people)


def _by_uplink(seen: _Seen, _: People) -> Attribution | None:
    """Rule 2: only its way to the Internet was down, and its uplink was."""
    case = seen.case
    if case.down != {Leg.INTERNET} or not case.uplink:
        return None
    if not any(
        span.uplink == case.uplink and span.start <= case.start < _end(span.end) for span in case.uplinks_down
    ):
        return None
    return Attribution(
        cause=CauseKind.NETWORK,
        confidence=Confidence.PROVED,
        text="its uplink to the Internet was down",
        uplink=case.uplink,
    )


def _by_storage(seen: _Seen, _: People) -> Attribution | None:
    """Rule 3: storage failed under it."""
    case, events = seen.case, list(seen.storage_faults())
    if not events and Leg.SAN not in case.down:
        return None
    lost = {
        lost.datastore.name
        for lost in case.lost_mounts
        if lost.host == seen.host
        and lost.datastore in seen.datastores
        and lost.start <= case.start < _end(lost.end)
    }
    named = {event.datastore.name for event in events if event.datastore is not None}
    if events:
        text = "its host lost a datastore of its disks, or the storage failed under it"
    elif lost:
        text = "its host lost a datastore of its disks"
    else:
        text = "its files could not be reached"
    return Attribution(
        cause=CauseKind.STORAGE,
        confidence=Confidence.PROVED if events or lost else Confidence.LIKELY,
        because=_keys(events),
        text=text,
        datastore=min(lost or named, default=""),
    )


def _by_host(seen: _Seen, _: People) -> Attribution | None:
    """Rule 4: its host failed, was isolated, or killed it."""
    told = list(seen.host_faults())
    if told:
        return Attribution(
            cause=CauseKind.HOST_FAILURE,
            confidence=Confidence.PROVED,
            because=_keys(event for event, _ in told),
            text=", ".join(dict.fromkeys(said for _, said in told)),
        )
    case = seen.case
    fell_silent = range(case.start - _SILENT_US, case.start + 1)
    lost = [event for event in seen.of({HOST_LOST}) if event.host == seen.host and event.at in fell_silent]
    is_silent = lost or any(span.host == seen.host and span.start in fell_silent for span in case.silent)
    if seen.host is None or not is_silent or not (case.booted_anew or _has_moved(seen)):
        return None
    return Attribution(
        cause=CauseKind.HOST_FAILURE,
        confidence=Confidence.LIKELY,
        because=_keys(lost),
        text="its host stopped responding, and it was started anew",
    )


def _by_maintenance(seen: _Seen, _: People) -> Attribution | None:
    """Rule 5: its host was entering or in maintenance mode; proved where one user's events show two steps of that."""
    start = seen.case.start
    if not any(
        span.host == seen.host and span.start <= start < _end(span.end) for span in seen.case.in_maintenance
    ):
        return None
    steps = [
        event
        for event in seen.of(MAINTENANCE | ASKS.keys())
        if event.user and (event.type in ASKS or event.host == seen.host)
    ]
    by_user: dict[str, list[CauseEvent]] = {}
    for event in steps:
        by_user.setdefault(event.user.casefold(), []).append(event)
    for events in by_user.values():
        kinds = {event.type for event in events}
        if kinds & MAINTENANCE and len(kinds) > 1:
            return Attribution(
                cause=CauseKind.HOST_MAINTENANCE,
                confidence=Confidence.PROVED,
                user=events[0].user,
                because=_keys(events),
                text=f"{events[0].user} put its host in maintenance mode",
                shown=(PROVIDER, "its host was put in maintenance mode"),
            )
    return Attribution(
        cause=CauseKind.HOST_MAINTENANCE,
        confidence=Confidence.LIKELY,
        because=_keys(event for event in steps if event.type in MAINTENANCE),
        text="its host was entering or in maintenance mode",
    )


def _by_request_to_its_guest(seen: _Seen, people: People) -> Attribution | None:
    """Rule 6: somebody asked its guest to shut down, restart or stand by."""
    ask = seen.act(ASKS)
    if ask is None or not ask.user:
        return None
    return _done_by(ask, ASKS[ask.type], Confidence.LIKELY, seen.case.client, people)


def _by_guest(seen: _Seen, _: People) -> Attribution | None:
    """Rule 7: its operating system crashed, was reset for silence, or shut itself down."""
    crashed = [event for event in seen.of({CRASHED}) if event.server is not None]
    fell_silent = [event for event in seen.of(RESETS) if event.server is not None and is_for_silence(event)]
    if crashed or fell_silent:
        return Attribution(
            cause=CauseKind.GUEST,
            confidence=Confidence.PROVED,
            because=_keys([*crashed, *fell_silent]),
            text="its operating system crashed" if crashed else "HA reset it: its heartbeat fell silent",
        )
    stop = seen.act({TURNED_OFF})
    if stop is None or stop.user:
        return None
    return Attribution(
        cause=CauseKind.GUEST,
        confidence=Confidence.LIKELY,
        because=(stop.key,),
        text="it went off, and nobody is named who turned it off",
    )


def _unknown(_: _Seen, __: People) -> Attribution:
    """Rule 8: nothing on record tells."""
    return Attribution(
        cause=CauseKind.UNKNOWN, confidence=Confidence.NONE, text="nothing on record tells why"
    )


_RULES: Final[tuple[Callable[[_Seen, People], Attribution | None], ...]] = (
    _by_event_of_a_user,
    _by_uplink,
    _by_storage,
    _by_host,
    _by_maintenance,
    _by_request_to_its_guest,
    _by_guest,
    _unknown,
)


def _done_by(
    event: CauseEvent, did: str, confidence: Confidence, client: ClientId, people: People
) -> Attribution:
    """The cause of what a user did, by whose user it is."""
    of = whose(event.user, client, people)
    return Attribution(
        cause=of.cause,
        confidence=confidence if of.at_most is Confidence.PROVED else of.at_most,
        user=event.user,
        because=(event.key,),
        text=f"{of.who} {did}",
        shown=(of.shown_user, f"{of.shown} {did}"),
    )


def _has_moved(seen: _Seen) -> bool:
    """Whether it was on another host when it was next seen, of which is told a little late."""
    case = seen.case
    return case.end is not None and any(
        placement.host != seen.host and case.start < placement.start <= case.end + AFTER_US
        for placement in case.placements
    )


def _keys(events: Iterable[CauseEvent]) -> tuple[str, ...]:
    """The keys of the first event of each type: of a flood the others prove nothing more."""
    firsts: dict[str, CauseEvent] = {}
    for event in sorted(events, key=_in_time):
        firsts.setdefault(event.type, event)
    return tuple(dict.fromkeys(event.key for event in firsts.values()))


def _in_time(event: CauseEvent) -> tuple[Instant, str, str]:
    return event.at, event.key, event.type


def _end(end: Instant | None) -> Instant:
    return FOREVER if end is None else end
