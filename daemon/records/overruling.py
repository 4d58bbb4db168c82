"""The cause of an outage by a person's word: a record that slad's own attribution leaves as it is, until it is taken back.

Whose word holds is told by who recorded the newest one: the provider, or slad itself.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from daemon.records.bodies import CauseBody
from daemon.records.idempotency import Draft
from daemon.records.naming import Known, Named
from daemon.records.refusals import ConflictError, FieldFault, RefusedError, all_faults
from daemon.records.validator import Recording
from daemon.replies.words import AUTOMATIC
from daemon.servers.policy import PROVIDER, RECORDED_BY
from sla.book import Book
from sla.causes import records_of
from sla.instants import MINUTE, Instant, format_instant
from sla.outages import Outage, cause_of, outages_of
from sla.records import Cause, CauseKind, Confidence, ServerId

_NEAR: Final = MINUTE
"""How long before an outage began an instant still means it: people read the minute."""
_MOST_NAMED: Final = 5


def overruled(book: Book, body: CauseBody, named: Named, now: Recording) -> Draft:
    """The records that a person's word makes, of which the client may be shown one. Raises RefusedError."""
    with all_faults() as faults:
        servers = Known(book, ()).servers(faults, (body.server,), named, "server")
        if body.cause == AUTOMATIC and body.why is not None:
            faults.add("why", f"cannot be given with {AUTOMATIC}: what slad finds says why itself")
        if body.cause != AUTOMATIC and body.why is None:
            faults.add("why", "is missing")
    outage = _meant(book, servers[0], body.at, now.at)
    known = cause_of(outage, book, now.at)
    start = outage.start if known is None else known.start
    if body.cause == AUTOMATIC:
        return _draft(_taken_back(book, outage, start, known, now))
    assert isinstance(body.cause, CauseKind)
    same = known is not None and known.cause is body.cause
    if known is not None and same and known.recorded_by == now.by and known.text == body.why:
        raise ConflictError([FieldFault("", "that is on record already")])
    cause = Cause(
        server=outage.server,
        start=start,
        cause=body.cause,
        confidence=Confidence.NONE if body.cause is CauseKind.UNKNOWN else Confidence.PROVED,
        user=None,
        because=(),
        text=body.why or "",
        incident=known.incident if known is not None and same else "",
        host="" if known is None else known.host,
        datastore=known.datastore if known is not None and same else "",
        uplink=known.uplink if known is not None and same else "",
        recorded_at=now.at,
        recorded_by=now.by,
    )
    return _draft(records_of(cause, outage.client, cause.user, cause.text))


def _draft(causes: Sequence[Cause]) -> Draft:
    return Draft(Draft.of(causes[-1]).name, causes)


def _taken_back(
    book: Book, outage: Outage, start: Instant, known: Cause | None, now: Recording
) -> Sequence[Cause]:
    """What slad found last, on record once more: from then on it holds, and is revised. Raises ConflictError."""
    if known is None or known.recorded_by != PROVIDER:
        raise ConflictError(
            [FieldFault("", "its cause is what slad itself finds: there is nothing to take back")]
        )
    found = [each for each in book.causes[outage.server][start] if each.recorded_by != PROVIDER]
    if found:
        newest = found[-1].recorded_at
        return [replace(each, recorded_at=now.at) for each in found if each.recorded_at == newest]
    unknown = Cause(
        server=outage.server,
        start=start,
        cause=CauseKind.UNKNOWN,
        confidence=Confidence.NONE,
        user=None,
        because=(),
        text="nothing on record tells why",
        recorded_at=now.at,
        recorded_by=RECORDED_BY,
    )
    return records_of(unknown, outage.client, unknown.user, unknown.text)


def _meant(book: Book, server: ServerId, at: Instant, now: Instant) -> Outage:
    """The outage that an instant means. Raises RefusedError for one that means none, or several."""
    outages = list(outages_of(book, server, now))
    begun = [each for each in outages if each.start == at]
    near = begun or [each for each in outages if each.overlaps(at, Instant(at + _NEAR))]
    if len(near) == 1:
        return near[0]
    if near:
        which = f"{len(near)} outages are meant by it: name one by its first instant, {_starts(near)}"
        raise RefusedError([FieldFault("at", which)])
    nearest = sorted(outages, key=lambda each: abs(each.start - at))[:_MOST_NAMED]
    others = f"; its nearest outages began at {_starts(nearest)}" if nearest else ": it never was"
    raise RefusedError([FieldFault("at", f"the server was not down then{others}")])


def _starts(outages: list[Outage]) -> str:
    return ", ".join(format_instant(start) for start in sorted(each.start for each in outages))
