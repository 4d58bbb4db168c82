"""How far a vCenter's event history was read: what is new in it, where to go on, and whether it is still the same history.

A key is unique only within one history. A vCenter restored from a backup starts another, with keys that were given before
and, for a while, earlier times; so an event is known by its key, its time, its type and its object. That the history goes
on where it ended is not taken for granted: the newest event that was known has to be read again.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple

from probes.report import KnownEvent
from probes.vcenter.clocks import VCenterInstant
from probes.vcenter.values import Moid
from sla.instants import MINUTE, SECOND, Instant

OVERLAP_US: Final = 2 * MINUTE
"""How far before the newest known event a collector begins: events of several hosts arrive out of order."""
REMEMBERED: Final = 20_000
"""How many of the newest events are known again, and however many more the overlap has; but never more than the next."""
MOST_REMEMBERED: Final = 200_000
SAME_US: Final = 2 * SECOND
"""By how much the time of one event may differ from one process to the next, which measure clocks anew."""

LOST: Final = "its newest event of before is no longer there: events may be missing"
KEYS_AGAIN: Final = "keys of it were given twice: it was restored, and events may be missing"
UNREAD: Final = "some of it cannot be read: what happened may be missing"
UNMEASURED: Final = "vCenter's clock cannot be read: events may be missing, or dated wrongly"
OTHER_VCENTER: Final = "it is another vCenter's than before, by its instance UUID"


class EventIdentity(NamedTuple):
    """By what an event is known again within one process."""

    key: str
    stamp: VCenterInstant
    type: str
    vm: Moid | None


class EventPosition:
    """Of one source, over sessions. `until` is the newest instant of an event, on our clock; None before the first."""

    def __init__(self, known: Iterable[KnownEvent]) -> None:
        self._of_before: dict[str, list[KnownEvent]] = {}
        """What the process before this one read, by key."""
        self._newest: EventIdentity | KnownEvent | None = None
        """What a collector that is opened now has to give again."""
        self.until: Instant | None = None
        for event in known:
            self._of_before.setdefault(event.key, []).append(event)
            if self.until is None or event.at > self.until:
                self._newest, self.until = event, event.at
        self._in_order = sorted((each for same in self._of_before.values() for each in same), key=_at)
        self._again: set[KnownEvent] = set()
        """Those of before that were read again."""
        self._awaited: EventIdentity | KnownEvent | None = None
        self._seen: OrderedDict[EventIdentity, None] = OrderedDict()
        self._by_key: dict[str, EventIdentity] = {}
        """The newest of `_seen` with each key."""
        self._newest_key = ""
        self._newest_stamp = VCenterInstant(0)
        """The newest time of an event that is one on our clock, too."""
        self._history = ""
        self._faults: list[str] = []

    def opened(self, history: str) -> None:
        """A collector begins to read a vCenter's history; `history` is its instance UUID, "" where it is not told."""
        self._awaited = self._newest
        if history and self._history and history != self._history:
            self._faults.append(OTHER_VCENTER)
            self._awaited = None
        self._history = history or self._history

    def take(self, event: EventIdentity, at: Instant | None) -> bool:
        """Whether an event is new; `at` is when it was by our clock, None where its time is none."""
        before = self._of_before_as(event, at)
        if before is not None:
            self._again.add(before)
        if self._awaited in (event, before):
            self._awaited = None
        if event in self._seen:
            return False
        if before is None and (event.key in self._by_key or event.key in self._of_before):
            self._faults.append(KEYS_AGAIN)
        if at is not None:
            self._newest_stamp = max(self._newest_stamp, event.stamp)
        self._remember(event)
        if before is not None:
            return False
        if at is not None and (self.until is None or at >= self.until):
            self.until, self._newest = at, event
        return True

    def unread(self) -> None:
        """Something could not be read that may have been events."""
        self._faults.append(UNREAD)

    def unmeasured(self) -> None:
        """It is not known what vCenter's clock shows."""
        self._faults.append(UNMEASURED)

    @property
    def newest_key(self) -> str:
        """That of the event which was read last; "" before the first."""
        return self._newest_key

    def drained(self) -> None:
        """All events that there are by now were read: what was awaited has come, or is not there."""
        if self._awaited is not None:
            self._faults.append(LOST)
            self._awaited = self._newest = None

    def faults(self) -> tuple[str, ...]:
        """What was found wrong with the history since this was asked last, each once."""
        faults, self._faults = tuple(dict.fromkeys(self._faults)), []
        return faults

    def _of_before_as(self, event: EventIdentity, at: Instant | None) -> KnownEvent | None:
        """As what the process before this one told of an event; None where it did not. One without a time goes by key and type."""
        same = [each for each in self._of_before.get(event.key, ()) if each.type == event.type]
        for each in same:
            if at is None or abs(at - each.at) <= SAME_US:
                return each
        # One that was dated to come then is on record as of when it was read.
        later = (each for each in same if at is not None and at > each.at and each not in self._again)
        return next((each for each in later if self._goes_on_to(each)), None)

    def _goes_on_to(self, known: KnownEvent) -> bool:
        """Whether the history is the same up to an event of before: the one before it was read again as it was."""
        number = bisect_left(self._in_order, known.at, key=_at)
        return number > 0 and self._in_order[number - 1] in self._again

    def _remember(self, event: EventIdentity) -> None:
        self._seen[event] = None
        self._by_key[event.key] = event
        self._newest_key = event.key
        # Two steps for each that is new, so that what was kept for its time goes once that is past.
        for _ in range(2):
            if len(self._seen) <= REMEMBERED:
                return
            oldest, _ = self._seen.popitem(last=False)
            is_given_again = oldest.stamp.us >= self._newest_stamp.us - 2 * OVERLAP_US
            if is_given_again and len(self._seen) < MOST_REMEMBERED:
                self._seen[oldest] = None
            elif self._by_key[oldest.key] == oldest:
                del self._by_key[oldest.key]


def _at(event: KnownEvent) -> Instant:
    return event.at
