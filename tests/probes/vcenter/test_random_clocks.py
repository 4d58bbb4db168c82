"""Whatever the clocks of vCenter and hosts show, and whichever events come: what is said of a random history is never wrong.

Up is not said of time in which the server was off, nor down of time in which it surely ran, but for what lies between two
looks; and a restart never passes for up throughout.
"""

import random
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyVmomi import vim

from probes.report import Resume
from probes.vcenter.boots import Boot
from probes.vcenter.clocks import HostInstant, VCenterClock, VCenterInstant
from probes.vcenter.events import EventReader
from probes.vcenter.history import Hint
from probes.vcenter.inventory import LegVerdict
from probes.vcenter.session import Session
from probes.vcenter.tracks import ServerLook, Tracks
from probes.vcenter.values import Moid
from sla.instants import SECOND, Instant, format_instant
from sla.records import Observation, ServerId, State, Witness

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
START: Final = 1_795_305_600 * SECOND
SERVER: Final = ServerId("uuid-1")
POLL_S: Final = 10
SLACK_S: Final = POLL_S + 3
"""What is not known of an instant that only looks tell, and of the clocks."""
HOSTS: Final = ("host-1", "host-2", "host-3")


@dataclass(frozen=True, slots=True)
class Moment:
    """What is so from a second on."""

    at: float
    on: bool
    lost: bool
    host: str
    boot: int | None
    """By its host's clock."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event of vCenter, and when it can be read."""

    at: float
    kind: str
    readable_at: float
    odd: bool


@dataclass
class World:
    """One server, its hosts and its vCenter, over some minutes; seconds count from the first look."""

    chance: random.Random
    has_gap: bool
    ahead_s: dict[str, float] = field(default_factory=dict)
    vcenter_ahead_s: list[tuple[float, float]] = field(default_factory=list)
    """Since when it is how far ahead."""
    vcenter_drift: float = 0.0
    line: list[Moment] = field(default_factory=list)
    events: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = self.chance
        clocks = (0.0, 0.0, 15.0, -15.0, 3_600.0, -3_600.0, 7e8, -2e9)
        self.ahead_s = {host: chance.choice(clocks) + chance.uniform(-1, 1) for host in HOSTS}
        steps = [0.0, *sorted(chance.uniform(0, 900) for _ in range(chance.choice((0, 0, 1, 2))))]
        self.vcenter_ahead_s = [(at, chance.choice(clocks[:-2]) + chance.uniform(-1, 1)) for at in steps]
        self.vcenter_drift = chance.uniform(-1e-4, 1e-4)
        self.line = [Moment(-1.0, True, False, HOSTS[0], self.boot(-chance.uniform(100, 1e7), HOSTS[0]))]
        at = chance.uniform(1, 60)
        while at < 900:
            at = chance.choice((self.cycle, self.long_off, self.ha_restart, self.lost_only, self.move))(at)
            at += chance.uniform(45, 150)

    def boot(self, at: float, host: str) -> int:
        return START + int((at + self.ahead_s[host]) * SECOND)

    def so(self, at: float, **what: object) -> None:
        self.line.append(replace(self.line[-1], at=at, **what))  # type: ignore[arg-type]

    def event(self, at: float, kind: str, *, is_sure: bool = False) -> bool:
        """It may be late, of another time, or missing, unless it is sure; whether it can be read at once.

        Without the event of it one loss of contact cannot be told from two. None is missing where somebody did not watch:
        what nothing tells of cannot be told.
        """
        fate = self.chance.uniform(0.2, 1) if self.has_gap else self.chance.random()
        fate = 0.5 if is_sure else fate
        if fate < 0.2 and kind != "VmDisconnectedEvent":
            return False
        late_s = self.chance.uniform(0, 25) if fate < 0.4 else 0.0
        is_odd = fate > 0.85 and kind != "VmDisconnectedEvent"
        self.events.append(Told(at, kind, at + late_s, is_odd))
        return late_s == 0

    def off_and_on(self, at: float, seconds: float) -> float:
        host = self.line[-1].host
        self.so(at, on=False, boot=None)
        is_told = self.event(at, "VmPoweredOffEvent")
        self.so(at + seconds, on=True, boot=self.boot(at + seconds, host))
        self.event(at + seconds, "VmPoweredOnEvent", is_sure=not is_told)
        return at + seconds

    def cycle(self, at: float) -> float:
        return self.off_and_on(at, self.chance.uniform(1, 9))

    def long_off(self, at: float) -> float:
        return self.off_and_on(at, self.chance.uniform(12, 120))

    def ha_restart(self, at: float) -> float:
        """Its host dies; contact is lost at once, and back with the server on another."""
        back = at + self.chance.uniform(15, 120)
        target = self.chance.choice([host for host in HOSTS if host != self.line[-1].host])
        self.so(at, on=False, lost=True)
        self.event(at, "VmDisconnectedEvent")
        self.so(back, on=True, lost=False, host=target, boot=self.boot(back, target))
        self.event(back, "com.vmware.vc.ha.VmRestartedByHAEvent")
        return back

    def lost_only(self, at: float) -> float:
        """Nobody hears of its host for a while, and nothing happened."""
        back = at + self.chance.uniform(5, 120)
        self.so(at, lost=True)
        self.event(at, "VmDisconnectedEvent")
        self.so(back, lost=False)
        return back

    def move(self, at: float) -> float:
        target = self.chance.choice(HOSTS)
        self.so(at, host=target)
        self.event(at, "VmMigratedEvent")
        return at

    def now(self, at: float) -> Moment:
        return [moment for moment in self.line if moment.at <= at][-1]

    def stamp(self, at: float) -> int:
        ahead_s = [ahead_s for since, ahead_s in self.vcenter_ahead_s if since <= max(at, 0.0)][-1]
        return int((at + ahead_s + self.vcenter_drift * at) * SECOND) + START

    def offs(self) -> list[tuple[float, float]]:
        """The times in which it was off, whole ones."""
        spans, since = [], None
        for moment in self.line:
            if not moment.on and since is None:
                since = moment.at
            elif moment.on and since is not None:
                spans.append((since, moment.at))
                since = None
        return spans


def instant(seconds: float) -> Instant:
    return Instant(START + int(seconds * SECOND))


@dataclass
class Watch:
    """slad's side, which looks each ten seconds, but for some minutes in which nobody does."""

    world: World
    gap: tuple[float, float]
    said: list[Observation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = VCenterClock()
        self.reader = EventReader(Resume(), self.clock)
        self.reader.open(SESSION, instant(0.0))
        self.tracks = Tracks(Witness("monitor", "east"), {})
        self.seen_until: Instant | None = None
        self.read_until = -100.0
        self.keys = 0

    def run(self, until_s: float) -> None:
        at, lost_since = 0.0, None
        while at < until_s:
            fresh = self.gap[0] < at < self.gap[1]
            if fresh:
                lost_since, at = self.seen_until, self.gap[1]
                self.seen_until = None
            self.look(at)
            if fresh and lost_since is not None:
                boot = self.boot(at)
                self.said += self.tracks.gap_closed(lost_since, instant(at), [(SERVER, boot)])
            self.seen_until = instant(at)
            at += POLL_S

    def boot(self, at: float) -> Boot | None:
        moment = self.world.now(at)
        return None if moment.boot is None else Boot(Moid(moment.host), HostInstant(moment.boot))

    def look(self, at: float) -> None:
        shown = VCenterInstant(self.world.stamp(at))
        if self.clock.measured(instant(at), shown, instant(at)):
            self.tracks.clock_was_set()
        for read in self.reader.new(self.events(at), instant(at), drained=True):
            assert read.turn is not None
            self.tracks.hint(SERVER, Hint(read.event.at, read.turn, read.dated), self.seen_until)
        moment = self.world.now(at)
        state = UNKNOWN if moment.lost else UP if moment.on else DOWN
        look = ServerLook(
            running=LegVerdict(state),
            san=None,
            boot=self.boot(at),
            at=instant(at),
            seen_until=self.seen_until,
        )
        self.said += self.tracks.judged(SERVER, look)
        self.said += self.tracks.dated(instant(at))

    def events(self, at: float) -> list[dict[str, object]]:
        """What there is to read since the last look, as it comes over the wire."""
        told = [each for each in self.world.events if self.read_until < each.readable_at <= at]
        self.read_until = at
        return [self.wire(each) for each in sorted(told, key=lambda each: each.readable_at)]

    def wire(self, told: Told) -> dict[str, object]:
        self.keys += 1
        stamp = self.world.stamp(told.at) + (10**14 if told.odd else 0)
        return {
            "key": str(self.keys),
            "eventTypeId": told.kind,
            "createdTime": format_instant(Instant(stamp)),
            "vm": {"vm": "vm-1"},
        }


def blind(gap: tuple[float, float]) -> tuple[float, float]:
    """From the last look before a gap to the first after it."""
    last = gap[0] - gap[0] % POLL_S
    return (last, gap[1]) if gap[1] > last + POLL_S else (0.0, 0.0)


class _Events:
    """An event manager that gives collectors."""

    def CreateCollectorForEvents(self, _: object) -> object:  # noqa: N802  pyvmomi's name
        return vim.event.EventHistoryCollector("collector-1")


SESSION: Final = cast(
    Session,
    SimpleNamespace(
        instance_uuid="vcenter-1",
        content=SimpleNamespace(rootFolder=vim.Folder("group-d1"), eventManager=_Events()),
    ),
)
"""As much of one as makes a collector, of which nobody reads."""
Segment = tuple[float, float, State]


def states(said: list[Observation], until_s: float, gap: tuple[float, float]) -> list[Segment]:
    """What both witnesses together say, from when to when (spec §2.2, §2.4); the first is blind in a gap (§2.3)."""
    lines: dict[str, dict[Instant, State]] = {"east": {}, "east/recovered": {}}
    for each in said:
        lines[each.witness.source][each.at] = each.state
    blind_from, blind_until = (instant(second) for second in blind(gap))
    line = lines["east"]
    if blind_from < blind_until:
        after = max((at for at in line if at <= blind_until), default=None)
        lines["east"] = {at: state for at, state in line.items() if not blind_from <= at <= blind_until}
        lines["east"] |= {blind_from: UNKNOWN, blind_until: UNKNOWN if after is None else line[after]}
    now = dict.fromkeys(lines, UNKNOWN)
    since, state, segments = 0.0, UNKNOWN, list[Segment]()
    for at in sorted({at for line in lines.values() for at in line}):
        now = {source: line.get(at, now[source]) for source, line in lines.items()}
        new = next((each for each in (UP, DOWN) if each in now.values()), UNKNOWN)
        if new is not state:
            second = (at - START) / SECOND
            segments.append((since, second, state))
            since, state = second, new
    return [*segments, (since, until_s, state)]


def within(line: list[Segment], start: float, end: float, state: State) -> float:
    """How many seconds of a time are said to be in a state."""
    return sum(max(0.0, min(end, last) - max(start, first)) for first, last, each in line if each is state)


def judge(seed: int) -> None:
    chance = random.Random(seed)
    gap_s = chance.choice((0, 0, 60, 200))
    world = World(chance, has_gap=gap_s > 0)
    start = chance.uniform(100, 900)
    gap = (start, start + gap_s)
    until_s = max(world.line[-1].at, gap[1]) + 150
    watch = Watch(world, gap)
    watch.run(until_s)
    assert all(START - SECOND <= each.at <= START + until_s * SECOND for each in watch.said)
    line = states(watch.said, until_s, gap)
    for start, end in world.offs():
        what = f"seed {seed}, off from {start:.1f} to {end:.1f}"
        assert within(line, start, end, UP) <= SLACK_S, what
        around = (start - SLACK_S, end + SLACK_S)
        assert within(line, *around, DOWN) + within(line, *around, UNKNOWN) > 0, f"{what}: up throughout"
    ran_since = 0.0
    for start, end in [*world.offs(), (until_s, until_s)]:
        what = f"seed {seed}, ran from {ran_since:.1f} to {start:.1f}"
        assert within(line, ran_since + SLACK_S, start - 3, DOWN) == 0, what
        ran_since = end


@given(st.integers(0, 2**32))
def test_what_is_said_of_a_random_history_is_never_wrong(seed: int) -> None:
    judge(seed)


@pytest.mark.long
def test_the_same_of_many_more() -> None:
    for seed in range(20_000):
        judge(seed)
