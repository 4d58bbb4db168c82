"""How the time of a server goes on of which nothing new is said: all that is left to change is who sees (spec §2.3).

Servers of which the same is said share a `Accrual`. It adds up time as if that had been said of them for ever; a server's
figures are what it adds, and an offset that stays the same until something else is said of that server.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sla.availability import Tally
from sla.instants import BEGINNING, Instant
from sla.records import Leg, State, Witness
from sla.spans import Spans, length, normalized, union
from sla.timeline import ServerTimeline, Sight, Sights, merged

_ALWAYS: Final = Instant(BEGINNING + 1)


@dataclass(frozen=True, slots=True)
class Attestation:
    """What is said of a server: the legs considered, and what each witness says of each, unknown left out."""

    legs: tuple[Leg, ...]
    said: tuple[tuple[Leg, Witness, State], ...]

    @property
    def state(self) -> State:
        """The state of the server while all see."""
        return merged([[state for leg, _, state in self.said if leg is of] for of in self.legs])[0]

    @property
    def may_be_down(self) -> bool:
        """Whether anybody says down of a leg considered."""
        return any(state is State.DOWN for _, _, state in self.said)

    @property
    def is_disputed(self) -> bool:
        """Whether who sees decides between up and down: of some leg both are said."""
        down = {leg for leg, _, state in self.said if state is State.DOWN}
        return any(leg in down for leg, _, state in self.said if state is State.UP)


class Accrual:
    """The time by state, up to the instant it was advanced to, of a server of which this was always said."""

    def __init__(self, attestation: Attestation, sights: Sights) -> None:
        """Nothing yet: it has to be advanced first."""
        self.attestation = attestation
        self.tally = Tally()
        self.witnesses = frozenset(witness for _, witness, _ in attestation.said)
        self._timeline = ServerTimeline()
        self._sights: list[Sight] = [sights.of(witness) for witness in self.witnesses]
        for leg, witness, state in attestation.said:
            self._timeline.track(leg, witness, sights).add(_ALWAYS, state)
        self._anchor = BEGINNING
        self._by_anchor = Tally()

    def advance(self, at: Instant) -> None:
        """Add up to `at`, which never falls. What lies before every watermark is added once."""
        seen_until = self.seen_until(at)
        if seen_until > self._anchor:
            self._add(self._by_anchor, self._anchor, seen_until)
            self._anchor = seen_until
        self.tally = Tally(
            self._by_anchor.up, self._by_anchor.down, self._by_anchor.unobserved, self._by_anchor.disputed
        )
        self._add(self.tally, self._anchor, at)

    def rewind(self, since: Instant) -> None:
        """Take it that who saw since an instant is no longer what it was."""
        if since < self._anchor:
            self._anchor, self._by_anchor = BEGINNING, Tally()

    def seen_until(self, at: Instant) -> Instant:
        """Up to where, and at most to `at`, all its witnesses have seen."""
        return min([at, *(sight.until for sight in self._sights)])

    def down_spans(self, start: Instant, end: Instant) -> Spans:
        """When such a server is down in `[start, end)`."""
        return normalized(
            (segment.start, segment.end)
            for segment in self._timeline.segments(self.attestation.legs, start, end)
            if segment.state is State.DOWN
        )

    def _add(self, tally: Tally, start: Instant, end: Instant) -> None:
        legs = self.attestation.legs
        segments = self._timeline.segments(legs, start, end)
        tally.add(segments, ((start, end),), legs, dict.fromkeys(legs, 0))


class JointAccrual:
    """The time in which at least one of several servers is down, each going on as its accrual says (spec §6.3)."""

    def __init__(self, accruals: Iterable[Accrual]) -> None:
        """Nothing yet: it has to be advanced first."""
        self.down = 0
        self._accruals = tuple(accruals)
        self.witnesses = frozenset(witness for accrual in self._accruals for witness in accrual.witnesses)
        self._anchor = BEGINNING
        self._by_anchor = 0

    def advance(self, at: Instant) -> None:
        """Add up to `at`, which never falls."""
        seen_until = min([at, *(accrual.seen_until(at) for accrual in self._accruals)])
        if seen_until > self._anchor:
            self._by_anchor += self._within(self._anchor, seen_until)
            self._anchor = seen_until
        self.down = self._by_anchor + self._within(self._anchor, at)

    def rewind(self, since: Instant) -> None:
        """Take it that who saw since an instant is no longer what it was."""
        if since < self._anchor:
            self._anchor, self._by_anchor = BEGINNING, 0

    def _within(self, start: Instant, end: Instant) -> int:
        return length(union(*(accrual.down_spans(start, end) for accrual in self._accruals)))
