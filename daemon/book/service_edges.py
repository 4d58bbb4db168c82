"""From when on which legs of a server count: what its counters are told when its service changes."""

from collections.abc import Iterator

from sla.instants import FOREVER, Instant
from sla.pages import ServerPages
from sla.records import Leg, ObserverRetired


def service_edges(pages: ServerPages) -> Iterator[tuple[Instant, tuple[Leg, ...]]]:
    """Instants in order, and the legs that count from each on, as far as the newest record may have changed them; none: out of service.

    Of one monitor they are those of its newest record; of several, those of the parts of all (spec §3.4).
    """
    newest = pages.records[-1]
    if pages.is_told_by_one:
        yield newest.in_service_from, newest.legs
        if newest.in_service_until is not None:
            yield newest.in_service_until, ()
        return
    parts = pages.parts(FOREVER)
    for at in sorted(set(_edges(pages))):
        here = next((part for part in parts if part.start <= at < part.end), None)
        yield at, () if here is None else here.watched_at(at)


def _edges(pages: ServerPages) -> Iterator[Instant]:
    """Where a record says that something of the service changes, whatever holds there in the end."""
    for told in pages.told:
        if isinstance(told, ObserverRetired):
            yield told.at
        else:
            yield told.in_service_from
            if told.in_service_until is not None:
                yield told.in_service_until
    for part in pages.parts(FOREVER):
        yield part.start
        yield from (since for since, _ in part.watched if part.start < since < part.end)
        if part.end != FOREVER:
            yield part.end
