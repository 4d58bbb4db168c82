"""Whose view a page is: the fleet's or one client's. Pages ask through it alone, so that a client is told nothing of others.

Invariant: of a viewer with a client, every answer is of that client's servers while they are its own. What the provider alone
knows of them is left out: hosts, datastores, uplinks, who did something, and in which words vCenter said so. Witnesses are named
as they are in its export.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlencode

from daemon.answers.accounts import AccountAnswers, Lane, MonthAccount, SolutionAccount
from daemon.answers.answers import Answers
from daemon.answers.budgets import BudgetAnswers, ClientBudget
from daemon.answers.own import OwnAnswers
from daemon.config.values import shown
from daemon.control.questions import BusyError, Listed, OutagesAsked, Page, ServersAsked
from daemon.control.routes import segment
from daemon.records.links import ClientLink
from daemon.records.refusals import FieldFault, NotFoundError
from daemon.replies.causes import CauseStatus
from daemon.replies.events import EventStatus
from daemon.replies.hub import DisagreementStatus, HubStatus
from daemon.replies.outages import IncidentRow, OutageRow
from daemon.replies.servers import LegStatus, ServerStatus, ServerSummary
from daemon.replies.statements import IssuedStatus
from daemon.replies.status import Status
from daemon.statements.documents import MovingError
from daemon.statements.ics import CalendarEvent
from daemon.statements.layouts import Files, Layout
from daemon.statements.shelf import Shelf
from sla.calendars import Month
from sla.client_document import MonthVerdict
from sla.disagreements import DisagreementKind
from sla.instants import Instant
from sla.reasons import in_evidence
from sla.records import ClientId, ServerId
from sla.spans import Span

VersionsOf = Mapping[tuple[str, str], Sequence[IssuedStatus]]
"""By client and month (YYYY-MM), in the order in which they were issued."""
_Row = TypeVar("_Row", OutageRow, IncidentRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSources:
    """Who answers what pages ask."""

    answers: Answers
    accounts: AccountAnswers
    budgets: BudgetAnswers
    own: OwnAnswers
    shelf: Shelf


class Viewer:
    """A view of the fleet, or of what is one client's. Every lookup raises NotFoundError for what is not in it."""

    def __init__(self, sources: PageSources, *, link: ClientLink | None = None, base: str = "") -> None:
        """`link` None: the fleet; `base`: the path that its pages are under."""
        self.client = None if link is None else link.grant.client
        self.until = None if link is None else link.grant.expires_at
        """How long its pages can be seen."""
        self.base = base
        self._answers = sources.answers
        self._accounts = sources.accounts
        self._budgets = sources.budgets
        self._own = sources.own
        self._shelf = sources.shelf

    @property
    def brand(self) -> str:
        """Whose the pages are: to a client they are its provider's."""
        name = "" if self.client is None else self._answers.documents.letterhead(self.client).name
        return name or "slad"

    @property
    def is_hub(self) -> bool:
        """Whether the pages are those of a hub, which sees by its monitors."""
        return self._answers.is_hub

    @property
    def zone(self) -> str:
        """By whose clock is told what is no one client's of several."""
        return "UTC" if self.client is None else self._own.timezone(self.client)

    # Where its pages are

    def url(self, *names: str, **query: str | None) -> str:
        """The path of a page, of which each name is one segment whatever its characters are; what is None is not asked for.

        What is under a client's page, is under the beginning to that client.
        """
        if self.client is not None and names[:2] == ("clients", self.client):
            names = names[2:]
        path = self.base + "".join(f"/{segment(name)}" for name in names or ("",))
        asked = {name: value for name, value in query.items() if value is not None}
        return f"{path}?{urlencode(asked, errors='surrogatepass')}" if asked else path

    # What is in it

    def overview(self) -> Status:
        """How the daemon and what it watches are; to a client, only of which instant that is."""
        told = self._answers.overview()
        if self.client is None:
            return told
        return told.model_copy(
            update={
                "sources": (),
                "internet": (),
                "states": {},
                "not_ready": (),
                "proposals_pending": 0,
                "outdated": (),
                "undelivered": (),
                "hub": None if told.hub is None else _own_hub(told.hub),
            }
        )

    def owner(self, client: str | None) -> ClientId | None:
        """The client that is asked for; None: all that are in view. Raises NotFoundError for another's."""
        if client is None:
            return self.client
        if self.client is None:
            return self._answers.client(client)
        if self.client != client:
            raise _unknown("client", client)
        return self.client

    async def clients(self) -> Sequence[ClientBudget]:
        """The clients, by name."""
        clients = await self._budgets.clients()
        return [each for each in clients if self.client in (None, each.client)]

    async def one_client(self, client: str) -> ClientBudget:
        """How a client's month stands."""
        found = await self._budgets.client(self._one_owner(client))
        if found is None:
            raise _unknown("client", client)
        return found

    def server(self, name: str) -> ServerStatus:
        """A server by its id or name. Raises NotFoundError and AmbiguousNameError."""
        found = self._answers.server(name, self.client)
        return found if self.client is None else _own_status(found)

    async def servers(self, asked: ServersAsked, page: Page) -> Listed[ServerSummary]:
        """The servers in service that are asked for."""
        found = await self._answers.servers(replace(asked, client=self.owner(asked.client)), page)
        if self.client is None:
            return found
        return replace(found, rows=tuple(_own_cause(row) for row in found.rows))

    async def outages(self, asked: OutagesAsked, page: Page) -> Listed[OutageRow]:
        """The outages that are asked for."""
        found = await self._answers.outages(self._narrowed(asked), page)
        if self.client is None:
            return found
        return replace(found, rows=tuple(_own_place(row) for row in found.rows))

    async def incidents(self, asked: OutagesAsked, page: Page) -> Listed[IncidentRow]:
        """Incidents, as far as they are in view."""
        found = await self._answers.incidents(self._narrowed(asked), page)
        if self.client is None:
            return found
        return replace(found, rows=tuple(_own_place(row) for row in found.rows))

    async def incident(
        self, server: str, start: Instant, page: Page
    ) -> tuple[IncidentRow, Listed[OutageRow]]:
        """The incident of a server's outage that began at an instant, as far as it is in view, and each outage of it."""
        row, found = await self._answers.incident(ServerId(server), start, self.client, page)
        if self.client is None:
            return row, found
        return _own_place(row), replace(found, rows=tuple(map(_own_place, found.rows)))

    def has(self, server: str) -> bool:
        """Whether a server that is told of has a page: a client's that has moved on since has none there."""
        return self.client is None or self._answers.is_of(server, self.client)

    async def events(self, server: str, page: Page) -> Listed[EventStatus]:
        """What vCenter reported of a server: for the provider alone."""
        if self.client is not None:
            return Listed(rows=(), next=None)
        _, found = await self._answers.events(server, page)
        return found

    async def disagreements(self, kind: DisagreementKind | None, page: Page) -> Listed[DisagreementStatus]:
        """What monitors say differently: for the provider alone. Raises NotFoundError where this is no hub."""
        if self.client is not None:
            raise _unknown("page", "monitors")
        return await self._answers.disagreements(kind, page)

    async def months(self, server: str, month: Month) -> list[MonthAccount]:
        """A server's month, with each client whose it was."""
        return await self._accounts.months(ServerId(server), month, self.client)

    async def client_months(self, client: str, month: Month, page: Page) -> Listed[MonthAccount]:
        """The months of a client's servers."""
        owner = self._one_owner(client)
        return await self._accounts.client_months(owner, month, page)

    async def verdicts(self, client: str, month: Month) -> Mapping[MonthVerdict, int]:
        """How many of a client's servers ended a month that is over how."""
        owner = self._one_owner(client)
        return await self._accounts.verdicts(owner, month)

    async def lanes(self, server: str, span: Span) -> list[Lane]:
        """Who said what of a server in a span."""
        return await self._accounts.lanes(ServerId(server), span, self.client)

    async def solution(self, client: str, name: str) -> SolutionAccount:
        """A solution of a client."""
        owner = self._one_owner(client)
        found = await self._accounts.solution(owner, name)
        if found is None:
            raise _unknown("solution", name)
        return found

    async def processes(self, client: str | None, most: int) -> tuple[list[SolutionAccount], int]:
        """The solutions at risk of a chronic outage, or in its process: the first, and how many there are."""
        return await self._accounts.processes(self.owner(client), most)

    async def agenda(self, client: str | None, span: Span) -> list[CalendarEvent]:
        """The maintenance in a span."""
        return await self._answers.agenda(self.owner(client), span)

    async def served_months(self, client: str) -> Sequence[Month]:
        """The months in which a server was in service with a client, the newest first."""
        owner = self._one_owner(client)
        return await self._own.months(owner)

    async def statement(self, client: str, month: Month, version: int | None, layout: Layout) -> Files:
        """A version of a client's statement, or None for what is known now. Raises NoDocumentError, BusyError, LayoutError."""
        owner = self._one_owner(client)
        try:
            return await self._shelf.files(owner, month, version, layout)
        except MovingError as error:
            raise BusyError(str(error)) from None

    def issued(self, client: str | None, month: Month | None) -> VersionsOf:
        """The versions that were issued of a client's statements, or of those of a month."""
        found: defaultdict[tuple[str, str], list[IssuedStatus]] = defaultdict(list)
        for each in self._answers.issued(self.owner(client), month).statements:
            shown = each if self.client is None else each.model_copy(update={"issued_by": ""})
            found[each.client, each.month].append(shown)
        return found

    def now(self) -> Instant:
        """What slad takes for the time."""
        return self._accounts.now()

    def present_month(self, timezone: str) -> Month:
        """The month that it is by a zone's clock."""
        return self._accounts.present_month(timezone)

    def _one_owner(self, client: str) -> ClientId:
        owner = self.owner(client)
        assert owner is not None, "it is named"
        return owner

    def _narrowed(self, asked: OutagesAsked) -> OutagesAsked:
        return replace(asked, client=self.owner(asked.client))


def _unknown(what: str, name: str) -> NotFoundError:
    return NotFoundError([FieldFault(what, f"there is no {what} {shown(name)}")])


def _own_hub(hub: HubStatus) -> HubStatus:
    """What a client is told of a hub: the ledgers, whose names its export has, and their heads."""
    return hub.model_copy(update={"instance": "", "active": "", "disagreements": {}})


def _own_cause(row: ServerSummary) -> ServerSummary:
    return row.model_copy(update={"cause": _without_names(row.cause)})


def _own_place(row: _Row) -> _Row:
    hidden = dict.fromkeys(("incident", "host", "datastore", "uplink"), "")
    return row.model_copy(update={**hidden, "cause": _without_names(row.cause)})


def _without_names(cause: CauseStatus | None) -> CauseStatus | None:
    """What a client is told of a cause: its kind, and how sure it is."""
    if cause is None:
        return None
    return cause.model_copy(update={"user": None, "because": (), "text": "", "recorded_by": ""})


def _own_status(found: ServerStatus) -> ServerStatus:
    return found.model_copy(
        update={
            "owner_waits_for": (),
            "same_uuid": (),
            "runs_on": None,
            "legs": tuple(map(_own_leg, found.legs)),
            "reach": (),
            "outages": (),
            "counters_seconds": {},
            "month": None,
        }
    )


def _own_leg(leg: LegStatus) -> LegStatus:
    return leg.model_copy(update={"reason": in_evidence(leg.reason)})
