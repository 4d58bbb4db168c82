"""When it happened, as against when we noticed: what events and boot times tell about a virtual server's power.

State comes from updates, history from events: a fast off and on can be coalesced on the way, and an outage that began
while nobody watched is dated by the events read afterwards. All functions are pure; hints are in order of time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sla.instants import SECOND, Instant
from sla.records import State

BOOT_TOLERANCE_US: Final = 2 * SECOND
"""Boot times are whole seconds of another machine's clock."""


class Turn(Enum):
    """What an event says of a virtual server's power."""

    OFF = "off"
    ON = "on"
    LOST = "lost"
    """Contact was lost: the source cannot say whether it runs."""


@dataclass(frozen=True, slots=True, order=True)
class StateSince:
    """A state from an instant on."""

    at: Instant
    state: State


@dataclass(frozen=True, slots=True)
class Hint:
    """An event about power, on our clock."""

    at: Instant
    turn: Turn


def turned(
    was: State,
    since: Instant,
    now: State,
    noticed_at: Instant,
    boot_at: Instant | None,
    hints: Sequence[Hint],
) -> list[StateSince]:
    """The steps from one state, which held since `since`, to another, which was seen at `noticed_at`.

    Events date them, and a boot time the last one up; what neither dates happened when it was noticed.
    """
    steps = _told(was, since, noticed_at, hints)
    if now is State.UP:
        steps = _up_by_boot(steps, was, since, noticed_at, boot_at)
    if (steps[-1].state if steps else was) is not now:
        steps.append(StateSince(noticed_at, now))
    return steps


def power_cycles(
    since: Instant, until: Instant, boot_at: Instant | None, hints: Sequence[Hint]
) -> list[StateSince]:
    """The downs and ups within `(since, until]`, a time in which the updates showed a server as up throughout.

    An off that nothing followed is left out: the updates will say.
    """
    steps = _up_by_boot(_told(State.UP, since, until, hints), State.UP, since, until, boot_at)
    return steps[:-1] if steps and steps[-1].state is State.DOWN else steps


def recovered(
    lost_at: Instant, back_at: Instant, boot_at: Instant | None, now: State, hints: Sequence[Hint]
) -> list[StateSince]:
    """What a server did between the loss of contact and the moment the source could speak of it again.

    The same boot, and no suspension: up throughout. A newer one: down from the loss of contact to the boot, which is
    how an HA restart looks. Off when it came back: the events tell, if they do. The last step is the return to unknown.
    """
    told = _told(None, lost_at, back_at, hints)
    if now is State.UP and boot_at is not None:
        if lost_at + BOOT_TOLERANCE_US < boot_at < back_at:
            later = [step for step in told if step.at > boot_at + BOOT_TOLERANCE_US]
            steps = [StateSince(lost_at, State.DOWN), StateSince(boot_at, State.UP), *_ending_in(now, later)]
            return [*steps, StateSince(back_at, State.UNKNOWN)]
        if not told or told[0].state is State.DOWN:
            told.insert(0, StateSince(lost_at, State.UP))
    # Without a boot time nothing but events says that it did not restart.
    steps = _ending_in(now, told)
    return [*steps, StateSince(back_at, State.UNKNOWN)] if steps else []


def within_gap(
    start: Instant, end: Instant, boot_at: Instant | None, now: State, hints: Sequence[Hint]
) -> list[StateSince]:
    """What events and the boot time prove of a time `[start, end)` in which nobody watched; the rest stays unknown."""
    steps = _told(None, start, end, hints)
    if now is State.UP and boot_at is not None and start < boot_at < end:
        before = [step for step in steps if step.at < boot_at]
        later = [step for step in steps if step.at > boot_at + BOOT_TOLERANCE_US]
        if before and before[-1].state is State.UP and before[-1].at >= boot_at - BOOT_TOLERANCE_US:
            before.pop()
        lost_at = max((h.at for h in hints if h.turn is Turn.LOST and start < h.at < boot_at), default=None)
        if not before and lost_at is not None:
            before = [StateSince(lost_at, State.DOWN)]
        steps = [*before, StateSince(boot_at, State.UP), *later]
    steps = _ending_in(now, steps)
    return [*steps, StateSince(end, State.UNKNOWN)] if steps else []


def _told(was: State | None, after: Instant, until: Instant, hints: Iterable[Hint]) -> list[StateSince]:
    """What events in `(after, until]` say, each step another state than the one before; None: any may come first."""
    steps: list[StateSince] = []
    for hint in hints:
        state = _STATES.get(hint.turn)
        if state is not None and state is not was and after < hint.at <= until:
            steps.append(StateSince(hint.at, state))
            was = state
    return steps


def _up_by_boot(
    steps: list[StateSince], was: State, since: Instant, noticed_at: Instant, boot_at: Instant | None
) -> list[StateSince]:
    """Date the last step up by the boot time, which is when the outage before it ended, if it fits in."""
    downs = steps[:-1] if steps and steps[-1].state is State.UP else steps
    if downs:
        down_at = downs[-1].at
    elif was is State.DOWN:
        down_at = since
    else:
        return steps
    if boot_at is None or not down_at < boot_at <= noticed_at:
        return steps
    return [*downs, StateSince(boot_at, State.UP)]


def _ending_in(now: State, steps: list[StateSince]) -> list[StateSince]:
    """Where the events end in another state than the one that was seen, one is missing: unknown from the last on."""
    if steps and steps[-1].state is not now and now is not State.UNKNOWN:
        return [*steps[:-1], StateSince(steps[-1].at, State.UNKNOWN)]
    return steps


_STATES: Final = {Turn.OFF: State.DOWN, Turn.ON: State.UP}
