"""The validator: judges what people ask to record against the book, and makes the record of it.

Nothing here waits or writes. A record that is made is valid evidence by every rule of the format (`spec/evidence.md`):
one that is not would keep the ledger from ever being read again.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from daemon.new_ids import new_id
from daemon.records import bodies
from daemon.records.idempotency import Draft, Series
from daemon.records.naming import NOBODY, Known, Named, unknown_id
from daemon.records.planning import planned
from daemon.records.refusals import (
    ConflictError,
    FieldFault,
    FieldFaults,
    RefusedError,
    all_faults,
)
from daemon.records.scopes import Scope, by_owner
from daemon.servers.policy import PROVIDER
from sla.book import Book, SolutionKey
from sla.exclusions import MAINTENANCE
from sla.instants import DAY, FOREVER, SECOND, Instant, format_instant
from sla.pages import ExclusionPages, RequestPages
from sla.records import (
    CancellationNotice,
    Category,
    Decision,
    Exclusion,
    ExclusionEnded,
    ExclusionId,
    ExclusionWithdrawn,
    Lifecycle,
    NoticeId,
    Proposal,
    ProposalDecided,
    RequestId,
    ServiceRequest,
    ServiceRequestClosed,
    ServiceRequestResponded,
    StepId,
    Withdrawable,
    Withdrawn,
)
from sla.requests import refusal
from sla.spans import Span

_PREFIXES: Final = {category: "mw" if category in MAINTENANCE else "ex" for category in Category}
_PREFIXES_OF_SOLUTIONS: Final = {
    Withdrawable.SERVICE_REQUEST: "sr",
    Withdrawable.CANCELLATION_NOTICE: "cn",
    Withdrawable.LIFECYCLE: "lc",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """When a record is made, and who made it, as the record says it."""

    at: Instant
    by: str = PROVIDER


class _Purpose(NamedTuple):
    """What the records of one request have in common."""

    category: Category
    announced_at: Instant | None
    reference: str | None


class Validator:
    """Judges by the book as it stands when it is asked: between two commits.

    `configured` are the solutions that the configuration names, of which there may be no server yet.
    """

    def __init__(self, book: Book, groups: Mapping[str, Sequence[ExclusionId]]) -> None:
        """`groups`: the exclusions that were recorded as one, by the id under which they were."""
        self.configured: Collection[SolutionKey] = ()
        self._book = book
        self._groups = groups

    # Exclusions

    def maintenance(self, body: bodies.MaintenanceBody, named: Named, now: Recording) -> Draft:
        """A maintenance window, for each client by itself. Raises RefusedError."""
        said = _Purpose(Category(body.category), _announced_at(body, now), body.reference)
        span = body.start, _end_of(body)
        return self._exclusion(body, said, span, named, now)

    def series(self, body: bodies.SeriesBody, named: Named, now: Recording) -> Draft:
        """The windows of a series, each for each client by itself. Raises RefusedError."""
        said = _Purpose(Category(body.category), _announced_at(body, now), body.reference)
        with all_faults() as faults:
            scope = self._scope(faults, body, said, named, now)
        timezone, spans = planned(body, scope, self._known, now.at)
        numbers = range(1, len(spans) + 1)
        name = self._new_id(
            body.id,
            _PREFIXES[said.category],
            lambda id_: any(self._is_exclusion(_numbered(id_, number)) for number in numbers),
            now.at,
        )
        records: list[Exclusion] = []
        windows: list[str] = []
        for number, span in zip(numbers, spans, strict=True):
            window = _numbered(name, number)
            made = self._records(window, said, scope, span, now)
            records += made
            windows += [window] * len(made)
        return Draft(name, records, Series(body.every, timezone, windows))

    def other_exclusion(self, body: bodies.ExclusionBody, named: Named, now: Recording) -> Draft:
        """An exclusion for another reason, likewise. Raises RefusedError."""
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
        said = _Purpose(Category(body.category), body.announced_at, body.reference)
        span = body.start, FOREVER if body.end is None else body.end
        return self._exclusion(body, said, span, named, now)

    def _exclusion(
        self,
        body: bodies.MaintenanceBody | bodies.ExclusionBody,
        said: _Purpose,
        span: Span,
        named: Named,
        now: Recording,
    ) -> Draft:
        with all_faults() as faults:
            if span[0] >= span[1]:
                faults.add("until", "must be after from")
            scope = self._scope(faults, body, said, named, now)
        name = self._new_id(body.id, _PREFIXES[said.category], self._is_exclusion, now.at)
        return Draft(name, self._records(name, said, scope, span, now))

    def _scope(
        self, faults: FieldFaults, body: bodies.ScopedBody, said: _Purpose, named: Named, now: Recording
    ) -> Scope:
        _not_later(faults, "announced_at", said.announced_at, now.at)
        servers = self._known.servers(faults, body.servers, named)
        solutions = self._known.solutions(faults, body.solutions)
        clients = [
            self._known.client(faults, f"clients[{place + 1}]", client, now.at)
            for place, client in enumerate(body.clients)
        ]
        return Scope(
            clients=tuple(dict.fromkeys(clients)),
            solutions=tuple(dict.fromkeys(solutions)),
            servers=tuple(dict.fromkeys(servers)),
        )

    def _records(
        self, name: str, said: _Purpose, scope: Scope, span: Span, now: Recording
    ) -> list[Exclusion]:
        """The records of what people speak of by `name`."""
        parts = by_owner(scope, span, self._known, now.at)
        return [
            Exclusion(
                id=ExclusionId(id_),
                category=said.category,
                start=start,
                end=None if end == FOREVER else end,
                clients=part.clients,
                solutions=part.solutions,
                servers=part.servers,
                announced_at=said.announced_at,
                reference=said.reference,
                recorded_at=now.at,
                recorded_by=now.by,
            )
            for id_, (part, (start, end)) in zip(self._ids_of_parts(name, len(parts)), parts, strict=True)
        ]

    def ending(
        self, windows: Sequence[ExclusionPages], body: bodies.MomentBody, now: Recording
    ) -> list[ExclusionEnded]:
        """The end of an open exclusion, or of those that were recorded as one and are open. Raises RefusedError."""
        at = now.at if body.at is None else body.at
        going_on = [pages for pages in windows if _why_not_open(pages) is None]
        if not going_on:
            raise ConflictError(
                [FieldFault("", f"exclusion {windows[0].record.id} {_why_not_open(windows[0])}")]
            )
        with all_faults() as faults:
            _not_later(faults, "at", at, now.at)
            start = max(pages.record.start for pages in going_on)
            if at <= start:
                faults.add("at", f"must be after the exclusion's from, {format_instant(start)}")
        return [
            ExclusionEnded(id=pages.record.id, at=at, recorded_at=now.at, recorded_by=now.by)
            for pages in going_on
        ]

    def withdrawal(
        self, windows: Sequence[ExclusionPages], body: bodies.WithdrawalBody, now: Recording
    ) -> list[ExclusionWithdrawn]:
        """The withdrawal of an exclusion, or of those that were recorded as one and still stand. Raises RefusedError."""
        standing = [pages for pages in windows if pages.withdrawn is None]
        if not standing:
            _not_twice(windows[0].record.id, windows[0].withdrawn)
        return [
            ExclusionWithdrawn(id=pages.record.id, why=body.why, recorded_at=now.at, recorded_by=now.by)
            for pages in standing
        ]

    def maintenance_windows(self, window: str) -> list[ExclusionPages]:
        """What is on record of a maintenance window, or of those that were recorded as one. Raises NotFoundError."""
        found = [pages for pages in self._recorded_as(window) if pages.record.category in MAINTENANCE]
        if not found:
            raise unknown_id("maintenance window", window)
        return found

    def other_windows(self, exclusion: str) -> list[ExclusionPages]:
        """The same of an exclusion for another reason. Raises NotFoundError."""
        found = [pages for pages in self._recorded_as(exclusion) if pages.record.category not in MAINTENANCE]
        if not found:
            raise unknown_id("exclusion", exclusion)
        return found

    # Proposals

    def acceptance(self, proposal: str, now: Recording, why: str = "") -> Draft:
        """The exclusion that a proposal asks for, for each client by itself, and the decision. Raises RefusedError."""
        record = self._pending(proposal)
        span = {"from": format_instant(record.start)}
        span |= {} if record.end is None else {"until": format_instant(record.end)}
        body = bodies.read(
            bodies.ExclusionBody,
            {
                **span,
                "category": record.category.value,
                "open": record.end is None,
                "servers": list(record.servers),
                "reference": record.id,
            },
        )
        excluding = self.other_exclusion(body, NOBODY, now)
        first = excluding.records[0]
        assert isinstance(first, Exclusion)
        decided = _decided(record, Decision.ACCEPTED, why, now, first.id)
        return Draft(excluding.name, (*excluding.records, decided))

    def rejection(self, proposal: str, body: bodies.RejectionBody, now: Recording) -> ProposalDecided:
        """The rejection of a proposal. Raises RefusedError."""
        return _decided(self._pending(proposal), Decision.REJECTED, body.why, now)

    def _pending(self, proposal: str) -> Proposal:
        """A proposal that waits to be decided. Raises RefusedError."""
        pages = self._book.proposals.get(proposal)
        if pages is None:
            raise unknown_id("proposal", proposal)
        if pages.decided is not None:
            raise ConflictError([FieldFault("", f"{proposal} {_told(pages.decided)}")])
        return pages.record

    def _recorded_as(self, name: str) -> list[ExclusionPages]:
        """The exclusion of that id, or those that were recorded as one under it."""
        ids = self._groups.get(name, (ExclusionId(name),))
        return [self._book.exclusions[each] for each in ids if each in self._book.exclusions]

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
            id=RequestId(self._new_id_of(Withdrawable.SERVICE_REQUEST, body.id, now.at)),
            client=key[1],
            solution=key[0],
            opened_at=opened_at,
            opened_by=body.opened_by,
            channel=body.channel,
            recorded_at=now.at,
            recorded_by=now.by,
        )

    def response(self, request: str, body: bodies.MomentBody, now: Recording) -> ServiceRequestResponded:
        """A response to a request; of several the first counts. Raises RefusedError."""
        pages = self._standing_request(request)
        return ServiceRequestResponded(
            id=pages.record.id,
            at=_after_opening(pages, body, now),
            recorded_at=now.at,
            recorded_by=now.by,
        )

    def closing(self, request: str, body: bodies.MomentBody, now: Recording) -> ServiceRequestClosed:
        """The end of a request. Raises RefusedError."""
        pages = self._standing_request(request)
        if pages.closed:
            raise ConflictError(
                [FieldFault("", f"{request} was closed already, at {format_instant(pages.closed[0].at)}")]
            )
        return ServiceRequestClosed(
            id=pages.record.id,
            at=_after_opening(pages, body, now),
            recorded_at=now.at,
            recorded_by=now.by,
        )

    def _standing_request(self, request: str) -> RequestPages:
        """What is on record of a service request that was not withdrawn. Raises RefusedError."""
        pages = self._book.requests.get(RequestId(request))
        if pages is None:
            raise unknown_id(Withdrawable.SERVICE_REQUEST.noun, request)
        if (Withdrawable.SERVICE_REQUEST, request) in self._book.withdrawn:
            raise ConflictError([FieldFault("", f"{request} is withdrawn")])
        return pages

    # Solutions

    def notice(self, body: bodies.NoticeBody, now: Recording) -> CancellationNotice:
        """A notice of intent to cancel; whether it is valid is for the arithmetic to say. Raises RefusedError."""
        given_at = now.at if body.given_at is None else body.given_at
        with all_faults() as faults:
            solution, client = self._known.solution_of(faults, body.solution, body.client, now.at)
            _not_later(faults, "given_at", given_at, now.at)
        return CancellationNotice(
            id=NoticeId(self._new_id_of(Withdrawable.CANCELLATION_NOTICE, body.id, now.at)),
            client=client,
            solution=solution,
            given_at=given_at,
            recorded_at=now.at,
            recorded_by=now.by,
        )

    def step(self, body: bodies.LifecycleBody, now: Recording) -> Lifecycle:
        """A step in the life of a solution. Raises RefusedError."""
        at = now.at if body.at is None else body.at
        with all_faults() as faults:
            solution, client = self._known.solution_of(faults, body.solution, body.client, now.at)
            _not_later(faults, "at", at, now.at)
        return Lifecycle(
            id=StepId(self._new_id_of(Withdrawable.LIFECYCLE, body.id, now.at)),
            client=client,
            solution=solution,
            event=body.event,
            at=at,
            recorded_at=now.at,
            recorded_by=now.by,
        )

    def withdrawn(
        self, what: Withdrawable, id_: str, body: bodies.WithdrawalBody, now: Recording
    ) -> Withdrawn:
        """The withdrawal of what people recorded of a solution. Raises RefusedError."""
        if (what, id_) not in self._book.withdrawable:
            raise unknown_id(what.noun, id_)
        _not_twice(id_, self._book.withdrawn.get((what, id_)))
        return Withdrawn(what=what, id=id_, why=body.why, recorded_at=now.at, recorded_by=now.by)

    def _is_exclusion(self, name: str) -> bool:
        return name in self._book.exclusions or name in self._groups

    def _ids_of_parts(self, name: str, count: int) -> list[str]:
        """The ids of what is recorded under a name: that itself, or each part's, which tells of no other."""
        if count == 1:
            return [name]
        ids: dict[str, None] = {}
        while len(ids) < count:
            made = f"{name}.{secrets.token_hex(3)}"
            if not self._is_exclusion(made):
                ids[made] = None
        return list(ids)

    @property
    def _known(self) -> Known:
        return Known(self._book, self.configured)

    def _new_id_of(self, what: Withdrawable, given: str | None, at: Instant) -> str:
        return self._new_id(
            given, _PREFIXES_OF_SOLUTIONS[what], lambda id_: (what, id_) in self._book.withdrawable, at
        )

    def _new_id(self, given: str | None, prefix: str, is_taken: Callable[[str], bool], at: Instant) -> str:
        """The id that was given, or one that is new; of other monitors too, which may be merged with this one."""
        if given is not None:
            if is_taken(given):
                raise ConflictError([FieldFault("id", f"{given} is taken: leave it out, or choose another")])
            return given
        return new_id(prefix, at, is_taken)


def _decided(
    proposal: Proposal, decision: Decision, why: str, now: Recording, exclusion: ExclusionId | None = None
) -> ProposalDecided:
    return ProposalDecided(
        id=proposal.id,
        decision=decision,
        exclusion=exclusion,
        why=why,
        recorded_at=now.at,
        recorded_by=now.by,
    )


def _told(decided: ProposalDecided) -> str:
    """How a proposal was decided, behind its id."""
    how = "has lapsed" if decided.decision is Decision.LAPSED else f"was {decided.decision.value} already"
    return f"{how}, at {format_instant(decided.recorded_at)}{decided.why and ': '}{decided.why}"


def _not_twice(id_: str, before: ExclusionWithdrawn | Withdrawn | None) -> None:
    """Raises ConflictError where it was withdrawn before."""
    if before is not None:
        raise ConflictError(
            [FieldFault("", f"{id_} was withdrawn already, at {format_instant(before.recorded_at)}")]
        )


def _numbered(name: str, number: int) -> str:
    """The name of a window of a series."""
    return f"{name}-{number}"


def _announced_at(body: bodies.MaintenanceBody | bodies.SeriesBody, now: Recording) -> Instant | None:
    return body.announced_at if "announced_at" in body.model_fields_set else now.at


def _end_of(body: bodies.MaintenanceBody) -> Instant:
    """When a window ends, by its end or by how long it lasts. Raises RefusedError."""
    if body.end is None:
        if body.duration_seconds is None:
            raise RefusedError([FieldFault("until", "is missing: give it, or duration_seconds")])
        return Instant(body.start + body.duration_seconds * SECOND)
    if body.duration_seconds is not None:
        raise RefusedError([FieldFault("duration_seconds", "cannot be there beside until: leave one out")])
    if body.end - body.start > bodies.LONGEST_WINDOW:
        raise RefusedError(
            [FieldFault("until", f"is more than {bodies.LONGEST_WINDOW // DAY} days after from")]
        )
    return body.end


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


def _why_not_open(pages: ExclusionPages) -> str | None:
    """Why an exclusion cannot be ended; None for one that can."""
    if pages.withdrawn is not None:
        return "is withdrawn"
    if pages.ended is not None:
        return f"was ended at {format_instant(pages.ended.at)}"
    return (
        None if pages.record.end is None else f"is not open: its until is {format_instant(pages.record.end)}"
    )
