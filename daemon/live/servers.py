"""Where each server stands: its formula, since when and until when that holds, and those that have to be judged anew.

Invariant: once nothing is `waiting`, the formula of every server in service gives, at the instant of the accruals, exactly
what a statement of that instant would say.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from daemon.live.accruals import Accruals
from daemon.live.formulas import NOBODY, Formula, Formulas, formula_of
from sla.book import Book
from sla.instants import BEGINNING, FOREVER, Instant
from sla.records import ClientId, ServerId, Witness
from sla.standing import ServerStanding, Standings


class FormulaRow(NamedTuple):
    """A server's formula holds in `[since, until)`, whoever sees."""

    since: Instant
    until: Instant


class ServerFormulas:
    """The rows of all servers in service."""

    def __init__(self, book: Book, accruals: Accruals) -> None:
        self.formulas = Formulas()
        self.numbers: dict[ServerId, int] = {}
        """Each server's formula; NOBODY where it has no figures."""
        self.waiting: dict[ClientId, set[ServerId]] = {}
        """Those to be judged, by client: what a client's servers share is worked out once then."""
        self._book = book
        self._accruals = accruals
        self._rows: dict[ServerId, FormulaRow] = {}
        self._due: list[tuple[Instant, ServerId]] = []
        self._newest_since: Instant = BEGINNING
        self._shared: dict[ServerStanding, Formula] = {}

    def formula(self, server: ServerId) -> Formula | None:
        """A server's formula; None where it has no figures."""
        return self.formulas.by_number[self.numbers.get(server, NOBODY)]

    def wait(self, server: ServerId) -> None:
        """Have a server judged."""
        records = self._book.servers[server].records
        if records:
            self.waiting.setdefault(records[-1].client, set()).add(server)

    def next_waiting(self) -> ServerId | None:
        """Take one of those to be judged."""
        while self.waiting:
            client = next(iter(self.waiting))
            if self.waiting[client]:
                return self.waiting[client].pop()
            del self.waiting[client]
        return None

    def pass_to(self, at: Instant) -> Iterator[None]:
        """Have those judged anew whose row holds no longer at an instant."""
        while self._due and self._due[0][0] <= at:
            until, server = heappop(self._due)
            row = self._rows.get(server)
            if row is not None and row.until == until:
                self.wait(server)
            yield

    def resee(self, witness: Witness, since: Instant, tell: Callable[[ServerId], None]) -> Iterator[None]:
        """Tell of those of which something changed after an instant since which a witness saw otherwise."""
        if since >= self._newest_since:
            return
        for server, row in self._rows.items():
            if row.since > since and any(by == witness for _, by in self._book.servers[server].tracks):
                tell(server)
            yield

    def begin(self) -> Iterator[None]:
        """Another instant is judged from here on."""
        while self._shared:
            self._shared.popitem()
            yield

    def judge(self, server: ServerId, standings: Standings, at: Instant) -> None:
        """Work out a server's row."""
        standing = standings.server(server)
        number, since, until = NOBODY, BEGINNING, FOREVER
        if not isinstance(standing, ServerStanding):
            until = standing
        else:
            since, until = standing.since, standing.until
            if self._book.servers[server].goes_on:
                number = self._number_for(standing, at)
        self._put(server, number, FormulaRow(since, until))

    def put_off(self, server: ServerId, until: Instant) -> None:
        """Nothing is known of a server before an instant, as of thousands that a first sync shows: it is judged then."""
        self._put(server, NOBODY, FormulaRow(BEGINNING, until))

    def _put(self, server: ServerId, number: int, row: FormulaRow) -> None:
        self.formulas.release(self.numbers.get(server, NOBODY))
        self.numbers[server] = number
        before = self._rows.get(server)
        self._rows[server] = row
        self._newest_since = max(self._newest_since, row.since)
        if row.until != FOREVER and (before is None or before.until != row.until):
            heappush(self._due, (row.until, server))

    def _number_for(self, standing: ServerStanding, at: Instant) -> int:
        """The number of the formula of a server that stands so, for one server more."""
        formula = self._shared.get(standing)
        if formula is None:
            accrual = self._accruals.of(standing.attestation) if standing.moment.is_judged else None
            formula = formula_of(standing, accrual, at)
            if standing.is_shared:
                self._shared[standing] = formula
        return self.formulas.take(formula)
