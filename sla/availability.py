"""The monthly figures of a server (spec §5), in microseconds and exact ratios."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

from sla.exclusions import Excluded, Ineligible, in_force
from sla.instants import Instant
from sla.records import Category, Leg, State
from sla.spans import Span, Spans, clipped, difference, intersection, is_set, length
from sla.terms import Availability, Basis, Unobserved
from sla.timeline import Segment

_LEFT_OUT: Final = Unobserved.EXCLUDE  # a member of an enum is slow to look up by its name
_AS_UP: Final = Unobserved.UP


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgreedTime:
    """What the figures of a server's month stand on before anybody asks for its states (spec §5.1)."""

    service: Spans
    """S: service time in the month before `as_of`."""
    judged: Spans
    """S without excluded time."""
    excluded_by: tuple[tuple[Category, Spans], ...]
    ineligible: tuple[Ineligible, ...]
    whole_service: int
    whole_excluded: int

    @property
    def length(self) -> int:
        """How long the time that is judged is, in microseconds."""
        return length(self.judged)


def agreed_time_of(*, service: Spans, excluded: Excluded, month: Span, as_of: Instant) -> AgreedTime:
    """The agreed time of a month: `service` is all service time, `excluded` what is excluded of it."""
    whole = clipped(service, *month)
    so_far = clipped(whole, month[0], as_of)
    judged = difference(so_far, excluded.total)
    assert is_set(judged), "time would be counted twice"
    return AgreedTime(
        service=so_far,
        judged=judged,
        excluded_by=excluded.booked(so_far),
        ineligible=tuple(in_force(excluded.ineligible, so_far)),
        whole_service=length(whole),
        whole_excluded=length(intersection(whole, excluded.total)),
    )


@dataclass(slots=True)
class Tally:
    """Time by state, added up stretch by stretch."""

    up: int = 0
    down: int = 0
    unobserved: int = 0
    disputed: int = 0

    def add(
        self, segments: Iterable[Segment], judged: Spans, legs: tuple[Leg, ...], by_leg: dict[Leg, int]
    ) -> None:
        """Add what lies in `judged`. The segments name the states of `legs`, and are in order of time."""
        if not judged:
            return
        times: dict[tuple[State, tuple[State, ...], bool], int] = {}
        first, (since, until) = 0, judged[0]
        for start, end, state, states, disputed in segments:
            if since <= start and end <= until:
                time = end - start
            else:
                while first < len(judged) and judged[first][1] <= start:
                    first += 1
                if first == len(judged):
                    break
                since, until = judged[first]
                time = _overlap(start, end, judged, first)
            alike = state, states, disputed
            times[alike] = times.get(alike, 0) + time
        for (state, states, disputed), time in times.items():
            self._book(state, disputed, time)
            if state is State.DOWN and time:
                for leg, of_leg in zip(legs, states, strict=True):
                    by_leg[leg] += time if of_leg is State.DOWN else 0

    def _book(self, state: State, disputed: bool, time: int) -> None:
        match state:
            case State.UP:
                self.up += time
                self.disputed += time if disputed else 0
            case State.DOWN:
                self.down += time
            case State.UNKNOWN:
                self.unobserved += time


def _overlap(start: Instant, end: Instant, spans: Spans, first: int) -> int:
    """The time of `[start, end)` inside `spans`, of which those before `first` end before it."""
    time = 0
    for place in range(first, len(spans)):
        since, until = spans[place]
        if since >= end:
            break
        time += min(end, until) - max(start, since)
    return time


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A server's month (spec §5). Times are microseconds; a ratio without a denominator is None."""

    terms: Availability
    service: int
    excluded: int
    excluded_by: tuple[tuple[Category, int], ...]
    up: int
    down: int
    unobserved: int
    disputed: int
    down_by_leg: Mapping[Leg, int]
    whole_agreed: int
    """`agreed` of the whole month, with what is known so far."""
    whole_excluded: int

    @property
    def agreed(self) -> int:
        """Service time that is not excluded; `up`, `down` and `unobserved` add up to it."""
        return self.service - self.excluded

    def availability(self, basis: Basis | None = None) -> Fraction | None:
        """Spec §5.2, on the contract's basis or another one."""
        return _ratio(self.quotients(basis).availability)

    @property
    def availability_low(self) -> Fraction | None:
        """Spec §5.3: as if all that nobody saw, or that is disputed, was down."""
        return _ratio(self.quotients().low)

    @property
    def availability_high(self) -> Fraction | None:
        """Spec §5.3: as if all that nobody saw was up."""
        return _ratio(self.quotients().high)

    @property
    def coverage(self) -> Fraction | None:
        """Spec §5.3: the observed part of the agreed time."""
        return _ratio(self.quotients().coverage)

    @property
    def met(self) -> bool | None:
        """Spec §5.4."""
        return _reaches(self.quotients().availability, self.terms.target)

    @property
    def conclusive(self) -> bool | None:
        """Spec §5.4: whether the verdict would be the same whatever happened in time that nobody saw."""
        ratios = self.quotients()
        low, high = _reaches(ratios.low, self.terms.target), _reaches(ratios.high, self.terms.target)
        return None if low is None or high is None else low == high

    @property
    def budget(self) -> Fraction:
        """Spec §5.5: the time that the server may be down in the whole month."""
        return Fraction(*self._budget)

    @property
    def budget_left(self) -> Fraction:
        """Spec §5.5: negative when spent."""
        spared, of_one = self._budget
        return Fraction(spared - self.down * of_one, of_one)

    @property
    def best_possible(self) -> Fraction | None:
        """Spec §5.5: the availability of the whole month if the rest of it is up and observed."""
        return _ratio(self.quotients().best_possible)

    @property
    def _budget(self) -> "Quotient":
        target = self.terms.target
        spared = (target.denominator - target.numerator) * (self.whole_agreed + self._whole_x)
        return spared, target.denominator

    @property
    def _whole_x(self) -> int:
        return counted_as_available(self.terms.basis, self.whole_excluded)

    def quotients(self, basis: Basis | None = None) -> "Quotients":
        """What the ratios stand on, on the contract's basis or another one."""
        x = counted_as_available(basis or self.terms.basis, self.excluded)
        return quotients_of(self.terms.unobserved, self, x, self.whole_agreed, self._whole_x)


def figures_of(
    agreed_time: AgreedTime, tally: Tally, by_leg: Mapping[Leg, int], terms: Availability
) -> Figures:
    """The figures of a month."""
    figures = Figures(
        terms=terms,
        service=length(agreed_time.service),
        excluded=sum(length(spans) for _, spans in agreed_time.excluded_by),
        excluded_by=tuple((category, length(spans)) for category, spans in agreed_time.excluded_by),
        up=tally.up,
        down=tally.down,
        unobserved=tally.unobserved,
        disputed=tally.disputed,
        down_by_leg=by_leg,
        whole_agreed=agreed_time.whole_service - agreed_time.whole_excluded,
        whole_excluded=agreed_time.whole_excluded,
    )
    assert figures.up + figures.down + figures.unobserved == figures.agreed, "time was lost or counted twice"
    return figures


Quotient = tuple[int, int]
"""A part of a whole, in microseconds; of nothing there is no ratio."""


class Quotients(NamedTuple):
    """What the ratios of a month stand on."""

    availability: Quotient
    low: Quotient
    high: Quotient
    coverage: Quotient
    best_possible: Quotient


def quotients_of(
    term: Unobserved, times: "Tally | Figures", x: int, whole_agreed: int, whole_x: int
) -> Quotients:
    """The availability, its bounds and coverage so far, and the best that the month can be (spec §5.2, §5.3, §5.5).

    `x` is what `counted_as_available` of the excluded time so far, `whole_x` of that of the whole month.
    """
    up, down, unobserved = times.up, times.down, times.unobserved
    agreed = up + down + unobserved
    # Past the constructor that a NamedTuple has: a refresh asks for every server of a fleet.
    return tuple.__new__(
        Quotients,
        (
            _available(term, up, down, unobserved, x),
            (up - times.disputed + x, agreed + x),
            (up + unobserved + x, agreed + x),
            (up + down, agreed),
            _available(term, up + whole_agreed - agreed, down, unobserved, whole_x),
        ),
    )


def counted_as_available(basis: Basis, excluded: int) -> int:
    """How much of excluded time is service time, and counts as available: the x of spec §5.2."""
    return excluded if basis is Basis.SERVICE else 0


def _available(term: Unobserved, up: int, down: int, unobserved: int, x: int) -> Quotient:
    """The part that counts as available (spec §5.2)."""
    if term is _LEFT_OUT:
        return up + x, up + down + x
    return (up + unobserved if term is _AS_UP else up) + x, up + down + unobserved + x


def _reaches(quotient: Quotient, target: Fraction) -> bool | None:
    part, whole = quotient
    return part * target.denominator >= target.numerator * whole if whole else None


def _ratio(quotient: Quotient) -> Fraction | None:
    part, whole = quotient
    return Fraction(part, whole) if whole else None
