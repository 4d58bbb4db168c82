"""When it happened, as against when we noticed: what events and boot times tell about a virtual server's power.

State comes from updates, history from events: a fast off and on can be coalesced on the way, and an outage that began
while nobody watched is dated by the events read afterwards. All functions are pure.
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
class Step:
    """A state from an instant on."""

    at: Instant
    state: State


@dataclass(frozen=True, slots=True)
class Hint:
    """An event about power, on our clock."""

    at: Instant
    turn: Turn


def went_down_at(since: Instant, noticed_at: Instant, hints: Sequence[Hint]) -> Instant:
    """When a server, up since `since` and seen down at `noticed_at`, went down: by the event that says so, if any."""
    return _last(hints, Turn.OFF, since, noticed_at) or noticed_at


def came_up_at(
    since: Instant, noticed_at: Instant, boot_at: Instant | None, hints: Sequence[Hint]
) -> Instant:
    """When a server, down since `since` and seen up at `noticed_at`, came up: by its boot time, else by the event."""
    if boot_at is not None and since < boot_at <= noticed_at:
        return boot_at
    return _last(hints, Turn.ON, since, noticed_at) or noticed_at


def power_cycles(since: Instant, until: Instant, hints: Sequence[Hint]) -> list[Step]:
    """The downs and ups within `[since, until]`, a time in which the updates showed a server as up throughout."""
    steps: list[Step] = []
    off_at: Instant | None = None
    for hint in hints:
        if not since < hint.at <= until:
            continue
        if hint.turn is Turn.OFF and off_at is None:
            off_at = hint.at
        elif hint.turn is Turn.ON and off_at is not None:
            steps += [Step(off_at, State.DOWN), Step(hint.at, State.UP)]
            off_at = None
    return steps


def recovered(
    lost_at: Instant, back_at: Instant, boot_at: Instant | None, now: State, hints: Sequence[Hint]
) -> list[Step]:
    """What a server did between the loss of contact and the moment the source could speak of it again.

    The same boot, and no suspension: up throughout. A newer one: down from the loss of contact to the boot, which is
    how an HA restart looks. Off when it came back: the events tell, if they do. The last step is the return to unknown.
    """
    told = _told(lost_at, back_at, hints)
    if now is State.UP and boot_at is not None and lost_at + BOOT_TOLERANCE_US < boot_at < back_at:
        booted = [Step(lost_at, State.DOWN), Step(boot_at, State.UP)]
        return [*booted, Step(back_at, State.UNKNOWN)]
    if now is State.UP and not told:
        # Without a boot time nothing says that it did not restart.
        return [] if boot_at is None else [Step(lost_at, State.UP), Step(back_at, State.UNKNOWN)]
    return [*told, Step(back_at, State.UNKNOWN)] if told else []


def within_gap(
    start: Instant, end: Instant, boot_at: Instant | None, now: State, hints: Sequence[Hint]
) -> list[Step]:
    """What events and the boot time prove of a time `[start, end)` in which nobody watched; the rest stays unknown."""
    steps = _told(start, end, hints)
    if now is State.UP and boot_at is not None and start < boot_at < end:
        lost_at = _last(hints, Turn.LOST, start, boot_at)
        if lost_at is not None and not any(lost_at <= step.at < boot_at for step in steps):
            steps.append(Step(lost_at, State.DOWN))
        steps = [
            step for step in steps if abs(step.at - boot_at) > BOOT_TOLERANCE_US or step.state is State.DOWN
        ]
        steps.append(Step(boot_at, State.UP))
    return [*sorted(steps), Step(end, State.UNKNOWN)] if steps else []


def _told(start: Instant, end: Instant, hints: Iterable[Hint]) -> list[Step]:
    states = {Turn.OFF: State.DOWN, Turn.ON: State.UP}
    return [
        Step(hint.at, states[hint.turn]) for hint in hints if start < hint.at < end and hint.turn in states
    ]


def _last(hints: Sequence[Hint], turn: Turn, after: Instant, until: Instant) -> Instant | None:
    return next((hint.at for hint in reversed(hints) if hint.turn is turn and after < hint.at <= until), None)
