"""Which hosts and datastores are down, by what their sources report."""

from collections.abc import Collection, Iterator, Mapping

from daemon.alerts.alert import Alert
from daemon.alerts.conditions.definitions import Lasting, Subject, alerts
from daemon.alerts.conditions.shared import DATASTORE_ALERTS, HOST_ALERTS
from probes.report import Report
from sla.instants import Instant
from sla.records import State

_Down = dict[tuple[str, str], Instant]
"""What is down, by its source and its name, and since when."""


class InfrastructureAlerts:
    """Kept up by every report that was taken; costs what is down, not what exists."""

    def __init__(self) -> None:
        """Nothing is known to be down."""
        self._hosts: _Down = {}
        self._datastores: _Down = {}

    def take(self, report: Report, now: Instant) -> None:
        """Take a report: what it says is down, has come back, or is gone."""
        since = report.observed_until or now
        _take(self._hosts, report, report.hosts, report.gone_hosts, since)
        _take(self._datastores, report, report.datastores, report.gone_datastores, since)

    def keep(self, sources: Collection[str]) -> None:
        """Forget all but these sources."""
        for down in (self._hosts, self._datastores):
            for key in [key for key in down if key[0] not in sources]:
                del down[key]

    def alerts(self, at: Instant) -> Iterator[Alert]:
        """Of all that is down."""
        for (source, host), since in self._hosts.items():
            subject = Subject(text=f"{host} of {source}", labels={"vcenter": source, "host": host})
            yield from alerts(HOST_ALERTS, Lasting(at=at, since=since), subject)
        for (source, datastore), since in self._datastores.items():
            subject = Subject(
                text=f"{datastore} of {source}", labels={"vcenter": source, "datastore": datastore}
            )
            yield from alerts(DATASTORE_ALERTS, Lasting(at=at, since=since), subject)


def _take(
    down: _Down, report: Report, states: Mapping[str, State], gone: Collection[str], since: Instant
) -> None:
    if report.fresh and not report.partial:
        gone = [name for source, name in down if source == report.source and name not in states]
    for name in gone:
        down.pop((report.source, name), None)
    for name, state in states.items():
        if state is State.DOWN:
            down.setdefault((report.source, name), since)
        else:
            down.pop((report.source, name), None)
