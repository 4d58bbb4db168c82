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

from probes.report import RECOVERED, ListedServer
from probes.vcenter import history
from probes.vcenter.history import BOOT_TOLERANCE_US, Hint, StateSince
from probes.vcenter.inventory import LegVerdict
from sla.instants import BEGINNING, FOREVER, SECOND, Instant
from sla.records import Leg, Observation, ServerId, State, Witness

HINTS_KEPT: Final = 64
PATIENCE_US: Final = 30 * SECOND
"""How long a jump of the boot time waits for the events that date it."""

_UNSEEN: Final = LegVerdict(State.UNKNOWN, "not seen yet")


@dataclass(frozen=True, slots=True)
class _Jump:
    """A power cycle that only the boot time shows so far: off after `seen_up_at`, up at `boot_at`."""

    seen_up_at: Instant
    boot_at: Instant
    noticed_at: Instant


@dataclass(frozen=True, slots=True)
class _Loss:
    """A time in which the source could not say whether a server runs, and what was seen when it could again."""

    lost_at: Instant
    back_at: Instant
    boot_at: Instant | None


@dataclass(slots=True)
class ServerTrack:
    """The last look at one virtual server.

    `running` was first seen at `noticed_at`, and holds since `since`; the state before it, `was`, held since `before`.
    `lost_at`: since when the source cannot say whether it runs; `loss`: the last such time, while what followed lasts.
    `told` is what both witnesses said since `running` was seen; of what was before `settled_until` no more is said.
    `booted_at` is the boot time as `running` was first seen, `boot_mark` the newest by vCenter's own clock, so that a
    correction of clocks is no boot.
    """

    running: LegVerdict = _UNSEEN
    was: State = State.UNKNOWN
    before: Instant = BEGINNING
    since: Instant = BEGINNING
    noticed_at: Instant = BEGINNING
    san: LegVerdict = _UNSEEN
    booted_at: Instant | None = None
    boot_at: Instant | None = None
    boot_mark: Instant | None = None
    lost_at: Instant | None = None
    loss: _Loss | None = None
    jump: _Jump | None = None
    settled_until: Instant = BEGINNING
    told: list[tuple[Witness, StateSince]] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)
    listed: ListedServer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLook:
    """One judgement of one virtual server.

    `at` is when the answer came, `seen_until` how far the watch had seen before it, None where this look begins a watch
    anew and stands on no earlier one. `boot_at` is on our clock, `boot_mark` the same on vCenter's.
    """

    running: LegVerdict
    san: LegVerdict | None
    boot_at: Instant | None
    boot_mark: Instant | None
    at: Instant
    seen_until: Instant | None


class Tracks:
    """All virtual servers of one vCenter as the watch last judged them."""

    def __init__(self, witness: Witness, out_of_contact: Mapping[ServerId, Instant]) -> None:
        self._witness = witness
        self._recovered = Witness(witness.observer, witness.source + RECOVERED)
        self._undated: set[ServerId] = set()
        self._tracks: dict[ServerId, ServerTrack] = {
            server: ServerTrack(
                running=LegVerdict(State.UNKNOWN, "out of contact"),
                since=since,
                noticed_at=since,
                lost_at=since,
            )
            for server, since in out_of_contact.items()
        }

    def of(self, server: ServerId) -> ServerTrack:
        """The track of a server, a blank one at first."""
        track = self._tracks.get(server)
        if track is None:
            track = self._tracks[server] = ServerTrack()
        return track

    def hint(self, server: ServerId, hint: Hint) -> None:
        """Remember what an event said of a server's power."""
        track = self.of(server)
        insort(track.hints, hint, key=attrgetter("at"))
        del track.hints[:-HINTS_KEPT]
        self._undated.add(server)

    def judged(self, server: ServerId, look: ServerLook) -> Iterator[Observation]:
        """The observations that a look adds: only what differs from the one before."""
        track = self.of(server)
        rebooted = _rebooted(track, look)
        if look.running.state is not track.running.state or track.running is _UNSEEN:
            yield from self._turned(server, track, look, rebooted)
        elif rebooted and look.running.state is State.UP and look.seen_until is not None:
            assert look.boot_at is not None
            if look.boot_at > track.since + BOOT_TOLERANCE_US:
                track.jump = _Jump(max(look.seen_until, track.since), look.boot_at, look.at)
                self._undated.add(server)
        elif look.seen_until is None:
            # Of the time in which nobody watched the recovered witness speaks.
            track.settled_until = look.at
        if look.boot_mark is not None:
            track.boot_at, track.boot_mark = look.boot_at, look.boot_mark
        if look.san is not None and (look.san.state is not track.san.state or track.san is _UNSEEN):
            track.san = look.san
            yield self._said(
                self._witness, server, Leg.SAN, StateSince(look.at, look.san.state), look.san.reason, look.at
            )

    def dated(self, now: Instant) -> Iterator[Observation]:
        """The observations that late events and boot times add to what was judged before."""
        for server in sorted(self._undated):
            track = self._tracks[server]
            yield from self._tell(server, track, now)
            if track.jump is not None:
                yield from self._settle(server, track, track.jump, now)
            if track.jump is None and (not track.hints or track.hints[-1].at <= now):
                self._undated.discard(server)

    def gap_closed(
        self, start: Instant, end: Instant, boots: Iterable[tuple[ServerId, Instant | None]]
    ) -> Iterator[Observation]:
        """What the recovered witness says of a time `[start, end)` in which the watch saw nothing."""
        for server, boot_at in boots:
            track = self.of(server)
            booted = boot_at is not None and start < boot_at < end
            if booted or any(start < hint.at < end for hint in track.hints):
                for step in history.within_gap(start, end, boot_at, track.running.state, track.hints):
                    yield self._said(self._recovered, server, Leg.RUNNING, step, _RECOVERED[step.state], end)

    def forget(self, server: ServerId) -> None:
        """A server is no longer listed: should it come back, it is a new one here."""
        self._tracks.pop(server, None)
        self._undated.discard(server)

    def _turned(
        self, server: ServerId, track: ServerTrack, look: ServerLook, rebooted: bool | None
    ) -> Iterator[Observation]:
        if track.jump is not None:
            yield from self._settle(server, track, track.jump, FOREVER)
        track.loss = None
        if track.lost_at is not None:
            # A boot that was known before the loss is none within it, whatever became of the clocks.
            boot_at = track.lost_at if rebooted is False else look.boot_at
            track.loss = _Loss(track.lost_at, look.at, boot_at)
        track.was, track.before = track.running.state, max(track.since, track.settled_until)
        track.running, track.noticed_at, track.booted_at = look.running, look.at, look.boot_at
        track.boot_at = look.boot_at
        track.lost_at = look.at if look.running.state is State.UNKNOWN else None
        track.settled_until, track.told = BEGINNING, []
        yield from self._tell(server, track, look.at)

    def _tell(self, server: ServerId, track: ServerTrack, now: Instant) -> Iterator[Observation]:
        """Say what is now known of how it came to be as it is, and was not said yet."""
        for step in _while_lost(track):
            if (self._recovered, step) not in track.told:
                track.told.append((self._recovered, step))
                yield self._said(self._recovered, server, Leg.RUNNING, step, _RECOVERED[step.state], now)
        steps = _while_seen(track, now)
        for step in steps:
            if (self._witness, step) not in track.told:
                track.told.append((self._witness, step))
                expected = step.state is track.running.state
                reason = track.running.reason if expected else _DATED[step.state]
                yield self._said(self._witness, server, Leg.RUNNING, step, reason, now)
        track.since = max(steps[-1].at, track.settled_until)

    def _settle(
        self, server: ServerId, track: ServerTrack, jump: _Jump, now: Instant
    ) -> Iterator[Observation]:
        """Be done with a jump of the boot time that events date, or that has waited long enough for them."""
        if track.since >= jump.boot_at - BOOT_TOLERANCE_US:
            track.jump = None
        elif now >= jump.noticed_at + PATIENCE_US:
            track.jump = None
            if jump.seen_up_at < jump.boot_at:
                track.since = track.settled_until = jump.boot_at
                for step in (StateSince(jump.seen_up_at, State.UNKNOWN), StateSince(jump.boot_at, State.UP)):
                    yield self._said(
                        self._witness, server, Leg.RUNNING, step, _DATED[step.state], jump.noticed_at
                    )

    def _said(
        self, witness: Witness, server: ServerId, leg: Leg, step: StateSince, reason: str, noticed_at: Instant
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


def _rebooted(track: ServerTrack, look: ServerLook) -> bool | None:
    """Whether it booted since the last look; None where the boot times do not tell."""
    if look.boot_mark is None or track.boot_mark is None:
        return None
    return look.boot_mark > track.boot_mark + BOOT_TOLERANCE_US


def _while_lost(track: ServerTrack) -> list[StateSince]:
    loss = track.loss
    if loss is None:
        return []
    return history.recovered(loss.lost_at, loss.back_at, loss.boot_at, track.running.state, track.hints)


def _while_seen(track: ServerTrack, now: Instant) -> list[StateSince]:
    """The steps into the state that is seen, and from it and back again since."""
    state, noticed_at = track.running.state, track.noticed_at
    if track.was is State.UNKNOWN:
        steps = [StateSince(noticed_at, state)]
    else:
        steps = history.turned(track.was, track.before, state, noticed_at, track.booted_at, track.hints)
    if state is State.UP:
        since = max(steps[-1].at, track.settled_until)
        steps += history.power_cycles(since, now, track.boot_at, track.hints)
    return steps
