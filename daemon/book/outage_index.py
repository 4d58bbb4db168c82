"""Every outage of every server, by when it began: what lists of them are read from, a page at a time.

An outage is read from the evidence once it is settled that it began, and again whenever something is said of its server.
`read` does that in small steps: who asks has it run to its end first. Invariant: what is not `due` is as the evidence has it.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, NamedTuple

from sla.book import Book
from sla.instants import BEGINNING, FOREVER, Instant
from sla.outages import Outage, outages_of
from sla.records import ALL_LEGS, Blind, Cause, Leg, Server, ServerId

READ_S: Final = 0.25
"""How long outages are read in one tick; what is left waits for the next."""

_AT_ONCE: Final = 500
"""Keys that a walk looks at before it looks again where it is."""


class OutageKey(NamedTuple):
    """When an outage began, and of which server: no two are alike, and it stays while the outage is the same."""

    start: Instant
    server: ServerId


class OutageIndex:
    """The outages of a book. To be told what the book takes, after the book has."""

    def __init__(self, book: Book, settled: Callable[[ServerId], Instant]) -> None:
        """`settled`: up to where all time of a server is."""
        self._book = book
        self._settled = settled
        self._ever_down: set[ServerId] = set()
        """The servers of which anybody ever said down of a leg: no other has an outage."""
        self._due: dict[ServerId, None] = {}
        """The servers to be read, once their time is settled past all that was said of them."""
        self._leaving: dict[ServerId, Instant] = {}
        """When servers leave service, which may be long from now: an outage that lasts ends then, and is read once more."""
        self._outages: dict[OutageKey, Outage] = {}
        self._in_time: list[OutageKey] = []
        """The same keys, in order."""
        self._open: list[OutageKey] = []
        """Those of them whose outage lasts, in order."""
        self._of_server: dict[ServerId, tuple[OutageKey, ...]] = {}
        """The same keys by server, in order; only of servers that have one."""
        self._of_incident: dict[str, list[OutageKey]] = {}
        """The outages that were ever on record as part of an incident, in order."""

    # What is taken

    def take_observations(self, server: ServerId, says_down: bool) -> None:
        """Something was said of a server's legs, by whomever and of whenever; `says_down`: of one of them that it is."""
        if says_down:
            self._ever_down.add(server)
        if server in self._ever_down:
            self._due[server] = None

    def look_at_all(self) -> None:
        """Read all outages anew: the tracks of the book are others than were told."""
        for server, pages in self._book.servers.items():
            if pages.timeline.ever_down(ALL_LEGS):
                self._ever_down.add(server)
                self._due[server] = None

    def take_service(self, record: Server) -> None:
        """Whose a server is, until when, or which of its legs count, is on record anew."""
        if record.in_service_until is not None:
            self._leaving[record.id] = record.in_service_until
        else:
            self._leaving.pop(record.id, None)
        if record.id in self._ever_down:
            self._due[record.id] = None

    def take_blind(self, blind: Blind) -> None:
        """A witness did not see for a while: what it said then is unknown, and what others said prevails."""
        for server in self._ever_down:
            witnesses = {witness for _, witness in self._book.servers[server].tracks}
            if blind.witness in witnesses and (len(witnesses) > 1 or self._lasts_to(server, blind.start)):
                self._due[server] = None

    def _lasts_to(self, server: ServerId, at: Instant) -> bool:
        """Whether an outage of a server lasts to after an instant."""
        keys = self._of_server.get(server)
        last = None if keys is None else self._outages[keys[-1]]
        return last is not None and (last.end is None or last.end > at)

    def take_cause(self, cause: Cause) -> None:
        """The cause of an outage."""
        if cause.incident:
            key, keys = OutageKey(cause.start, cause.server), self._of_incident.setdefault(cause.incident, [])
            place = bisect_left(keys, key)
            if keys[place : place + 1] != [key]:
                keys.insert(place, key)

    def read(self) -> Iterator[None]:
        """Read, in small steps, the outages of which something was said that is settled."""
        for server, until in list(self._leaving.items()):
            if self._settled(server) > until:
                del self._leaving[server]
                if server in self._ever_down:
                    self._due[server] = None
        for server in list(self._due):
            settled = self._settled(server)
            if server in self._due and settled > self._said_until(server):
                del self._due[server]
                self._enter(server, settled)
            yield

    # What is asked of it

    def get(self, key: OutageKey) -> Outage | None:
        """The outage of a key, without its cause; of one that lasts up to where it was read."""
        return self._outages.get(key)

    def current(self, outage: Outage) -> Outage:
        """An outage as far as is settled now."""
        if outage.end is not None:
            return outage
        settled = self._settled(outage.server)
        found = outages_of(self._book, outage.server, settled, since=outage.start)
        return next((each for each in found if each.start == outage.start), outage)

    def of_server(self, server: ServerId) -> Collection[OutageKey]:
        """The outages of a server, in order of time."""
        return self._of_server.get(server, ())

    def of_incident(self, incident: str) -> Collection[OutageKey]:
        """The outages that were ever on record as part of an incident, in order; the book says whether they still are."""
        return self._of_incident.get(incident, ())

    def walk(
        self, after: OutageKey | None, *, oldest_first: bool, only_open: bool = False
    ) -> Iterator[OutageKey]:
        """The keys behind `after` in one order or the other; those that come and go meanwhile harm none of the others."""
        walked = self._open if only_open else self._in_time
        while keys := _next(walked, after, oldest_first=oldest_first):
            yield from keys
            after = keys[-1]

    def reasons(self, outage: Outage) -> dict[Leg, str]:
        """Why each leg was down in an outage, as was said first."""
        tracks = self._book.servers[outage.server].tracks
        end = FOREVER if outage.end is None else outage.end
        found = {}
        for leg in outage.legs:
            of_leg = (track for (of, _), track in tracks.items() if of is leg)
            said = [each for track in of_leg for each in track.reasons(outage.start, end)]
            if said:
                found[leg] = min(said)[1]
        return found

    def _said_until(self, server: ServerId) -> Instant:
        """The last instant of which anything was said of a server, or at which a witness that speaks of it saw again.

        By the book, and not by what was told here: that comes in an order, and what is known does not depend on it.
        """
        until = BEGINNING
        for (leg, _), track in self._book.servers[server].tracks.items():
            last, blind = track.last(), track.sight.blind_spans(leg)
            until = max(until, last[0] if last else until, blind[-1][1] if blind else until)
        return until

    def _enter(self, server: ServerId, settled: Instant) -> None:
        """Read the outages of a server anew."""
        before = self._of_server.pop(server, ())
        found = {OutageKey(each.start, server): each for each in outages_of(self._book, server, settled)}
        _exchange(self._in_time, before, found)
        _exchange(
            self._open,
            [key for key in before if self._outages[key].end is None],
            [key for key, outage in found.items() if outage.end is None],
        )
        for key in before:
            del self._outages[key]
        self._outages |= found
        if found:
            self._of_server[server] = tuple(found)


def _next(keys: Sequence[OutageKey], after: OutageKey | None, *, oldest_first: bool) -> Sequence[OutageKey]:
    """Some of the keys, which are in order, behind `after` in one order or the other."""
    if oldest_first:
        first = 0 if after is None else bisect_right(keys, after)
        return keys[first : first + _AT_ONCE]
    last = len(keys) if after is None else bisect_left(keys, after)
    return keys[max(0, last - _AT_ONCE) : last][::-1]


def _exchange(keys: list[OutageKey], before: Collection[OutageKey], after: Collection[OutageKey]) -> None:
    """Have keys, which are in order, hold some in place of others."""
    gone, come = set(before) - set(after), set(after) - set(before)
    for key in gone:
        del keys[bisect_left(keys, key)]
    for key in come:
        insort(keys, key)
