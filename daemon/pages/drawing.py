"""Pictures of time as outlines of SVG: one path for each state, whose heights tell the states apart without their colours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sla.accounts import DayState, ServerDay
from sla.instants import Instant
from sla.records import State
from sla.spans import Span

WIDTH: Final = 1000
"""Units of a picture that is as wide as there is room for."""
HEIGHT: Final = 12
DAY: Final = 10
"""Units that a day of a strip takes, two of them for the gap."""

_HEIGHTS: Final[Mapping[str, int]] = {
    DayState.UP.value: 4,
    DayState.EXCLUDED.value: 6,
    DayState.UNOBSERVED.value: 8,
    State.UNKNOWN.word: 8,
    DayState.DOWN.value: HEIGHT,
    DayState.NOT_IN_SERVICE.value: 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A picture: its width in units, and the outline of each state in it, in the order in which they are drawn."""

    width: int
    outlines: tuple[tuple[str, str], ...]


def strip_of(days: Sequence[ServerDay]) -> Drawing:
    """The days of a month, a mark each."""
    places = [(each.state.value, place * DAY, place * DAY + DAY - 2) for place, each in enumerate(days)]
    return Drawing(width=DAY * len(days), outlines=tuple(_outlines(places)))


def line_of(states: Iterable[tuple[Instant, Instant, State]], span: Span) -> Drawing:
    """The states of a span in time; what is too short to be seen is drawn as short as can be."""
    return Drawing(
        width=WIDTH,
        outlines=tuple(_outlines((state.word, *_units(start, end, span)) for start, end, state in states)),
    )


def marks_of(marks: Iterable[tuple[str, Span]], span: Span) -> Drawing:
    """Some named marks of a span in time."""
    return Drawing(width=WIDTH, outlines=tuple(_outlines((name, *_units(*at, span)) for name, at in marks)))


def place_of(at: Instant, span: Span) -> int:
    """Where an instant is in a picture of a span, in its units."""
    return (max(span[0], min(at, span[1])) - span[0]) * WIDTH // (span[1] - span[0])


def _units(start: Instant, end: Instant, span: Span) -> tuple[int, int]:
    first, last = place_of(start, span), place_of(end, span)
    return (first, last) if first < last else (min(first, WIDTH - 1), min(first, WIDTH - 1) + 1)


def _outlines(places: Iterable[tuple[str, int, int]]) -> Iterator[tuple[str, str]]:
    """For each state the outline of its places; those that touch are one."""
    by_state: dict[str, list[list[int]]] = {}
    for state, first, last in places:
        so_far = by_state.setdefault(state, [])
        if so_far and first <= so_far[-1][1]:
            so_far[-1][1] = max(so_far[-1][1], last)
        else:
            so_far.append([first, last])
    for state in sorted(by_state, key=lambda state: _HEIGHTS.get(state, HEIGHT)):
        height = _HEIGHTS.get(state, HEIGHT)
        outline = (f"M{first} {HEIGHT - height}H{last}V{HEIGHT}H{first}z" for first, last in by_state[state])
        yield state, "".join(outline)
