"""What the watch remembers of each virtual server between looks, and the observations that a new look adds.

Two witnesses speak here. The vCenter's own says what the updates say, each change at the instant at which it happened
where an event or the boot time tells it. The *recovered* one, source `NAME/recovered`, speaks afterwards of time in
which the first could not: loss of contact, and gaps in the watch. At all other times it is unknown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final, NamedTuple

from probes.report import RECOVERED, ListedServer
from probes.vcenter import history
from probes.vcenter.boots import Boot, Comparison, HostClocks, compared
from probes.vcenter.clocks import Estimate
from probes.vcenter.history import LATE_US, Hint, StateSince, Turn
from probes.vcenter.inventory import LegVerdict
from sla.instants import BEGINNING, FOREVER, SECOND, Instant
from sla.reasons import PlainReason, Reason
from sla.records import Leg, Observation, ServerId, State, Witness

HINTS_KEPT: Final = 64
PATIENCE_US: Final = LATE_US
"""How long what says that a server was off waits for the events that say when."""
LAG_US: Final = 10 * SECOND
"""How long after it happened vCenter may show it."""
_STARTED_US: Final = 10 * SECOND
"""How long before the event of its start a server may have booted."""
_STARTS: Final = (Turn.ON, Turn.RESTARTED)

_UNSEEN: Final = LegVerdict(State.UNKNOWN, PlainReason.NOT_SEEN_YET)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Something says that a server that was seen up at `start` and at `end` was off in between, and not when.

    `elsewhere`: that is a boot time told by another host, which a move explains as well.
    """

    start: Instant
    end: Instant
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class _Loss:
    """A time in which the source could not say whether a server runs, and what its boot times told when it could."""

    lost_at: Instant
    back_at: Instant
    boot: Comparison
    booted: Estimate | None
    watched: bool
    """Whether looks came all the time."""


@dataclass(slots=True)
class ServerTrack:
    """The last look at one virtual server.

    `running` was first seen at `noticed_at`, and holds since `since`; the state before it, `was`, held since `before`
    and was seen until `open_from`. `rose_at`: since when it is up, where something says when it came up.
    `lost_at`: since when the source cannot say whether it runs, `lost_unwatched`: a time in it nobody watched; `loss`: the last such time, while what followed lasts.
    `told` is what the source's own witness said since `running` was seen, `recovered` what the other one did; of what was
    before `settled_until` no more is said.
    `boot` is the newest boot time, `moved_at` the newest event of a move. Of what was by `hints_from` not all hints are kept.
    """

    running: LegVerdict = _UNSEEN
    was: State = State.UNKNOWN
    before: Instant = BEGINNING
    open_from: Instant = BEGINNING
    since: Instant = BEGINNING
    noticed_at: Instant = BEGINNING
    rose_at: Instant | None = None
    san: LegVerdict = _UNSEEN
    boot: Boot | None = None
    lost_at: Instant | None = None
    lost_unwatched: bool = False
    loss: _Loss | None = None
    doubt: _Doubt | None = None
    settled_until: Instant = BEGINNING
    told: tuple[StateSince, ...] = ()
    recovered: tuple[StateSince, ...] = ()
    hints: Sequence[Hint] = ()
    hints_from: Instant = BEGINNING
    moved_at: Instant = BEGINNING
    listed: ListedServer | None = None


class ServerLook(NamedTuple):
    """One judgement of one virtual server.

    `at` is when the answer came, `seen_until` how far the watch had seen before it, None where this look begins a watch
    anew and stands on no earlier one.
    """

    running: LegVerdict
    san: LegVerdict | None
    boot: Boot | None
    at: Instant
    seen_until: Instant | None


class Tracks:
    """All virtual servers of one vCenter as the watch last judged them."""

    def __init__(self, witness: Witness, out_of_contact: Mapping[ServerId, Instant]) -> None:
        self._witness = witness
        self._recovered = Witness(witness.observer, witness.source + RECOVERED)
        self._hosts = HostClocks()
        self._undated: set[ServerId] = set()
        self._tracks: dict[ServerId, ServerTrack] = {
            server: ServerTrack(
                running=LegVerdict(State.UNKNOWN, PlainReason.OUT_OF_CONTACT),
                since=since,
                noticed_at=since,
                lost_at=since,
                lost_unwatched=True,
            )
            for server, since in out_of_contact.items()
        }

    def of(self, server: ServerId) -> ServerTrack:
        """The track of a server, a blank one at first."""
        track = self._tracks.get(server)
        if track is None:
            track = self._tracks[server] = ServerTrack()
        return track

    def hint(self, server: ServerId, hint: Hint, seen_until: Instant | None) -> None:
        """Remember what an event said of a server's power, read after a look at `seen_until` or after none.

        Of a server that was up throughout, an event without a date says that it was off in between; so does a restart of
        which nothing says when it began.
        """
        track = self.of(server)
        if hint.turn is Turn.MOVED:
            track.moved_at = hint.at
            return
        hints = sorted((*track.hints, hint), key=attrgetter("at"))
        if len(hints) > HINTS_KEPT:
            track.hints_from = max(track.hints_from, hints[-HINTS_KEPT - 1].at)
        track.hints = tuple(hints[-HINTS_KEPT:])
        self._undated.add(server)
        says_off = hint.turn is Turn.RESTARTED or not (hint.dated or hint.turn is Turn.LOST)
        if says_off and seen_until is not None and track.running.state is State.UP:
            of_loss = track.loss is not None and hint.at <= track.loss.back_at + LATE_US
            start = max(min(seen_until, Instant(hint.at - LAG_US)), track.since)
            if start < hint.at and not of_loss:
                self._doubt(track, _Doubt(start, hint.at, elsewhere=False))

    def clock_was_set(self) -> None:
        """A clock was set, vCenter's, or ours: what was learned of the hosts' by ours is not known any more."""
        self._hosts.forget()

    def judged(self, server: ServerId, look: ServerLook) -> Iterator[Observation]:
        """The observations that a look adds: only what differs from the one before."""
        track = self.of(server)
        boot = compared(track.boot, look.boot)
        self._learn(track, look, boot)
        if look.running.state is not track.running.state or track.running is _UNSEEN:
            yield from self._turned(server, track, look, boot)
        elif look.seen_until is None:
            yield from self._resolve(server, track, look.at)
            # Of the time in which nobody watched the recovered witness speaks.
            track.settled_until = look.at
            track.lost_unwatched = track.lost_at is not None
        elif boot in (Comparison.ANEW, Comparison.ELSEWHERE) and look.running.state is State.UP:
            self._booted_unseen(track, look, look.seen_until, boot)
            self._undated.add(server)
        # What is told while contact is lost is compared with what was before, once it is back.
        in_contact = look.running.state is not State.UNKNOWN or track.boot is None
        if look.boot is not None and boot is not Comparison.SAME and in_contact:
            track.boot = look.boot
        if look.san is not None and (look.san.state is not track.san.state or track.san is _UNSEEN):
            track.san = look.san
            yield Observation(
                witness=self._witness,
                server=server,
                leg=Leg.SAN,
                state=look.san.state,
                at=look.at,
                reason=look.san.reason,
                noticed_at=look.at,
            )

    def dated(self, now: Instant) -> Iterator[Observation]:
        """The observations that late events and boot times add to what was judged before."""
        for server in sorted(self._undated):
            track = self._tracks[server]
            yield from self._tell(server, track, now)
            if track.doubt is not None:
                yield from self._settle(server, track, track.doubt, now)
            if track.doubt is None and (not track.hints or track.hints[-1].at <= now):
                self._undated.discard(server)

    def gap_closed(
        self, start: Instant, end: Instant, boots: Iterable[tuple[ServerId, Boot | None]]
    ) -> Iterator[Observation]:
        """What the recovered witness says of a time `[start, end)` in which the watch saw nothing."""
        for server, boot in boots:
            track = self.of(server)
            if track.hints_from > start:
                continue
            booted = None if boot is None else self._hosts.ours(boot, end)
            for step in history.within_gap(start, end, booted, track.running.state, track.hints):
                yield self._said(self._recovered, server, step, _RECOVERED[step.state], end)

    def forget(self, server: ServerId) -> None:
        """A server is no longer listed: should it come back, it is a new one here."""
        self._tracks.pop(server, None)
        self._undated.discard(server)

    def _learn(self, track: ServerTrack, look: ServerLook, boot: Comparison) -> None:
        """A boot that happened between two looks tells what the clock of its host showed then."""
        if look.boot is None or look.seen_until is None or look.running.state is not State.UP:
            return
        earliest, latest = Instant(look.seen_until - LAG_US), look.at
        starts = [h.at for h in track.hints if h.dated and h.turn in _STARTS and earliest < h.at <= latest]
        was_off = track.running.state is State.DOWN and (track.boot is None or bool(starts))
        if track.running.state is State.UNKNOWN or not (boot is Comparison.ANEW or was_off):
            return
        if len(starts) == 1:
            earliest, latest = max(earliest, Instant(starts[0] - _STARTED_US)), starts[0]
        self._hosts.learn(look.boot, Estimate(earliest, Instant(latest + SECOND)))

    def _booted_unseen(
        self, track: ServerTrack, look: ServerLook, seen_until: Instant, boot: Comparison
    ) -> None:
        """A boot time that is another though the server was up throughout: it was off in between.

        Just after a loss of contact that is what happened in it, and vCenter tells it bit by bit.
        """
        start = max(seen_until, track.since)
        self._doubt(track, _Doubt(start, look.at, elsewhere=boot is Comparison.ELSEWHERE))
        if track.loss is not None and look.at <= track.loss.back_at + LATE_US:
            track.loss = replace(track.loss, boot=boot, booted=None)

    def _doubt(self, track: ServerTrack, new: _Doubt) -> None:
        known = track.doubt
        if known is not None:
            new = _Doubt(
                min(known.start, new.start), max(known.end, new.end), known.elsewhere and new.elsewhere
            )
        track.doubt = new

    def _turned(
        self, server: ServerId, track: ServerTrack, look: ServerLook, boot: Comparison
    ) -> Iterator[Observation]:
        yield from self._resolve(server, track, look.at)
        track.loss = None
        if track.lost_at is not None:
            booted = None if look.boot is None else self._hosts.ours(look.boot, look.at)
            if track.was is State.DOWN and boot is Comparison.SAME:
                boot = Comparison.NOTHING  # suspended, it keeps its boot time
            watched = look.seen_until is not None and not track.lost_unwatched
            track.loss = _Loss(track.lost_at, look.at, boot, booted, watched)
        track.was, track.before = track.running.state, max(track.since, track.settled_until)
        track.open_from = BEGINNING if look.seen_until is None else Instant(look.seen_until - LAG_US)
        track.running, track.noticed_at, track.rose_at = look.running, look.at, None
        track.lost_at = look.at if look.running.state is State.UNKNOWN else None
        track.lost_unwatched = False
        track.settled_until, track.told, track.recovered = BEGINNING, (), ()
        yield from self._tell(server, track, look.at)

    def _tell(self, server: ServerId, track: ServerTrack, now: Instant) -> Iterator[Observation]:
        """Say what is now known of how it came to be as it is, and was not said yet."""
        for step in _told_anew(_while_lost(track), track.recovered):
            track.recovered += (step,)
            yield self._said(self._recovered, server, step, _RECOVERED[step.state], now)
        steps = _while_seen(track, now)
        for step in steps:
            if step not in track.told:
                track.told += (step,)
                expected = step.state is track.running.state
                reason = track.running.reason if expected else _DATED[step.state]
                yield self._said(self._witness, server, step, reason, now)
        track.since = max(steps[-1].at, track.settled_until)
        if track.was is State.DOWN or State.DOWN in [step.state for step in steps]:
            track.rose_at = steps[-1].at if track.running.state is State.UP else None

    def _resolve(self, server: ServerId, track: ServerTrack, now: Instant) -> Iterator[Observation]:
        """Be done with a doubt by what is known now: another state follows, or a time that nobody saw."""
        if track.doubt is not None:
            yield from self._tell(server, track, now)
            yield from self._settle(server, track, track.doubt, FOREVER)
            track.doubt = None

    def _settle(
        self, server: ServerId, track: ServerTrack, doubt: _Doubt, now: Instant
    ) -> Iterator[Observation]:
        """Be done with a doubt that events resolve, or that has waited long enough for them."""
        near = Instant(doubt.start - LAG_US)
        moved = near <= track.moved_at <= doubt.end + LATE_US
        rose = track.rose_at is not None and near <= track.rose_at <= doubt.end + LAG_US
        if rose or (doubt.elsewhere and moved):
            track.doubt = None
        elif now >= doubt.end + PATIENCE_US:
            track.doubt = None
            start = max(doubt.start, track.settled_until)
            if start < doubt.end and track.running.state is State.UP:
                track.since = track.settled_until = doubt.end
                for step in (StateSince(start, State.UNKNOWN), StateSince(doubt.end, State.UP)):
                    yield self._said(self._witness, server, step, _DATED[step.state], doubt.end)

    def _said(
        self,
        witness: Witness,
        server: ServerId,
        step: StateSince,
        reason: Reason,
        noticed_at: Instant,
    ) -> Observation:
        return Observation(
            witness=witness,
            server=server,
            leg=Leg.RUNNING,
            state=step.state,
            at=step.at,
            reason=reason,
            noticed_at=noticed_at,
        )


_DATED: Final = {
    State.DOWN: PlainReason.POWERED_OFF_BY_EVENT,
    State.UP: PlainReason.NONE,
    State.UNKNOWN: PlainReason.RESTARTED,
}
_RECOVERED: Final = {
    State.DOWN: PlainReason.DOWN_UNSEEN,
    State.UP: PlainReason.NONE,
    State.UNKNOWN: PlainReason.SPEAKS_AGAIN,
}


def _told_anew(steps: Sequence[StateSince], told: Sequence[StateSince]) -> list[StateSince]:
    """The steps that were not told yet; what was told of another instant, and no longer holds, is told as it is now."""
    if not (steps or told):
        return []
    before = {step.at: step.state for step in told}
    now = {step.at: step.state for step in steps}
    new = [step for step in steps if before.get(step.at) is not step.state]
    for at in sorted(before.keys() - now.keys()):
        state = next((step.state for step in reversed(steps) if step.at < at), State.UNKNOWN)
        if state is not before[at]:
            new.append(StateSince(at, state))
    return sorted(new, key=attrgetter("at"))


def _while_lost(track: ServerTrack) -> list[StateSince]:
    loss = track.loss
    if loss is None or track.hints_from > loss.lost_at:
        return []
    return history.recovered(
        loss.lost_at,
        loss.back_at,
        loss.boot,
        loss.booted,
        track.running.state,
        track.hints,
        watched=loss.watched,
    )


def _while_seen(track: ServerTrack, now: Instant) -> list[StateSince]:
    """The steps into the state that is seen, and from it and back again since."""
    state, noticed_at = track.running.state, track.noticed_at
    if track.was is State.UNKNOWN:
        steps = [StateSince(noticed_at, state)]
    else:
        steps = history.turned(
            track.was, track.before, state, noticed_at, track.hints, open_from=track.open_from
        )
    if state is State.UP and track.hints:
        since = max(steps[-1].at, track.settled_until, track.hints_from)
        steps += history.power_cycles(since, now, track.hints)
    return steps
