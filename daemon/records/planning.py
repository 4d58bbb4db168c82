"""Which windows a rule comes to, and by whose clock (spec §1.2). Nothing is judged here."""

from itertools import islice
from typing import Final, NamedTuple

from daemon.config.values import shown
from daemon.records.bodies import SeriesBody
from daemon.records.naming import Known
from daemon.records.refusals import FieldFault, RefusedError
from daemon.records.scopes import Scope, clients_of
from daemon.replies.words import MOST_WINDOWS
from sla.calendars import Calendar, UnknownZoneError, calendar_of, format_day
from sla.instants import SECOND, Instant
from sla.spans import Span

MOST_NAMED: Final = 1000
"""Names in the scopes of all windows of a series together: they are looked at in the recorder's turn."""


class Plan(NamedTuple):
    """The windows of a series, and by whose clock they recur."""

    timezone: str
    spans: list[Span]


def planned(body: SeriesBody, scope: Scope, known: Known, now: Instant) -> Plan:
    """The windows that are asked for. Raises RefusedError."""
    since = now if body.start is None else body.start
    calendar = _calendar(body.timezone, scope, known, since, now)
    if body.count is None and body.last is None:
        raise _refused("count", "is missing: give it, or until, the last date")
    if body.count is not None and body.last is not None:
        raise _refused("count", "cannot be there beside until: leave one out")
    starts = list(islice(body.every.starts(calendar, since, body.last), body.count or MOST_WINDOWS + 1))
    if not starts:
        first = calendar.local_time(next(body.every.starts(calendar, since))).isoformat(" ", "seconds")
        raise _refused("until", f"is before the first of them, {first}")
    if len(starts) > MOST_WINDOWS:
        last = format_day(calendar.day_of(starts[MOST_WINDOWS - 1]))
        raise _refused(
            "until",
            f"would make more than {MOST_WINDOWS} windows: it may be {last}, and another series go on",
        )
    most = MOST_NAMED // max(1, sum(map(len, scope)))
    if len(starts) > most:
        raise _refused(
            "servers",
            f"and solutions and clients are {sum(map(len, scope))} names, for {len(starts)} windows: with so many it can be"
            f" {most} windows at once; a client or a solution stands for all its servers",
        )
    return Plan(calendar.zone, [(start, Instant(start + body.duration_seconds * SECOND)) for start in starts])


def _calendar(given: str | None, scope: Scope, known: Known, since: Instant, now: Instant) -> Calendar:
    """The clock that is asked for, or that all who are concerned have. Raises RefusedError."""
    if given is not None:
        try:
            return calendar_of(given)
        except UnknownZoneError:
            raise _refused(
                "timezone", f"there is no time zone {shown(given)}: write one such as America/Toronto"
            ) from None
    records = (known.book.client(client, now) for client in clients_of(scope, since, known, now))
    zones = sorted({record.timezone for record in records if record is not None})
    if len(zones) != 1:
        have = f"have several, {', '.join(zones)}" if zones else "have none"
        raise _refused("timezone", f"is missing: those whom it concerns {have}")
    return calendar_of(zones[0])


def _refused(field: str, message: str) -> RefusedError:
    return RefusedError([FieldFault(field, message)])
