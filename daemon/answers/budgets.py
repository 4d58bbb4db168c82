"""How the servers of each client stand this month: what their downtime budgets leave, by the live formulas."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from daemon.alerts.conditions.servers import MonthState
from daemon.alerts.figures import month_of
from daemon.book.live_book import LiveBook
from daemon.live.figures import LiveFigures
from daemon.live.formulas import NOBODY, Formula
from daemon.pacing import paced
from sla.availability import Figures
from sla.instants import FOREVER, Instant
from sla.records import ClientId, ServerId

_AT_ONCE: Final = 2_000
"""Servers that are counted before the event loop has its turn: two milliseconds."""


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
    """Answers about the present month of clients, worked out once for each instant of the live figures."""

    def __init__(self, book: LiveBook, figures: LiveFigures) -> None:
        self._book = book
        self._figures = figures
        self._worked_out: tuple[Instant | None, int, Sequence[ClientBudget]] = (None, -1, ())

    async def clients(self) -> Sequence[ClientBudget]:
        """Every client that is on record, by its name."""
        at, membership = self._figures.at, self._book.membership
        if at is None or self._worked_out[:2] != (at, membership):
            self._worked_out = at, membership, await self._clients()
        return self._worked_out[2]

    async def client(self, client: ClientId) -> ClientBudget | None:
        """One client; None for one that is not on record."""
        return next((each for each in await self.clients() if each.client == client), None)

    async def _clients(self) -> Sequence[ClientBudget]:
        standing: dict[tuple[ClientId, int], int] = {}
        servers = list(self._book.evidence.servers)
        for first in range(0, len(servers), _AT_ONCE):
            self._count(servers[first : first + _AT_ONCE], standing)
            await asyncio.sleep(0)
        by_client: dict[ClientId, dict[int, int]] = {}
        for (client, number), count in standing.items():
            by_client.setdefault(client, {})[number] = count
        down = Counter(
            [
                self._book.record_of(server).client
                for group in self._book.groups.values()
                async for _, server, _ in paced(group.ongoing_outages())
            ]
        )
        found = [
            self._budget(client, by_client.get(client, {}), down[client])
            async for client in paced(list(self._book.evidence.clients))
        ]
        return sorted(found, key=lambda each: (each.name.casefold(), each.client))

    def _count(self, servers: Iterable[ServerId], standing: dict[tuple[ClientId, int], int]) -> None:
        """Count servers in service by client and by the number of their formula."""
        numbers, known = self._figures.servers.numbers, self._book.evidence.servers
        for server in servers:
            records = known[server].records
            if records and records[-1].in_service_until is None:
                key = records[-1].client, numbers.get(server, NOBODY)
                standing[key] = standing.get(key, 0) + 1

    def _budget(self, client: ClientId, standing: Mapping[int, int], down: int) -> ClientBudget:
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
            timezone=self._book.evidence.zone_of(client),
            servers=sum(standing.values()),
            down=down,
            by_verdict=dict(by_verdict),
            least_left=min(lefts, default=None),
        )

    def _formulas(self, standing: Mapping[int, int]) -> Iterator[tuple[Formula | None, int]]:
        by_number = self._figures.servers.formulas.by_number
        return ((by_number[number], servers) for number, servers in standing.items())


def verdict_so_far(figures: Figures) -> BudgetVerdict:
    """How a month stands that is not over."""
    unseen = figures.unobserved + figures.disputed
    return _verdict_in(MonthState(budget=figures.budget // 1, down=figures.down, unseen=unseen))


def standing_so_far(figures: Figures) -> tuple[int, int]:
    """Where a month that is not over stands among others, the worst first: by its verdict, then by what its budget leaves."""
    return WORST_FIRST.index(verdict_so_far(figures)), figures.budget_left // 1


def standing_by(formula: Formula) -> tuple[int, int]:
    """The same of the live month of those that stand alike."""
    return WORST_FIRST.index(_verdict_of(formula)), formula.budget_left()


def _verdict_of(formula: Formula | None) -> BudgetVerdict:
    return BudgetVerdict.NOTHING if formula is None else _verdict_in(month_of(formula))


def _verdict_in(month: MonthState) -> BudgetVerdict:
    if month.is_spent:
        return BudgetVerdict.MISSED
    return BudgetVerdict.AT_RISK if month.is_low or month.is_inconclusive else BudgetVerdict.MET
