"""What the watch remembers of each virtual server between looks, and the observations that a new look adds.

Two witnesses speak here. The vCenter's own says what the updates say, each change at the instant at which it happened
where an event or the boot time tells it. The *recovered* one, source `NAME/recovered`, speaks afterwards of time in
which the first could not: loss of contact, and gaps in the watch. At all other times it is unknown.
"""

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from probes.report import Sighted
from probes.vcenter import history
from probes.vcenter.history import BOOT_TOLERANCE_US, Hint, Step, Turn
from probes.vcenter.inventory import Verdict
from sla.instants import BEGINNING, Instant
from sla.records import Leg, Observation, ServerId, State, Witness

HINTS_KEPT: Final = 64
PATIENCE_LOOKS: Final = 3
"""How many looks a jump of the boot time waits for the events that date it."""

_UNSEEN: Final = Verdict(State.UNKNOWN, "not seen yet")


@dataclass(slots=True)
class _Jump:
    """A power cycle that only the boot time shows so far: off at some instant after `seen_up_at`, up at `boot_at`."""

    seen_up_at: Instant
    boot_at: Instant
    looks_left: int = PATIENCE_LOOKS


@dataclass(slots=True)
class Track:
    """The last look at one virtual server.

    `since` is when its running state began, `before` when the state ahead of that did; `lost_at`: since when the
    source cannot say whether it runs; `dated_until`: up to where the hints were turned into observations.
    """

    running: Verdict = _UNSEEN
    since: Instant = BEGINNING
    before: Instant = BEGINNING
    san: Verdict = _UNSEEN
    boot_at: Instant | None = None
    lost_at: Instant | None = None
    jump: _Jump | None = None
    dated_until: Instant = BEGINNING
    hints: list[Hint] = field(default_factory=list)
    sighted: Sighted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One judgement of one virtual server.

    `at` is when the answer came, `seen_until` how far the watch had seen before it, None where this look begins a watch
    anew and stands on no earlier one.
    """

    running: Verdict
    san: Verdict | None
    boot_at: Instant | None
    at: Instant
    seen_until: Instant | None


class Tracks:
    """All virtual servers of one vCenter as the watch last judged them."""

    def __init__(self, witness: Witness, out_of_contact: Mapping[ServerId, Instant]) -> None:
        self._witness = witness
        self._recovered = Witness(witness.observer, f"{witness.source}/recovered")
        self._undated: set[ServerId] = set()
        self._tracks: dict[ServerId, Track] = {
            server: Track(running=Verdict(State.UNKNOWN, "out of contact"), lost_at=since)
            for server, since in out_of_contact.items()
        }

    def of(self, server: ServerId) -> Track:
        """The track of a server, a blank one at first."""
        track = self._tracks.get(server)
        if track is None:
            track = self._tracks[server] = Track()
        return track

    def hint(self, server: ServerId, hint: Hint) -> None:
        """Remember what an event said of a server's power."""
        track = self.of(server)
        insort(track.hints, hint, key=attrgetter("at"))
        del track.hints[:-HINTS_KEPT]
        self._undated.add(server)

    def judged(self, server: ServerId, look: Look) -> Iterator[Observation]:
        """The observations that a look adds: only what differs from the one before."""
        track = self.of(server)
        if look.running.state is not track.running.state:
            yield from self._turned(server, track, look)
        elif look.seen_until is not None and _jumped(track, look):
            assert look.boot_at is not None
            track.jump = _Jump(max(look.seen_until, track.since), look.boot_at)
            self._undated.add(server)
        track.boot_at = look.boot_at or track.boot_at
        if look.san is not None and look.san.state is not track.san.state:
            track.san = look.san
            yield self._said(
                self._witness, server, Leg.SAN, Step(look.at, look.san.state), look.san.reason, look.at
            )

    def dated(self, now: Instant) -> Iterator[Observation]:
        """The observations that late events and boot times add to what was judged before."""
        for server in sorted(self._undated):
            track = self._tracks[server]
            steps = list(self._date(track, now))
            for step in steps:
                yield self._said(self._witness, server, Leg.RUNNING, step, _DATED[step.state], now)
            if track.jump is None:
                self._undated.discard(server)

    def gap_closed(
        self, start: Instant, end: Instant, boots: Iterable[tuple[ServerId, Instant | None]]
    ) -> Iterator[Observation]:
        """What the recovered witness says of a time `[start, end)` in which the watch saw nothing."""
        for server, boot_at in boots:
            track = self.of(server)
            booted = boot_at is not None and start < boot_at < end
            if booted or any(start < hint.at < end for hint in track.hints):
                steps = history.within_gap(start, end, boot_at, track.running.state, track.hints)
                yield from self._recover(server, steps, end)

    def forget(self, server: ServerId) -> None:
        """A server is no longer listed: should it come back, it is a new one here."""
        self._tracks.pop(server, None)
        self._undated.discard(server)

    def _turned(self, server: ServerId, track: Track, look: Look) -> Iterator[Observation]:
        at = look.at
        match track.running.state, look.running.state:
            case State.UP, State.DOWN:
                at = history.went_down_at(track.since, look.at, track.hints)
            case State.DOWN, State.UP:
                at = history.came_up_at(track.since, look.at, look.boot_at, track.hints)
            case State.UNKNOWN, state if track.lost_at is not None:
                steps = history.recovered(track.lost_at, look.at, look.boot_at, state, track.hints)
                yield from self._recover(server, steps, look.at)
        seen_before = track.running is not _UNSEEN
        track.lost_at = look.at if look.running.state is State.UNKNOWN and seen_before else None
        track.running = look.running
        track.before, track.since, track.dated_until = track.since, at, at
        track.jump = None
        yield self._said(
            self._witness, server, Leg.RUNNING, Step(at, look.running.state), look.running.reason, look.at
        )

    def _date(self, track: Track, now: Instant) -> Iterator[Step]:
        match track.running.state:
            case State.UP if track.jump is not None:
                yield from _resolved(track, track.jump)
            case State.UP:
                cycles = history.power_cycles(max(track.since, track.dated_until), now, track.hints)
                if cycles:
                    track.dated_until = cycles[-1].at
                    yield from cycles
            case State.DOWN:
                at = history.went_down_at(track.before, track.since, track.hints)
                if at < track.since:
                    track.since = at
                    yield Step(at, State.DOWN)
            case State.UNKNOWN:
                pass  # told once it is in contact again

    def _recover(self, server: ServerId, steps: Iterable[Step], noticed_at: Instant) -> Iterator[Observation]:
        for step in steps:
            yield self._said(self._recovered, server, Leg.RUNNING, step, _RECOVERED[step.state], noticed_at)

    def _said(
        self, witness: Witness, server: ServerId, leg: Leg, step: Step, reason: str, noticed_at: Instant
    ) -> Observation:
        return Observation(
            witness=witness,
            server=server,
            leg=leg,
            state=step.state,
            at=step.at,
            reason=reason,
            noticed_at=noticed_at,
        )


_DATED: Final = {
    State.DOWN: "power off, by vCenter's event",
    State.UP: "",
    State.UNKNOWN: "it was restarted; when it went off is not known",
}
_RECOVERED: Final = {
    State.DOWN: "down while vCenter could not say, by its boot time or events",
    State.UP: "",
    State.UNKNOWN: "vCenter speaks for itself again",
}


def _jumped(track: Track, look: Look) -> bool:
    return (
        look.running.state is State.UP
        and look.boot_at is not None
        and track.boot_at is not None
        and look.boot_at > track.boot_at + BOOT_TOLERANCE_US
        and look.boot_at > track.since
    )


def _resolved(track: Track, jump: _Jump) -> Iterator[Step]:
    off_at = next(
        (
            hint.at
            for hint in reversed(track.hints)
            if hint.turn is Turn.OFF and jump.seen_up_at - BOOT_TOLERANCE_US < hint.at <= jump.boot_at
        ),
        None,
    )
    if off_at is None and jump.looks_left > 0:
        jump.looks_left -= 1
        return
    yield Step(jump.seen_up_at, State.UNKNOWN) if off_at is None else Step(off_at, State.DOWN)
    yield Step(jump.boot_at, State.UP)
    track.jump = None
    track.since = track.dated_until = jump.boot_at
