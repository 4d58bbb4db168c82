"""Where each solution stands, and the service requests that wait for an answer.

Invariant: after `waiting` was emptied, every solution says at the instant of the accruals what a statement of that instant
would. A lone server that was never down, and of which nobody recorded anything, is left out: it has nothing to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from daemon.exposition.families import sample
from daemon.live.accruals import Accruals
from daemon.live.samples import FAMILIES, samples_of
from sla.book import Book, SolutionKey
from sla.chronic import Stage
from sla.instants import BEGINNING, FOREVER, Instant
from sla.records import ALL_LEGS, ServerId
from sla.standing import SolutionStanding, Standings


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionRow:
    """A solution as it was judged. `offset`: what the counted time of its interruption is beyond that of its accrual."""

    standing: SolutionStanding
    offset: int
    lasting: int
    """How long an interruption has to last to qualify."""
    series: tuple[tuple[str, str], ...]
    """What it has on `/metrics`: family and labels."""


class Solutions:
    """The rows of all solutions that have something to say."""

    def __init__(self, book: Book, accruals: Accruals) -> None:
        self.rows: dict[SolutionKey, SolutionRow] = {}
        self.ongoing: dict[SolutionKey, SolutionRow] = {}
        """Those with an interruption that goes on."""
        self.in_process: set[SolutionKey] = set()
        """Those that are at risk of a chronic outage, or in its process."""
        self.listed: dict[str, dict[str, str]] = {name: {} for name in FAMILIES}
        """What they say on `/metrics`: samples by family and labels."""
        self.waiting: set[SolutionKey] = set()
        self._book = book
        self._accruals = accruals
        self._due: list[tuple[Instant, SolutionKey]] = []
        self._newest_since = BEGINNING

    def pass_to(self, at: Instant) -> Iterator[None]:
        """Have those judged anew that stand otherwise at an instant, or may."""
        while self._due and self._due[0][0] <= at:
            until, key = heappop(self._due)
            row = self.rows.get(key)
            if row is not None and row.standing.until == until:
                self.waiting.add(key)
            yield
        for key, row in self.ongoing.items():
            ongoing = row.standing.ongoing
            if ongoing is not None and ongoing.qualified_at is None and self.counted(row) >= row.lasting:
                self.waiting.add(key)
            yield

    def resee(self, since: Instant) -> None:
        """Have those judged anew of which something changed after an instant since which a witness saw otherwise."""
        if since < self._newest_since:
            self.waiting.update(key for key, row in self.rows.items() if row.standing.since > since)

    def of(self, server: ServerId) -> set[SolutionKey]:
        """The solutions that a server ever belonged to."""
        records = self._book.servers[server].records
        return {(record.key, record.client) for record in records}

    def counted(self, row: SolutionRow) -> int:
        """The counted time of the interruption that goes on, in microseconds."""
        counting = row.standing.counting
        return row.offset + (self._accruals.joint(counting).down if counting else 0)

    def judge(self, key: SolutionKey, standings: Standings, at: Instant) -> None:
        """Work out a solution's row."""
        before = self.rows.get(key)
        if not self._has_something_to_say(key):
            assert before is None, "what was said is never taken back"
            return
        standing = standings.solution(key)
        ongoing = standing.ongoing
        so_far = self._accruals.joint(standing.counting).down if standing.counting else 0
        self.rows[key] = SolutionRow(
            standing=standing,
            offset=(ongoing.counted if ongoing else 0) - so_far,
            lasting=standings.judgement.terms(key[1]).chronic_outages.lasting,
            series=self._list(standing, before),
        )
        if ongoing is not None:
            self.ongoing[key] = self.rows[key]
        else:
            self.ongoing.pop(key, None)
        if is_in_process(standing):
            self.in_process.add(key)
        else:
            self.in_process.discard(key)
        self._newest_since = max(self._newest_since, standing.since)
        is_queued = before is not None and at < standing.until == before.standing.until
        if standing.until != FOREVER and not is_queued:
            heappush(self._due, (standing.until, key))

    def _list(self, standing: SolutionStanding, before: SolutionRow | None) -> tuple[tuple[str, str], ...]:
        """Put what a solution says in the place of what it said."""
        said = [(family, labels, value) for family, (labels, value) in samples_of(standing)]
        series = tuple((family, labels) for family, labels, _ in said)
        for family, labels in before.series if before is not None else ():
            if (family, labels) not in series:
                del self.listed[family][labels]
        for family, labels, value in said:
            self.listed[family][labels] = sample(labels, value)
        return series

    def _has_something_to_say(self, key: SolutionKey) -> bool:
        book = self._book
        lone = book.servers.get(ServerId(key[0]))
        if lone is None or lone.timeline.ever_down(ALL_LEGS):
            return True
        return key in book.lifecycles or key in book.requests_of or key in book.notices


def is_in_process(standing: SolutionStanding) -> bool:
    """Whether a solution is at risk of a chronic outage, or in its process, on any basis."""
    state = standing.state
    return state is not None and any(
        basis.stage is not Stage.CLEAR for basis in (state.observed, state.documented)
    )
