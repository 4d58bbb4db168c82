"""One collector of a vCenter's event history: pages of plain values, also past what cannot be read.

pyvmomi would fail a whole page for one event of a class that it does not know; here an event that is no XML stands as
`soap.UnreadableItem` among the others. A page that fails as a whole, because it was lost on the way or holds what no reply can
hold, is read again by a new collector in ever smaller pages, until what cannot be read stands alone; in its place stands
an `UnreadEvents`.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pyVmomi import vim

from probes.vcenter import soap
from probes.vcenter.clocks import SANE_UNTIL, VCenterInstant, stamp_us
from probes.vcenter.event_types import EVENT_TYPES
from probes.vcenter.faults import (
    ReplyError,
    VcenterError,
    VCenterUnreachableError,
    is_about_an_answer,
    reading,
)
from probes.vcenter.properties import moid_of
from probes.vcenter.session import TRIES, Session
from probes.vcenter.values import Moid
from sla.instants import SECOND, Instant, datetime_of

PAGE: Final = 200
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


class EventPages:
    """Of one session, which has it until it ends. Raises VcenterError, above all PermissionDeniedError where it is made."""

    def __init__(self, session: Session, begin: VCenterInstant) -> None:
        """`begin`: from when on events are given."""
        self._session = session
        self._begin = self._now = begin
        """From when on events are given, and what vCenter's clock showed when they were read last."""
        self._rests_until_s: float | None = None
        """Until when the history is left alone; None while it is read."""
        self._lost = 0
        """How many answers in a row were lost on the way."""
        self._why = ""
        """What was wrong with the last page that failed."""
        self._moid: Moid | None = self._created(begin)

    def read(
        self, pages: int, size: int = PAGE, *, now: VCenterInstant
    ) -> tuple[list[Any | UnreadEvents], bool]:
        """What there is of up to `pages` pages, oldest first, and whether that is all that there is now."""
        self._now = now
        if self._rests_until_s is not None:
            if time.monotonic() < self._rests_until_s:
                return [], True
            self._rests_until_s = None
            self._replace(self._begin)
        found: list[Any | UnreadEvents] = []
        for _ in range(pages):
            page = self._tried(size)
            if page is None:
                return [*found, *self._read_again(self._newest(found, self._begin))], True
            found += page
            if not page:
                return found, True
        return found, False

    def close(self) -> None:
        """Give it back: a session may have few."""
        if self._moid is not None:
            self._session.destroy_collector(self._moid)
            self._moid = None

    def _read_again(self, begin: VCenterInstant) -> Iterator[Any]:
        """All that there is from `begin` on, some of it known, in pages as small as it takes."""
        size = singly = spell = PAGE
        self._replace(begin)
        while True:
            page = self._tried(size)
            if page is None and size > 1:
                size //= 2
                self._replace(begin)
                continue
            if page is None:
                page, unread = self._past(begin)
                yield unread
                singly = spell
            if not page:
                return
            begin = self._newest(page, begin)
            yield from page
            # What failed in a larger page is still ahead, or another is near: a new collector would begin before that
            # which was passed. Each spell of single events is longer, so that one of them reaches the end.
            singly -= size == 1
            if singly == 0:
                size, spell = PAGE, 2 * spell
                singly = spell

    def _past(self, begin: VCenterInstant) -> tuple[list[Any], UnreadEvents]:
        """The event after one that fails alone; where the collector does not move on, after ever more seconds of it."""
        for step in range(MOST_STEPS + 1):
            for tries in range(MOST_TRIES):
                page = self._tried(1)
                if page is not None:
                    return page, UnreadEvents(1 if step else 1 + tries, "some" if step else "", self._why)
            self._replace(VCenterInstant(begin.us + SECOND * 2**step))
        self._begin, self._rests_until_s = begin, time.monotonic() + REST_S
        self.close()
        return [], UnreadEvents(1, f"the event history, for {REST_S:g} s", self._why)

    def _tried(self, size: int) -> list[Any] | None:
        """The next page; None where it cannot be read. Raises VcenterError for what concerns more than a page."""
        assert self._moid is not None
        try:
            page = self._session.next_events(self._moid, size)
            if size > 1 and any(
                isinstance(event, soap.UnreadableItem) and not event.closed for event in page
            ):
                raise ReplyError("an event has no end, so that others may be lost with it")
        except VcenterError as error:
            self._lost += isinstance(error, VCenterUnreachableError)
            if not is_about_an_answer(error) or self._lost > TRIES:
                raise
            self._why = str(error)
            return None
        self._lost = 0
        return page

    def _newest(self, page: Iterable[Any], begin: VCenterInstant) -> VCenterInstant:
        """The newest time of a page; `begin` where it has none. What is dated to come is no time to begin from."""
        stamps = (stamp_of(each) for each in page)
        return max((stamp for stamp in stamps if stamp is not None and stamp <= self._now), default=begin)

    def _replace(self, begin: VCenterInstant) -> None:
        """Have another collector in place of the one that there is."""
        self.close()
        self._moid = self._created(begin)

    def _created(self, begin: VCenterInstant) -> Moid:
        with reading("the answer to CreateCollectorForEvents"):
            content = self._session.content
            spec = vim.event.EventFilterSpec(
                entity=vim.event.EventFilterSpec.ByEntity(entity=content.rootFolder, recursion="all"),
                time=vim.event.EventFilterSpec.ByTime(beginTime=_asked_for(begin)),
                eventTypeId=list(EVENT_TYPES),
            )
            return moid_of(content.eventManager.CreateCollectorForEvents(spec))


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


def _asked_for(begin: VCenterInstant) -> datetime:
    """A begin time as far as a calendar has it."""
    return datetime_of(Instant(min(max(begin.us, 0), SANE_UNTIL)))
