"""After each commit, what alerts there are by what was committed, put into the store.

What changed is looked at, and what may hold since time passed; servers and solutions without anything to tell cost a
comparison. It works in small steps, for so long at most in one tick, and what is left waits for the next.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from daemon.alerts.alert import Alert
from daemon.alerts.causes import CauseAlerts
from daemon.alerts.conditions.definitions import Lasting, Subject, alerts
from daemon.alerts.conditions.shared import SLAD_ALERTS, SOURCE_ALERTS, UPLINK_ALERTS, Contact
from daemon.alerts.conditions.statements import (
    DELIVERY_ALERTS,
    STATEMENT_ALERTS,
    OutdatedStatement,
    UndeliveredStatement,
)
from daemon.alerts.figures import FigureAlerts
from daemon.alerts.incidents import IncidentAlerts
from daemon.alerts.infrastructure import InfrastructureAlerts
from daemon.alerts.outages import OutageAlerts
from daemon.alerts.server_labels import ServerLabels
from daemon.alerts.store import AlertStore
from daemon.book.live_book import LiveBook
from daemon.clock import Clock
from daemon.live.facts import ServerFacts
from daemon.live.figures import JudgementsAt, LiveFigures
from daemon.pacing import TURN_S, paced
from daemon.replies.status import UndeliveredStatus
from daemon.watching.sources import Source
from probes.internet.verdict import Verdict
from probes.report import Report, SourceFailure
from sla.instants import Instant
from sla.records import ServerId, State, Witness

EVALUATE_S: Final = 0.25
"""How long one tick's look goes on."""

SLAD: Final = Subject(text="slad")


class AlertEvaluator:
    """Keeps a store while anybody is to be told. To be asked by the task that commits, while the book stands still."""

    def __init__(
        self,
        *,
        clock: Clock,
        book: LiveBook,
        figures: LiveFigures,
        sources: Iterable[tuple[str, Source]],
        uplinks: Callable[[], Mapping[str, Verdict]],
        facts: ServerFacts,
        is_listed: Callable[[ServerId], bool],
        outdated: Callable[[], Iterable[tuple[tuple[str, str], int]]],
        undelivered: Callable[[], Iterable[UndeliveredStatus]],
        store: AlertStore,
        of_itself: Subject = SLAD,
        evaluate_s: float = EVALUATE_S,
        turn_s: float = TURN_S,
    ) -> None:
        """See `daemon.alerts.server_labels` for `is_listed`. `outdated`: statements by client and month, and how many figures of them. `of_itself`:
        how alerts call this slad; what its labels say is of what servers share, too.
        """
        self._clock = clock
        self._book = book
        self._figures = figures
        self._sources = sources
        self._uplinks = uplinks
        self._facts = facts
        self._outdated = outdated
        self._undelivered = undelivered
        self._store = store
        self._of_itself = of_itself
        self._evaluate_s = evaluate_s
        self._turn_s = turn_s
        self._began_at = clock.now()
        self._server_labels = ServerLabels(facts, is_listed, self._began_at)
        self._infrastructure = InfrastructureAlerts()
        self._looks: tuple[OutageAlerts, IncidentAlerts, CauseAlerts, FigureAlerts] | None = None
        self._uplinks_down: dict[str, str] = {}

    def want(self, wanted: bool) -> None:
        """Say whether anybody is to be told: only then does looking cost anything."""
        if not wanted:
            self._looks = None
            self._store.clear()
        elif self._looks is None:
            book, facts, server_labels, store = self._book, self._facts, self._server_labels, self._store
            self._looks = (
                OutageAlerts(book=book, facts=facts, server_labels=server_labels, store=store),
                IncidentAlerts(book=book, facts=facts, store=store, labels=self._of_itself.labels),
                CauseAlerts(book=book, facts=facts, server_labels=server_labels, store=store),
                FigureAlerts(self._figures, book.outages, store, server_labels),
            )

    async def evaluate(self, told: Sequence[Report | SourceFailure]) -> bool:
        """Look at what was committed, the reports that it came from included; whether all of it was looked at."""
        now = self._clock.now()
        for report in told:
            if isinstance(report, Report):
                self._infrastructure.take(report, now)
        if self._looks is None:
            return True
        outages, incidents, causes, figures = self._looks
        few = list(self._few(now))
        self._store.put("few", few, now)
        self._store.pass_to(now)
        async for _ in paced(outages.mark(now), turn_s=self._turn_s):
            pass
        async for _ in paced(incidents.look(outages.causes, now), turn_s=self._turn_s):
            pass
        marking = [causes.look(few, incidents.told, outages.under_way, now)]
        working = [outages.work(now)]
        if self._figures.at is not None:
            judging: JudgementsAt = await self._figures.judging(self._figures.at)
            marking.append(figures.mark(judging.at))
            working.append(figures.work(judging, now))
        async for _ in paced(chain.from_iterable(marking), turn_s=self._turn_s):
            pass
        work = chain.from_iterable(reversed(working))
        async for _ in paced(work, at_most_s=self._evaluate_s, turn_s=self._turn_s):
            pass
        return not (outages.is_behind or figures.is_behind)

    def _few(self, now: Instant) -> Iterator[Alert]:
        """Of all that there are few of."""
        yield from alerts(SLAD_ALERTS, Lasting(at=now, since=self._began_at), self._of_itself)
        names = set()
        for name, source in self._sources:
            names.add(name)
            seen_until = self._book.watermark(Witness(self._book.observer, name)) or self._began_at
            has_failed = not source.up and source.failures > 0
            contact = Contact(at=now, since=seen_until, why=source.note if has_failed else "")
            yield from alerts(SOURCE_ALERTS, contact, Subject(text=name, labels={"vcenter": name}))
        self._infrastructure.keep(names)
        yield from self._infrastructure.alerts(now)
        yield from self._of_uplinks(now)
        for (client, month), figures in self._outdated():
            yield from alerts(STATEMENT_ALERTS, OutdatedStatement(figures=figures), _statement(client, month))
        for each in self._undelivered():
            fact = UndeliveredStatement(at=now, since=each.since, attempts=each.attempts, why=each.why)
            yield from alerts(DELIVERY_ALERTS, fact, _statement(each.client, each.month))

    def _of_uplinks(self, now: Instant) -> Iterator[Alert]:
        """Of uplinks that are down, or were when something was last known of them."""
        known = self._uplinks()
        for name, view in known.items():
            if view.state is State.DOWN:
                self._uplinks_down[name] = view.reason
            elif view.state is State.UP:
                self._uplinks_down.pop(name, None)
        for name in self._uplinks_down.keys() - known.keys():
            del self._uplinks_down[name]
        for name, why in self._uplinks_down.items():
            subject = Subject(text=f"Uplink {name}", labels={"uplink": name})
            yield from alerts(UPLINK_ALERTS, Lasting(at=now, why=why), subject)


def _statement(client: str, month: str) -> Subject:
    return Subject(text=f"The statement of {client} of {month}", labels={"client": client, "month": month})
