"""What of an outage is excluded, and by which exclusions (spec §4), as the statements of its months have it."""

from collections.abc import Callable, Iterator

from sla.calendars import Calendar, Month, next_month
from sla.instants import Instant
from sla.outages import Outage
from sla.records import ExclusionId
from sla.spans import Spans, clipped
from sla.statement import Judgement


def excluding(
    outage: Outage, calendar: Calendar, judgement_of: Callable[[Month], Judgement]
) -> Iterator[tuple[ExclusionId, Spans]]:
    """The exclusions that take something of an outage's down time, each with what it takes in one month.

    `calendar`: its client's. `judgement_of`: the judgement of a month, for each has its own terms (spec §10).
    """
    month = calendar.month_of(outage.down[0][0])
    last = calendar.month_of(Instant(outage.down[-1][1] - 1))
    while month <= last:
        judgement = judgement_of(month)
        rules = judgement.rules(outage.client)
        down = clipped(outage.down, *calendar.month_span(month))
        if rules is not None and down:
            parts = judgement.book.servers[outage.server].parts(judgement.as_of)
            own = [part for part in parts if part.client == outage.client]
            yield from rules.exclusions.taken_from(down, outage.server, own)
        month = next_month(month)
