"""What stands on record, as the answers show it: judged by the book at an instant of knowledge."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from daemon.holidays import holidays_around
from daemon.pacing import paced
from daemon.records.idempotency import RecordedRequests
from daemon.records.naming import name_of
from daemon.replies.causes import CauseStatus
from daemon.replies.clients import ClientRow, ClientStatus
from daemon.replies.common import WithdrawalStatus
from daemon.replies.exclusions import (
    Ended,
    ExclusionStatus,
    WindowSplit,
    WindowState,
)
from daemon.replies.requests import RequestStatus
from daemon.replies.solutions import (
    ChronicStatus,
    ClientSolution,
    DeadlineStatus,
    InterruptionStatus,
    NoticeStatus,
    StepStatus,
)
from sla.announcement import Announcement, Split, concerned
from sla.book import Book, OfSolution, SolutionKey
from sla.calendars import calendar_of
from sla.chronic import Chronic, Stage
from sla.evidence import instants_of
from sla.exclusions import MAINTENANCE
from sla.instants import FOREVER, Instant
from sla.lifecycle import Acceptance
from sla.lookalikes import Lookalikes
from sla.owners import is_own
from sla.pages import ExclusionPages, RequestPages, ServerPages
from sla.records import (
    CancellationNotice,
    Cause,
    Client,
    ClientId,
    Exclusion,
    ExclusionWithdrawn,
    Lifecycle,
    ServerId,
    Withdrawn,
)
from sla.requests import Outcome
from sla.service import Part
from sla.spans import Span
from sla.statement import Judgement, SharedWork, SolutionState
from sla.terms import format_terms

_PENDING = (Outcome.PENDING, Acceptance.PENDING, Acceptance.PROBLEM)


_O = TypeVar("_O", CancellationNotice, Lifecycle)


class ShareRow(NamedTuple):
    """A `ServerShare` as JSON: there may be one for each of 40,000 servers."""

    json: bytes
    eligible: int
    seconds: int


class BookView:
    """A book at an instant of knowledge."""

    def __init__(self, book: Book, as_of: Instant, requests: RecordedRequests | None = None) -> None:
        """`requests`: who recorded what, and what as one; without them the records alone say it."""
        self._recorded = requests or RecordedRequests()
        self._book = book
        self._as_of = as_of
        self._judgements: dict[ClientId, Judgement] = {}
        self._shared = SharedWork()

    # Exclusions

    def shares(self, exclusion: Exclusion) -> Iterator[ShareRow | None]:
        """What a window comes to on each server; None for each that was looked at in vain."""
        splits: dict[Split, tuple[bytes, int, int]] = {}
        for share in self.announcement(exclusion).shares():
            if share is None:
                yield None
                continue
            made = splits.get(share.split)
            if made is None:
                made = splits[share.split] = _split_json(share.split)
            name = name_of(self._book, share.server)
            whose = {"server": share.server, "name": name, "client": share.client}
            said, seconds, eligible = made
            yield ShareRow(
                b"%b,%b" % (said[:-1], json.dumps(whose).encode()[1:]), eligible=eligible, seconds=seconds
            )

    def announcement(self, exclusion: Exclusion) -> Announcement:
        """A window that has an end and stands, and what it comes to."""
        return Announcement(
            self._book,
            exclusion.id,
            as_of=self._as_of,
            national_holidays=holidays_around([self._as_of, exclusion.start]),
            shared=self._shared,
        )

    def lookalikes(self, start: Instant, end: Instant) -> Lookalikes:
        """Which servers the windows in `[start, end)` come to the same on."""
        return Lookalikes(self._book, start, end, as_of=self._as_of)

    def concerned(self, exclusion: Exclusion) -> Collection[ServerId]:
        """The servers that it can cover."""
        return concerned(self._book, exclusion)

    def exclusions(self, *, maintenance: bool, past: bool) -> Iterator[ExclusionStatus]:
        """The maintenance windows, or the other exclusions, by their beginning; those past or withdrawn if asked for.

        What was recorded as one is shown as one, for as long as all of it stands alike.
        """
        for pages in sorted(self._alike(maintenance), key=lambda p: (p[0].record.start, p[0].record.id)):
            shown = self.exclusion(pages)
            if past or shown.state in ("announced", "running"):
                yield shown

    def maintenance_in(self, span: Span, client: ClientId | None) -> list[Sequence[ExclusionPages]]:
        """The maintenance windows that have some of a span, by their beginning; of one client what is its own of each."""
        start, end = span
        within = (
            group
            for group in self._alike(maintenance=True)
            if any(each.record.start < end and start < (end_of(each) or FOREVER) for each in group)
        )
        own = (
            [each for each in group if client is None or self._is_own(each.record, client)]
            for group in within
        )
        return sorted(filter(None, own), key=lambda group: (group[0].record.start, group[0].record.id))

    def _is_own(self, record: Exclusion, client: ClientId) -> bool:
        return is_own(self._book, record, client, record.recorded_at)

    def _alike(self, maintenance: bool) -> Iterator[Sequence[ExclusionPages]]:
        recorded = self._recorded
        for id_, pages in self._book.exclusions.items():
            if (pages.record.category in MAINTENANCE) != maintenance:
                continue
            group = [self._book.exclusions[each] for each in recorded.group_of(id_)]
            if any(_standing(each) != _standing(pages) for each in group):
                yield (pages,)
            elif group[0] is pages:
                yield group

    def exclusion(self, group: Sequence[ExclusionPages]) -> ExclusionStatus:
        """An exclusion on record, or several that were recorded as one and stand alike."""
        record, ended, withdrawn = group[0].record, group[0].ended, group[0].withdrawn
        who, named = self._recorded.who, [each for pages in group for each in _named(pages.record)]
        return ExclusionStatus(
            **exclusion_keys([pages.record for pages in group]),
            id=record.id if len(group) == 1 else self._recorded.recorded_as[record.id],
            records=tuple(pages.record.id for pages in group),
            recorded_at=record.recorded_at,
            recorded_by=who(record),
            ended=None
            if ended is None
            else Ended(at=ended.at, recorded_at=ended.recorded_at, recorded_by=who(ended)),
            withdrawn=self._withdrawal(withdrawn),
            state=self._state(group),
            names={each: name for each in named if (name := name_of(self._book, each)) is not None},
        )

    def _withdrawal(self, withdrawn: ExclusionWithdrawn | Withdrawn | None) -> WithdrawalStatus | None:
        if withdrawn is None:
            return None
        who = self._recorded.who(withdrawn)
        return WithdrawalStatus(why=withdrawn.why, recorded_at=withdrawn.recorded_at, recorded_by=who)

    def _state(self, group: Sequence[ExclusionPages]) -> WindowState:
        ends = [end_of(pages) for pages in group]
        if group[0].withdrawn is not None:
            return "withdrawn"
        if self._as_of < min(pages.record.start for pages in group):
            return "announced"
        return "running" if any(end is None or self._as_of < end for end in ends) else "past"

    # Service requests

    def requests(self, *, only_open: bool, client: ClientId | None = None) -> Iterator[RequestStatus]:
        """The service requests, by their opening; `only_open`: without those that were closed or withdrawn."""
        for pages in sorted(self._book.requests.values(), key=lambda p: (p.record.opened_at, p.record.id)):
            record, withdrawn = pages.record, self._book.withdrawal(pages.record, self._as_of)
            is_over = bool(pages.closed) or withdrawn is not None
            if (client is None or record.client == client) and not (only_open and is_over):
                yield RequestStatus(
                    **self.request_keys(pages),
                    id=record.id,
                    **self._status_keys(record),
                )

    def request_keys(self, pages: RequestPages) -> dict[str, Any]:
        """What a request says and how it stands, but for its id."""
        record = pages.record
        stands = self.judgement(record.client).response(record.id)
        return {
            "client": record.client,
            "solution": record.solution,
            "opened_at": record.opened_at,
            "opened_by": record.opened_by,
            "channel": record.channel,
            "due_at": stands.due_at,
            "response": stands.response,
            "elapsed_business_seconds": stands.elapsed_business,
            "responded_at": min(map(attrgetter("at"), pages.responses), default=None),
            "closed_at": pages.closed[0].at if pages.closed else None,
        }

    # Solutions

    def notices(self, *, withdrawn: bool) -> Iterator[NoticeStatus]:
        """The notices of intent to cancel, by when they were given; those withdrawn if asked for."""
        for record in self._of_solutions(self._book.notices, withdrawn=withdrawn):
            yield NoticeStatus(id=record.id, **notice_keys(record), **self._status_keys(record))

    def steps(self, *, withdrawn: bool) -> Iterator[StepStatus]:
        """The steps in the lives of solutions, by when they were; those withdrawn if asked for."""
        for record in self._of_solutions(self._book.lifecycles, withdrawn=withdrawn):
            yield StepStatus(id=record.id, **step_keys(record), **self._status_keys(record))

    def _of_solutions(self, of: Mapping[SolutionKey, Sequence[_O]], *, withdrawn: bool) -> list[_O]:
        records = (each for those in of.values() for each in those)
        standing = (each for each in records if withdrawn or self._book.withdrawal(each, self._as_of) is None)
        return sorted(standing, key=lambda each: [at for _, at in instants_of(each)])

    def _status_keys(self, record: OfSolution) -> dict[str, Any]:
        """What lists tell of a record beside what it says."""
        return {
            "solution_name": name_of(self._book, record.solution),
            "recorded_at": record.recorded_at,
            "recorded_by": self._recorded.who(record),
            "withdrawn": self._withdrawal(self._book.withdrawal(record, self._as_of)),
        }

    def chronic(self, notice: CancellationNotice) -> Mapping[str, Any]:
        """Where a solution stands on both bases, and whether a notice decided that."""
        state = self.judgement(notice.client).solution((notice.solution, notice.client))
        if state is None:
            observed = documented = Chronic(count=0, stage=Stage.CLEAR)
        else:
            observed, documented = state.observed, state.documented
        valid = [basis for basis in (observed, documented) if basis.notice_given_at == notice.given_at]
        deciding = valid[0] if valid else observed
        return {
            "valid": bool(valid),
            "notice_closes_at": deciding.notice_closes_at,
            "resolution_until": deciding.resolution_until,
            "evaluation_until": deciding.evaluation_until,
            "observed": ChronicStatus.of(observed),
            "documented": ChronicStatus.of(documented),
        }

    def deadlines(self, key: SolutionKey) -> tuple[DeadlineStatus, ...]:
        """The deadlines in a solution's life."""
        return tuple(map(DeadlineStatus.of, self.judgement(key[1]).deadlines(key)))

    # Clients

    def owners(self) -> Iterator[ClientId | None]:
        """Whose each server is that is in service; None for one that is not."""
        for pages in list(self._book.servers.values()):
            yield next((part.client for part in self._parts_now(pages)), None)

    def clients(self, served: Mapping[ClientId, int]) -> Iterator[ClientRow]:
        """The clients, by id; `served`: how many servers of each are in service."""
        for client in sorted(self._book.clients):
            record = self._book.client(client, self._as_of)
            if record is not None:
                yield ClientRow(**_client_keys(record), servers=served.get(client, 0))

    def client(self, client: Client, served: Mapping[ClientId, int]) -> ClientStatus:
        """A client, without the rows of its solutions."""
        judgement = self.judgement(client.id)
        return ClientStatus(
            **_client_keys(client),
            servers=served.get(client.id, 0),
            terms=json.loads(format_terms(judgement.terms(client.id))),
            open_requests=tuple(self.requests(only_open=True, client=client.id)),
            deadlines=tuple(
                DeadlineStatus.of(deadline)
                for key in sorted(self._book.lifecycles)
                if key[1] == client.id
                for deadline in judgement.deadlines(key)
                if deadline.outcome in _PENDING
            ),
            solutions=(),
        )

    def solutions(self, client: ClientId) -> Iterator[ClientSolution | None]:
        """The solutions of a client, by id; None for each that was looked at in vain."""
        judgement = self.judgement(client)
        for key in sorted(key for key in list(self._book.servers_of) if key[1] == client):
            state = judgement.solution(key)
            yield None if state is None else self._solution(key, state)

    def _solution(self, key: SolutionKey, state: SolutionState) -> ClientSolution:
        return ClientSolution(
            id=state.id,
            name=name_of(self._book, key[0]),
            servers=sum(
                any(
                    part.key == key[0] and part.client == key[1]
                    for part in self._parts_now(self._book.servers[server])
                )
                for server in self._book.servers_of[key]
            ),
            accepted_from=state.accepted_from,
            observed=ChronicStatus.of(state.observed),
            documented=ChronicStatus.of(state.documented),
            ongoing=None if state.ongoing is None else InterruptionStatus.of(state.ongoing),
        )

    def _parts_now(self, pages: ServerPages) -> Iterator[Part]:
        return (part for part in pages.parts(self._as_of) if part.start <= self._as_of < part.end)

    # What it is judged by

    def judgement(self, client: ClientId) -> Judgement:
        """The book, judged in the client's present month."""
        judgement = self._judgements.get(client)
        if judgement is None:
            zone = calendar_of(self._book.zone_of(client, self._as_of))
            judgement = self._judgements[client] = Judgement(
                self._book,
                month=zone.month_of(self._as_of),
                as_of=self._as_of,
                national_holidays=holidays_around(self._instants_of(client)),
            )
        return judgement

    def _instants_of(self, client: ClientId) -> Iterator[Instant]:
        """The instants from which its deadlines are counted."""
        yield self._as_of
        for (_, owner), steps in self._book.lifecycles.items():
            if owner == client:
                yield from (step.at for step in steps)
        for (_, owner), requests in self._book.requests_of.items():
            if owner == client:
                yield from (request.opened_at for request in requests)


def _split_json(split: Split) -> tuple[bytes, int, int]:
    """The keys that many servers share, and the time that is covered, and that is eligible."""
    reply = WindowSplit.of(split)
    return reply.as_json(), reply.seconds, reply.eligible_seconds


def end_of(pages: ExclusionPages) -> Instant | None:
    """When an exclusion ends, as it stands; None while it is open."""
    return pages.record.end if pages.ended is None else pages.ended.at


def exclusion_keys(records: Sequence[Exclusion]) -> dict[str, Any]:
    """What an exclusion says, but for its id; or several that were recorded as one: they differ in whom they concern, and when."""
    first, ends = records[0], [record.end for record in records]
    return {
        "category": first.category,
        "start": min(record.start for record in records),
        "end": None if None in ends else max(end for end in ends if end is not None),
        "clients": tuple(client for record in records for client in record.clients),
        "solutions": tuple(solution for record in records for solution in record.solutions),
        "servers": tuple(dict.fromkeys(server for record in records for server in record.servers)),
        "announced_at": first.announced_at,
        "reference": first.reference,
    }


def notice_keys(record: CancellationNotice) -> dict[str, Any]:
    """What a notice says, but for its id."""
    return {"client": record.client, "solution": record.solution, "given_at": record.given_at}


def step_keys(record: Lifecycle) -> dict[str, Any]:
    """What a step in the life of a solution says, but for its id."""
    return {"client": record.client, "solution": record.solution, "event": record.event, "at": record.at}


def _named(record: Exclusion) -> tuple[str, ...]:
    return (*record.servers, *record.solutions)


def _standing(pages: ExclusionPages) -> tuple[object, ...]:
    """What can set one apart from those that were recorded with it."""
    ended, withdrawn = pages.ended, pages.withdrawn
    return (
        None if ended is None else (ended.at, ended.recorded_at),
        None if withdrawn is None else (withdrawn.why, withdrawn.recorded_at),
    )


def _client_keys(record: Client) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "timezone": record.timezone,
        "tech_admins": record.tech_admins,
    }


def cause_keys(book: Book, record: Cause) -> dict[str, Any]:
    """What is told of a cause by a person's word."""
    of_outage = book.causes[record.server][record.start]
    before = [each for each in of_outage if each.recorded_at < record.recorded_at]
    return {
        "server": record.server,
        "name": name_of(book, record.server) or "",
        "start": record.start,
        "cause": CauseStatus.of(record),
        "before": CauseStatus.of(before[-1] if before else None),
    }


async def served(views: BookView) -> Mapping[ClientId, int]:
    """How many servers of each client are in service."""
    return Counter([client async for client in paced(views.owners()) if client is not None])
