"""What servers stand on, over the last 40 days: where each was, and what happened to hosts, datastores and uplinks.

What is new is given out as traces to be kept beside the ledger, from which all of it comes back after a restart. No figure
rests on it.
"""

import json
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from sys import intern
from typing import Final

from daemon.ledger import Trace
from probes.facts import NOT_KNOWN
from probes.report import ListedServer, Report, SourceEvent
from sla.cause_events import CAUSE_EVENTS, CauseEvent, Component
from sla.causes import BEFORE_US, HostSpan, LostMount, Placement, UplinkSpan
from sla.instants import DAY, FOREVER, Instant
from sla.records import ServerId, State
from sla.sharing import sharing

KEPT_US: Final = 40 * DAY
"""How long what is over is kept."""

Subject = tuple[str, ...]
"""A kind of stretch, and whose it is."""

_PLACED, _SILENT, _IN_MAINTENANCE, _LOST, _DOWN, _EVENT = (
    "placed",
    "silent",
    "maintenance",
    "lost",
    "down",
    "event",
)
_AT: Final = attrgetter("at")
_same_place: Final[Callable[[tuple[str, ...]], tuple[str, ...]]] = sharing()


@dataclass(slots=True)
class _Stretch:
    """A stretch of time; `end` None: it lasts."""

    start: Instant
    end: Instant | None
    detail: tuple[str, ...]


class Traces:
    """Filled by `remember` at the start and by `take` from then on. Invariant: of each subject the last stretch alone may last."""

    def __init__(self) -> None:
        self._stretches: dict[Subject, list[_Stretch]] = {}
        self._events: dict[ServerId | Component, list[CauseEvent]] = {}
        """In order of time, by the server that each is about, or else by the host."""
        self._lost: dict[str, set[tuple[str, str]]] = {}
        """The mounts that are lost now, by source: host and datastore."""
        self._maintained: dict[str, set[str]] = {}
        """The hosts that are in maintenance mode now, by source; of those that only enter it events tell."""
        self._uplinks_down: set[str] = set()
        self._new: dict[tuple[str, Instant], Trace] = {}
        """What is to be kept, by what tells traces apart."""
        self._about: set[ServerId | Component] = set()
        """What events spoke of since that was asked last."""

    def remember(self, traces: Iterable[Trace]) -> None:
        """Take what was kept; in order, as the ledger gives it."""
        for trace in traces:
            # Each server, host and datastore is named often.
            subject, detail = (tuple(map(intern, json.loads(text))) for text in (trace.about, trace.detail))
            if subject[0] == _EVENT:
                self._enter(_event_of(subject, detail, trace.start))
                continue
            self._stretches.setdefault(subject, []).append(
                _Stretch(trace.start, trace.end, _same_place(detail))
            )
            if trace.end is None and subject[0] == _LOST:
                _, source, host, datastore = subject
                self._lost.setdefault(source, set()).add((host, datastore))
            elif trace.end is None and subject[0] == _IN_MAINTENANCE and detail != _ENTERING:
                self._maintained.setdefault(subject[1], set()).add(subject[2])
            elif trace.end is None and subject[0] == _DOWN:
                self._uplinks_down.add(subject[1])

    def take(
        self, report: Report, id_of: Callable[[str, ServerId], ServerId | None], now: Instant
    ) -> Iterator[None]:
        """Take a report, in small steps; `id_of`: the id of a server that a source lists."""
        at, source = report.observed_until or now, report.source
        for listed in report.listed:
            server = id_of(source, listed.server)
            if server is not None:
                self._place(server, source, listed, at)
            yield
        for departed in report.departed:
            server = id_of(source, departed.server)
            if server is not None:
                self._close((_PLACED, server), departed.at)
            yield
        for host, state in report.hosts.items():
            self._hold((_SILENT, source, host), at, holds=state is State.DOWN)
        for host in report.gone_hosts:
            self._close((_SILENT, source, host), at)
        if report.lost_mounts is not None:
            self._lose(source, report.lost_mounts, at)
        for event in report.events:
            server = None if event.server is None else id_of(source, event.server)
            self._note(source, event, server)
            yield
        if report.in_maintenance is not None:
            self._maintain(source, report.in_maintenance, at)

    def follow_uplinks(self, down: Mapping[str, Instant], now: Instant) -> None:
        """Take which uplinks are down, and since when."""
        for uplink, since in down.items():
            self._hold((_DOWN, uplink), since, holds=True)
        for uplink in self._uplinks_down - down.keys():
            self._close((_DOWN, uplink), now)
        self._uplinks_down = set(down)

    def new_traces(self) -> Sequence[Trace]:
        """What is to be kept since this was asked last."""
        new, self._new = self._new, {}
        return list(new.values())

    def spoken_of(self) -> Collection[ServerId | Component]:
        """The servers, and of other events the hosts, that events spoke of since this was asked last."""
        about, self._about = self._about, set()
        return about

    def forget(self, before: Instant) -> Iterator[None]:
        """Let go, in small steps, of what was over before an instant."""
        for subject, stretches in list(self._stretches.items()):
            kept = [each for each in stretches if each.end is None or each.end >= before]
            if not kept:
                del self._stretches[subject]
            elif len(kept) < len(stretches):
                self._stretches[subject] = kept
            yield
        for about, events in list(self._events.items()):
            del events[: bisect_left(events, before, key=_AT)]
            if not events:
                del self._events[about]
            yield

    # What is asked of it

    def placements(self, server: ServerId, since: Instant) -> list[Placement]:
        """Where a server was from an instant on."""
        found = []
        for start, end, detail in self._since((_PLACED, server), since):
            source, host, *stores = detail
            datastores = frozenset(Component(source, store) for store in stores)
            found.append(Placement(Component(source, host), datastores, start, end))
        return found

    def silent(self, host: Component, since: Instant) -> list[HostSpan]:
        """When a host did not respond."""
        return [HostSpan(host, start, end) for start, end, _ in self._since((_SILENT, *host), since)]

    def in_maintenance(self, host: Component, since: Instant) -> list[HostSpan]:
        """When a host was entering maintenance mode, or in it."""
        return [HostSpan(host, start, end) for start, end, _ in self._since((_IN_MAINTENANCE, *host), since)]

    def lost_mounts(self, host: Component, datastore: Component, since: Instant) -> list[LostMount]:
        """When a host did not reach a datastore of its source."""
        subject = (_LOST, *host, datastore.name)
        return [LostMount(host, datastore, start, end) for start, end, _ in self._since(subject, since)]

    def uplink_down(self, uplink: str, since: Instant) -> list[UplinkSpan]:
        """When an uplink was down."""
        return [UplinkSpan(uplink, start, end) for start, end, _ in self._since((_DOWN, uplink), since)]

    def events(self, about: ServerId | Component, since: Instant, until: Instant) -> Sequence[CauseEvent]:
        """The events about a server, or those about a host that name no server, in `[since, until]`."""
        events = self._events.get(about, [])
        return events[bisect_left(events, since, key=_AT) : bisect_right(events, until, key=_AT)]

    def proving(self, server: ServerId, start: Instant, keys: Collection[str]) -> list[CauseEvent]:
        """Those of the events with some keys that count for an outage of a server that began at `start`, in order of time."""
        since = Instant(start - BEFORE_US)
        hosts = {placement.host for placement in self.placements(server, since)}
        about: list[ServerId | Component] = [server, *hosts]
        found = (event for each in about for event in self.events(each, since, FOREVER))
        return sorted((event for event in found if event.key in keys), key=_AT)

    def users(self) -> Iterator[str]:
        """Who did what events tell of, in no order, some more than once, in small steps; "" for events that name nobody."""
        for events in list(self._events.values()):
            for event in events:
                yield event.user

    def _since(
        self, subject: Subject, since: Instant
    ) -> Iterator[tuple[Instant, Instant | None, tuple[str, ...]]]:
        for each in self._stretches.get(subject, ()):
            if each.end is None or each.end > since:
                yield each.start, each.end, each.detail

    # How it is filled

    def _place(self, server: ServerId, source: str, listed: ListedServer, at: Instant) -> None:
        if listed.host is not NOT_KNOWN:
            place = _same_place((source, listed.host, *listed.datastores))
            self._hold((_PLACED, server), at, place, holds=True)

    def _lose(self, source: str, lost: frozenset[tuple[str, str]], at: Instant) -> None:
        before = self._lost.get(source, set())
        for host, datastore in lost - before:
            self._hold((_LOST, source, host, datastore), at, holds=True)
        for host, datastore in before - lost:
            self._close((_LOST, source, host, datastore), at)
        self._lost[source] = set(lost)

    def _maintain(self, source: str, maintained: frozenset[str], at: Instant) -> None:
        for host in maintained:
            self._hold((_IN_MAINTENANCE, source, host), at, holds=True)
        for host in self._maintained.get(source, set()) - maintained:
            self._close((_IN_MAINTENANCE, source, host), at)
        self._maintained[source] = set(maintained)

    def _note(self, source: str, said: SourceEvent, server: ServerId | None) -> None:
        host = Component(source, said.host) if said.host else None
        if host is not None and said.type in _TURNS:
            holds = _TURNS[said.type]
            self._hold((_IN_MAINTENANCE, *host), said.at, holds or (), holds=holds is not None)
        if said.type not in CAUSE_EVENTS or (said.server is not None and server is None):
            return  # one about a machine that is no server of ours says nothing of its host
        event = CauseEvent(
            key=said.key,
            type=said.type,
            at=said.at,
            user=said.user.strip(),
            server=server,
            host=host,
            datastore=Component(source, said.datastore) if said.datastore else None,
            reason=said.reason,
        )
        about = self._enter(event)
        if about is not None:
            self._about.add(about)
            subject = _json((_EVENT, source, said.key, said.type))
            detail = _json((event.user, server or "", said.host, said.datastore, said.reason))
            self._new[subject, said.at] = Trace(subject, said.at, said.at, detail)

    def _enter(self, event: CauseEvent) -> ServerId | Component | None:
        """Take an event; whom it is filed under, None where it is about nobody."""
        about = event.server or event.host
        if about is not None:
            insort(self._events.setdefault(about, []), event, key=_AT)
        return about

    def _hold(self, subject: Subject, at: Instant, detail: tuple[str, ...] = (), *, holds: bool) -> None:
        """Have a stretch of a subject last from `at` on, or none."""
        stretches = self._stretches.get(subject)
        last = stretches[-1] if stretches else None
        if last is not None and last.end is None and holds and last.detail == detail:
            return
        self._close(subject, at)
        if holds:
            if last is not None and last.start >= at:
                at = Instant(last.start + 1)  # two things cannot begin together
            self._stretches.setdefault(subject, []).append(_Stretch(at, None, detail))
            self._keep(subject)

    def _close(self, subject: Subject, at: Instant) -> None:
        stretches = self._stretches.get(subject)
        if stretches and stretches[-1].end is None:
            stretches[-1].end = max(at, stretches[-1].start)
            self._keep(subject)

    def _keep(self, subject: Subject) -> None:
        last, about = self._stretches[subject][-1], _json(subject)
        self._new[about, last.start] = Trace(about, last.start, last.end, _json(last.detail))


def _json(texts: Sequence[str]) -> str:
    """As `json.dumps` has it, at a fifth of its cost: where each server is, is kept of thousands at once."""
    return f"[{', '.join(map(encode_basestring_ascii, texts))}]"


def users_in(traces: Iterable[Trace]) -> Iterator[str]:
    """Who did what the traces tell of, in no order, some more than once."""
    for trace in traces:
        subject = tuple(json.loads(trace.about))
        if subject[0] == _EVENT:
            event = _event_of(subject, tuple(json.loads(trace.detail)), trace.start)
            if event.user:
                yield event.user


_ENTERING: Final = ("entering",)
_TURNS: Final[Mapping[str, tuple[str, ...] | None]] = {
    "EnteringMaintenanceModeEvent": _ENTERING,
    "EnteredMaintenanceModeEvent": (),
    "ExitMaintenanceModeEvent": None,
}
"""The detail of the stretch of maintenance that begins with an event; None: it ends one."""


def _event_of(subject: Subject, detail: tuple[str, ...], at: Instant) -> CauseEvent:
    _, source, key, kind = subject
    user, server, host, datastore, reason = detail
    return CauseEvent(
        key=key,
        type=kind,
        at=at,
        user=user,
        server=ServerId(server) if server else None,
        host=Component(source, host) if host else None,
        datastore=Component(source, datastore) if datastore else None,
        reason=reason,
    )
