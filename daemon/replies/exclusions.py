"""Maintenance windows and the other exclusions: as they stand on record, and what a window comes to."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field

from daemon.replies.common import At, Ratio, Receipt, Reply, Seconds, WithdrawalStatus
from sla.announcement import Split
from sla.exclusions import Ineligible, IneligibleReason
from sla.records import Category
from sla.recurrence import ClockChange
from sla.spans import length

WindowState = Literal["announced", "running", "past", "withdrawn"]


class TimeSpan(Reply):
    """A span of time; its end is not in it."""

    start: At = Field(serialization_alias="from")
    end: At = Field(serialization_alias="until")


class IneligibleTime(Reply):
    """Time of a window that is not excluded, for one reason (spec §4.5)."""

    reason: IneligibleReason
    seconds: Seconds
    spans: tuple[TimeSpan, ...]

    @classmethod
    def of(cls, ineligible: Ineligible) -> Self:
        """As the arithmetic has it."""
        return cls(
            reason=ineligible.reason,
            seconds=length(ineligible.spans),
            spans=tuple(TimeSpan(start=start, end=end) for start, end in ineligible.spans),
        )


class WeekLeft(Reply):
    """A local week, Monday to Monday, that the window touches: the time that may be used for maintenance in it."""

    start: At = Field(serialization_alias="from")
    cap_seconds: Seconds
    used_seconds: Seconds = Field(description="The window's own eligible time among it.")
    left_seconds: Seconds


class WindowSplit(Reply):
    """How long a window covers the service of a server, and what of that will be excluded."""

    seconds: Seconds
    eligible_seconds: Seconds
    ineligible: tuple[IneligibleTime, ...]
    weeks: tuple[WeekLeft, ...]

    @classmethod
    def of(cls, split: Split) -> Self:
        """As the arithmetic has it."""
        return cls(
            seconds=length(split.covered),
            eligible_seconds=length(split.eligible),
            ineligible=tuple(map(IneligibleTime.of, split.ineligible)),
            weeks=tuple(
                WeekLeft(
                    start=week.start,
                    cap_seconds=week.cap,
                    used_seconds=week.used,
                    left_seconds=week.cap - week.used,
                )
                for week in split.weeks
            ),
        )


class ServerShare(WindowSplit):
    """A window on one virtual server, while it belongs to one client."""

    server: str
    name: str
    client: str


class AlikeServers(WindowSplit):
    """How many virtual servers of one client a window is the same for, and what it is for each of them."""

    client: str
    servers: int


class Summary(Reply):
    """On how many virtual servers a window will be excluded whole, in part, not at all."""

    servers: int
    fully_eligible: int
    partly: int
    not_at_all: int

    @classmethod
    def of(cls, servers: Mapping[tuple[int, int], int]) -> Self:
        """Of how many servers there are by what is eligible and what is covered of each."""
        fully = sum(count for (eligible, covered), count in servers.items() if eligible == covered)
        partly = sum(count for (eligible, covered), count in servers.items() if 0 < eligible < covered)
        count = sum(servers.values())
        return cls(servers=count, fully_eligible=fully, partly=partly, not_at_all=count - fully - partly)


class MaintenanceReceipt(Receipt):
    """An announced window, and what it will come to on each virtual server."""

    id: str | None
    category: Category
    start: At = Field(serialization_alias="from")
    end: At = Field(serialization_alias="until")
    clients: tuple[str, ...]
    solutions: tuple[str, ...]
    announced_at: At | None
    reference: str | None
    summary: Summary
    servers: tuple[ServerShare, ...]
    """The last key: rows are put in one by one."""


class SeriesWindow(Reply):
    """A window of a series, and what it will come to."""

    id: str | None
    start: At = Field(serialization_alias="from")
    end: At = Field(serialization_alias="until")
    local: str = Field(description="When it begins, by the clock of `timezone`.")
    clock_change: ClockChange | None = Field(
        description="What a change of that clock makes of its time: `skipped`, it begins when the clock goes on; `twice`, at"
        " the first of the two."
    )
    summary: Summary
    servers: tuple[AlikeServers, ...]


class SeriesReceipt(Receipt):
    """Windows that were announced at once, each of which stands by itself."""

    id: str | None
    category: Category
    every: str
    timezone: str
    clients: tuple[str, ...]
    solutions: tuple[str, ...]
    announced_at: At | None
    reference: str | None
    windows: tuple[SeriesWindow, ...]


class Ended(Reply):
    """The end of an open exclusion."""

    at: At
    recorded_at: At
    recorded_by: str


class ExclusionKeys(Reply):
    """What an exclusion says."""

    id: str | None
    category: Category
    start: At = Field(serialization_alias="from")
    end: At | None = Field(serialization_alias="until", description="Null while it is open.")
    clients: tuple[str, ...]
    solutions: tuple[str, ...]
    servers: tuple[str, ...]
    announced_at: At | None
    reference: str | None


class MonthFigures(Reply):
    """The figures of a month so far; a ratio is null where there is nothing to divide by."""

    availability: Ratio | None
    down_seconds: Seconds
    met: bool | None


class MonthEffect(Reply):
    """A virtual server's local month with a client, as it stands and as it would."""

    server: str
    name: str
    client: str
    month: str
    before: MonthFigures
    after: MonthFigures


class ExclusionReceipt(Receipt, ExclusionKeys):
    """An exclusion that was recorded."""

    effects: tuple[MonthEffect, ...] = Field(
        description="For a dry run: the months of virtual servers whose figures would be others, at most 1000."
    )


class ExclusionStatus(ExclusionKeys):
    """An exclusion on record, as it stands."""

    recorded_at: At
    recorded_by: str
    records: tuple[str, ...] = Field(
        description="The ids of its records: of what concerns several clients each has one of its own, which goes by that id too."
    )
    ended: Ended | None
    withdrawn: WithdrawalStatus | None
    state: WindowState
    names: dict[str, str] = Field(
        description="By its id the name of each server in `servers`, and of those sold alone in `solutions`."
    )


class CalendarWindow(Reply):
    """A maintenance window, and what it comes to by what is on record now."""

    window: ExclusionStatus
    summary: Summary | None = Field(
        description="Null where it is not judged: it is withdrawn, open, or longer than 31 days."
    )
    servers: tuple[AlikeServers, ...]


class MaintenanceCalendar(Reply):
    """The maintenance windows that have some of a span, by their beginning."""

    start: At = Field(serialization_alias="from")
    end: At = Field(serialization_alias="until")
    client: str | None
    windows: tuple[CalendarWindow, ...]


class MaintenanceList(Reply):
    """Maintenance windows, by their beginning."""

    maintenance: tuple[ExclusionStatus, ...]


class ExclusionList(Reply):
    """Exclusions for other reasons, by their beginning."""

    exclusions: tuple[ExclusionStatus, ...]


class EndReceipt(Receipt):
    """The end of an exclusion that was recorded."""

    id: str
    at: At
