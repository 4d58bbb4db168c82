"""A server's month and a solution as the control door tells them: judged anew by `sla` at the instant of the live figures."""

from daemon.exposition.families import ratio_text
from daemon.live.figures import JudgementsAt
from daemon.replies.exclusions import IneligibleTime
from daemon.replies.servers import MonthExclusion, MonthStatus
from daemon.replies.solutions import SolutionStatus
from sla.availability import Figures
from sla.book import SolutionKey
from sla.instants import FOREVER
from sla.records import ServerId
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
        at=judging.at,
        target=ratio_text(figures.terms.target),
        availability=ratio_text(figures.availability()),
        availability_low=ratio_text(figures.availability_low),
        availability_high=ratio_text(figures.availability_high),
        coverage=ratio_text(figures.coverage),
        best_possible=ratio_text(figures.best_possible),
        budget_seconds=figures.budget // 1,
        budget_left_seconds=figures.budget_left // 1,
        times_seconds=_times(figures),
        excluded_seconds=dict(figures.excluded_by),
        exclusions=tuple(_exclusion(share) for share in judgement.windows(server, owner.client)),
    )


def solution_status(judging: JudgementsAt, key: SolutionKey) -> SolutionStatus | None:
    """A solution as its statement says it; None where no server was ever in service in it."""
    judgement = judging.of_client(key[1]).judgement
    state = judgement.solution(key)
    if state is None:
        return None
    return SolutionStatus.of(state, judgement.deadlines(key))


def _times(figures: Figures) -> dict[str, int]:
    return {
        "service": figures.service,
        "excluded": figures.excluded,
        "up": figures.up,
        "down": figures.down,
        "unobserved": figures.unobserved,
        "disputed": figures.disputed,
    }


def _exclusion(share: WindowShare) -> MonthExclusion:
    window = share.window
    return MonthExclusion(
        id=window.id,
        category=window.category,
        start=window.start,
        end=None if window.end == FOREVER else window.end,
        seconds=share.time,
        ineligible=tuple(map(IneligibleTime.of, share.ineligible)),
    )
