"""What a server is counted by: a pattern of each code, and what becomes of counters when one pattern follows another."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from sla.records import ALL_LEGS, Leg, State
from sla.timeline import merged


class Counter(IntEnum):
    """The counters of a server, in microseconds."""

    UP = 0
    DOWN = 1
    UNOBSERVED = 2
    RUNNING_DOWN = 3
    SAN_DOWN = 4
    INTERNET_DOWN = 5


LEG_DOWN: Final = {
    Leg.RUNNING: Counter.RUNNING_DOWN,
    Leg.SAN: Counter.SAN_DOWN,
    Leg.INTERNET: Counter.INTERNET_DOWN,
}

_COUNTER_OF: Final = {State.UP: Counter.UP, State.DOWN: Counter.DOWN, State.UNKNOWN: Counter.UNOBSERVED}

WitnessStates = tuple[tuple[State, State, State], ...]
"""What each witness of a group says of the three legs."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """In which combinations of seeing witnesses each counter of a server runs, and each leg is up: bit sets.

    Bit c of a set stands for the combination in which the witnesses see whose bits are set in c.
    """

    runs: tuple[int, int, int, int, int, int]
    leg_up: tuple[int, int, int]
    states: tuple[State, ...]
    """The server's state in each combination; UNKNOWN also out of service."""
    legs: tuple[Leg, ...] = ()
    """Those that are considered."""

    @property
    def is_ever_down(self) -> bool:
        """Whether a server is down in any of the combinations."""
        return self.runs[1] != 0


def pattern_of(views: WitnessStates, legs: tuple[Leg, ...]) -> Pattern:
    """The pattern of a server of which `legs` are considered (spec §2.4, §2.5); without any, it is out of service."""
    if not legs:
        return Pattern((0,) * 6, (0,) * 3, (State.UNKNOWN,) * (1 << len(views)))
    runs, leg_up, server = [0] * 6, [0] * 3, []
    places = [ALL_LEGS.index(leg) for leg in legs]
    for combination in range(1 << len(views)):
        bit = 1 << combination
        seeing = [view for number, view in enumerate(views) if combination >> number & 1]
        state, states, _ = merged([[view[place] for view in seeing] for place in places])
        for leg, place, of_leg in zip(legs, places, states, strict=True):
            if of_leg is State.DOWN:
                runs[LEG_DOWN[leg]] |= bit
            elif of_leg is State.UP:
                leg_up[place] |= bit
        server.append(state)
        runs[_COUNTER_OF[state]] |= bit
    up, down, unobserved = runs[:3]
    assert up + down + unobserved == (1 << (1 << len(views))) - 1, "time would be lost or counted twice"
    return Pattern(
        (runs[0], runs[1], runs[2], runs[3], runs[4], runs[5]),
        (leg_up[0], leg_up[1], leg_up[2]),
        tuple(server),
        legs,
    )


def legs_code(legs: Iterable[Leg]) -> int:
    """A set of legs as the last byte of a code."""
    return sum(1 << ALL_LEGS.index(leg) for leg in legs)


class PatternNumbers(dict[bytes, int]):
    """By code (see `GroupMember`): where its pattern is among the patterns that ever were, and is put when it is asked for first."""

    def __init__(self, patterns: list[Pattern]) -> None:
        super().__init__()
        self._patterns = patterns

    def __missing__(self, code: bytes) -> int:
        number = self[code] = len(self._patterns)
        states = [State(value) for value in code[:-1]]
        views = tuple((a, b, c) for a, b, c in zip(states[::3], states[1::3], states[2::3], strict=True))
        legs = tuple(leg for leg in ALL_LEGS if code[-1] & legs_code([leg]))
        self._patterns.append(pattern_of(views, legs))
        return number


class PatternTurn(NamedTuple):
    """The counters that no longer run in a combination, and those that do from now on."""

    combination: int
    stopped: Sequence[int]
    started: Sequence[int]


class PatternTurns(dict[tuple[int, int], Sequence[PatternTurn]]):
    """By the numbers of two patterns: what becomes of the counters when one follows the other."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        super().__init__()
        self._patterns = patterns

    def __missing__(self, numbers: tuple[int, int]) -> Sequence[PatternTurn]:
        before, after = (self._patterns[number].runs for number in numbers)
        found = self[numbers] = tuple(_turns(before, after))
        return found


def _turns(before: Sequence[int], after: Sequence[int]) -> Iterator[PatternTurn]:
    for combination in range(max(*before, *after).bit_length()):
        then, now = ([runs >> combination & 1 for runs in each] for each in (before, after))
        stopped = tuple(int(counter) for counter in Counter if then[counter] and not now[counter])
        started = tuple(int(counter) for counter in Counter if now[counter] and not then[counter])
        if stopped or started:
            yield PatternTurn(combination, stopped, started)
