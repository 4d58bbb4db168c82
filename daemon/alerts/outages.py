"""Alerts of virtual servers that are down."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Final

from daemon.alerts.alert import Alert
from daemon.alerts.conditions.definitions import Subject, alerts
from daemon.alerts.conditions.servers import DOWN_FOR_US, OUTAGE_ALERTS, OngoingOutage
from daemon.alerts.server_labels import ServerLabels
from daemon.alerts.store import AlertStore
from daemon.book.live_book import LiveBook
from daemon.due_queue import DueQueue
from daemon.live.facts import ServerFacts
from sla.instants import SECOND, Instant
from sla.records import Cause, ServerId

ASK_AGAIN_US: Final = 5 * SECOND
SLICE: Final = 4_000
"""How many are compared in one step."""


class OutageAlerts:
    """Looks at outages that began or ended. The labels of an alert stay as they are until its outage is over."""

    def __init__(
        self, *, book: LiveBook, facts: ServerFacts, server_labels: ServerLabels, store: AlertStore
    ) -> None:
        self._book = book
        self._facts = facts
        self._server_labels = server_labels
        self._store = store
        self._since: dict[ServerId, Instant] = {}
        """The outages under way by server, and since when."""
        self._seen: tuple[int, list[bytes]] = -1, []
        """The membership of the book and the starts of outages of each group, as they were looked at last."""
        self._causes_seen = -1
        """How many causes the book had then."""
        self._causes: dict[ServerId, Cause] = {}
        """The causes of the outages under way, as far as they are known."""
        self._told: dict[ServerId, tuple[Subject, Instant]] = {}
        """Of which servers an alert fires, as whom, and since when."""
        self._queue: DueQueue[tuple[ServerId]] = DueQueue()
        """Servers to be looked at, now or once their outage has lasted long enough."""

    @property
    def is_behind(self) -> bool:
        """Whether anything waits to be looked at."""
        return bool(self._queue)

    @property
    def under_way(self) -> Collection[ServerId]:
        """The servers of which an outage is under way."""
        return self._since.keys()

    @property
    def causes(self) -> Mapping[ServerId, Cause]:
        """Of the outages under way, as far as they are known; another object when any of it is another."""
        return self._causes

    def mark(self, now: Instant) -> Iterator[None]:
        """Find, in small steps, what is to be looked at."""
        self._queue.pass_to(now)
        yield from self._mark_edges()
        yield from self._mark_causes()

    def _mark_edges(self) -> Iterator[None]:
        """The outages that began or ended."""
        groups = list(self._book.groups.values())
        seen = self._book.membership, [group.outage_at.tobytes() for group in groups]
        if seen == self._seen:
            return
        self._seen, self._causes_seen = seen, -1
        since: dict[ServerId, Instant] = {}
        for group in groups:
            for start in range(0, len(group.rows), SLICE):
                outages = group.ongoing_outages(start, start + SLICE)
                since.update((server, began_at) for _, server, began_at in outages)
                yield
        before, self._since = self._since, since
        for server, began_at in chain(since.items(), before.items()):
            if since.get(server) != began_at or before.get(server) != began_at:
                self._queue.add((server,))
            yield

    def _mark_causes(self) -> Iterator[None]:
        """The outages whose cause is known now, or is another."""
        evidence = self._book.evidence
        if self._causes_seen == evidence.causes_taken:
            return
        self._causes_seen = evidence.causes_taken
        causes: dict[ServerId, Cause] = {}
        for server, began_at in self._since.items():
            cause = self._book.cause_of_outage(server, began_at)
            if cause is not None:
                causes[server] = cause
            if cause is not self._causes.get(server):
                self._queue.add((server,))
            yield
        self._causes = causes

    def work(self, now: Instant) -> Iterator[None]:
        """Put into the store what was found, in small steps."""
        while self._queue:
            (server,) = self._queue.take()
            self._look(server, now)
            yield

    def _look(self, server: ServerId, now: Instant) -> None:
        since, what = self._since.get(server), ("down", server)
        if since is None:
            self._told.pop(server, None)
            self._store.put(what, (), now)
        elif self._store.has(what):
            self._store.put(what, list(self._of(server, now)), now)
        elif now - since < DOWN_FOR_US:
            self._queue.add_at(Instant(since + DOWN_FOR_US), (server,))
        elif not self._server_labels.is_known(server, now):
            self._queue.add_at(Instant(now + ASK_AGAIN_US), (server,))
        else:
            record = self._book.record_of(server)
            labels = self._server_labels.labels_with_shared(record)
            self._told[server] = Subject(text=record.name, labels=labels), since
            self._store.put(what, list(self._of(server, now)), now)

    def _of(self, server: ServerId, now: Instant) -> Iterator[Alert]:
        subject, since = self._told[server]
        place, cause = self._book.places[server], self._causes.get(server)
        host, _ = self._facts.placement_of(server)
        legs = place.group.legs_down(place.index)
        reasons = self._book.why_down(server, legs)
        outage = OngoingOutage(at=now, since=since, reasons=reasons, host=host, cause=cause)
        yield from alerts(OUTAGE_ALERTS, outage, subject)
