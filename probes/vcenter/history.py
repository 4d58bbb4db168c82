"""When it happened, as against when we noticed: what events and boot times tell about a virtual server's power.

State comes from updates, history from events: a fast off and on can be coalesced on the way, and an outage that began
while nobody watched is dated by the events read afterwards. An event dates only what the watch left open. Where one thing
says that a server was off and nothing says for how long, the time in question is unknown, and never up.

All instants here are the monitor's; those of other clocks came through `clocks` and `boots`. All functions are pure;
hints are in order of time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from probes.vcenter.boots import TOLERANCE_US, Comparison
from probes.vcenter.clocks import Estimate
from sla.instants import BEGINNING, MINUTE, SECOND, Instant
from sla.records import State

LATE_US: Final = 30 * SECOND
"""How long after the fact its events may still come, beside those that a host sends hours later."""

SAME_US: Final = 10 * SECOND
"""How far apart two events of one thing may be."""
UNSEEN_US: Final = MINUTE
"""How long a server may be off without an update that shows it: longer than between two looks."""


class Turn(Enum):
    """What an event says of a virtual server's power."""

    OFF = "off"
    ON = "on"
    RESTARTED = "restarted"
    """It runs, and was off before, of which there need be no event: HA started it on another host."""
    LOST = "lost"
    """Contact was lost: the source cannot say whether it runs."""
    MOVED = "moved"
    """It runs on another host, whose clock its boot time may be told by from now on."""


@dataclass(frozen=True, slots=True, order=True)
class StateSince:
    """A state from an instant on."""

    at: Instant
    state: State


@dataclass(frozen=True, slots=True)
class Hint:
    """An event about power. One that is not `dated` has the instant at which it was read: it was no later."""

    at: Instant
    turn: Turn
    dated: bool = True


def turned(
    was: State,
    since: Instant,
    now: State,
    noticed_at: Instant,
    hints: Sequence[Hint],
    *,
    open_from: Instant = BEGINNING,
) -> list[StateSince]:
    """The steps from one state, which held since `since`, to another, which was seen at `noticed_at`.

    Events date them; what they do not date happened when it was noticed. At `open_from` the state before was still seen,
    so the last step is no earlier.
    """
    steps = _told_watched(was, since, noticed_at, hints)
    if (steps[-1].state if steps else was) is not now:
        steps.append(StateSince(noticed_at, now))
    elif steps and steps[-1].at < open_from:
        steps[-1] = StateSince(noticed_at, now)
    return steps


def power_cycles(since: Instant, until: Instant, hints: Sequence[Hint]) -> list[StateSince]:
    """The downs and ups within `(since, until]`, a time in which the updates showed a server as up throughout.

    An off that nothing followed is left out: the updates will say.
    """
    steps = _told_watched(State.UP, since, until, hints)
    return steps[:-1] if steps and steps[-1].state is State.DOWN else steps


def recovered(
    lost_at: Instant,
    back_at: Instant,
    boot: Comparison,
    booted: Estimate | None,
    now: State,
    hints: Sequence[Hint],
    *,
    watched: bool = True,
) -> list[StateSince]:
    """What a server did between the loss of contact and the moment the source could speak of it again.

    `boot` compares its boot times of before and after, and `booted` is the newer one where its host's clock is known.

    The same boot, and no event: up throughout. An event that it was started, and none that it went off: down from the
    loss of contact to it, which is how an HA restart looks; the same to the boot time, where that is known to be within.
    Booted anew without either: nothing is known but that it was off. The last step is the return to unknown. Where the
    source was not watched all the time, contact may have been back in between, so that only HA's restart tells of it.
    """
    told_late = [hint for hint in hints if lost_at < hint.at <= back_at + LATE_US]
    if any(_is_undated(hint) for hint in told_late):
        return []
    told = _told(lost_at, back_at, _moved_up(hints, back_at))
    if now is State.UP:
        if boot is not Comparison.SAME and booted is not None and lost_at < booted.earliest:
            boot = Comparison.ANEW
        if any(hint.turn is Turn.RESTARTED for hint in told_late) and boot is not Comparison.ANEW:
            boot = Comparison.ELSEWHERE
        restarted = bool(told) and any(h.turn is Turn.RESTARTED and h.at <= told[0].at for h in told_late)
        if watched or boot is Comparison.SAME or restarted:
            told = _begun(told, lost_at, back_at, boot, booted, hints)
        if boot is not Comparison.SAME:
            told = _with_later_boot(told, booted, back_at)
    # Without a boot time nothing but events says that it did not restart.
    steps = [step for step in _ending_in(now, told) if step.at < back_at]
    return [*steps, StateSince(back_at, State.UNKNOWN)] if steps else []


def _begun(
    told: list[StateSince],
    lost_at: Instant,
    back_at: Instant,
    boot: Comparison,
    booted: Estimate | None,
    hints: Sequence[Hint],
) -> list[StateSince]:
    """What events told, with what was so from the loss of contact to the first of them.

    Lost and regained and lost again, while nobody watched, it ran in between: the newest loss before it came up counts.
    """

    def down_before(at: Instant) -> list[StateSince]:
        newest = _down_since_lost(at, Instant(lost_at + SAME_US), hints)
        return newest or [StateSince(lost_at, State.DOWN)]

    match boot:
        case Comparison.SAME if not told or told[0].state is State.DOWN:
            return [StateSince(lost_at, State.UP), *told]
        case Comparison.ANEW | Comparison.ELSEWHERE if told and told[0].state is not State.DOWN:
            return [*down_before(told[0].at), *told]
        case Comparison.ANEW if not told and booted is not None and _is_within(booted, lost_at, back_at):
            down = down_before(booted.earliest)
            return [*down, *_up_after(booted, down[0].at, back_at)]
        case _:
            return told


def within_gap(
    start: Instant, end: Instant, booted: Estimate | None, now: State, hints: Sequence[Hint]
) -> list[StateSince]:
    """What events and the boot time prove of a time `[start, end)` in which nobody watched; the rest stays unknown.

    An event without its date says that something happened, and so that nothing is proved.
    """
    if any(_is_undated(hint) for hint in hints if hint.at > start):
        return []
    steps = _told(start, end, hints)
    if now is State.UP and booted is not None and start < booted.earliest and booted.latest < end:
        ended = not steps or steps[-1].state is State.DOWN
        steps = _ended(steps, booted, hints, start) if ended else _with_later_boot(steps, booted, end)
    if steps and any(hint.turn is Turn.RESTARTED and hint.at == steps[0].at for hint in hints):
        steps = [*_down_since_lost(steps[0].at, start, hints), *steps]
    steps = _ending_in(now, steps)
    return [*steps, StateSince(end, State.UNKNOWN)] if steps else []


def _ended(
    steps: list[StateSince], booted: Estimate, hints: Sequence[Hint], start: Instant
) -> list[StateSince]:
    """What events told of a gap, which did not tell the last start: the boot time does, where it comes after them."""
    if not steps:
        lost = _down_since_lost(booted.earliest, start, hints)
        return (
            [*lost, *_up_after(booted, start, booted.latest)]
            if lost
            else [StateSince(booted.latest, State.UP)]
        )
    return (
        [*steps, *_up_after(booted, steps[-1].at, booted.latest)] if steps[-1].at < booted.earliest else steps
    )


def _down_since_lost(at: Instant, after: Instant, hints: Sequence[Hint]) -> list[StateSince]:
    """Down from the newest loss of contact within `(after, at)`, if there is one."""
    lost_at = max(
        (hint.at for hint in hints if hint.turn is Turn.LOST and after < hint.at < at), default=None
    )
    return [] if lost_at is None else [StateSince(lost_at, State.DOWN)]


def _with_later_boot(steps: list[StateSince], booted: Estimate | None, until: Instant) -> list[StateSince]:
    """What events told, with the restart that they did not: a boot that surely comes after the last start."""
    if booted is None or not steps or steps[-1].state is not State.UP:
        return steps
    if not steps[-1].at + LATE_US < booted.earliest <= booted.latest <= until:
        return steps
    return [*steps[:-1], StateSince(steps[-1].at, State.UNKNOWN), StateSince(booted.latest, State.UP)]


def _is_within(booted: Estimate, start: Instant, end: Instant) -> bool:
    """Whether it may have been then; a boot that was then and cannot have been shows that its host's clock was set."""
    return start < booted.latest and booted.earliest < end


def _up_after(booted: Estimate, after: Instant, until: Instant) -> list[StateSince]:
    """Up at a boot, unknown for as long as it may have been before."""
    earliest, latest = max(booted.earliest, after), min(booted.latest, until)
    if latest - earliest <= TOLERANCE_US:
        return [StateSince(latest, State.UP)]
    return [StateSince(earliest, State.UNKNOWN), StateSince(latest, State.UP)]


def _moved_up(hints: Sequence[Hint], back_at: Instant) -> list[Hint]:
    """The hints, a restart that was told just after it was seen to be over at that instant."""
    return sorted(
        (
            Hint(back_at, hint.turn, hint.dated)
            if hint.turn is Turn.RESTARTED and back_at < hint.at <= back_at + LATE_US
            else hint
            for hint in hints
        ),
        key=lambda hint: hint.at,
    )


def _told_watched(was: State, after: Instant, until: Instant, hints: Sequence[Hint]) -> list[StateSince]:
    """What dated events in `(after, until]` say of time in which updates came, each step another state than the one before.

    Of two offs the later counts, for in between it was seen up; so it was all but the last moments of a long off.
    """
    steps: list[StateSince] = []
    state = was
    for hint in hints:
        told = _STATES.get(hint.turn)
        if told is None or not hint.dated or not after < hint.at <= until:
            continue
        if told is state is State.DOWN and steps and hint.at > steps[-1].at + SAME_US:
            steps[-1] = StateSince(hint.at, State.DOWN)
        elif told is not state:
            if steps and told is State.UP and hint.at > steps[-1].at + UNSEEN_US:
                steps[-1] = StateSince(Instant(hint.at - SAME_US), State.UNKNOWN)
            steps.append(StateSince(hint.at, told))
            state = told
    return steps


def _told(after: Instant, until: Instant, hints: Iterable[Hint]) -> list[StateSince]:
    """What events in `(after, until]` say of time in which no updates came, each step another state than the one before.

    Between two starts, or two offs, something happened of which no event tells; once contact was lost nothing is known
    until the next event, and it was down if that is a start.
    """
    steps: list[StateSince] = []
    lost_at: Instant | None = None
    for hint in hints:
        if not after < hint.at <= until:
            continue
        state = _STATES.get(hint.turn)
        if hint.turn is Turn.LOST:
            lost_at = hint.at
        if state is None:
            continue
        last = steps[-1] if steps else None
        lost_since = lost_at if last is not None and lost_at is not None and lost_at > last.at else None
        if last is not None and last.state is state:
            if hint.at <= last.at + SAME_US:
                continue  # two events of one thing
            if state is State.UP and lost_since is not None:
                steps.append(StateSince(lost_since, State.DOWN))
            else:
                steps[-1] = StateSince(last.at, State.UNKNOWN)
        elif (
            last is not None
            and hint.turn is Turn.RESTARTED
            and lost_since is not None
            and lost_since > last.at + SAME_US
        ):
            # HA restarts what ran: after the off it was on again, and off when contact was lost.
            steps[-1] = StateSince(last.at, State.UNKNOWN)
            steps.append(StateSince(lost_since, State.DOWN))
        steps.append(StateSince(hint.at, state))
    if steps and steps[-1].state is State.UP and lost_at is not None and lost_at > steps[-1].at:
        steps.append(StateSince(lost_at, State.UNKNOWN))
    return steps


def _ending_in(now: State, steps: list[StateSince]) -> list[StateSince]:
    """Where events do not end in the state that was seen, one is missing, or may be: unknown from the last on."""
    if steps and steps[-1].state is not now:
        return [*steps[:-1], StateSince(steps[-1].at, State.UNKNOWN)]
    return steps


def _is_undated(hint: Hint) -> bool:
    """Whether it says that the power changed, and not when."""
    return not hint.dated and hint.turn in _STATES


_STATES: Final = {Turn.OFF: State.DOWN, Turn.ON: State.UP, Turn.RESTARTED: State.UP}
