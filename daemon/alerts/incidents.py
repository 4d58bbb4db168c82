"""Alerts of incidents: several virtual servers are down, and one thing brought that about."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from daemon.alerts.alert import Alert
from daemon.alerts.conditions.definitions import Subject, alerts
from daemon.alerts.conditions.servers import (
    DOWN_FOR_US,
    INCIDENT_ALERTS,
    SEVERAL,
    OpenIncident,
)
from daemon.alerts.store import AlertStore
from daemon.book.live_book import LiveBook
from daemon.live.facts import ServerFacts
from sla.grouping import begun_by, place_of
from sla.instants import FOREVER, Instant
from sla.records import Cause, CauseKind, ServerId


class _What(NamedTuple):
    """What an alert of an incident is about. Two incidents of one cause at one place are told of together."""

    cause: CauseKind
    vcenter: str
    host: str
    datastore: str
    uplink: str


class IncidentAlerts:
    """Looks at the causes of all outages under way. What an incident is called by stays while any outage of it goes on."""

    def __init__(
        self, *, book: LiveBook, facts: ServerFacts, store: AlertStore, labels: Mapping[str, str]
    ) -> None:
        """Of which nothing is known yet. `labels`: that all alerts have."""
        self.told: Collection[ServerId] = ()
        """The servers that are down by an incident of which an alert fires."""
        self._book = book
        self._facts = facts
        self._store = store
        self._labels = labels
        self._what: dict[str, _What] = {}
        """By the incident's id."""
        self._firing: set[_What] = set()
        self._causes: Mapping[ServerId, Cause] = {}
        """Those that were looked at last."""
        self._next_at = FOREVER
        """When time alone has an alert of them fire."""

    def look(self, causes: Mapping[ServerId, Cause], now: Instant) -> Iterator[None]:
        """Put into the store, in small steps, what holds, by the causes of the outages under way."""
        if causes is self._causes and now < self._next_at:
            return
        self._causes, self._next_at = causes, FOREVER
        incidents: dict[str, list[Cause]] = {}
        for cause in causes.values():
            if cause.incident:
                incidents.setdefault(cause.incident, []).append(cause)
            yield
        self._what = {name: self._what.get(name) or self._called(those) for name, those in incidents.items()}
        together: dict[_What, list[Cause]] = {}
        for name, those in incidents.items():
            if len(those) >= SEVERAL:
                together.setdefault(self._what[name], []).extend(those)
            yield
        told: set[ServerId] = set()
        for what, those in together.items():
            found = list(self._of(what, those, now))
            self._store.put(("incident", what), found, now)
            if found:
                told.update(cause.server for cause in those)
            else:
                self._next_at = min(self._next_at, Instant(min(cause.start for cause in those) + DOWN_FOR_US))
            yield
        for what in self._firing - together.keys():
            self._store.put(("incident", what), (), now)
        self._firing, self.told = set(together), told

    def _called(self, causes: Iterable[Cause]) -> _What:
        first = begun_by(causes)
        return _What(first.cause, self._facts.source_of(first.server), *place_of(first))

    def _of(self, what: _What, causes: Collection[Cause], now: Instant) -> Iterator[Alert]:
        first = begun_by(causes)
        records = [self._book.record_of(cause.server) for cause in causes]
        incident = OpenIncident(
            at=now,
            since=first.start,
            cause=first,
            servers=sorted(record.name for record in records),
            clients={record.client for record in records},
        )
        labels = {**_labels(what), **self._labels}
        yield from alerts(INCIDENT_ALERTS, incident, Subject(text=_text(what), labels=labels))


def _text(what: _What) -> str:
    kind = what.cause.value.replace("_", " ")
    return f"{kind[0].upper()}{kind[1:]} at {what.uplink or what.datastore or what.host} of {what.vcenter}"


def _labels(what: _What) -> Mapping[str, str]:
    return {**what._asdict(), "cause": what.cause.value}
