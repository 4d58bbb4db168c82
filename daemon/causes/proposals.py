"""The exclusions that causes propose, as records: made, prolonged, let go of, and accepted at once where terms say so.

All that is known of them is in the book, so a restart goes on where it ended. An outage is looked at when its server was
attributed, when exclusions that cover it changed, and when the excluded time of one that lasts runs out.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from daemon.book.live_book import LiveBook
from daemon.causes.attributor import REVISED_US
from daemon.due_queue import DueQueue
from daemon.holidays import holidays_around
from daemon.new_ids import new_id
from daemon.pacing import paced
from daemon.servers.policy import RECORDED_BY
from sla.announcement import concerned
from sla.book import Declared
from sla.calendars import Month, calendar_of
from sla.causes import PROPOSES
from sla.instants import DAY, FOREVER, Instant
from sla.outages import Run
from sla.pages import Window
from sla.proposals import NO_OUTAGE, Matter, due, known_of, lapsed, not_excluded
from sla.records import (
    Category,
    ClientId,
    Confidence,
    Proposal,
    ProposalDecided,
    ServerId,
)
from sla.spans import NOTHING, Spans, clipped
from sla.statement import ClientRules, Judgement, SharedWork

PROPOSE_S: Final = 0.1
"""How long one tick's proposals go on, and likewise its acceptances."""

Accept = Callable[[str, Instant], Sequence[Declared]]
"""The records that accept a proposal, by its id; none where it may not be."""


class Proposals:
    """To be asked by the task that commits, while the book stands still."""

    def __init__(self, book: LiveBook, accept: Accept, propose_s: float = PROPOSE_S) -> None:
        self._book = book
        self._accept = accept
        self._propose_s = propose_s
        self._terms: Collection[Category] = ()
        self._due: DueQueue[tuple[ServerId]] = DueQueue()
        self._since: dict[ServerId, Instant] = {}
        """From when on outages are asked for, where that is longer ago than they may be revised."""
        self._windows: tuple[Window, ...] = ()
        """The exclusions that were seen last."""
        self._changes = 0
        """How many records of them had been taken then."""
        self._acceptable: dict[str, None] = {}
        """The proposals of which is to be seen whether the terms accept them."""
        self._rules: dict[Month, Judgement] = {}
        self._shared = SharedWork()
        self._begin()

    @property
    def is_behind(self) -> bool:
        """Whether there was more to do than one tick's time was enough for."""
        return bool(self._due) or bool(self._acceptable)

    def adopt(self, terms: Collection[Category]) -> None:
        """Accept at once what is proved and of these categories, also of what waits by now."""
        if set(terms) != set(self._terms):
            self._terms = terms
            self._acceptable |= dict.fromkeys(self._book.evidence.pending)

    async def due(self, attributed: Collection[ServerId], now: Instant) -> list[Proposal | ProposalDecided]:
        """What is to be put on record of proposals; in slices, what is left at the next tick.

        `attributed`: the servers whose outages have been looked at.
        """
        for server in attributed:
            self._ask(server)
        self._due.pass_to(now)
        async for _ in paced(self._follow_exclusions(now)):
            pass
        self._rules = {}
        found: list[Proposal | ProposalDecided] = []
        made: set[str] = set()
        async for records in paced(self._looked_at(now, made), at_most_s=self._propose_s):
            found += records
        self._acceptable |= {record.id: None for record in found if isinstance(record, Proposal)}
        return found

    async def accepted(self, now: Instant) -> list[Declared]:
        """What terms accept at once of what `due` put on record; in slices likewise."""
        return [
            record
            async for records in paced(self._accepted(now), at_most_s=self._propose_s)
            for record in records
        ]

    def _begin(self) -> None:
        """At the start: what waits may have lapsed meanwhile, and exclusions may have come and gone."""
        book = self._book.evidence
        self._windows, self._changes = book.windows(FOREVER), book.exclusion_changes
        for pages in book.pending.values():
            for server in pages.record.servers:
                self._ask(server, book.outage_of(pages.record) or FOREVER)
        self._acceptable |= dict.fromkeys(book.pending)

    def _ask(self, server: ServerId, since: Instant = FOREVER) -> None:
        """Have the outages of a server looked at that may be revised, or that last beyond an instant."""
        self._due.add((server,))
        self._since[server] = min(self._since.get(server, FOREVER), since)

    # What exclusions change

    def _follow_exclusions(self, now: Instant) -> Iterator[None]:
        """Have the outages looked at of which another part is excluded."""
        book = self._book.evidence
        if book.exclusion_changes == self._changes:
            return
        windows = book.windows(now)
        before, after = _by_id(self._windows), _by_id(windows)
        self._windows, self._changes = windows, book.exclusion_changes
        for key in before.keys() ^ after.keys():
            window = before.get(key) or after[key]
            for server in list(concerned(book, window.record)):
                began = self._outage_in(server, window)
                if began is not None:
                    self._ask(server, began)
                yield

    def _outage_in(self, server: ServerId, window: Window) -> Instant | None:
        """When the first outage of a server began that a window may cover, and that proposes something; None: there is none."""
        causes = self._book.evidence.causes.get(server, {})
        before = max((start for start in causes if start <= window.start), default=window.start)
        return min(
            (
                start
                for start, those in causes.items()
                if before <= start < window.end and those[-1].cause in PROPOSES
            ),
            default=None,
        )

    # What is due

    def _looked_at(self, now: Instant, made: set[str]) -> Iterator[Sequence[Proposal | ProposalDecided]]:
        def is_taken(id_: str) -> bool:
            return id_ in self._book.evidence.proposals or id_ in made

        def made_id() -> str:
            id_ = new_id("pr", now, is_taken)
            made.add(id_)
            return id_

        while self._due:
            (server,) = self._due.take()
            yield list(self._look(server, made_id, now))

    def _look(
        self, server: ServerId, made_id: Callable[[], str], now: Instant
    ) -> Iterator[Proposal | ProposalDecided]:
        place, since = self._book.places.get(server), self._since.pop(server, FOREVER)
        if place is None:
            return
        since = min(since, Instant(place.group.settled - REVISED_US))
        runs = self._book.runs_since(server, Instant(since - 1))
        for run in runs:
            matter = self._matter(server, run, now)
            yield from due(matter, now=now, by=RECORDED_BY, new_id=made_id)
        yield from self._vanished(server, {run.start for run in runs}, since, now)

    def _vanished(
        self, server: ServerId, starts: Collection[Instant], since: Instant, now: Instant
    ) -> Iterator[ProposalDecided]:
        """The end of what waits for outages that began since `since` and, as is known now, did not."""
        for pages in self._book.evidence.proposals_of.get(server, ()):
            if pages.decided is None and pages.record.servers == (server,):
                began = self._book.evidence.outage_of(pages.record)
                if began is None or (began >= since and began not in starts):
                    yield lapsed(pages.record, NO_OUTAGE, now=now, by=RECORDED_BY)

    def _matter(self, server: ServerId, run: Run, now: Instant) -> Matter:
        book = self._book.evidence
        cause = book.cause(server, run.start)
        left: Spans = NOTHING
        if cause is not None and cause.cause in PROPOSES:
            ahead = Instant(now + DAY)
            whole = not_excluded(book, server, run, ahead, lambda client: self._of(client, run, now), now)
            left = clipped(whole, run.start, now)
            if run.end is None and (not left or left[-1][1] < now):
                again = next((start for start, _ in whole if start >= now), ahead)
                self._due.add_at(max(again, Instant(now + 1)), (server,))
        return Matter(
            server=server,
            end=run.end,
            cause=cause,
            left=left,
            known=known_of(book, server, run.start),
        )

    def _of(self, client: ClientId, run: Run, now: Instant) -> ClientRules | None:
        """What a client was judged by in the month in which an outage began."""
        record = self._book.evidence.client(client, now)
        if record is None:
            return None
        month = calendar_of(record.timezone).month_of(run.start)
        judgement = self._rules.get(month)
        if judgement is None:
            judgement = self._rules[month] = Judgement(
                self._book.evidence,
                month=month,
                as_of=now,
                national_holidays=holidays_around([run.start, now]),
                shared=self._shared,
            )
        return judgement.rules(client)

    # What terms accept

    def _accepted(self, now: Instant) -> Iterator[Sequence[Declared]]:
        while self._acceptable:
            id_, _ = self._acceptable.popitem()
            yield self._accept(id_, now) if self._is_accepted(id_) else ()

    def _is_accepted(self, id_: str) -> bool:
        """Whether terms accept a proposal that waits: what is proved alone."""
        book = self._book.evidence
        pages = book.pending.get(id_)
        if pages is None or pages.record.category not in self._terms:
            return False
        began = book.outage_of(pages.record)
        causes = [None if began is None else book.cause(server, began) for server in pages.record.servers]
        return bool(causes) and all(
            cause is not None
            and cause.confidence is Confidence.PROVED
            and PROPOSES.get(cause.cause) is pages.record.category
            for cause in causes
        )


def _by_id(windows: Sequence[Window]) -> dict[tuple[str, Instant, Instant], Window]:
    """Windows by what can make them other ones."""
    return {(window.id, window.start, window.end): window for window in windows}
