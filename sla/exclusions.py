"""What the contract excludes, how much of it is eligible, and why the rest is not (spec §4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sla.calendars import Calendar, Day, capped
from sla.instants import FOREVER, Instant
from sla.pages import Window
from sla.records import Category, ClientId, ExclusionId, ServerId
from sla.service import Part
from sla.spans import NOTHING, Spans, clipped, difference, intersection, normalized, union
from sla.terms import AnnouncedBy, ScheduledMaintenance

MAINTENANCE: Final = (Category.EMERGENCY_SECURITY_UPDATE, Category.SCHEDULED_MAINTENANCE)
"""The categories of which only an eligible part is excluded (spec §4.3)."""


class IneligibleReason(Enum):
    """Why time that was recorded as maintenance is not excluded, in the order in which they apply (spec §4.5)."""

    LATE_NOTICE = "late_notice"
    OUTSIDE_BAND = "outside_band"
    OVER_WEEKLY_CAP = "over_weekly_cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ineligible:
    """The time of one window that is not excluded for one reason."""

    exclusion: ExclusionId
    reason: IneligibleReason
    spans: Spans


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excluded:
    """The excluded time of a server in its part with one client. The spans of several categories can overlap."""

    by_category: tuple[tuple[Category, Spans], ...]
    """In order of precedence (spec §4.1)."""
    total: Spans
    ineligible: tuple[Ineligible, ...]

    def booked(self, within: Spans) -> tuple[tuple[Category, Spans], ...]:
        """The excluded part of `within`, each instant under the first category that covers it (spec §4.1)."""
        left = within
        shares = []
        for category, spans in self.by_category:
            share = intersection(left, spans)
            if share:
                shares.append((category, share))
                left = difference(left, share)
        return tuple(shares)


NOTHING_EXCLUDED: Final = Excluded(by_category=(), total=NOTHING, ineligible=())

Cover = tuple[tuple[Window, ...], Instant, Instant]
"""A stretch of service, and the windows whose scope covers the server in it."""


class ClientExclusions:
    """The exclusions of one client, judged by its clock and its terms. Remembers what servers share."""

    def __init__(
        self, *, client: ClientId, calendar: Calendar, terms: ScheduledMaintenance, windows: Iterable[Window]
    ) -> None:
        """`windows` are all that stand, whoever they concern."""
        self._calendar = calendar
        self._terms = terms
        self._capped = MAINTENANCE if terms.emergency_in_cap else (Category.SCHEDULED_MAINTENANCE,)
        self._for_all: list[Window] = []
        self._for_solution: dict[str, list[Window]] = {}
        self._for_server: dict[str, list[Window]] = {}
        self._judged: dict[tuple[Cover, ...], Excluded] = {}
        self._covering: dict[tuple[str | None, str | None, Instant, Instant], tuple[Window, ...]] = {}
        self._late: dict[Window, bool] = {}
        self._bands: dict[tuple[Instant, Instant], Spans] = {}
        for window in windows:
            self._sort_in(window, client)

    def _sort_in(self, window: Window, client: ClientId) -> None:
        scope = window.record
        if client in scope.clients or scope.is_of_all:
            self._for_all.append(window)
            return
        for solution in scope.solutions:
            self._for_solution.setdefault(solution, []).append(window)
        for server in scope.servers:
            self._for_server.setdefault(server, []).append(window)

    def covering(self, server: ServerId, part: Part, start: Instant, end: Instant) -> tuple[Window, ...]:
        """The windows in `[start, end)` whose scope covers a server in a part of its service (spec §4.2)."""
        solution = part.key if part.key in self._for_solution else None
        named = server if server in self._for_server else None
        windows = self._covering.get((solution, named, start, end))
        if windows is None:
            named_too = (*self._for_solution.get(part.key, ()), *self._for_server.get(server, ()))
            windows = self._covering[solution, named, start, end] = tuple(
                window
                for window in dict.fromkeys((*self._for_all, *named_too))
                if window.start < end and start < window.end
            )
        return windows

    def excluded(self, server: ServerId, parts: Sequence[Part], start: Instant, end: Instant) -> Excluded:
        """What is excluded for a server in `[start, end)`, which must be whole local weeks (spec §4.4c)."""
        covers = tuple(
            (windows, max(part.start, start), min(part.end, end))
            for part in parts
            if part.start < end and start < part.end
            for windows in [self.covering(server, part, start, end)]
            if windows
        )
        if not covers:
            return NOTHING_EXCLUDED
        excluded = self._judged.get(covers)
        if excluded is None:
            excluded = self._judged[covers] = self._judge(covers)
        return excluded

    def _judge(self, covers: Sequence[Cover]) -> Excluded:
        eligible: dict[Category, list[Spans]] = {category: [] for category in Category}
        candidates: list[tuple[Window, Spans]] = []
        ineligible: list[Ineligible] = []
        for window, whole in _stretches(covers):
            if window.category not in MAINTENANCE:
                eligible[window.category].append(whole)
            elif window.category is Category.EMERGENCY_SECURITY_UPDATE:
                candidates.append((window, whole))
            elif self.is_late(window):
                ineligible.append(_ineligible(window, IneligibleReason.LATE_NOTICE, whole))
            else:
                inside = intersection(whole, self._band(whole[0][0], whole[-1][1]))
                candidates.append((window, inside))
                ineligible.append(
                    _ineligible(window, IneligibleReason.OUTSIDE_BAND, difference(whole, inside))
                )
        allowed = self._allowed(candidates)
        for window, spans in candidates:
            part = intersection(spans, allowed) if self._is_capped(window) else spans
            eligible[window.category].append(part)
            ineligible.append(_ineligible(window, IneligibleReason.OVER_WEEKLY_CAP, difference(spans, part)))
        by_category = tuple((category, union(*sets)) for category, sets in eligible.items() if any(sets))
        return Excluded(
            by_category=by_category,
            total=union(*(spans for _, spans in by_category)),
            ineligible=tuple(each for each in ineligible if each.spans),
        )

    def taken_from(
        self, down: Spans, server: ServerId, parts: Sequence[Part]
    ) -> list[tuple[ExclusionId, Spans]]:
        """The exclusions that take something of `down`, which is not empty, each with what it takes; `parts` are all here."""
        start, end = weeks_around(self._calendar, down[0][0], down[-1][1])
        refused = self.excluded(server, parts, start, end).ineligible
        taken = [
            (window.id, intersection(difference(covered, _refused(window, refused)), down))
            for window, covered in covered_by(self, server, parts, start, end)
        ]
        return [(exclusion, spans) for exclusion, spans in sorted(taken) if spans]

    def drawn(self, excluded: Excluded) -> Spans:
        """The excluded time that draws on the weekly cap (spec §4.4c)."""
        return union(*(spans for category, spans in excluded.by_category if category in self._capped))

    def _is_capped(self, window: Window) -> bool:
        return window.category in self._capped

    def _allowed(self, candidates: Iterable[tuple[Window, Spans]]) -> Spans:
        """What the weekly cap leaves of the windows it applies to, all of them together (spec §4.4c)."""
        together = union(*(spans for window, spans in candidates if self._is_capped(window)))
        return capped(together, self._calendar.week_span, self._terms.max_per_week)

    def _band(self, start: Instant, end: Instant) -> Spans:
        band = self._bands.get((start, end))
        if band is None:
            band = self._bands[start, end] = self._calendar.band(self._terms.between, start, end)
        return band

    def is_late(self, window: Window) -> bool:
        """Whether notice of a scheduled maintenance was not given in time (spec §4.4a)."""
        late = self._late.get(window)
        if late is None:
            late = self._late[window] = self._notice_of(window) > self.notice_due_at(window)
        return late

    def notice_due_at(self, window: Window) -> Instant:
        """The last instant at which notice of a window is in time: its wall time, days before (spec §4.4a)."""
        day, time_of_day = self._calendar.wall_clock(window.start)
        return self._calendar.at_wall_time(Day(day - self._terms.notice), time_of_day)

    def _notice_of(self, window: Window) -> Instant:
        record = window.record
        if record.announced_at is None:
            return FOREVER
        return record.recorded_at if self._terms.announcement is AnnouncedBy.RECORDED else record.announced_at


def covered_by(
    exclusions: ClientExclusions, server: ServerId, parts: Iterable[Part], start: Instant, end: Instant
) -> list[tuple[Window, Spans]]:
    """The windows that cover a server in `[start, end)`, each with the time in which it does, eligible or not."""
    return _stretches(
        (exclusions.covering(server, part, start, end), max(part.start, start), min(part.end, end))
        for part in parts
    )


def _stretches(covers: Iterable[Cover]) -> list[tuple[Window, Spans]]:
    pairs: dict[Window, list[tuple[Instant, Instant]]] = {}
    for windows, start, end in covers:
        for window in windows:
            if max(start, window.start) < min(end, window.end):
                pairs.setdefault(window, []).append((max(start, window.start), min(end, window.end)))
    return [(window, normalized(those)) for window, those in pairs.items()]


def _ineligible(window: Window, reason: IneligibleReason, spans: Spans) -> Ineligible:
    return Ineligible(exclusion=window.id, reason=reason, spans=spans)


def _refused(window: Window, ineligible: Iterable[Ineligible]) -> Spans:
    return union(*(each.spans for each in ineligible if each.exclusion == window.id))


def in_force(ineligible: Iterable[Ineligible], within: Spans) -> list[Ineligible]:
    """The ineligible time inside `within`, sorted by exclusion, then reason; what has none there is left out."""
    parts = [
        Ineligible(exclusion=each.exclusion, reason=each.reason, spans=intersection(each.spans, within))
        for each in ineligible
    ]
    return sorted(
        (part for part in parts if part.spans), key=lambda part: (part.exclusion, part.reason.value)
    )


def weeks_around(calendar: Calendar, start: Instant, end: Instant) -> tuple[Instant, Instant]:
    """The whole local weeks that hold `[start, end)`."""
    last = Instant(max(end - 1, start))
    return calendar.week_span(start)[0], calendar.week_span(last)[1]


def covers_just_before(excluded: Spans, at: Instant) -> bool:
    """Whether the time just before `at` is excluded."""
    return bool(clipped(excluded, Instant(at - 1), at))
