"""The families of outages: those under way, with where they are and why; incidents; and how many had which cause."""

from collections import Counter
from collections.abc import Callable
from heapq import nsmallest
from typing import Final

from daemon.book.live_book import LiveBook
from daemon.exposition.families import LabelledFamily, label, sample
from sla.grouping import place_of
from sla.records import Cause, ServerId

MOST_INCIDENTS: Final = 100
"""Incidents that have a series: those with the most servers."""


class OpenIncidents:
    """The incidents with an outage under way, from the causes of these outages."""

    def __init__(self, source_of: Callable[[ServerId], str]) -> None:
        """`source_of`: which vCenter lists a server."""
        self._source_of = source_of
        self._servers: Counter[str] = Counter()
        self._firsts: dict[str, Cause] = {}
        """The causes of the outages that began first."""

    def add(self, cause: Cause | None) -> None:
        """The cause of one server's outage that is under way."""
        if cause is not None and cause.incident:
            self._servers[cause.incident] += 1
            first = self._firsts.setdefault(cause.incident, cause)
            if (cause.start, cause.server) < (first.start, first.server):
                self._firsts[cause.incident] = cause

    def families(self, book: LiveBook) -> tuple[LabelledFamily, ...]:
        """The incidents that were of two servers or more, so many as may be; and how many more there are."""
        large = {
            name: servers
            for name, servers in self._servers.items()
            if len({key.server for key in book.outages.of_incident(name)}) > 1
        }
        shown = nsmallest(MOST_INCIDENTS, large, key=lambda name: (-large[name], name))
        samples = [sample(self._labels(name), str(large[name])) for name in shown]
        if not samples:
            return ()
        return (
            LabelledFamily(
                name="slad_incident_servers",
                help="The virtual servers of an incident whose outage is under way; of the largest incidents of two or more.",
                kind="gauge",
                samples=samples,
            ),
            LabelledFamily(
                name="slad_incidents_left_out",
                help="Incidents under way of two virtual servers or more that slad_incident_servers leaves out.",
                kind="gauge",
                samples=[sample("", str(len(large) - len(shown)))],
            ),
        )

    def _labels(self, name: str) -> str:
        first = self._firsts[name]
        place = place_of(first)._asdict()
        return ",".join(
            (
                label("incident", name),
                label("cause", first.cause.value),
                label("vcenter", self._source_of(first.server)),
                *(label(key, value) for key, value in place.items()),
            )
        )


def cause_family(book: LiveBook) -> tuple[LabelledFamily, ...]:
    """How many outages had which cause."""
    samples = [
        sample(f"{label('client', client)},{label('cause', cause.value)}", str(count))
        for (client, cause), count in sorted(book.cause_counts.counted.items(), key=lambda item: str(item[0]))
    ]
    if not samples:
        return ()
    text = "Outages by their cause as it was an hour after one was first on record; each is counted once."
    return (LabelledFamily(name="slad_outages_by_cause_total", help=text, kind="counter", samples=samples),)
