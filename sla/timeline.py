"""From what witnesses say to the state of legs and servers, as functions of time (spec §2).

`Track` is all that one witness said of one leg of one server; it grows at the end for next to nothing, and takes a
late observation too. `Sight` is when one witness could see. `ServerTimeline` holds the tracks of one server and gives
its segments over any span, at a cost that depends on what changed in that span and nothing else.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from sys import intern
from typing import Final, NamedTuple

from sla.instants import BEGINNING, FOREVER, Instant
from sla.reasons import in_evidence
from sla.records import ALL_LEGS, Blind, Leg, State, Witness
from sla.spans import Spans, normalized

_STATES: Final = tuple(State)
_UNKNOWN, _DOWN, _ = _STATES  # a member of an enum is slow to look up by its name
_BY_START: Final = itemgetter(0)
_MOST_COMBINATIONS: Final = 4096

Merged = tuple[State, tuple[State, ...], bool]
"""The state of a server, the states of its legs, and whether a witness says down."""


def merged(said: Sequence[Collection[State]]) -> Merged:
    """What follows from what all witnesses say of each leg considered (spec §2.4, §2.5); without a leg, nothing is known.

    A witness that says nothing of a leg, or does not see, may be left out: it says unknown.
    """
    legs = tuple(max(of_leg, default=_UNKNOWN) for of_leg in said)  # a state that prevails is the greater one
    server = _DOWN if _DOWN in legs else min(legs, default=_UNKNOWN)
    return server, legs, any(_DOWN in of_leg for of_leg in said)


class Segment(NamedTuple):
    """A part of a server's time in which nothing changes, `[start, end)`."""

    start: Instant
    end: Instant
    state: State
    legs: tuple[State, ...]
    """The state of each leg considered, in the order asked for."""
    disputed: bool
    """Some witness says down of a leg considered (whatever the state: spec §5.1 asks only where it is up)."""


class Track:
    """What one witness said of one leg of one server (spec §2.2)."""

    __slots__ = ("_at", "_reasons", "_states", "ever_down", "sight")

    def __init__(self, sight: "Sight") -> None:
        """Of nothing yet; `sight` is when its witness could see."""
        self.sight = sight
        self._at = array("q")
        self._states = bytearray()
        self._reasons: dict[Instant, str] | None = None
        """None while no reason was given for a down, as of most tracks."""
        self.ever_down = False

    def add(self, at: Instant, state: State, reason: str = "") -> None:
        """Take an observation: of two at one instant the one that is added later holds.

        Of reasons those of a down are kept, as evidence says them.
        """
        if state is _DOWN:
            self.ever_down = True
        if reason and state is _DOWN:
            if self._reasons is None:
                self._reasons = {}
            self._reasons[at] = intern(str(in_evidence(reason)))
        elif self._reasons:
            self._reasons.pop(at, None)
        instants = self._at
        if not instants or at > instants[-1]:
            instants.append(at)
            self._states.append(state)
            return
        place = bisect_left(instants, at)
        if instants[place] == at:
            self._states[place] = state
        else:
            instants.insert(place, at)
            self._states.insert(place, state)

    def said(self) -> Iterator[tuple[Instant, State, str]]:
        """All that is said, as `add` takes it, in order of time."""
        for at, state in zip(map(Instant, self._at), self._states, strict=True):
            yield at, _STATES[state], self._reason(at)

    def _reason(self, at: Instant) -> str:
        return self._reasons.get(at, "") if self._reasons else ""

    def stored(self) -> tuple["array[int]", bytes, Mapping[Instant, str]]:
        """All of it: the instants, what was said at each, a byte each, and the reasons that were given for a down."""
        return self._at, bytes(self._states), self._reasons or {}

    def extend(self, instants: "array[int]", states: bytes, reasons: Mapping[Instant, str]) -> None:
        """Take what `stored` gave of another: all of it was added later than what is here."""
        if self._at and instants and instants[0] <= self._at[-1]:
            for at, state in zip(map(Instant, instants), states, strict=True):
                self.add(at, _STATES[state], reasons.get(at, ""))
            return
        if self._at:
            self._at.extend(instants)
            self._states += states
        else:  # as copies, which have no room to spare
            self._at, self._states = instants[:], bytearray(states)
        if reasons:
            self._reasons = {**(self._reasons or {}), **reasons}
        self.ever_down = self.ever_down or _DOWN in states

    def last(self) -> tuple[Instant, State] | None:
        return (Instant(self._at[-1]), _STATES[self._states[-1]]) if self._at else None

    def changes(self, start: Instant, end: Instant) -> list[tuple[Instant, State]]:
        """What is said in `[start, end)`: first what holds at `start`, then each observation after it."""
        first = bisect_right(self._at, start)
        last = bisect_left(self._at, end, first)
        said = [(start, _STATES[self._states[first - 1]] if first else _UNKNOWN)]
        said += zip(
            map(Instant, self._at[first:last]),
            map(_STATES.__getitem__, self._states[first:last]),
            strict=True,
        )
        return said

    def around(self, at: Instant) -> tuple[Instant, State, Instant]:
        """What is said at `at`: since when, what, and until when; `BEGINNING` and `FOREVER` where nothing limits it."""
        place = bisect_right(self._at, at)
        until = Instant(self._at[place]) if place < len(self._at) else FOREVER
        if not place:
            return BEGINNING, _UNKNOWN, until
        return Instant(self._at[place - 1]), _STATES[self._states[place - 1]], until

    def reasons(self, start: Instant, end: Instant) -> list[tuple[Instant, str]]:
        """Why the leg is said to be down in `[start, end)`, where that is told: from which instant on, and the reason."""
        place = bisect_right(self._at, start)
        said = zip(self._at[place - 1 : place], self._states[place - 1 : place], strict=True) if place else ()
        last = bisect_left(self._at, end, place)
        later = zip(self._at[place:last], self._states[place:last], strict=True)
        return [
            (max(Instant(at), start), reason)
            for at, state in chain(said, later)
            if state == _DOWN and (reason := self._reason(Instant(at)))
        ]

    def constant(self, start: Instant, end: Instant) -> State | None:
        """What is said throughout `[start, end)`, or None where an observation lies inside."""
        first = bisect_right(self._at, start)
        if first < len(self._at) and self._at[first] < end:
            return None
        return _STATES[self._states[first - 1]] if first else _UNKNOWN


class Sight:
    """When one witness could see each leg: before its newest watermark, outside of its blind spans (spec §2.3)."""

    __slots__ = ("_blind", "_pending", "until")

    def __init__(self) -> None:
        """A witness without a watermark has seen nothing."""
        self.until: Instant = BEGINNING
        self._blind: dict[Leg, Spans] = dict.fromkeys(ALL_LEGS, ())
        self._pending: list[Blind] = []

    def copy(self) -> "Sight":
        """Another one that saw the same."""
        other = Sight()
        other.until = self.until
        other._blind, other._pending = dict(self._blind), list(self._pending)
        return other

    def observed_until(self, at: Instant) -> None:
        """Take a watermark: the newest, which is that of the latest line, takes the place of the one before."""
        self.until = at

    def blind(self, record: Blind) -> None:
        """Take a blind span."""
        self._pending.append(record)

    def blind_spans(self, leg: Leg) -> Spans:
        """When it did not see `leg`."""
        if self._pending:
            for each in ALL_LEGS:
                new = [(record.start, record.end) for record in self._pending if each in record.legs]
                if new:
                    self._blind[each] = normalized((*self._blind[each], *new))
            self._pending.clear()
        return self._blind[leg]

    def next_edge(self, leg: Leg, at: Instant) -> Instant:
        """Where the first blind span begins or ends at or after `at`; `FOREVER` where none does."""
        spans = self.blind_spans(leg)
        place = bisect_left(spans, at, key=_BY_START)
        if place and spans[place - 1][1] >= at:
            return spans[place - 1][1]
        return spans[place][0] if place < len(spans) else FOREVER

    def sees(self, leg: Leg, start: Instant, end: Instant) -> bool:
        """Whether it saw `leg` throughout `[start, end)`."""
        return end <= self.until and not self.blind_within(leg, start, end)

    def blind_within(self, leg: Leg, start: Instant, end: Instant) -> Spans:
        """The blind spans that overlap `[start, end)`, whole."""
        spans = self.blind_spans(leg)
        if not spans:
            return spans
        last = bisect_left(spans, end, key=_BY_START)
        first = bisect_right(spans, start, key=_BY_START)
        if first and spans[first - 1][1] > start:
            first -= 1
        return spans[first:last]


class Sights:
    """The sight of every witness."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[Witness, Sight] = {}

    def copy(self) -> "Sights":
        """Others, of witnesses that saw the same."""
        other = Sights()
        other._of.update((witness, sight.copy()) for witness, sight in self._of.items())
        return other

    def of(self, witness: Witness) -> Sight:
        """The sight of a witness, from its first mention on."""
        sight = self._of.get(witness)
        if sight is None:
            sight = self._of[witness] = Sight()
        return sight


class ServerTimeline:
    """All that was said of one server, and what follows from it.

    Of what each track is stands apart, once for all servers of which the same witnesses speak: a dict of each would take as much
    as the tracks.
    """

    __slots__ = ("_keys", "_tracks")

    def __init__(self) -> None:
        self._keys: tuple[tuple[Leg, Witness], ...] = ()
        self._tracks: tuple[Track, ...] = ()

    @property
    def tracks(self) -> Mapping[tuple[Leg, Witness], Track]:
        """What was said of it, by leg and witness, in the order of their first mention."""
        return dict(zip(self._keys, self._tracks, strict=True))

    def track(self, leg: Leg, witness: Witness, sights: Sights) -> Track:
        """The track of a witness and a leg, from its first mention on."""
        track = self.find(leg, witness)
        if track is None:
            track = Track(sights.of(witness))
            self._keys, self._tracks = _with(self._keys, (leg, witness)), (*self._tracks, track)
        return track

    def find(self, leg: Leg, witness: Witness) -> Track | None:
        """The track of a witness and a leg; None where nothing was said."""
        key = (leg, witness)
        return self._tracks[self._keys.index(key)] if key in self._keys else None

    def views(self, leg: Leg) -> list[tuple[Witness, Track]]:
        """Everything said of a leg, by witness."""
        return [(witness, track) for (of, witness), track in self._items() if of is leg]

    def seen(
        self, leg: Leg, start: Instant, end: Instant
    ) -> Iterator[tuple[Witness, Sequence[tuple[Instant, State]]]]:
        """What each witness says of a leg in `[start, end)`: what holds at `start`, then the changes (spec §2.2, §2.3)."""
        for witness, track in self.views(leg):
            yield witness, _seen(leg, track, start, end)

    def ever_down(self, legs: Collection[Leg]) -> bool:
        """Whether any witness ever said down of one of `legs`. False means that the server never was."""
        return any(track.ever_down for (leg, _), track in self._items() if leg in legs)

    def segments(self, legs: tuple[Leg, ...], start: Instant, end: Instant) -> list[Segment]:
        """The server's states over `[start, end)` by the legs considered: adjoining, maximal, in order (spec §2.4, §2.5)."""
        if start >= end:
            return []
        places, states = bytearray(), bytearray()
        changes: list[tuple[Instant, int, State]] = []
        for place, leg in enumerate(legs):
            for (of, _), track in self._items():
                if of is not leg:
                    continue
                slot = len(places)
                places.append(place)
                if track.sight.sees(leg, start, end) and (constant := track.constant(start, end)) is not None:
                    states.append(constant)
                else:
                    (_, first), *later = _seen(leg, track, start, end)
                    states.append(first)
                    changes += [(at, slot, state) for at, state in later]
        merge = _merge_of(len(legs), bytes(places))
        if not changes:
            return [Segment(start, end, *merge[bytes(states)])]
        changes.sort(key=_BY_START)
        return _swept(merge, states, changes, start, end)

    def _items(self) -> Iterator[tuple[tuple[Leg, Witness], Track]]:
        return zip(self._keys, self._tracks, strict=True)


@lru_cache(maxsize=1024)
def _with(
    keys: tuple[tuple[Leg, Witness], ...], another: tuple[Leg, Witness]
) -> tuple[tuple[Leg, Witness], ...]:
    """One object for all servers."""
    return *keys, another


def _seen(leg: Leg, track: Track, start: Instant, end: Instant) -> Sequence[tuple[Instant, State]]:
    """A witness's view in `[start, end)`: what holds at `start`, then the changes (spec §2.2, §2.3)."""
    sight = track.sight
    limit = min(end, sight.until)
    if limit <= start:
        return ((start, _UNKNOWN),)
    blind = sight.blind_within(leg, start, limit)
    said = track.changes(start, limit)
    view = _masked(said, blind, limit) if blind else said
    if limit < end:
        view.append((limit, _UNKNOWN))
    return view


def _masked(
    said: Iterable[tuple[Instant, State]], blind: Spans, limit: Instant
) -> list[tuple[Instant, State]]:
    """The view with its blind spans: when one ends, what was said last holds again."""
    marks = [(at, 1, state) for at, state in said]
    start, _, holds = marks[0]
    for since, until in blind:
        marks.append((max(since, start), 2, _UNKNOWN))
        if until < limit:
            marks.append((until, 0, _UNKNOWN))
    marks.sort()
    masked = False
    view = []
    for at, mark, state in marks:
        if mark == 1:
            holds = state
        else:
            masked = mark == 2
        view.append((at, _UNKNOWN if masked else holds))
    return view


def _segment(start: Instant, end: Instant, follows: Merged) -> Segment:
    # Past the constructor that a NamedTuple has: it would take as long as all the rest of a sweep.
    return tuple.__new__(Segment, (start, end, *follows))


class _Merge(dict[bytes, Merged]):
    """What follows from the views of some witnesses, a byte each; worked out once for each combination."""

    def __init__(self, legs: int, places: bytes) -> None:
        """`places` says of which leg each witness speaks."""
        self._legs = legs
        self._places = places

    def __missing__(self, states: bytes) -> Merged:
        if len(self) > _MOST_COMBINATIONS:
            self.clear()
        said: list[list[State]] = [[] for _ in range(self._legs)]
        for place, state in zip(self._places, states, strict=True):
            said[place].append(_STATES[state])
        follows = self[states] = merged(said)
        return follows


@lru_cache(maxsize=256)
def _merge_of(legs: int, places: bytes) -> _Merge:
    return _Merge(legs, places)


def _swept(
    merge: _Merge,
    states: bytearray,
    changes: list[tuple[Instant, int, State]],
    start: Instant,
    end: Instant,
) -> list[Segment]:
    """The segments that follow from the views at `start` and their changes, in order of time."""
    segments: list[Segment] = []
    since, now = start, None
    at = start
    for change_at, slot, state in changes:
        if change_at != at:
            after = merge[bytes(states)]
            if now is None:
                now = after
            elif after is not now and after != now:
                segments.append(_segment(since, at, now))
                since, now = at, after
            at = change_at
        states[slot] = state
    after = merge[bytes(states)]
    if now is not None and after != now:
        segments.append(Segment(since, at, *now))
        since = at
    segments.append(Segment(since, end, *after))
    return segments
