"""Two clients whose servers have odd names, and the pages of their monitor on an open door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
from yarl import URL

from daemon.answers.accounts import AccountAnswers
from daemon.answers.answers import Answers
from daemon.answers.budgets import BudgetAnswers
from daemon.answers.hub import HubAnswers
from daemon.answers.own import OwnAnswers
from daemon.book.disagreements import Disagreements
from daemon.book.live_book import LiveBook
from daemon.causes.traces import Traces
from daemon.clock import SystemClock
from daemon.config.letterhead import Letterhead
from daemon.hub.merged_ledger import MergedLedger
from daemon.ledger import Batch, Entry, Head
from daemon.live.figures import LiveFigures
from daemon.pages.site import Pages
from daemon.pages.viewer import PageSources, Viewer
from daemon.records.idempotency import RecordedRequests
from daemon.records.links import ClientLink, LinkGrant
from daemon.servers.registry import ServerRegistry
from daemon.statements.issuing import Issuing
from daemon.statements.judging import imprint_of, judged
from daemon.statements.register import StatementRegister
from daemon.statements.shelf import Shelf
from daemon.web.server import public_http
from sla.calendars import Month
from sla.client_document import client_document
from sla.instants import BEGINNING, DAY, HOUR, MINUTE, Instant
from sla.records import (
    Category,
    Cause,
    CauseKind,
    ClientId,
    Confidence,
    Exclusion,
    ExclusionId,
    Record,
    ServerId,
)
from tests.daemon.answers.test_server import ItsClock
from tests.daemon.monitor import START, Monitor, Source, Vm
from tests.daemon.web.door import StandingSite

MARKUP = "<script>alert(1)</script>'\"&amp;"
"""What a name may be, to harm a page that takes it for its own syntax."""
SOLUTION = f"acme-{MARKUP}"
ODD = "a/1?<i>%2e"
"""The id of a server of the odd solution."""
OTHER = f"mon2{MARKUP}"
"""Another monitor, of a hub."""
MARCH = Month(2026, 3)


class _Words:
    """Where the ledger, the sources and the ways out are told of, with odd names."""

    head = Head(77, b"\xab" * 32)
    size_bytes = 4096
    fault = held = ""
    committed_at = None

    def __iter__(self) -> Any:
        yield MARKUP, SimpleNamespace(up=False, last_contact_at=None, note=MARKUP)

    def layers(self) -> tuple[()]:
        return ()

    def outdated(self) -> tuple[()]:
        return ()

    def told(self) -> tuple[()]:
        return ()

    def reach(self, _: str) -> tuple[()]:
        return ()

    async def read(self, seq: int, limit: int) -> tuple[()]:
        raise AssertionError("no event is on record here")


def link_of(client: str) -> ClientLink:
    """A link that holds."""
    grant = LinkGrant(client=ClientId(client), name="", sha256=b"", expires_at=Instant(START + 30 * DAY))
    return ClientLink(id=f"ln-{client}", grant=grant, made_at=BEGINNING, made_by="uid:0")


def sources_of(
    book: LiveBook,
    registry: ServerRegistry,
    figures: LiveFigures,
    clock: Any,
    documents: Any,
    issuing: Any,
    hub: HubAnswers | None = None,
) -> PageSources:
    """What pages ask, where little is known but the book; `hub`: at a hub."""
    words = cast(Any, _Words())
    answers = Answers(
        clock=clock,
        ledger=words,
        book=book,
        registry=registry,
        sources=words,
        internet=words,
        readiness=tuple,
        committed_at=lambda: words.committed_at,
        seal=words,
        verified_until=lambda: 0,
        figures=figures,
        recorded_requests=RecordedRequests(),
        documents=documents,
        issuing=issuing,
        deliveries=words,
        traces=Traces(),
        hub=hub,
    )
    return PageSources(
        answers=answers,
        accounts=AccountAnswers(book, figures, clock),
        budgets=BudgetAnswers(book, figures),
        own=OwnAnswers(clock=clock, book=book, figures=figures, letterhead=documents.letterhead),
        shelf=Shelf(clock, documents, issuing),
    )


class World:
    """A monitor of a dozen servers, of which some were down, and its pages."""

    def __init__(self, *, is_hub: bool = False) -> None:
        """`is_hub`: the pages are a hub's, to which two other monitors ship besides."""
        self.monitor = Monitor()
        self.source = Source(self.monitor)
        self.began = self.monitor.now
        """When the incident of both clients began."""
        self.source.add(Vm(ODD, f"{SOLUTION}-1"), Vm("b-2", f"{SOLUTION}-2"), Vm("lone", "acme-alone"))
        self.source.add(Vm("secret-1", "beta-secret-1"), Vm("secret-2", "beta-secret-2"), Vm("t", "beta-t"))
        self.source.add(Vm("moved", "acme-moved"))
        self.figures = LiveFigures(self.monitor.book)
        book, registry = self.monitor.book, self.monitor.registry
        self.disagreements = Disagreements(book.evidence)
        self.sources = sources_of(
            book,
            registry,
            self.figures,
            ItsClock(self.monitor),
            cast(Any, self),
            self._issuing(),
            self._hub() if is_hub else None,
        )

    def _issuing(self) -> Issuing:
        return Issuing(
            clock=cast(Any, ItsClock(self.monitor)),
            book=self.monitor.book.evidence,
            ledger=cast(Any, self),
            register=StatementRegister(self.monitor.book.evidence),
            documents=cast(Any, self),
            recorded_requests=RecordedRequests(),
        )

    def _hub(self) -> HubAnswers:
        tail: Any = SimpleNamespace(
            instance=MARKUP, is_active=False, active_name=MARKUP, behind_records=3, behind_s=0.5
        )
        ledger = MergedLedger(tail)
        ledger.heads = {"mon": Head(7, b"\x0a" * 32)}
        return HubAnswers(
            tail=tail,
            ledger=ledger,
            book=self.monitor.book.evidence,
            disagreements=self.disagreements,
            monitors=SimpleNamespace(
                known=("mon", OTHER, "gone", "new"),
                seen={"mon": Instant(START + 2 * HOUR), OTHER: Instant(START - DAY)},
                retired={"gone"},
            ),
        )

    async def disagree(self) -> None:
        """Have another monitor say something else of each server."""
        for pages in list(self.monitor.book.evidence.servers.values()):
            record = replace(
                pages.records[-1], observer=OTHER, name=f"other{MARKUP}", recorded_at=self.monitor.now
            )
            self.disagreements.take(OTHER, record)
            self.record(record)
        assert await self.disagreements.keep_up(self.monitor.now, ())

    def viewer(self, client: str | None = None) -> Viewer:
        if client is None:
            return Viewer(self.sources)
        return Viewer(self.sources, link=link_of(client), base=f"/c/{client}")

    def opened_by(self, token: str) -> ClientLink:
        """Whoever says whose he wants to see, sees it."""
        return link_of(token)

    # As the documents

    async def document(
        self, client: ClientId, month: Month, as_of: Instant | None, *, version: int | None = None
    ) -> bytes:
        judgement = judged(self.monitor.book.evidence, month=month, as_of=as_of or self.monitor.now)
        return client_document(judgement, client, imprint_of(self.letterhead(client), ())).encode()

    def letterhead(self, _: ClientId) -> Letterhead:
        return Letterhead(name=MARKUP)

    # What happens

    def record(self, *records: Record) -> None:
        self.monitor.commit(Batch(entries=[Entry(record=record) for record in records]))

    def turn(self, on: bool, *servers: str) -> None:
        for server in servers:
            self.source.vms[server].on = on
        self.source.look(passed_us=MINUTE)

    def cause(self, server: str, start: Instant) -> Cause:
        return Cause(
            server=ServerId(server),
            start=start,
            cause=CauseKind.STORAGE,
            confidence=Confidence.PROVED,
            user=f"eve{MARKUP}",
            because=(f"key{MARKUP}",),
            text=f"lost{MARKUP}",
            incident="storm",
            host=f"esx{MARKUP}",
            datastore=f"san{MARKUP}",
            recorded_at=self.monitor.now,
            recorded_by="slad",
        )

    def window(self, name: str, client: str, **keys: Any) -> Exclusion:
        start = Instant(self.monitor.now + HOUR)
        made = Exclusion(
            id=ExclusionId(name),
            category=Category.SCHEDULED_MAINTENANCE,
            start=start,
            end=Instant(start + HOUR),
            clients=(ClientId(client),),
            reference=f"{client}{MARKUP}",
            announced_at=self.monitor.now,
            recorded_at=self.monitor.now,
        )
        return replace(made, **keys)

    async def happen(self) -> None:
        """Everything that a page can tell of: outages of both clients in one incident, windows, an exclusion."""
        self.source.look()
        self.source.look()
        self.turn(False, ODD, "secret-1", "lone")
        began = self.began = self.monitor.now
        self.record(self.cause(ODD, began), self.cause("secret-1", began))
        self.record(self.window("win-acme", "acme"), self.window("win-secret", "beta"))
        self.source.look()
        self.turn(True, "lone")
        self.turn(False, "moved")
        self.turn(True, "moved")
        self.source.vms["moved"].name = "beta-secret-moved"
        self.source.look()
        self.record(
            replace(
                self.window("ex", "acme", clients=(), servers=(ServerId("lone"),)),
                category=Category.FORCE_MAJEURE,
                start=began,
                end=Instant(began + MINUTE),
            )
        )
        self.source.look(passed_us=HOUR)
        await self.settle()

    async def settle(self) -> None:
        self.source.look(passed_us=1)
        while not await self.figures.catch_up(self.monitor.book.settled_at(), 10.0):
            pass


class Browser:
    """Who looks at the pages of a world: all, or those of a client."""

    def __init__(self, world: World, client: aiohttp.ClientSession, port: int, base: str) -> None:
        self.world = world
        self._client = client
        self._root = f"http://127.0.0.1:{port}{base}"

    async def look(self, path: str) -> tuple[int, str, Any]:
        """The status, the text and the headers of a page."""
        async with self._client.get(URL(self._root + path, encoded=True)) as response:
            return response.status, (await response.read()).decode(errors="replace"), response.headers

    async def text(self, path: str) -> str:
        """A page that there is."""
        status, text, _ = await self.look(path)
        assert status == 200, text
        return text


@asynccontextmanager
async def browsing(client: str | None = None, *, is_hub: bool = False) -> AsyncIterator[Browser]:
    """A world in which everything happened, and its pages; `client`: as that one sees them."""
    world = World(is_hub=is_hub)
    await world.happen()
    routes = Pages(world.sources).routes
    async with (
        public_http(
            StandingSite(), SystemClock(), [("127.0.0.1", 0)], pages=routes, opened_by=world.opened_by
        ) as ((_, port),),
        aiohttp.ClientSession() as session,
    ):
        yield Browser(world, session, port, "" if client is None else f"/c/{client}")
