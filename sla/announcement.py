"""What a maintenance window would come to: what of it is eligible on each server, why the rest is not, and what the
weeks' allowances hold after it (spec §4.4).

Nothing is judged here: the rules of the months that the window touches are asked (`sla.exclusions`), each for its own
part of the window, as the statements of those months will ask them.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sla.book import Book
from sla.calendars import Day, Month, next_month
from sla.exclusions import Excluded, Ineligible, IneligibleReason, covered_by, in_force, weeks_around
from sla.instants import BEGINNING, FOREVER, Instant
from sla.records import ClientId, Exclusion, ExclusionId, ServerId
from sla.service import Part
from sla.spans import NOTHING, Spans, clipped, difference, length, union
from sla.statement import ClientRules, Judgement, SharedWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A local week that a window touches: the time a week that its client's terms allow, and how much of it is used.

    `used` is microseconds, the window among what uses them.
    """

    start: Instant
    cap: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """A window's time on a server with one client: what is covered, and what of that is not eligible. One for many servers."""

    covered: Spans
    ineligible: tuple[Ineligible, ...]
    weeks: tuple[Week, ...]

    @property
    def eligible(self) -> Spans:
        """What of the window will be excluded."""
        return difference(self.covered, union(*(part.spans for part in self.ineligible)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a window comes to on one server, while it belongs to one client."""

    server: ServerId
    client: ClientId
    split: Split


def concerned(book: Book, scope: Exclusion) -> Collection[ServerId]:
    """The servers that the scope of an exclusion can cover at any time (spec §4.2)."""
    if scope.clients or scope.is_of_all:
        return book.servers
    named = {ServerId(name) for name in (*scope.servers, *scope.solutions)} & book.servers.keys()
    for solution in scope.solutions:
        for client in book.clients_of.get(solution, ()):
            named.update(book.servers_of[solution, client])
    return sorted(named)


@dataclass(frozen=True, slots=True, kw_only=True)
class _MonthPart:
    """The part of a window in one local month of a client, `[start, end)`, and the whole weeks around it."""

    rules: ClientRules
    start: Instant
    end: Instant
    weeks: tuple[Instant, Instant]


class Announcement:
    """One window of a book, and what it comes to on each server."""

    def __init__(
        self,
        book: Book,
        window: ExclusionId,
        *,
        as_of: Instant,
        national_holidays: Collection[Day],
        shared: SharedWork | None = None,
    ) -> None:
        """`window` has an end, and stands at `as_of`. `shared`: what an earlier one of this book leaves to this one."""
        self._book = book
        self._as_of = as_of
        self._national_holidays = national_holidays
        self._shared = SharedWork() if shared is None else shared
        self._window = next(each for each in book.windows(as_of) if each.id == window)
        assert self._window.end != FOREVER, "an open window is no maintenance"
        self._judgements: dict[Month, Judgement] = {}
        self._looks: dict[ClientId, tuple[_MonthPart, ...]] = {}
        self._splits: dict[tuple[tuple[ClientRules, Excluded, Spans], ...], Split] = {}

    def shares(self) -> Iterator[Share | None]:
        """Its share of each server that it covers; None for each that was looked at in vain."""
        for server in list(concerned(self._book, self._window.record)):
            found = list(self.shares_of(server))
            yield from found or (None,)

    def shares_of(self, server: ServerId) -> Iterator[Share]:
        """Its share of one server, for each client to whom that belongs meanwhile; none where it does not cover it."""
        parts = self._book.servers[server].parts(self._as_of)
        for client in sorted({part.client for part in parts}):
            split = self._split(server, client, [part for part in parts if part.client == client])
            if split is not None:
                yield Share(server=server, client=client, split=split)

    def _split(self, server: ServerId, client: ClientId, parts: Sequence[Part]) -> Split | None:
        """None where the window does not cover it."""
        judged = tuple(
            (look.rules, look.rules.exclusions.excluded(server, parts, *look.weeks), covered)
            for look in self._looks_at(client)
            for covered in [self._covered(look, server, parts)]
            if covered
        )
        if not judged:
            return None
        split = self._splits.get(judged)
        if split is None:
            split = self._splits[judged] = Split(
                covered=union(*(covered for _, _, covered in judged)),
                ineligible=_by_reason(self._ineligible(judged)),
                weeks=tuple(
                    {week.start: week for each in reversed(judged) for week in _weeks(*each)}.values()
                ),
            )
        return split

    def _covered(self, look: _MonthPart, server: ServerId, parts: Sequence[Part]) -> Spans:
        those = covered_by(look.rules.exclusions, server, parts, look.start, look.end)
        return next((spans for window, spans in those if window.id == self._window.id), NOTHING)

    def _ineligible(self, judged: Iterable[tuple[ClientRules, Excluded, Spans]]) -> Iterator[Ineligible]:
        for _, excluded, covered in judged:
            own = (part for part in excluded.ineligible if part.exclusion == self._window.id)
            yield from in_force(own, covered)

    def _looks_at(self, client: ClientId) -> tuple[_MonthPart, ...]:
        """The window by the client's local months; none for a client that is not on record."""
        looks = self._looks.get(client)
        if looks is None:
            looks = self._looks[client] = tuple(self._looking_at(client))
        return looks

    def _looking_at(self, client: ClientId) -> Iterator[_MonthPart]:
        # Of which month a client's clock is asked makes no difference.
        any_rules = self._judgement(Month(1970, 1)).rules(client)
        if any_rules is None:
            return
        calendar = any_rules.calendar
        month, last = calendar.month_of(self._window.start), calendar.month_of(Instant(self._window.end - 1))
        while month <= last:
            rules = self._judgement(month).rules(client)
            assert rules is not None, "it was there for another month"
            start, end = max(self._window.start, rules.month[0]), min(self._window.end, rules.month[1])
            yield _MonthPart(rules=rules, start=start, end=end, weeks=weeks_around(calendar, start, end))
            month = next_month(month)

    def _judgement(self, month: Month) -> Judgement:
        judgement = self._judgements.get(month)
        if judgement is None:
            judgement = self._judgements[month] = Judgement(
                self._book,
                month=month,
                as_of=self._as_of,
                national_holidays=self._national_holidays,
                shared=self._shared,
            )
        return judgement


def _weeks(rules: ClientRules, excluded: Excluded, covered: Spans) -> Iterator[Week]:
    """The weeks that hold some of `covered`. What is eligible of the windows under the cap is what the cap allowed."""
    terms = rules.terms.scheduled_maintenance
    used = rules.exclusions.drawn(excluded)
    seen_until = BEGINNING
    for start, end in covered:
        at = max(start, seen_until)
        while at < end:
            monday, seen_until = rules.calendar.week_span(at)
            yield Week(start=monday, cap=terms.max_per_week, used=length(clipped(used, monday, seen_until)))
            at = seen_until


def _by_reason(ineligible: Iterable[Ineligible]) -> tuple[Ineligible, ...]:
    """One for each reason, in the order of `IneligibleReason`."""
    parts = list(ineligible)
    return tuple(
        Ineligible(exclusion=those[0].exclusion, reason=reason, spans=union(*(part.spans for part in those)))
        for reason in IneligibleReason
        for those in [[part for part in parts if part.reason is reason]]
        if those
    )
