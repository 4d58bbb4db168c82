"""The validator: judges what people ask to record against the book, and makes the record of it.

Nothing here waits or writes. A record that is made is valid evidence by every rule of the format (`spec/evidence.md`):
one that is not would keep the ledger from ever being read again.
"""

import secrets
from collections.abc import Collection, Container
from dataclasses import dataclass
from typing import Final

from daemon.config.values import shown
from daemon.records import bodies
from daemon.records.naming import Known, Named
from daemon.records.refusals import (
    ConflictError,
    FieldFault,
    FieldFaults,
    NotFoundError,
    RefusedError,
    all_faults,
)
from sla.book import Book, ExclusionPages, RequestPages, SolutionKey
from sla.calendars import Day, format_day
from sla.exclusions import MAINTENANCE
from sla.instants import DAY, Instant, format_instant
from sla.records import (
    CancellationNotice,
    Category,
    ClientId,
    Exclusion,
    ExclusionEnded,
    ExclusionId,
    ExclusionWithdrawn,
    Extra,
    Lifecycle,
    RequestId,
    ServiceRequest,
    ServiceRequestClosed,
    ServiceRequestResponded,
    SolutionId,
)
from sla.requests import refusal

LONGEST_WINDOW: Final = 31 * DAY
"""Of maintenance: the contract speaks of hours."""

_PREFIXES: Final = {category: "mw" if category in MAINTENANCE else "ex" for category in Category}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """When a record is made, by whom, and what is kept beside it."""

    at: Instant
    by: str
    extra: Extra = ()


class Validator:
    """Judges by the book as it stands when it is asked: between two commits.

    `configured` are the solutions that the configuration names, of which there may be no server yet.
    """

    def __init__(self, book: Book) -> None:
        self.configured: Collection[SolutionKey] = ()
        self._book = book

    # Exclusions

    def maintenance(self, body: bodies.MaintenanceBody, named: Named, now: Recording) -> Exclusion:
        """A maintenance window. Raises RefusedError."""
        announced_at = body.announced_at if "announced_at" in body.model_fields_set else now.at
        if body.end - body.start > LONGEST_WINDOW:
            raise RefusedError([FieldFault("until", f"is more than {LONGEST_WINDOW // DAY} days after from")])
        return self._exclusion(body, Category(body.category), announced_at, named, now)

    def other_exclusion(self, body: bodies.ExclusionBody, named: Named, now: Recording) -> Exclusion:
        """An exclusion for another reason. Raises RefusedError."""
        if body.open and body.end is not None:
            raise RefusedError(
                [FieldFault("open", "cannot be true where until is given: leave one of them out")]
            )
        if not body.open and body.end is None:
            raise RefusedError(
                [
                    FieldFault(
                        "until", 'is missing: give it, or "open": true for what goes on until it is ended'
                    )
                ]
            )
        return self._exclusion(body, Category(body.category), body.announced_at, named, now)

    def _exclusion(
        self,
        body: bodies.MaintenanceBody | bodies.ExclusionBody,
        category: Category,
        announced_at: Instant | None,
        named: Named,
        now: Recording,
    ) -> Exclusion:
        with all_faults() as faults:
            if body.end is not None and body.start >= body.end:
                faults.add("until", "must be after from")
            _not_later(faults, "announced_at", announced_at, now.at)
            servers = self._known.servers(faults, body.servers, named)
            self._known.check_solutions(faults, body.solutions)
            for place, client in enumerate(body.clients):
                self._known.check_client(faults, f"clients[{place + 1}]", client, now.at)
        return Exclusion(
            id=ExclusionId(self._new_id(body.id, _PREFIXES[category], self._book.exclusions, now.at)),
            category=category,
            start=body.start,
            end=body.end,
            clients=tuple(map(ClientId, dict.fromkeys(body.clients))),
            solutions=tuple(map(SolutionId, dict.fromkeys(body.solutions))),
            servers=tuple(dict.fromkeys(servers)),
            announced_at=announced_at,
            reference=body.reference,
            recorded_at=now.at,
            recorded_by=now.by,
            extra=now.extra,
        )

    def ending(self, pages: ExclusionPages, body: bodies.MomentBody, now: Recording) -> ExclusionEnded:
        """The end of an open exclusion. Raises RefusedError."""
        exclusion = pages.record.id
        if pages.withdrawn is not None:
            raise ConflictError([FieldFault("", f"exclusion {exclusion} is withdrawn")])
        if pages.ended is not None:
            raise ConflictError(
                [FieldFault("", f"exclusion {exclusion} was ended at {format_instant(pages.ended.at)}")]
            )
        if pages.record.end is not None:
            raise ConflictError(
                [
                    FieldFault(
                        "",
                        f"exclusion {exclusion} is not open: its until is {format_instant(pages.record.end)}",
                    )
                ]
            )
        at = now.at if body.at is None else body.at
        with all_faults() as faults:
            _not_later(faults, "at", at, now.at)
            if at <= pages.record.start:
                faults.add("at", f"must be after the exclusion's from, {format_instant(pages.record.start)}")
        return ExclusionEnded(
            id=pages.record.id, at=at, recorded_at=now.at, recorded_by=now.by, extra=now.extra
        )

    def withdrawal(
        self, pages: ExclusionPages, body: bodies.WithdrawalBody, now: Recording
    ) -> ExclusionWithdrawn:
        """The withdrawal of an exclusion. Raises RefusedError."""
        record, before = pages.record, pages.withdrawn
        if before is not None:
            raise ConflictError(
                [
                    FieldFault(
                        "", f"{record.id} was withdrawn already, at {format_instant(before.recorded_at)}"
                    )
                ]
            )
        return ExclusionWithdrawn(
            id=record.id, why=body.why, recorded_at=now.at, recorded_by=now.by, extra=now.extra
        )

    def maintenance_window(self, window: str) -> ExclusionPages:
        """What is on record of a maintenance window. Raises NotFoundError."""
        pages = self._book.exclusions.get(ExclusionId(window))
        if pages is None or pages.record.category not in MAINTENANCE:
            raise NotFoundError([FieldFault("id", f"there is no maintenance window {shown(window)}")])
        return pages

    def other_window(self, exclusion: str) -> ExclusionPages:
        """What is on record of an exclusion for another reason. Raises NotFoundError."""
        pages = self._book.exclusions.get(ExclusionId(exclusion))
        if pages is None or pages.record.category in MAINTENANCE:
            raise NotFoundError([FieldFault("id", f"there is no exclusion {shown(exclusion)}")])
        return pages

    # Service requests

    def request(self, body: bodies.ServiceRequestBody, now: Recording) -> ServiceRequest:
        """A service request. Raises RefusedError, above all for an opener who is no tech admin (spec §8.1)."""
        opened_at = now.at if body.opened_at is None else body.opened_at
        with all_faults() as faults:
            key = self._known.solution_of(faults, body.solution, body.client, now.at)
            _not_later(faults, "opened_at", opened_at, now.at)
            client = self._book.client(key[1], now.at)
            problem = client and refusal(client.id, client.tech_admins, body.opened_by)
            if problem:
                faults.add("opened_by", problem)
        return ServiceRequest(
            id=RequestId(self._new_id(body.id, "sr", self._book.requests, now.at)),
            client=key[1],
            solution=key[0],
            opened_at=opened_at,
            opened_by=body.opened_by,
            channel=body.channel,
            recorded_at=now.at,
            recorded_by=now.by,
            extra=now.extra,
        )

    def response(self, request: str, body: bodies.MomentBody, now: Recording) -> ServiceRequestResponded:
        """A response to a request; of several the first counts. Raises RefusedError."""
        pages = self.request_on_record(request)
        return ServiceRequestResponded(
            id=pages.record.id,
            at=_after_opening(pages, body, now),
            recorded_at=now.at,
            recorded_by=now.by,
            extra=now.extra,
        )

    def closing(self, request: str, body: bodies.MomentBody, now: Recording) -> ServiceRequestClosed:
        """The end of a request. Raises RefusedError."""
        pages = self.request_on_record(request)
        if pages.closed:
            raise ConflictError(
                [FieldFault("", f"{request} was closed already, at {format_instant(pages.closed[0].at)}")]
            )
        return ServiceRequestClosed(
            id=pages.record.id,
            at=_after_opening(pages, body, now),
            recorded_at=now.at,
            recorded_by=now.by,
            extra=now.extra,
        )

    def request_on_record(self, request: str) -> RequestPages:
        """What is on record of a service request. Raises NotFoundError."""
        pages = self._book.requests.get(RequestId(request))
        if pages is None:
            raise NotFoundError([FieldFault("id", f"there is no service request {shown(request)}")])
        return pages

    # Solutions

    def notice(self, body: bodies.NoticeBody, now: Recording) -> CancellationNotice:
        """A notice of intent to cancel; whether it is valid is for the arithmetic to say. Raises RefusedError."""
        given_at = now.at if body.given_at is None else body.given_at
        with all_faults() as faults:
            solution, client = self._known.solution_of(faults, body.solution, body.client, now.at)
            _not_later(faults, "given_at", given_at, now.at)
        return CancellationNotice(
            client=client,
            solution=solution,
            given_at=given_at,
            recorded_at=now.at,
            recorded_by=now.by,
            extra=now.extra,
        )

    def step(self, body: bodies.LifecycleBody, now: Recording) -> Lifecycle:
        """A step in the life of a solution. Raises RefusedError."""
        at = now.at if body.at is None else body.at
        with all_faults() as faults:
            solution, client = self._known.solution_of(faults, body.solution, body.client, now.at)
            _not_later(faults, "at", at, now.at)
        return Lifecycle(
            client=client,
            solution=solution,
            event=body.event,
            at=at,
            recorded_at=now.at,
            recorded_by=now.by,
            extra=now.extra,
        )

    @property
    def _known(self) -> Known:
        return Known(self._book, self.configured)

    def _new_id(self, given: str | None, prefix: str, taken: Container[str], at: Instant) -> str:
        """The id that was given, or one that is new; of other monitors too, which may be merged with this one."""
        if given is not None:
            if given in taken:
                raise ConflictError([FieldFault("id", f"{given} is taken: leave it out, or choose another")])
            return given
        day = format_day(Day(at // DAY)).replace("-", "")
        while (made := f"{prefix}-{day}-{secrets.token_hex(3)}") in taken:
            pass
        return made


def _not_later(faults: FieldFaults, field: str, at: Instant | None, now: Instant) -> None:
    if at is not None and at > now:
        faults.add(field, f"is in the future: it must not be later than now, {format_instant(now)}")


def _after_opening(pages: RequestPages, body: bodies.MomentBody, now: Recording) -> Instant:
    at = now.at if body.at is None else body.at
    with all_faults() as faults:
        _not_later(faults, "at", at, now.at)
        if at < pages.record.opened_at:
            faults.add("at", f"is before the request was opened, {format_instant(pages.record.opened_at)}")
    return at
