"""Outages of which somebody is told already, by an alert of the server's host or datastore, or of their incident."""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain

from daemon.alerts.alert import Alert
from daemon.alerts.conditions.definitions import Lasting, Subject, alerts
from daemon.alerts.conditions.servers import CAUSE_ALERTS
from daemon.alerts.conditions.shared import DATASTORE_ALERTS, HOST_ALERTS
from daemon.alerts.server_labels import ServerLabels
from daemon.alerts.store import AlertStore
from daemon.book.live_book import LiveBook
from daemon.live.facts import ServerFacts
from sla.instants import Instant
from sla.records import Leg, ServerId


class CauseAlerts:
    """Looks at every outage under way while the alert of any host or datastore fires."""

    def __init__(
        self, *, book: LiveBook, facts: ServerFacts, server_labels: ServerLabels, store: AlertStore
    ) -> None:
        self._book = book
        self._facts = facts
        self._server_labels = server_labels
        self._store = store
        self._told: set[ServerId] = set()
        """Servers of which it was said last that a host or datastore of theirs is the cause."""

    def look(
        self,
        fires: Iterable[Alert],
        of_incidents: Collection[ServerId],
        under_way: Collection[ServerId],
        now: Instant,
    ) -> Iterator[None]:
        """Put into the store, in small steps, whose cause is told by what fires, or by the alert of an incident."""
        named = [dict(alert.labels) for alert in fires]
        hosts = {(each["vcenter"], each["host"]) for each in named if each["alertname"] in HOST_ALERTS}
        stores = {each["vcenter"] for each in named if each["alertname"] in DATASTORE_ALERTS}
        told = set(of_incidents)
        if hosts or stores:
            for server in list(under_way):
                if server not in told and self._is_told(server, hosts, stores):
                    told.add(server)
                yield
        before, self._told = self._told, told
        for server in chain(told - before, before - told):
            self._store.put(("cause", server), self._of(server, now) if server in told else (), now)
            yield

    def _is_told(self, server: ServerId, hosts: Collection[tuple[str, str]], stores: Collection[str]) -> bool:
        """By its host; or by a datastore of its vCenter, if its leg says that one is lost to it: it may have several."""
        source, (host, _) = self._facts.source_of(server), self._facts.placement_of(server)
        if (source, host) in hosts:
            return True
        place = self._book.places[server]
        return source in stores and Leg.SAN in place.group.legs_down(place.index)

    def _of(self, server: ServerId, now: Instant) -> Iterable[Alert]:
        record = self._book.record_of(server)
        return alerts(
            CAUSE_ALERTS,
            Lasting(at=now),
            Subject(text=record.name, labels=self._server_labels.labels(record)),
        )
