"""How the servers of each client stand this month: what their downtime budgets leave, by the live formulas."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from daemon.alerts.conditions.servers import MonthState
from daemon.alerts.figures import month_of
from daemon.answers.outages import zone_of
from daemon.book.live_book import LiveBook
from daemon.live.figures import LiveFigures
from daemon.live.formulas import NOBODY, Formula
from daemon.pacing import paced
from sla.availability import Figures
from sla.instants import FOREVER
from sla.records import ClientId, ServerId


class BudgetVerdict(Enum):
    """How a month stands so far, the worst first: by the same rules as the alerts."""

    MISSED = "missed"
    """The budget is spent."""
    AT_RISK = "at_risk"
    """Less than a quarter of the budget is left, or it may have been spent in time that nobody saw."""
    MET = "met"
    NOTHING = "nothing"
    """There is nothing to judge yet."""


WORST_FIRST: Final = tuple(BudgetVerdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientBudget:
    """A client's servers in service, and how many of them stand how this month. `least_left`: of all budgets, in microseconds."""

    client: ClientId
    name: str
    timezone: str
    servers: int
    down: int
    by_verdict: dict[BudgetVerdict, int]
    least_left: int | None

    def count(self, verdict: str) -> int:
        """How many servers stand so."""
        return self.by_verdict.get(BudgetVerdict(verdict), 0)

    @property
    def verdict(self) -> BudgetVerdict:
        """That of the worst server."""
        return next((each for each in WORST_FIRST if self.by_verdict.get(each)), BudgetVerdict.NOTHING)


class BudgetAnswers:
    """Answers about the present month of clients, at the instant of the live figures."""

    def __init__(self, book: LiveBook, figures: LiveFigures) -> None:
        self._book = book
        self._figures = figures

    async def clients(self, only: ClientId | None = None) -> list[ClientBudget]:
        """Every client that is on record, or one of them, by its name."""
        numbers, known = self._figures.servers.numbers, self._book.evidence.servers
        standing: dict[ClientId, Counter[int]] = {}
        down: Counter[ClientId] = Counter()
        async for server in paced(self._servers(only)):
            records = known[server].records
            if records and records[-1].in_service_until is None and only in (None, records[-1].client):
                client = records[-1].client
                standing.setdefault(client, Counter())[numbers.get(server, NOBODY)] += 1
                down[client] += self._is_down(server)
        found = [
            self._budget(client, standing.get(client, Counter()), down[client])
            async for client in paced(list(self._book.evidence.clients))
            if only in (None, client)
        ]
        return sorted(found, key=lambda each: (each.name.casefold(), each.client))

    def _servers(self, only: ClientId | None) -> Iterable[ServerId]:
        evidence = self._book.evidence
        return list(evidence.servers if only is None else evidence.servers_of_client(only))

    def _is_down(self, server: ServerId) -> bool:
        place = self._book.places.get(server)
        return place is not None and place.group.is_out(place.index)

    def _budget(self, client: ClientId, standing: Counter[int], down: int) -> ClientBudget:
        record = self._book.evidence.client(client, FOREVER)
        by_verdict: Counter[BudgetVerdict] = Counter()
        lefts = []
        for formula, servers in self._formulas(standing):
            by_verdict[_verdict_of(formula)] += servers
            if formula is not None:
                lefts.append(formula.budget_left())
        return ClientBudget(
            client=client,
            name=client if record is None else record.name,
            timezone=zone_of(self._book, client),
            servers=standing.total(),
            down=down,
            by_verdict=dict(by_verdict),
            least_left=min(lefts, default=None),
        )

    def _formulas(self, standing: Counter[int]) -> Iterator[tuple[Formula | None, int]]:
        by_number = self._figures.servers.formulas.by_number
        return ((by_number[number], servers) for number, servers in standing.items())


def verdict_so_far(figures: Figures) -> BudgetVerdict:
    """How a month stands that is not over."""
    unseen = figures.unobserved + figures.disputed
    return _verdict_in(MonthState(budget=figures.budget // 1, down=figures.down, unseen=unseen))


def _verdict_of(formula: Formula | None) -> BudgetVerdict:
    return BudgetVerdict.NOTHING if formula is None else _verdict_in(month_of(formula))


def _verdict_in(month: MonthState) -> BudgetVerdict:
    if month.is_spent:
        return BudgetVerdict.MISSED
    return BudgetVerdict.AT_RISK if month.is_low or month.is_inconclusive else BudgetVerdict.MET
