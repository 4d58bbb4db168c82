"""The counters of virtual servers: settled time, counted once.

A counter never falls, so it counts time only once it is *settled*: up to the oldest watermark of the witnesses that speak
for a server, at most `HORIZON_US` back; of several monitors one that is `SILENT_US` behind the others is not waited for. What is told of settled time afterwards moves no counter.

Servers for which the same witnesses speak form a group. What a server's witnesses say changes rarely; whether a witness
sees at all changes for all its servers at once. So a group keeps, for each combination of seeing witnesses, how long it
has lasted (`elapsed`), and a server's counters are *linear* in those: a reference value, and the set of combinations in
which the counter runs. A server costs something when its own state changes, a blind span costs a group one entry, and a
quiet fleet costs nothing.

Invariants: `settled` of a group never falls; a reference changes only at settled instants; the sum of a server's up, down
and unobserved counters is its counted time in service.
"""

import collections
from array import array
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from operator import itemgetter
from typing import Final, NamedTuple

from daemon.book.elapsed import NO_SPAN, Elapsed, WitnessSight
from daemon.book.patterns import LEG_DOWN, Counter, Pattern, PatternNumbers, PatternTurns
from sla.instants import BEGINNING, MINUTE, SECOND, Instant
from sla.records import ALL_LEGS, Leg, ServerId, State, Witness

HORIZON_US: Final = MINUTE
"""How far back the settled instant may lie; time that no witness has answered for by then counts as unobserved."""

SILENT_US: Final = 10 * SECOND
"""How far a monitor may be behind another until nobody waits for it: what it tells later was counted by the other."""

MOST_WITNESSES: Final = 8
"""Of one group: a counter is worked out for each combination of them. Two of each of four monitors."""

NEVER: Final = -(2**63)
"""In `Group.outage_at`: no outage is under way."""


class Change(NamedTuple):
    """Something about a server's counting that holds from an instant on."""

    at: Instant
    place: int
    """Where in the server's code: a witness's view of a leg, or the last place, the legs that are considered."""
    value: int


@dataclass(frozen=True, slots=True)
class Counts:
    """A server's counters in microseconds, by `Counter`; its outages, and the start of the one under way, or NEVER."""

    us: tuple[int, ...] = (0,) * len(Counter)
    outages: int = 0
    outage_at: int = NEVER


@dataclass(slots=True)
class GroupMember:
    """A server in its group.

    `code` is all that its counters depend on, a byte each: every witness's view of every leg, as a State; then the set of
    the legs that are considered, 0 while it is out of service. `pending` are the changes that wait to be settled; before
    `since`, the newest that was, nothing changes any more.
    """

    server: ServerId
    code: bytearray
    since: Instant = BEGINNING
    pending: list[Change] = field(default_factory=list)

    @property
    def in_service(self) -> bool:
        """Whether its time counts."""
        return self.code[-1] != 0


class Group:
    """The servers for which the same witnesses speak.

    Example: of two witnesses, A and B, either sees (combinations 1 and 2), or neither (0), or both (3). Both have seen up to
    100, but A was blind in [40, 60): so much has each combination lasted: `[0, 0, 20, 80]`. Of the one leg of a server A
    says up, B down. Up prevails, so UP runs in {1, 3}, DOWN in {2}, UNOBSERVED in {0}: its counters are 80, 20 and 0, and
    its references are all 0. From 100 on A says down too, and DOWN runs in {1, 2, 3}. So that no counter jumps, what {1, 3}
    have lasted moves into the references: +80 for UP, -80 for DOWN. At 130 they have lasted `[0, 0, 20, 110]`: UP is
    80 + 0, DOWN is -80 + 20 + 110 = 50. Of other servers nothing was touched.
    """

    def __init__(self, witnesses: tuple[Witness, ...], sights: Sequence[WitnessSight]) -> None:
        assert len(witnesses) <= MOST_WITNESSES
        self.witnesses = witnesses
        """Bit n of a combination stands for the n-th."""
        self.settled = Instant(0)
        """Up to where time is counted; it never falls."""
        self.rows: list[GroupMember | None] = []
        """By index, as are the next four: the server, None where one was that has moved to another group."""
        self.numbers = array("I")
        """Where its pattern is in `patterns`."""
        self.references: tuple[array[int], ...] = tuple(array("q") for _ in Counter)
        """By counter: microseconds, to which is added how long the combinations have lasted in which it runs."""
        self.outages = array("q")
        """How many outages have begun."""
        self.outage_at = array("q")
        """When the one under way began, or NEVER."""
        self.patterns: list[Pattern] = []
        """Of every code that ever was; none is given up."""
        self._number_of = PatternNumbers(self.patterns)
        self._turns = PatternTurns(self.patterns)
        self._sights = sights
        """Of each witness; shared with other groups, and moved on by the book."""
        self._everything = (1 << len(sights)) - 1
        """The combination in which all see."""
        self._elapsed = Elapsed(sights)
        self._free: list[int] = []
        """The indices without a server."""
        self._waiting: set[int] = set()
        """The indices of servers with changes that wait to be settled."""
        self._unseen: dict[int, Instant] = {}
        """By index, since when: servers whose outage may begin or end as time passes, or when a witness sees again."""
        self._places = {pair: place for place, pair in enumerate(product(witnesses, ALL_LEGS))}
        """Where in a code the view of a witness and a leg is."""
        self._idle = self._number_of[bytes(self.blank())]
        """The number of the pattern in which nothing runs: that of the indices without a server."""

    def blank(self) -> bytearray:
        """The code of a server out of service, of which nothing was said."""
        return bytearray(len(ALL_LEGS) * len(self.witnesses) + 1)

    def place_of(self, witness: Witness, leg: Leg) -> int:
        """Where in a code a witness's view of a leg is."""
        return self._places[witness, leg]

    def members_in_service(self) -> Iterator[GroupMember]:
        """The servers whose time counts."""
        return (row for row in self.rows if row is not None and row.in_service)

    def states(self) -> "collections.Counter[State]":
        """How many servers in service are in each state at the settled instant."""
        combination = self.combination()
        numbers = collections.Counter(
            number
            for number, row in zip(self.numbers, self.rows, strict=True)
            if row is not None and row.in_service
        )
        states: collections.Counter[State] = collections.Counter()
        for number, servers in numbers.items():
            states[self.patterns[number].states[combination]] += servers
        return states

    def ongoing_outages(
        self, first: int = 0, last: int | None = None
    ) -> Iterator[tuple[int, ServerId, Instant]]:
        """The outages under way, of servers by their index in `[first, last)`: index, server, and when it began."""
        for index, at in enumerate(self.outage_at[first:last], first):
            row = self.rows[index] if at != NEVER else None
            if row is not None:
                yield index, row.server, Instant(at)

    def speaking(self, row: GroupMember) -> list[Witness]:
        """The witnesses that say something of a server, or are about to."""
        width = len(ALL_LEGS)
        about_to_speak = {change.place // width for change in row.pending}
        return [
            witness
            for number, witness in enumerate(self.witnesses)
            if number in about_to_speak or any(row.code[width * number : width * (number + 1)])
        ]

    def adopt(self, row: GroupMember, before: "Group") -> None:
        """Put the code and the changes of a server that comes from another group in this one's order.

        What is not of this group's witnesses is given up.
        """
        code, place_here = self.blank(), {len(row.code) - 1: len(self.blank()) - 1}
        for witness in set(self.witnesses) & set(before.witnesses):
            for leg in ALL_LEGS:
                place_here[before.place_of(witness, leg)] = self.place_of(witness, leg)
        for there, here in place_here.items():
            code[here] = row.code[there]
        row.code = code
        row.pending = [
            change._replace(place=place_here[change.place])
            for change in row.pending
            if change.place in place_here
        ]

    def add(self, row: GroupMember, counts: Counts, at: Instant) -> int:
        """Take a server whose counters stand at `counts` at the settled instant `at`; gives its index."""
        index = self._free.pop() if self._free else len(self.rows)
        if index == len(self.rows):
            self.rows.append(None)
            for column in (self.numbers, self.outages, self.outage_at, *self.references):
                column.append(0)
        self.rows[index] = row
        self._set(index, counts)
        self._begin(index, row, at)
        if row.pending:
            self._waiting.add(index)
        return index

    def _begin(self, index: int, row: GroupMember, at: Instant) -> None:
        """Count a server that is new here by its code from `at` on: before, nothing ran."""
        assert at >= row.since, "what was counted changed"
        row.since = at
        number = self.numbers[index] = self._number_of[bytes(row.code)]
        elapsed = self._elapsed.by(at)
        for combination, _, started in self._turns[self._idle, number]:
            for counter in started:
                self.references[counter][index] -= elapsed[combination]
        if self.patterns[number].is_ever_down or self.outage_at[index] != NEVER:
            self._unseen[index] = at

    def counted_until(self, index: int) -> Instant:
        """The newest change of a server that counts."""
        row = self.rows[index]
        assert row is not None
        return row.since

    def remove(self, index: int, at: Instant) -> tuple[GroupMember, Counts]:
        """Give up a server, with its counters as they stand at the settled instant `at`."""
        self._flush(index, at)
        self._look_at(index, at)
        row, counts = self.rows[index], self.counts(index, at)
        assert row is not None
        self.rows[index] = None
        self._set(index, Counts())
        self._free.append(index)
        self._waiting.discard(index)
        self._unseen.pop(index, None)
        return row, counts

    def _set(self, index: int, counts: Counts) -> None:
        self.numbers[index] = self._idle
        self.outages[index], self.outage_at[index] = counts.outages, counts.outage_at
        for reference, us in zip(self.references, counts.us, strict=True):
            reference[index] = us

    def stored(self, index: int) -> tuple[int, ...]:
        """How a server is counted, beside its row: since when its outage is to be looked at, or NEVER, its outages, when
        the one under way began, and its references.
        """
        unseen = self._unseen.get(index, NEVER)
        references = (reference[index] for reference in self.references)
        return unseen, self.outages[index], self.outage_at[index], *references

    def restore(self, row: GroupMember, stored: Sequence[int]) -> int:
        """Take a server that is counted as it was `stored`; gives its index."""
        unseen, *columns = stored
        index = len(self.rows)
        self.rows.append(row)
        self.numbers.append(self._number_of[bytes(row.code)])
        for column, value in zip((self.outages, self.outage_at, *self.references), columns, strict=True):
            column.append(value)
        if row.pending:
            self._waiting.add(index)
        if unseen != NEVER:
            self._unseen[index] = Instant(unseen)
        return index

    def darkened(self) -> None:
        """A dark span was added to one of the witnesses."""
        self._elapsed.rebuild()

    def change(self, index: int, at: Instant, place: int, value: int, settled: Instant) -> None:
        """Take a change; it counts from its instant, or from `settled`, up to which was counted when it was told."""
        row = self.rows[index]
        assert row is not None
        if row.pending:
            self._flush(index, settled)
        change = Change(max(at, settled, row.since), place, value)
        if row.pending and change.at < row.pending[-1].at:
            insort(row.pending, change, key=_AT)
        else:
            row.pending.append(change)
        self._waiting.add(index)

    def change_all(self, index: int, told: Sequence[tuple[Instant, int, int]], settled: Instant) -> None:
        """Take changes of a server in the order in which they were told: as one `change` after the other, in a third of the time.

        Each counts from its own instant, which is not before what was counted when it was told; the last one found that to
        be `settled`, and none before it more. So all but the last are counted together, once.
        """
        row = self.rows[index]
        assert row is not None
        if len(told) > 1:
            due = [*row.pending, *((max(at, row.since), place, value) for at, place, value in told[:-1])]
            due.sort(key=_AT)
            taken = self._count(index, row, due, settled)
            row.pending = [Change(*change) for change in due[taken:]]
        self.change(index, *told[-1], settled)

    def settling(self, now: Instant) -> Iterator[None]:
        """Move the settled instant on, and count up to it, in small steps."""
        oldest = min((sight.until for sight in self._awaited()), default=BEGINNING)
        self.settled = max(self.settled, oldest, Instant(now - HORIZON_US))
        for index in sorted(self._waiting):
            self._flush(index, self.settled)
            yield
        for index in sorted(self._unseen):
            self._look_at(index, self.settled)
            yield

    def _awaited(self) -> Iterator[WitnessSight]:
        """The witnesses whose answer is waited for: not those of a monitor of which all are silent while others see."""
        seen: dict[str, Instant] = {}
        for witness, sight in zip(self.witnesses, self._sights, strict=True):
            seen[witness.observer] = max(sight.until, seen.get(witness.observer, BEGINNING))
        silent_since = max(seen.values(), default=BEGINNING) - SILENT_US
        for witness, sight in zip(self.witnesses, self._sights, strict=True):
            if seen[witness.observer] >= silent_since:
                yield sight

    def counts(self, index: int, at: Instant | None = None) -> Counts:
        """A server's counters at the settled instant, or at `at`, to which its changes were counted."""
        elapsed = self._elapsed.by(self.settled if at is None else at)
        runs = self.patterns[self.numbers[index]].runs
        us = (
            reference[index] + _sum(elapsed, runs[counter])
            for counter, reference in enumerate(self.references)
        )
        return Counts(us=tuple(us), outages=self.outages[index], outage_at=self.outage_at[index])

    def state(self, index: int) -> State:
        """A server's state at the settled instant."""
        return self.patterns[self.numbers[index]].states[self.combination()]

    def legs_down(self, index: int) -> list[Leg]:
        """The legs that are down at the settled instant."""
        runs, combination = self.patterns[self.numbers[index]].runs, self.combination()
        return [leg for leg, counter in LEG_DOWN.items() if runs[counter] >> combination & 1]

    def sums(self) -> list[int]:
        """By set of combinations, how long they have lasted at the settled instant."""
        elapsed = self._elapsed.by(self.settled)
        return [_sum(elapsed, runs) for runs in range(1 << len(elapsed))]

    def combination(self) -> int:
        """Which witnesses see at the settled instant: of a span that ends there, what held in it."""
        return self._elapsed.combination(Instant(self.settled - 1))

    def seen_after_all(self, bit: int, start: Instant, end: Instant) -> Iterator[tuple[State, State, int]]:
        """How the states of all servers over a dark span change when its witness, number `bit`, saw after all."""
        lasted = [
            after - before
            for before, after in zip(self._elapsed.by(start), self._elapsed.by(end), strict=True)
        ]
        for number, servers in collections.Counter(self.numbers).items():
            pattern = self.patterns[number]
            for combination, us in enumerate(lasted):
                then, now = pattern.states[combination], pattern.states[combination | 1 << bit]
                if then is not now:
                    yield then, now, us * servers

    def _flush(self, index: int, until: Instant) -> None:
        """Count by the changes of a server up to `until`."""
        row = self.rows[index]
        assert row is not None
        del row.pending[: self._count(index, row, row.pending, until)]
        if not row.pending:
            self._waiting.discard(index)

    def _count(
        self, index: int, row: GroupMember, changes: Sequence[tuple[Instant, int, int]], until: Instant
    ) -> int:
        """Count by those of a server's changes, which are in order, that are not after `until`; how many they are."""
        code, number, everything = row.code, self.numbers[index], self._everything
        patterns, number_of, turns = self.patterns, self._number_of, self._turns
        since = self._unseen.pop(index, None)
        start, end, seeing, lasted = NO_SPAN
        assert not changes or changes[0][0] >= row.since, "what was counted changed"
        moved, taken, count = [0] * len(Counter), 0, len(changes)

        while taken < count and (at := changes[taken][0]) <= until:
            if since is not None:
                if start <= since < end and seeing == everything and since < at:
                    self._note(index, row, patterns[number].states[everything], since)
                    since = None
                else:
                    since = self._look_again(index, number, since, at)
            while taken < count and changes[taken][0] == at:  # together: no state lasts for no time
                _, place, value = changes[taken]
                code[place] = value
                taken += 1
            before, number = number, number_of[bytes(code)]
            if number == before:
                continue
            if not start <= at < end:
                start, end, seeing, lasted = self._elapsed.around(at)
            for combination, stopped, started in turns[before, number]:
                us = lasted[combination] + (at - start if combination == seeing else 0)
                for counter in stopped:
                    moved[counter] += us
                for counter in started:
                    moved[counter] -= us
            row.since = at
            if patterns[number].is_ever_down or self.outage_at[index] != NEVER:
                since = at  # noted when time has passed in it

        if since is not None:
            self._unseen[index] = since
        if taken:
            self.numbers[index] = number
            for reference, us in zip(self.references, moved, strict=True):
                reference[index] += us
        return taken

    def _look_at(self, index: int, until: Instant) -> None:
        """Look again at a server whose outage may have begun or ended."""
        since = self._unseen.pop(index, None)
        if since is not None:
            since = self._look_again(index, self.numbers[index], since, until)
        if since is not None:
            self._unseen[index] = since

    def _look_again(self, index: int, number: int, since: Instant, until: Instant) -> Instant | None:
        """Note how the outage of a server of a pattern went on since it changed, up to `until`.

        Gives back since when it is to be looked at once more; None where all saw.
        """
        row, states = self.rows[index], self.patterns[number].states
        assert row is not None
        for at, combination in self._elapsed.combinations(since, until):
            self._note(index, row, states[combination], at)
            if combination == self._everything:
                return None
        return max(since, until)  # what was looked at once is not counted again

    def _note(self, index: int, row: GroupMember, state: State, at: Instant) -> None:
        """Begin or end an outage: it ends when the server is next up, or leaves service (spec §6.2)."""
        if state is State.DOWN and self.outage_at[index] == NEVER:
            self.outage_at[index] = at
            self.outages[index] += 1
        elif state is State.UP or not row.in_service:
            self.outage_at[index] = NEVER


_AT: Final = itemgetter(0)


def _sum(elapsed: Sequence[int], combinations: int) -> int:
    """The time of a set of combinations."""
    total = 0
    for lasted in elapsed:
        if combinations & 1:
            total += lasted
        combinations >>= 1
    return total
