"""The service behind the control API: takes what people ask for, has it judged and recorded in its turn, and answers when it is durable.

A request is recorded once, however often it is sent under one key: the ledger keeps the key beside its records, and the answer
is made anew from them, of the instant at which they were recorded.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol

import structlog

from daemon.clock import Clock
from daemon.config.config import Config
from daemon.records import bodies
from daemon.records.confirming import questions
from daemon.records.editions import Editor, EvidenceMovedError
from daemon.records.idempotency import (
    AskedDraft,
    Draft,
    NumberedDraft,
    RecordedRequests,
    RequestIdentity,
    digest_of,
)
from daemon.records.link_views import link_status
from daemon.records.links import REVOKED
from daemon.records.naming import client_at, find_client, named, unknown_id
from daemon.records.overruling import overruled
from daemon.records.proposals import EventsOf, ProposalViews, WhichProposals
from daemon.records.receipts import RecordResult, receipt_of
from daemon.records.refusals import (
    NOTHING_RECORDED,
    ConflictError,
    FieldFault,
    NotRecordingError,
    RefusedError,
    UnconfirmedError,
)
from daemon.records.validator import Recording, Validator
from daemon.records.views import BookView, served
from daemon.records.windows import around, maintenance_calendar
from daemon.replies.common import filled, listed
from daemon.replies.statements import issue_receipt
from daemon.servers.policy import RECORDED_BY, solutions_of
from sla.book import Book, Declared
from sla.instants import Instant
from sla.pages import ExclusionPages
from sla.records import (
    Withdrawable,
)

ISSUE_ATTEMPTS: Final = 5
"""How often a statement is made anew because evidence of its month came while it was."""
_NOTHING_NEW: Final = {"recorded_at": None, "recorded_by": None, "seq": None}
ACCEPTED_BY_TERMS: Final = "it is proved, and [people] accept says so"

_log = structlog.get_logger(__name__)


class CommitRecord(Protocol):
    """Who commits: the recorder."""

    async def __call__(self, make: Callable[[Instant], AskedDraft]) -> NumberedDraft:
        """Have records made and committed at once. Raises what `make` raises, and NotRecordingError."""
        ...


class RecordCall(NamedTuple):
    """One request: who sent it, under which key, what it asks for and what it says.

    `dry_run`: only an answer is wanted. `confirmed`: what gives pause is meant.
    """

    by: str
    key: str
    dry_run: bool
    confirmed: bool
    operation: str
    said: Mapping[str, Any]


class Answer(NamedTuple):
    """The body of an answer as JSON. `recorded`: with this request; `replayed`: with an earlier one."""

    body: bytes
    recorded: bool = False
    replayed: bool = False


class _RecordedBefore(Exception):  # noqa: N818  no error
    def __init__(self, kept: NumberedDraft) -> None:
        super().__init__()
        self.kept = kept


class RecordService:
    """Everything that people may ask about records.

    What records raises RefusedError and NotRecordingError; what shows, NotFoundError.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        book: Book,
        recorded_requests: RecordedRequests,
        record: CommitRecord,
        events_of: EventsOf,
        editor: Editor,
    ) -> None:
        self.validator = Validator(book, recorded_requests.groups)
        self._clock = clock
        self._book = book
        self._recorded_requests = recorded_requests
        self._links = recorded_requests.links
        self._record = record
        self._events_of = events_of
        self._editor = editor

    # To record

    def adopt(self, config: Config) -> None:
        """Know the solutions that another configuration names: there may be no server of one yet."""
        self.validator.configured = solutions_of(config)

    async def announce(self, call: RecordCall) -> Answer:
        """A maintenance window; answers what it will come to on each server."""
        body = bodies.read(bodies.MaintenanceBody, call.said)
        servers = await named(self._book, body.servers)
        return await self._post(call, partial(self.validator.maintenance, body, servers))

    async def announce_series(self, call: RecordCall) -> Answer:
        """Maintenance windows that recur, all or none of them; answers what each will come to."""
        body = bodies.read(bodies.SeriesBody, call.said)
        servers = await named(self._book, body.servers)
        return await self._post(call, partial(self.validator.series, body, servers))

    async def withdraw_maintenance(self, window: str, call: RecordCall) -> Answer:
        """The withdrawal of a maintenance window."""
        return await self._withdraw_windows(self.validator.maintenance_windows, window, call)

    async def exclude(self, call: RecordCall) -> Answer:
        """An exclusion for another reason than maintenance."""
        body = bodies.read(bodies.ExclusionBody, call.said)
        servers = await named(self._book, body.servers)
        return await self._post(call, partial(self.validator.other_exclusion, body, servers))

    async def end_exclusion(self, exclusion: str, call: RecordCall) -> Answer:
        """The end of an open exclusion."""
        body = bodies.read(bodies.MomentBody, call.said)
        return await self._post(
            call,
            lambda now: Draft(
                exclusion, self.validator.ending(self.validator.other_windows(exclusion), body, now)
            ),
        )

    async def withdraw_exclusion(self, exclusion: str, call: RecordCall) -> Answer:
        """The withdrawal of an exclusion."""
        return await self._withdraw_windows(self.validator.other_windows, exclusion, call)

    async def _withdraw_windows(
        self, found: Callable[[str], list[ExclusionPages]], name: str, call: RecordCall
    ) -> Answer:
        body = bodies.read(bodies.WithdrawalBody, call.said)
        return await self._post(
            call, lambda now: Draft(name, self.validator.withdrawal(found(name), body, now))
        )

    async def accept_proposal(self, proposal: str, call: RecordCall) -> Answer:
        """The exclusion that a proposal asks for, and the decision."""
        bodies.read(bodies.AcceptanceBody, call.said)
        return await self._post(call, partial(self.validator.acceptance, proposal))

    def accepted_by_terms(self, proposal: str, now: Instant) -> Sequence[Declared]:
        """The records that accept a proposal because the configuration says so; none where they may not be."""
        try:
            by_slad = Recording(at=now, by=RECORDED_BY)
            return self.validator.acceptance(proposal, by_slad, ACCEPTED_BY_TERMS).records
        except RefusedError as error:
            _log.warning("proposal_not_accepted", id=proposal, reason=str(error))
            return ()

    async def reject_proposal(self, proposal: str, call: RecordCall) -> Answer:
        """The rejection of a proposal."""
        body = bodies.read(bodies.RejectionBody, call.said)
        return await self._post_one(call, partial(self.validator.rejection, proposal, body))

    async def open_request(self, call: RecordCall) -> Answer:
        body = bodies.read(bodies.ServiceRequestBody, call.said)
        return await self._post_one(call, partial(self.validator.request, body))

    async def respond(self, request: str, call: RecordCall) -> Answer:
        """A response to a service request."""
        body = bodies.read(bodies.MomentBody, call.said)
        return await self._post_one(call, partial(self.validator.response, request, body))

    async def close_request(self, request: str, call: RecordCall) -> Answer:
        """The end of a service request."""
        body = bodies.read(bodies.MomentBody, call.said)
        return await self._post_one(call, partial(self.validator.closing, request, body))

    async def withdraw_request(self, request: str, call: RecordCall) -> Answer:
        """The withdrawal of a service request, with its responses and its end."""
        return await self._withdraw(Withdrawable.SERVICE_REQUEST, request, call)

    async def give_notice(self, call: RecordCall) -> Answer:
        """A notice of intent to cancel; answers whether it is valid, and where the solution stands with it."""
        body = bodies.read(bodies.NoticeBody, call.said)
        return await self._post_one(call, partial(self.validator.notice, body))

    async def withdraw_notice(self, notice: str, call: RecordCall) -> Answer:
        """The withdrawal of a notice."""
        return await self._withdraw(Withdrawable.CANCELLATION_NOTICE, notice, call)

    async def record_step(self, call: RecordCall) -> Answer:
        """A step in the life of a solution; answers its deadlines."""
        body = bodies.read(bodies.LifecycleBody, call.said)
        return await self._post_one(call, partial(self.validator.step, body))

    async def withdraw_step(self, step: str, call: RecordCall) -> Answer:
        """The withdrawal of a step in the life of a solution."""
        return await self._withdraw(Withdrawable.LIFECYCLE, step, call)

    async def make_link(self, client: str, call: RecordCall) -> Answer:
        """A link to a client's own pages; the answer to the request that makes it is the only one with its token."""
        body = bodies.read(bodies.LinkBody, call.said)

        def made(now: Recording) -> Draft:
            name, grant = self._links.granted(self._book, client, body, now.at)
            return Draft(name, (), link=grant)

        return await self._post(call, made)

    async def revoke_link(self, link: str, call: RecordCall) -> Answer:
        """That a link is taken back."""
        bodies.read(bodies.RevocationBody, call.said)

        def made(_: Recording) -> Draft:
            self._links.check_revocable(link)
            return Draft(link, (), link=REVOKED)

        return await self._post(call, made)

    async def set_cause(self, call: RecordCall) -> Answer:
        """What brought about an outage, by a person's word."""
        body = bodies.read(bodies.CauseBody, call.said)
        servers = await named(self._book, (body.server,))
        return await self._post(call, lambda now: overruled(self._book, body, servers, now))

    async def _withdraw(self, what: Withdrawable, id_: str, call: RecordCall) -> Answer:
        body = bodies.read(bodies.WithdrawalBody, call.said)
        return await self._post_one(call, partial(self.validator.withdrawn, what, id_, body))

    async def issue(self, call: RecordCall) -> Answer:
        """The statement of a month, as it is known now; answers which version of it that makes, or that nothing changed."""
        body = bodies.read(bodies.IssueBody, call.said)
        before = None if call.dry_run else self._recorded_before(_identity(call))
        if before is not None:
            return await self._answer(call, RecordResult(before.draft, call.by, before.seq, replayed=True))
        for _ in range(ISSUE_ATTEMPTS):
            edition = await self._editor.edition(find_client(self._book, body.client), body.month)
            if edition.is_unchanged:
                return Answer(issue_receipt(edition.record, _NOTHING_NEW, issued=False).as_json())
            with suppress(EvidenceMovedError):
                return await self._post(call, edition.draft)
        raise NotRecordingError(f"{NOTHING_RECORDED}: evidence of {body.month} comes faster than it is read")

    # To show

    async def maintenance(self, *, past: bool) -> Answer:
        return Answer(await listed("maintenance", self._now().exclusions(maintenance=True, past=past)))

    async def calendar(self, client: str | None, start: Instant | None, until: Instant | None) -> Answer:
        """The maintenance windows of a span, judged; of all clients, or of one."""
        now = self._clock.now()
        chosen = None if client is None else client_at(self._book, client, now).id
        first, last = around(now)
        span = first if start is None else start, last if until is None else until
        if span[0] >= span[1]:
            raise RefusedError([FieldFault("until", "must be after from")])
        return Answer(await maintenance_calendar(self._now(), span, chosen))

    async def exclusions(self, *, past: bool) -> Answer:
        return Answer(await listed("exclusions", self._now().exclusions(maintenance=False, past=past)))

    async def proposals(self, which: WhichProposals) -> Answer:
        """Those of the proposals that are asked for."""
        if which.client is not None:
            which = which._replace(client=find_client(self._book, which.client))
        return Answer(await listed("proposals", self._proposals().chosen(which)))

    async def proposal(self, proposal: str) -> Answer:
        """One proposal, its outage and what proves it."""
        pages = self._book.proposals.get(proposal)
        if pages is None:
            raise unknown_id("proposal", proposal)
        return Answer(self._proposals().detail(pages, self._events_of).as_json())

    def _proposals(self) -> ProposalViews:
        return ProposalViews(self._book, self._clock.now(), self._recorded_requests)

    async def requests(self, *, only_open: bool) -> Answer:
        return Answer(await listed("requests", self._now().requests(only_open=only_open)))

    async def notices(self, *, withdrawn: bool) -> Answer:
        return Answer(await listed("notices", self._now().notices(withdrawn=withdrawn)))

    async def steps(self, *, withdrawn: bool) -> Answer:
        return Answer(await listed("steps", self._now().steps(withdrawn=withdrawn)))

    async def links(self, client: str | None, *, past: bool) -> Answer:
        now, chosen = self._clock.now(), None if client is None else find_client(self._book, client)
        links = self._links.listed(chosen, now, past=past)
        return Answer(await listed("links", (link_status(link, now) for link in links)))

    async def clients(self) -> Answer:
        now = self._now()
        return Answer(await listed("clients", now.clients(await served(now))))

    async def client(self, client: str) -> Answer:
        """One client, with its solutions."""
        now = self._now()
        record = client_at(self._book, client, self._clock.now())
        return Answer(await filled(now.client(record, await served(now)), now.solutions(record.id)))

    def _now(self) -> BookView:
        return BookView(self._book, self._clock.now(), self._recorded_requests)

    # How a request is recorded once

    async def _post_one(self, call: RecordCall, make: Callable[[Recording], Declared]) -> Answer:
        """Have one record made, once, and answer."""
        return await self._post(call, lambda now: Draft.of(make(now)))

    async def _post(self, call: RecordCall, make: Callable[[Recording], Draft]) -> Answer:
        """Have records made, once, and answer."""
        return await self._answer(call, await self._recorded(call, make))

    async def _answer(self, call: RecordCall, outcome: RecordResult) -> Answer:
        if outcome.seq is not None and not outcome.replayed:
            _log.info(
                "record_committed",
                kind=outcome.draft.kind,
                by=call.by,
                seq=outcome.seq,
                id=outcome.draft.name,
                records=len(outcome.draft.records),
                operation=call.operation,
            )
        return Answer(
            await receipt_of(self._book, self._links, outcome),
            recorded=outcome.seq is not None and not outcome.replayed,
            replayed=outcome.replayed,
        )

    async def _recorded(self, call: RecordCall, make: Callable[[Recording], Draft]) -> RecordResult:
        if call.dry_run:
            return RecordResult(make(Recording(at=self._clock.now())), call.by, None)
        asked = _identity(call)

        def made(now: Instant) -> AskedDraft:
            before = self._recorded_before(asked)
            if before is not None:
                raise _RecordedBefore(before)
            draft = make(Recording(at=now))
            if not call.confirmed:
                self._ask_about(draft)
            return AskedDraft(asked, call.operation, draft)

        try:
            kept = await self._record(made)
        except _RecordedBefore as before:
            return RecordResult(before.kept.draft, call.by, before.kept.seq, replayed=True)
        return RecordResult(kept.draft, call.by, kept.seq)

    def _ask_about(self, draft: Draft) -> None:
        """Raises UnconfirmedError for what gives pause."""
        doubtful = dict.fromkeys(chain.from_iterable(questions(self._book, each) for each in draft.records))
        if doubtful:
            raise UnconfirmedError(list(doubtful))

    def _recorded_before(self, asked: RequestIdentity) -> NumberedDraft | None:
        """What the same request recorded. Raises ConflictError for a key that another one was sent under."""
        found = self._recorded_requests.recorded(asked)
        if found is None:
            return None
        digest, kept = found
        if digest != asked.digest:
            raise ConflictError(
                [
                    FieldFault(
                        "Idempotency-Key", "was sent with another request before: make a new one for each"
                    )
                ]
            )
        return kept


def _identity(call: RecordCall) -> RequestIdentity:
    return RequestIdentity(call.by, call.key, digest_of(call.operation, call.said))
