"""The wall clock as far as it is believed: by this everything is dated that is recorded.

Time runs with the boot clock, which nobody can set and which counts while the machine sleeps. It goes after the wall clock
while that drifts, which a slewed clock and a smeared leap second do. Once the wall clock differs by more it was set: it is in
doubt until it has held for a minute, somebody accepts it, or it is back. Nothing may be committed meanwhile.

Invariants: no instant that this tells was read from a wall clock in doubt; another time comes into force in `look`, and nowhere
else; no instant on record is later than any that is dated after it.

The watches have a time of their own, which goes on over every step, so that none of them meets one in the middle of a look.
`on_record` puts its instants on the time that is believed, once that is known, and `as_watched` does the reverse.
"""

import threading
from dataclasses import dataclass
from typing import Final

from daemon.clock import Clock
from daemon.readable import duration
from sla.instants import BEGINNING, DAY, HOUR, MINUTE, SECOND, Instant, format_instant

STEP_US: Final = 2 * SECOND
"""How far the wall clock may be from where it was expected before it counts as set. What is less is made up for slowly."""
SLEW: Final = 10
"""One part in so many is how fast time goes after the wall clock. chrony slews by 1 in 12 at most, the kernel by 1 in 2000."""
LONGEST_DRIFT_US: Final = MINUTE
"""For how long a drift is made up for between two looks: what happened in hours without a look was no slewing."""
HOLD_US: Final = MINUTE
"""How long another time has to hold before it is believed."""
MOST_AHEAD_US: Final = 366 * DAY
"""How far ahead another time may be for that: no machine stands still for longer, and what was dated stays so for ever."""
MOST_BACK_US: Final = HOUR
"""How far another time may lie before what is on record: for so long nothing moves on."""
MOST_STEPS: Final = 1000
"""How many steps are kept, to date by them what was seen before the newest."""

_BY_THE_BOOT_CLOCK: Final = "by the boot clock it is"
_BY_THE_RECORD: Final = "the newest record is of"
_READ_US: Final = SECOND // 10
"""How long it may take to read both clocks: else they were not read at once, because the process stood still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDoubt:
    """The wall clock is not believed: what it shows, what was expected, since when, and what will be done, as a sentence."""

    shown_at: Instant
    expected_at: Instant
    since: Instant
    why: str
    can_be_accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStep:
    """How a doubt ended. Time jumped from `since` to `until` where that is later: what lies between never was, or nobody saw it.

    `text`: what was noticed; `outcome`: what came of it; `accepted_by`: whoever accepted it, else empty.
    """

    since: Instant
    until: Instant
    text: str
    outcome: str
    accepted_by: str = ""


class NotAcceptableError(Exception):
    """What the wall clock shows cannot be accepted; the message says why."""


class _Difference:
    """How far the wall clock is ahead of the boot clock, as long as it drifts and is not set."""

    def __init__(self, us: int, boot_us: int) -> None:
        self.us = us
        self._looked_us = boot_us

    def follow(self, us: int, boot_us: int) -> bool:
        """Go after the difference of now; whether it may have come to that by drifting."""
        passed_us = min(max(boot_us - self._looked_us, 0), LONGEST_DRIFT_US)
        self._looked_us = boot_us
        most_us, away_us = passed_us // SLEW, us - self.us
        if abs(away_us) > STEP_US + most_us:
            return False
        self.us += max(-most_us, min(most_us, away_us))
        return True


@dataclass(slots=True, kw_only=True)
class _Doubted:
    """Another time that the wall clock shows: its difference, and since when it has, by the boot clock."""

    difference: _Difference
    shown_since_us: int
    noticed_at: Instant
    """When the doubt began, by the watches' time."""
    accepted_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Era:
    """From `since` on, by the watches' time, the time on record is so much ahead of it; it goes on at `begins`."""

    since: Instant
    ended: Instant
    """Where the time on record stood until then."""
    begins: Instant
    shift_us: int


class BelievedClock:
    """A clock that no step of the wall clock misleads. To be looked at on the loop, to be read in any thread."""

    def __init__(self, clock: Clock) -> None:
        """Believes what `clock` shows, until `begin` knows better."""
        self.doubt: ClockDoubt | None = None
        """As of the last look; None while the wall clock is believed."""
        self.watches: Clock = _WatchClock(self)
        """The watches' time, which never steps and never goes back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._eras: tuple[_Era, ...] = ()
        self._boot_us = self._lost_us = 0
        """What the boot clock showed last, and by how much it went back since the process began."""
        difference_us, boot_us = self._read()
        self._believed = _Difference(difference_us, boot_us)
        self._told = BEGINNING
        """The newest instant of the watches' time that anybody was told."""
        self._agreed_at = self._watched(boot_us)
        """The same, as of the last look at which the wall clock was believed."""
        self._doubted: _Doubted | None = None
        self._newest = BEGINNING
        """The newest instant that was on record when the process began."""
        self._is_starting = True
        """The wall clock was not believed yet since then: nothing was dated, and nothing watched."""
        self._expected = _BY_THE_BOOT_CLOCK

    def begin(self, newest: Instant, noted_us: int | None = None) -> None:
        """Go on from the newest instant on record: a wall clock before it, or long after it, is in doubt.

        `noted_us`: how far the wall clock was ahead of this boot's clock when it was believed last (`ahead_of_boot_us`), if that
        is known: then one that was set since is in doubt too.
        """
        with self._lock:
            difference_us, boot_us = self._read()
            if newest != BEGINNING:
                expected = [
                    us
                    for us in (noted_us, difference_us)
                    if us is not None and -STEP_US <= boot_us + us - newest <= MOST_AHEAD_US
                ]
                if not expected:
                    self._expected = _BY_THE_RECORD
                self._believed = _Difference(expected[0] if expected else newest - boot_us, boot_us)
                self._newest = self._told = self._agreed_at = newest
        self.look()

    def now(self) -> Instant:
        """What is believed to be the time. It goes back at most to where a doubt began, over which nothing is committed."""
        return self.on_record(self.watched_now())

    def starting_now(self) -> Instant:
        """The time for what has to be recorded at a start: while the clock is in doubt that of the newest record, which has come."""
        return self.now() if self.doubt is None else self._newest

    def wall_now(self) -> Instant:
        """What the wall clock shows, believed or not: to be shown, and nothing else."""
        return self._clock.now()

    def watched_now(self) -> Instant:
        """The watches' time, as `watches` tells it."""
        with self._lock:
            return self._watched(self._passed_us())

    def monotonic_us(self) -> int:
        return self._clock.monotonic_us()

    def boottime_us(self) -> int:
        return self._clock.boottime_us()

    def on_record(self, at: Instant) -> Instant:
        """An instant of the watches' time by the time that is believed."""
        for era in reversed(self._eras):
            if at >= era.since:
                return Instant(max(era.begins, at + era.shift_us))
        return at

    def as_watched(self, at: Instant) -> Instant:
        """An instant on record by the watches' time."""
        for era in reversed(self._eras):
            if at > era.ended:
                return Instant(max(era.since, at - era.shift_us))
        return at

    @property
    def ahead_of_boot_us(self) -> int:
        """How far the wall clock is ahead of the boot clock, as it is believed."""
        return self._believed.us + self._lost_us

    @property
    def has_stepped(self) -> bool:
        """Whether the two times differ."""
        return bool(self._eras)

    def accept(self, by: str) -> None:
        """Have the next look believe what the wall clock shows, in the name of `by`. Raises NotAcceptableError."""
        with self._lock:
            if self.doubt is None or self._doubted is None:
                raise NotAcceptableError("the clock is not in doubt: there is nothing to accept")
            if not self.doubt.can_be_accepted:
                raise NotAcceptableError(self.doubt.why)
            self._doubted.accepted_by = by

    def look(self) -> ClockStep | None:
        """Compare the clocks. Gives the doubt that ended with this look; `doubt` says whether there is one now."""
        with self._lock:
            difference_us, boot_us = self._read()
            doubted = self._doubted
            if self._believed.follow(difference_us, boot_us):
                self._agree(boot_us)
                return None if doubted is None else self._went_back(doubted)
            if doubted is None or not doubted.difference.follow(difference_us, boot_us):
                # What was seen since the first of several steps is dated by the last.
                doubted = self._doubted = _Doubted(
                    difference=_Difference(difference_us, boot_us),
                    shown_since_us=boot_us,
                    noticed_at=doubted.noticed_at if doubted else self._watched(boot_us),
                )
            return self._judge(doubted, boot_us)

    def _read(self) -> tuple[int, int]:
        """How far the wall clock is ahead of the boot clock, and the boot clock."""
        while True:
            before_us, wall = self._passed_us(), self._clock.now()
            if self._passed_us() - before_us <= _READ_US:
                return wall - before_us, before_us

    def _passed_us(self) -> int:
        """The boot clock. That of a process that is restored from a snapshot may go back: then it stands still."""
        boot_us = self._clock.boottime_us()
        self._lost_us += max(0, self._boot_us - boot_us)
        self._boot_us = boot_us
        return boot_us + self._lost_us

    def _watched(self, boot_us: int) -> Instant:
        self._told = max(self._told, Instant(boot_us + self._believed.us - self._shift_us))
        return self._told

    @property
    def _shift_us(self) -> int:
        return self._eras[-1].shift_us if self._eras else 0

    def _agree(self, boot_us: int) -> None:
        self._agreed_at = self._watched(boot_us)
        self._doubted = self.doubt = None
        self._is_starting, self._expected = False, _BY_THE_BOOT_CLOCK

    def _judge(self, doubted: _Doubted, boot_us: int) -> ClockStep | None:
        """Believe the time that is shown, or say why not yet."""
        shown_at = Instant(boot_us + doubted.difference.us)
        expected_at, reached = self.on_record(self._watched(boot_us)), self._reached(doubted)
        held_us = boot_us - doubted.shown_since_us
        if shown_at < reached - MOST_BACK_US:
            until = _until_caught_up(reached)
        elif doubted.accepted_by:
            return self._adopt(doubted, boot_us)
        elif shown_at > expected_at + MOST_AHEAD_US:
            until = _UNTIL_ACCEPTED
        elif held_us < HOLD_US:
            until = _until_held(held_us)
        else:
            return self._adopt(doubted, boot_us)
        self.doubt = ClockDoubt(
            shown_at=shown_at,
            expected_at=expected_at,
            since=self.on_record(doubted.noticed_at),
            why=f"the clock is in doubt: it shows {_text(shown_at)}, and {self._expected} {_text(expected_at)}; {until}",
            can_be_accepted=shown_at >= reached - MOST_BACK_US,
        )
        return None

    def _reached(self, doubted: _Doubted) -> Instant:
        """How far what is on record may reach."""
        return self._newest if self._is_starting else self.on_record(doubted.noticed_at)

    def _adopt(self, doubted: _Doubted, boot_us: int) -> ClockStep:
        """From the beginning of the doubt on the time that is shown is the time."""
        by_us, by = doubted.difference.us - self._believed.us, doubted.accepted_by
        since = until = self.on_record(self._agreed_at)
        text = self._told_of(by_us)
        if self._is_starting:
            self._told = self._newest  # nobody has watched by what was told since
        else:
            era = self._era(doubted, boot_us + doubted.difference.us - self._watched(boot_us))
            until = era.begins if by_us > 0 else since
            self._eras = (*self._eras, era)[-MOST_STEPS:]
        self._believed = doubted.difference
        self._agree(boot_us)
        outcome = f"accepted by {by}" if by else "believed, for that time held"
        return ClockStep(since=since, until=until, text=text, outcome=outcome, accepted_by=by)

    def _era(self, doubted: _Doubted, shift_us: int) -> _Era:
        ended = self._reached(doubted)
        begins = max(ended, Instant(doubted.noticed_at + shift_us))
        return _Era(since=doubted.noticed_at, ended=ended, begins=begins, shift_us=shift_us)

    def _told_of(self, by_us: int) -> str:
        seconds = f"{abs(by_us) / SECOND:.0f} s"
        if self._expected is _BY_THE_RECORD:
            return f"the monitor's clock was {seconds} {'after' if by_us > 0 else 'before'} the newest record at a start"
        while_away = " while slad did not run" if self._is_starting else ""
        return f"the monitor's clock was set {'forward' if by_us > 0 else 'back'} by {seconds}{while_away}"

    def _went_back(self, doubted: _Doubted) -> ClockStep:
        """The wall clock shows again what was expected."""
        away_us = doubted.difference.us - self._believed.us
        lasted_us = self._told - doubted.noticed_at
        at = self.on_record(doubted.noticed_at)
        return ClockStep(
            since=at,
            until=at,
            text=f"the monitor's clock was {duration(abs(away_us))} {'ahead' if away_us > 0 else 'behind'}"
            f" for {duration(lasted_us)}",
            outcome="nothing was dated by it",
        )


class _WatchClock:
    """The watches' time as a clock."""

    def __init__(self, believed: BelievedClock) -> None:
        self._believed = believed

    def now(self) -> Instant:
        return self._believed.watched_now()

    def monotonic_us(self) -> int:
        return self._believed.monotonic_us()

    def boottime_us(self) -> int:
        return self._believed.boottime_us()


_UNTIL_ACCEPTED: Final = (
    "that is more than a year ahead, which slad does not believe by itself: set the clock right; if it is right, run"
    " `slad clock accept`"
)


def _until_held(held_us: int) -> str:
    return (
        f"slad goes on once that has held for {HOLD_US // SECOND} s ({held_us // SECOND} s by now), or at once with"
        " `slad clock accept`"
    )


def _until_caught_up(reached: Instant) -> str:
    return (
        f"what is on record reaches to {_text(reached)}, and nothing is recorded before that: set the clock right; if it is"
        f" right, slad goes on at {_text(Instant(reached - MOST_BACK_US))}, or at once with a ledger that was restored"
        " (slad-ledger)"
    )


def _text(at: Instant) -> str:
    """An instant, to the second."""
    return format_instant(Instant(at - at % SECOND))
