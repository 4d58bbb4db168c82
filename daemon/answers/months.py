"""A server's month and a solution as the control door tells them: judged anew by `sla` at the instant of the live figures."""

from fractions import Fraction
from typing import cast

from daemon.control.views import ExclusionStatus, IneligibleStatus, MonthStatus, SolutionStatus
from daemon.exposition.families import RATIO_ONE, decimal_text
from daemon.live.figures import JudgementsAt
from sla.availability import Figures
from sla.book import SolutionKey
from sla.document import deadline_row, solution_row
from sla.instants import FOREVER, format_instant
from sla.records import ServerId
from sla.spans import length
from sla.standing import owning
from sla.statement import WindowShare


def month_status(judging: JudgementsAt, server: ServerId) -> MonthStatus | None:
    """The month of a server with the client that it belongs to; None where it has no service in it."""
    judgement = judging.of_server(server).judgement
    owner = owning(judgement.book.servers[server].parts(judging.at), judging.at)
    rows = judgement.server(server, owner.client) if owner is not None else []
    if owner is None or not rows:
        return None
    figures = rows[0].figures
    return MonthStatus(
        month=str(judgement.month),
        at=format_instant(judging.at),
        target=_ratio(figures.terms.target) or "",
        availability=_ratio(figures.availability()),
        availability_low=_ratio(figures.availability_low),
        availability_high=_ratio(figures.availability_high),
        coverage=_ratio(figures.coverage),
        best_possible=_ratio(figures.best_possible),
        budget_us=figures.budget // 1,
        budget_left_us=figures.budget_left // 1,
        times_us=_times(figures),
        excluded_us={category.value: time for category, time in figures.excluded_by},
        exclusions=[_exclusion(share) for share in judgement.windows(server, owner.client)],
    )


def solution_status(judging: JudgementsAt, key: SolutionKey) -> SolutionStatus | None:
    """A solution as its statement says it; None where no server was ever in service in it."""
    judgement = judging.of_client(key[1]).judgement
    state = judgement.solution(key)
    if state is None:
        return None
    deadlines = judgement.deadlines(key) if key in judgement.book.lifecycles else ()
    row = {**solution_row(state), "deadlines": [deadline_row(each) for each in deadlines]}
    return cast(SolutionStatus, row)


def _ratio(value: Fraction | None) -> str | None:
    return None if value is None else decimal_text(value.numerator * RATIO_ONE // value.denominator, 9)


def _times(figures: Figures) -> dict[str, int]:
    return {
        "service": figures.service,
        "excluded": figures.excluded,
        "up": figures.up,
        "down": figures.down,
        "unobserved": figures.unobserved,
        "disputed": figures.disputed,
    }


def _exclusion(share: WindowShare) -> ExclusionStatus:
    window = share.window
    return ExclusionStatus(
        id=window.id,
        category=window.category.value,
        start=format_instant(window.start),
        until=None if window.end == FOREVER else format_instant(window.end),
        time_us=share.time,
        ineligible=[
            IneligibleStatus(reason=part.reason.value, time_us=length(part.spans))
            for part in share.ineligible
        ],
    )
