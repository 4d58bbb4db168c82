"""Alerts of what the live figures say: solutions, what is due, and servers' months."""

from collections.abc import Iterator
from typing import Final

from daemon.alerts.alert import Alert
from daemon.alerts.conditions.definitions import Lasting, Subject, alerts
from daemon.alerts.conditions.dues import (
    DEADLINE_ALERTS,
    DEADLINE_SOON_US,
    DEADLINE_WORDS,
    REQUEST_ALERTS,
    DueItem,
)
from daemon.alerts.conditions.servers import (
    BUDGET_ALERTS,
    DOWN_FOR_US,
    MONTH_ALERTS,
    PACE_WINDOWS,
    REFUSED_ALERTS,
    SLOW,
    TOLD_OF_US,
    WINDOW_ALERTS,
    BudgetUse,
    MonthState,
    RefusedMaintenance,
)
from daemon.alerts.conditions.solutions import SOLUTION_ALERTS, SolutionFacts, nears_at
from daemon.alerts.server_labels import ServerLabels
from daemon.alerts.store import AlertStore
from daemon.book.outage_index import OutageIndex, OutageKey
from daemon.due_queue import DueQueue
from daemon.live.figures import JudgementsAt, LiveFigures
from daemon.live.formulas import REASONS, Formula, passed
from daemon.live.solutions import SolutionRow
from sla.accounts import down_since
from sla.book import SolutionKey
from sla.instants import DAY, SECOND, Instant
from sla.lifecycle import first_open
from sla.records import Server, ServerId
from sla.requests import Outcome

SLOW_US: Final = 30 * SECOND
"""How often months and service requests are looked at: they go on with every second, their alerts over hours."""
SLICE: Final = 1_000
"""How many are compared in one step."""
LONGEST_US: Final = 31 * DAY
"""How far back an outage may have begun that somebody can have a budget left after."""


class FigureAlerts:
    """Looks at what was judged anew, and at what time alone changes. `figures.at` has to be an instant."""

    def __init__(
        self, figures: LiveFigures, outages: OutageIndex, store: AlertStore, server_labels: ServerLabels
    ) -> None:
        self._figures = figures
        self._outages = outages
        self._store = store
        self._server_labels = server_labels
        self._rows: dict[SolutionKey, SolutionRow] = {}
        """The judgements of solutions that were looked at last."""
        self._solutions: DueQueue[SolutionKey] = DueQueue()
        """Solutions to be looked at, now or when time alone changes their alerts."""
        self._servers: DueQueue[tuple[ServerId]] = DueQueue()
        """Servers whose month is to be looked at."""
        self._told: set[ServerId] = set()
        """Servers of whose month an alert fires."""
        self._months_at: Instant | None = None
        """When all months were looked at last."""
        self._requests_at: Instant | None = None
        """When service requests were looked at last."""

    @property
    def is_behind(self) -> bool:
        """Whether anything waits to be looked at."""
        return bool(self._solutions) or bool(self._servers)

    def mark(self, at: Instant) -> Iterator[None]:
        """Find, in small steps, what is to be looked at at an instant of the figures."""
        rows = self._figures.solutions.rows
        keys = list(rows)
        for start in range(0, len(keys), SLICE):
            for key in keys[start : start + SLICE]:
                if self._rows.get(key) is not rows[key]:
                    self._rows[key] = rows[key]
                    self._solutions.add(key)
            yield
        self._solutions.pass_to(at)
        if self._figures.is_current and (self._months_at is None or at - self._months_at >= SLOW_US):
            self._months_at = at
            yield from self._mark_months(at)

    def work(self, judging: JudgementsAt, now: Instant) -> Iterator[None]:
        """Put into the store what was found, in small steps."""
        if self._requests_at is None or judging.at - self._requests_at >= SLOW_US:
            self._requests_at = judging.at
            self._store.put("requests", list(self._of_requests(judging)), now)
            yield
        while self._solutions:
            key = self._solutions.take()
            self._store.put(("solution", *key), list(self._of_solution(key, judging)), now)
            yield
        while self._servers:
            (server,) = self._servers.take()
            self._store.put(("month", server), list(self._of_month(server, judging, now)), now)
            if self._store.has(("month", server)):
                self._told.add(server)
            else:
                self._told.discard(server)
            yield

    # Solutions

    def _of_solution(self, key: SolutionKey, judging: JudgementsAt) -> Iterator[Alert]:
        row, at = self._figures.solutions.rows[key], judging.at
        state, (name, client) = row.standing.state, key
        labels = {"client": client, "solution": name}
        if state is not None:
            terms = judging.of_client(client).judgement.terms(client).chronic_outages
            solution = SolutionFacts(
                at=at,
                zone=self._figures.book.zone_of(client, at),
                state=state,
                counted=self._figures.solutions.counted(row),
                lasting=row.lasting,
                borne=terms.evaluation_max,
            )
            yield from alerts(SOLUTION_ALERTS, solution, Subject(text=f"{name} of {client}", labels=labels))
            left = nears_at(row.lasting) - solution.counted
            if row.standing.ongoing is not None and left > 0:
                self._solutions.add_at(Instant(at + left), key)
        for deadline in first_open(row.standing.deadlines):
            text = f"{DEADLINE_WORDS[deadline.deadline]} of {name} of {client}"
            is_missed = deadline.outcome is Outcome.MISSED
            zone = judging.of_client(client).judgement.terms(client).support.time_zone
            due = DueItem(at=at, zone=zone, due_at=deadline.due_at, is_missed=is_missed)
            subject = Subject(
                text=text[0].upper() + text[1:], labels={**labels, "deadline": deadline.deadline.value}
            )
            yield from alerts(DEADLINE_ALERTS, due, subject)
            if due.soon_at(DEADLINE_SOON_US) is None:
                self._solutions.add_at(Instant(deadline.due_at - DEADLINE_SOON_US), key)

    # Service requests

    def _of_requests(self, judging: JudgementsAt) -> Iterator[Alert]:
        for request in sorted(self._figures.requests):
            record = self._figures.book.requests[request].record
            judgement = judging.of_client(record.client).judgement
            response = judgement.response(request)
            is_missed = response.response is Outcome.MISSED
            zone = judgement.terms(record.client).support.time_zone
            due = DueItem(at=judging.at, zone=zone, due_at=response.due_at, is_missed=is_missed)
            labels = {"client": record.client, "solution": record.solution, "request": request}
            yield from alerts(
                REQUEST_ALERTS, due, Subject(text=f"Request {request} of {record.client}", labels=labels)
            )

    # Months

    def _mark_months(self, at: Instant) -> Iterator[None]:
        """Those whose formula has something to tell, those that were down of late, and those that had."""
        telling = set()
        for number, formula in enumerate(self._figures.servers.formulas.by_number):
            if formula is not None and _tells(formula, at):
                telling.add(number)
            yield
        for server in list(self._told):
            self._servers.add((server,))
            yield
        for key in self._outages.walk(None, oldest_first=False):
            if key.start < at - LONGEST_US:
                break
            if self._ended_at(key, at) > at - SLOW.ending_us:
                self._servers.add((key.server,))
            yield
        if telling:
            numbers = list(self._figures.servers.numbers.items())
            for start in range(0, len(numbers), SLICE):
                for server, number in numbers[start : start + SLICE]:
                    if number in telling:
                        self._servers.add((server,))
                yield

    def _of_month(self, server: ServerId, judging: JudgementsAt, now: Instant) -> Iterator[Alert]:
        at, formula = judging.at, self._figures.servers.formula(server)
        if formula is None:
            return
        record = self._figures.book.servers[server].records[-1]
        if self._server_labels.is_known(server, now):
            subject = Subject(text=record.name, labels=self._server_labels.labels_with_shared(record))
            yield from alerts(MONTH_ALERTS, month_of(formula), subject)
            if formula.tally().down:
                yield from alerts(BUDGET_ALERTS, self._use(record, formula, judging), subject)
        whose = self._server_labels.labels(record)
        for refused in _refused(formula, at):
            subject = Subject(text=record.name, labels={**whose, "reason": refused.reason})
            yield from alerts(REFUSED_ALERTS, refused, subject)
        if formula.maintenance_runs:
            yield from alerts(WINDOW_ALERTS, Lasting(at=at), Subject(text=record.name, labels=whose))

    def _use(self, record: Server, formula: Formula, judging: JudgementsAt) -> BudgetUse:
        at, judgement = judging.at, judging.of_client(record.client).judgement
        rules = judgement.rules(record.client)
        assert rules is not None, "a client with figures has rules"
        since = [Instant(at - window) for window in PACE_WINDOWS]
        down = down_since(judgement, record.id, record.client, since)
        ends = ((key.start, self._ended_at(key, at)) for key in self._outages.of_server(record.id))
        return BudgetUse(
            left=formula.budget_left(),
            month_left=rules.month[1] - at,
            down=dict(zip(PACE_WINDOWS, down, strict=True)),
            is_told=any(end - start >= DOWN_FOR_US and end > at - TOLD_OF_US for start, end in ends),
        )

    def _ended_at(self, key: OutageKey, at: Instant) -> Instant:
        """When an outage ended; one that lasts has not before `at`."""
        outage = self._outages.get(key)
        return at if outage is None or outage.end is None else outage.end


def _tells(formula: Formula, at: Instant) -> bool:
    if formula.maintenance_runs or any(refused.lasted for refused in _refused(formula, at)):
        return True
    month = month_of(formula)
    return any(find(month) is not None for find in MONTH_ALERTS.values())


def month_of(formula: Formula) -> MonthState:
    """A server's month so far, by its formula."""
    tally = formula.tally()
    return MonthState(budget=formula.budget, down=tally.down, unseen=tally.unobserved + tally.disputed)


def _refused(formula: Formula, at: Instant) -> Iterator[RefusedMaintenance]:
    for place, time in formula.ineligible:
        yield RefusedMaintenance(reason=REASONS[place].value, lasted=passed(time, at))
