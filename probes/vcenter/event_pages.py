"""One collector of a vCenter's event history: pages of plain values, also past what cannot be read.

pyvmomi would fail a whole page for one event of a class that it does not know; here an event that is no XML stands as
`soap.UnreadableItem` among the others. A page that fails as a whole, because it was lost on the way or holds what no reply can
hold, is read again by a new collector in ever smaller pages, until what cannot be read stands alone; in its place stands
an `UnreadEvents`. A history that cannot be read at all rests for a while, and costs nothing else.
"""

import math
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pyVmomi import vim

from probes.vcenter import soap
from probes.vcenter.clocks import SANE_UNTIL, VCenterInstant, stamp_us
from probes.vcenter.event_types import EVENT_TYPES
from probes.vcenter.faults import (
    PermissionDeniedError,
    ReplyError,
    VcenterError,
    VCenterUnreachableError,
    is_of_one_call,
    reading,
)
from probes.vcenter.positions import OVERLAP_US
from probes.vcenter.properties import moid_of
from probes.vcenter.session import TRIES, Session
from probes.vcenter.values import Moid
from sla.instants import SECOND, Instant, datetime_of

PAGE: Final = 200
MOST_CALLS: Final = 50
"""How many pages a look asks for, with all that it takes to come past what cannot be read; then the next look goes on."""
FAR: Final = 2_000
"""After how many events a new collector need not begin before them, but for the overlap."""
MOST_TRIES: Final = 10
"""How often in a row a collector is asked for one event, before what comes within a second of it is left out too: it does not
move on."""
MOST_STEPS: Final = 12
"""How often that second is doubled before the history rests: by then it is more than an hour."""
REST_S: Final = 300.0
"""How long a history rests that cannot be read. The state of everything is watched on meanwhile."""


@dataclass(frozen=True, slots=True)
class UnreadEvents:
    """So many events, or what of the history, could not be read at all; and why."""

    count: int
    what: str
    why: str


class _HistoryError(VcenterError):
    """The history can be read no further for now."""


class EventPages:
    """Of one session, which has it until it ends.

    A new collector begins where everything was read, less the overlap, and comes back to where a page failed: what it gives
    again on the way is known to whoever reads, but for what was written late.
    """

    def __init__(self, session: Session, begin: VCenterInstant) -> None:
        """`begin`: from when on events are given."""
        self._session = session
        self._moid: Moid | None = None
        """The collector; None before it is first asked, and while the history rests."""
        self._was_made = False
        self._begin = begin
        """From when on a new collector gives events."""
        self._newest = self._now = begin
        """The newest time that was read, and what vCenter's clock showed when events were read last."""
        self._given = 0
        """How many events this collector gave, those that could not be read among them."""
        self._reached = 0
        """How many any collector gave since `_begin`: up to there nothing fails, but for `_unread`."""
        self._unread: set[int] = set()
        """Which of them could not be read, and are asked for alone."""
        self._fails_before = 0
        """A page failed for one of those after `_reached` and before this; 0 for none."""
        self._most = PAGE
        """How many a page may hold: fewer, once one failed of which each event can be read."""
        self._rests_until_s = -math.inf
        """Until when the history is left alone."""
        self._lost = 0
        """How many answers in a row were lost on the way."""
        self._why = ""
        """What was wrong with the last page that failed."""

    def read(
        self, pages: int, size: int = PAGE, *, now: VCenterInstant
    ) -> tuple[list[Any | UnreadEvents], bool]:
        """What there is of up to `pages` pages, oldest first, and whether that is all that there is now.

        Raises VcenterError for what concerns the session, and PermissionDeniedError where it may read no history.
        """
        self._now = now
        found: list[Any | UnreadEvents] = []
        if time.monotonic() < self._rests_until_s:
            return found, False
        try:
            return found, self._read_on(found, pages, size)
        except VcenterError as error:
            is_denied = isinstance(error, PermissionDeniedError) and not self._was_made
            if is_denied or not (isinstance(error, _HistoryError) or is_of_one_call(error)):
                raise
            self._rests_until_s = time.monotonic() + REST_S
            self.close()
            found.append(UnreadEvents(1, f"the event history, for {REST_S:g} s", str(error)))
            return found, False

    def close(self) -> None:
        """Give it back: a session may have few."""
        if self._moid is not None:
            self._session.destroy_collector(self._moid)
            self._moid = None

    def _read_on(self, found: list[Any | UnreadEvents], pages: int, size: int) -> bool:
        """Read into `found`; whether nothing is left."""
        if self._moid is None:
            self._replace(self._begin)
        for _ in range(MOST_CALLS):
            asked, is_again = self._next_size(size), self._given < self._reached
            page = self._tried(asked)
            if page is None and asked > 1:
                self._reached, self._fails_before = self._given, self._given + asked
                self._replace(self._begin)
                continue
            if self._given in self._unread and (page is None or any(map(_has_no_end, page))):
                self._given += 1  # it was told of before
                continue
            if page is None:
                page, unread = self._past()
                found.append(unread)
            found += page
            self._took(page)
            if not page:
                return True
            pages -= not is_again
            if not pages:
                return False
        return False

    def _next_size(self, size: int) -> int:
        """How much to ask for: up to what could not be read before, then towards what fails, then whole pages."""
        if self._given < self._reached:
            stop = min((each for each in self._unread if each >= self._given), default=self._reached)
        elif self._given < self._fails_before:
            stop = (self._given + self._fails_before) // 2
        else:
            stop = self._given + size
        return min(max(stop - self._given, 1), size, self._most)

    def _took(self, page: list[Any]) -> None:
        """Note how far a page came. Where all is read, or much, a new collector need not begin before that."""
        if any(map(_has_no_end, page)):
            self._found_unread(len(page))
        else:
            self._given += len(page)
        if 0 < self._fails_before <= self._given:
            self._fails_before, self._most = 0, max(self._most // 2, 1)
        self._reached = max(self._reached, self._given)
        stamps = (stamp_of(each) for each in page)
        # What is dated to come is no time to begin from.
        self._newest = max(
            [self._newest, *(each for each in stamps if each is not None and each <= self._now)]
        )
        begin = VCenterInstant(self._newest.us - OVERLAP_US)
        if (not page or self._reached >= FAR) and begin > self._begin:
            self._begins(begin)
        if not page:
            self._fails_before = 0

    def _found_unread(self, count: int) -> None:
        """Pass over so many that each fail alone."""
        self._unread |= set(range(self._given, self._given + count))
        self._given += count
        self._fails_before = 0

    def _begins(self, begin: VCenterInstant) -> None:
        """A new collector begins later than before."""
        self._begin = begin
        self._given = self._reached = self._fails_before = 0
        self._unread, self._most = set(), PAGE

    def _past(self) -> tuple[list[Any], UnreadEvents]:
        """The event after one that fails alone; where the collector does not move on, after ever more seconds of it."""
        for tries in range(1, MOST_TRIES + 1):
            page = self._tried(1)
            if page is not None:
                self._found_unread(tries)
                return page, UnreadEvents(tries, "", self._why)
        for step in range(MOST_STEPS):
            begin = VCenterInstant(self._newest.us + SECOND * 2**step)
            self._replace(begin)
            for _ in range(MOST_TRIES):
                page = self._tried(1)
                if page is not None:
                    self._begins(begin)
                    return page, UnreadEvents(1, "some", self._why)
        raise _HistoryError(self._why)

    def _tried(self, size: int) -> list[Any] | None:
        """The next page; None where it cannot be read. Raises VcenterError for what concerns more than a page."""
        assert self._moid is not None
        try:
            page = self._session.next_events(self._moid, size)
            if size > 1 and any(map(_has_no_end, page)):
                raise ReplyError("an event has no end, so that others may be lost with it")
        except VcenterError as error:
            is_lost = isinstance(error, VCenterUnreachableError)
            self._lost += is_lost
            if self._lost > TRIES or not (is_lost or is_of_one_call(error)):
                raise
            self._why = str(error)
            return None
        self._lost = 0
        return page

    def _replace(self, begin: VCenterInstant) -> None:
        """Have another collector in place of the one that there is."""
        self.close()
        self._moid = self._created(begin)
        self._was_made, self._given = True, 0

    def _created(self, begin: VCenterInstant) -> Moid:
        """A new collector; an answer that was lost is asked for again, on a fresh connection."""
        content = self._session.content
        for _ in range(TRIES):
            try:
                return self._asked_for(begin, content)
            except (VCenterUnreachableError, ReplyError):
                continue
        return self._asked_for(begin, content)

    @staticmethod
    def _asked_for(begin: VCenterInstant, content: Any) -> Moid:
        with reading("the answer to CreateCollectorForEvents"):
            return moid_of(content.eventManager.CreateCollectorForEvents(filter_since(begin, content)))


def filter_since(begin: VCenterInstant, content: Any) -> vim.event.EventFilterSpec:
    """What is asked of the history of all that a vCenter has: the events that are read, from a time of its clock on."""
    return vim.event.EventFilterSpec(
        entity=vim.event.EventFilterSpec.ByEntity(entity=content.rootFolder, recursion="all"),
        time=vim.event.EventFilterSpec.ByTime(beginTime=_calendar(begin)),
        eventTypeId=list(EVENT_TYPES),
    )


def _has_no_end(event: object) -> bool:
    return isinstance(event, soap.UnreadableItem) and not event.closed


def stamp_of(event: object) -> VCenterInstant | None:
    """When an event was made, by vCenter's clock; None where it does not say so."""
    us = stamp_us(shown(event, "createdTime"))
    return None if us is None else VCenterInstant(us)


def shown(event: object, member: str) -> str | None:
    """What a member says of something that may be no event; None where that is no text."""
    if isinstance(event, soap.UnreadableItem):
        return event.said(member)
    value = event.get(member) if isinstance(event, dict) else None
    return value if isinstance(value, str) else None


def _calendar(begin: VCenterInstant) -> datetime:
    """A begin time as far as a calendar has it."""
    return datetime_of(Instant(min(max(begin.us, 0), SANE_UNTIL)))
