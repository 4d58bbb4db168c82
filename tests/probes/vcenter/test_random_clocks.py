"""Whatever the clocks of vCenter and hosts show, and whichever events come: what is said of a random history is never wrong.

Up is not said of time in which the server was off, nor down of time in which it surely ran, but for what lies between two
looks; and a restart never passes for up throughout.
"""

import random
from dataclasses import dataclass, field, replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.report import Resume
from probes.vcenter.boots import Boot
from probes.vcenter.clocks import HostInstant, VCenterClock, VCenterInstant
from probes.vcenter.events import EventReader
from probes.vcenter.history import Hint
from probes.vcenter.inventory import LegVerdict
from probes.vcenter.objects import Moid
from probes.vcenter.tracks import ServerLook, Tracks
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
    ahead_s: dict[str, float] = field(default_factory=dict)
    vcenter_ahead_s: float = 0.0
    vcenter_drift: float = 0.0
    line: list[Moment] = field(default_factory=list)
    events: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = self.chance
        clocks = (0.0, 0.0, 15.0, -15.0, 3_600.0, -3_600.0, 7e8, -2e9)
        self.ahead_s = {host: chance.choice(clocks) + chance.uniform(-1, 1) for host in HOSTS}
        self.vcenter_ahead_s = chance.choice(clocks[:-2]) + chance.uniform(-1, 1)
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

    def event(self, at: float, kind: str) -> None:
        """It may be missing, late, or of another time."""
        fate = self.chance.random()
        if fate < 0.2:
            return
        late_s = self.chance.uniform(0, 25) if fate < 0.4 else 0.0
        self.events.append(Told(at, kind, at + late_s, odd=fate > 0.85))

    def off_and_on(self, at: float, seconds: float) -> float:
        host = self.line[-1].host
        self.so(at, on=False, boot=None)
        self.event(at, "VmPoweredOffEvent")
        self.so(at + seconds, on=True, boot=self.boot(at + seconds, host))
        self.event(at + seconds, "VmPoweredOnEvent")
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
        return int((at + self.vcenter_ahead_s + self.vcenter_drift * at) * SECOND) + START

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


def said_of(world: World, until_s: float) -> list[Observation]:
    """What slad says that looks at it each ten seconds."""
    clock, said = VCenterClock(), list[Observation]()
    reader, tracks = EventReader(Resume(), clock), Tracks(Witness("monitor", "east"), {})
    seen_until: float | None = None
    read_until, at, key = -100.0, 0.0, 0
    while at < until_s:
        clock.measured(instant(at), VCenterInstant(world.stamp(at)), instant(at))
        found = []
        for told in sorted(world.events, key=lambda told: told.readable_at):
            if read_until < told.readable_at <= at:
                key += 1
                stamp = world.stamp(told.at + (1e8 if told.odd else 0))
                found.append(
                    {
                        "key": str(key),
                        "eventTypeId": told.kind,
                        "createdTime": format_instant(Instant(stamp)),
                        "vm": {"vm": "vm-1"},
                    }
                )
        before = None if seen_until is None else instant(seen_until)
        for read in reader.new(found, instant(at), drained=True):
            assert read.turn is not None
            tracks.hint(SERVER, Hint(read.event.at, read.turn, read.dated), before)
        moment = world.now(at)
        state = UNKNOWN if moment.lost else UP if moment.on else DOWN
        boot = None if moment.boot is None else Boot(Moid(moment.host), HostInstant(moment.boot))
        look = ServerLook(running=LegVerdict(state), san=None, boot=boot, at=instant(at), seen_until=before)
        said += tracks.judged(SERVER, look)
        said += tracks.dated(instant(at))
        seen_until = read_until = at
        at += POLL_S
    return said


Segment = tuple[float, float, State]


def states(said: list[Observation], until_s: float) -> list[Segment]:
    """What both witnesses together say, from when to when (spec §2.2, §2.4)."""
    lines: dict[str, dict[Instant, State]] = {"east": {}, "east/recovered": {}}
    for each in said:
        lines[each.witness.source][each.at] = each.state
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
    world = World(random.Random(seed))
    until_s = world.line[-1].at + 150
    said = said_of(world, until_s)
    assert all(START - SECOND <= each.at <= START + until_s * SECOND for each in said)
    line = states(said, until_s)
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
