"""Two clients whose servers have odd names, and the pages of their monitor on an open door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import aiohttp

from daemon.answers.accounts import AccountAnswers
from daemon.answers.answers import Answers
from daemon.answers.budgets import BudgetAnswers
from daemon.causes.traces import Traces
from daemon.clock import SystemClock
from daemon.config.letterhead import Letterhead
from daemon.ledger import Batch, Entry, Head
from daemon.live.figures import LiveFigures
from daemon.pages.site import Pages
from daemon.pages.viewer import PageSources, Viewer
from daemon.records.idempotency import RecordedRequests
from daemon.statements.judging import imprint_of, judged
from daemon.web.server import public_http
from sla.calendars import Month
from sla.client_document import client_document
from sla.instants import HOUR, MINUTE, Instant
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
from tests.daemon.monitor import Monitor, Source, Vm
from tests.daemon.web.door import StandingSite

MARKUP = "<script>alert(1)</script>'\"&amp;"
"""What a name may be, to harm a page that takes it for its own syntax."""
SOLUTION = f"acme-{MARKUP}"
ODD = "a/1?<i>%2e"
"""The id of a server of the odd solution."""
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


class World:
    """A monitor of a dozen servers, of which some were down, and its pages."""

    def __init__(self) -> None:
        self.monitor = Monitor()
        self.source = Source(self.monitor)
        self.source.add(Vm(ODD, f"{SOLUTION}-1"), Vm("b-2", f"{SOLUTION}-2"), Vm("lone", "acme-alone"))
        self.source.add(Vm("secret-1", "beta-secret-1"), Vm("secret-2", "beta-secret-2"), Vm("t", "beta-t"))
        self.source.add(Vm("moved", "acme-moved"))
        self.figures = LiveFigures(self.monitor.book)
        words = cast(Any, _Words())
        clock = cast(Any, ItsClock(self.monitor))
        self.answers = Answers(
            clock=clock,
            ledger=words,
            book=self.monitor.book,
            registry=self.monitor.registry,
            sources=words,
            internet=words,
            committer=words,
            seal=words,
            verified_until=lambda: 0,
            figures=self.figures,
            exposition=words,
            recorded_requests=RecordedRequests(),
            documents=cast(Any, self),
            issuing=words,
            deliveries=words,
            traces=Traces(),
        )
        self.sources = PageSources(
            answers=self.answers,
            accounts=AccountAnswers(self.monitor.book, self.figures, clock),
            budgets=BudgetAnswers(self.monitor.book, self.figures),
        )

    def viewer(self, client: str | None = None) -> Viewer:
        return Viewer(self.sources, client=None if client is None else ClientId(client), base="")

    # As the documents

    async def document(self, client: ClientId, month: Month, as_of: Instant | None) -> bytes:
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
        began = self.monitor.now
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
    """Who looks at the pages of a world."""

    def __init__(self, world: World, client: aiohttp.ClientSession, port: int) -> None:
        self.world = world
        self._client = client
        self._origin = f"http://127.0.0.1:{port}"

    async def look(self, path: str) -> tuple[int, str, Any]:
        """The status, the text and the headers of a page."""
        from yarl import URL

        async with self._client.get(URL(self._origin + path, encoded=True)) as response:
            return response.status, await response.text(), response.headers

    async def text(self, path: str) -> str:
        """A page that there is."""
        status, text, _ = await self.look(path)
        assert status == 200, text
        return text


@asynccontextmanager
async def browsing(client: str | None = None) -> AsyncIterator[Browser]:
    """A world in which everything happened, and its pages; `client`: as that one sees them."""
    world = World()
    await world.happen()
    pages = Pages(world.sources)
    pages._fleet = world.viewer(client)
    site = StandingSite()
    async with (
        public_http(site, SystemClock(), [("127.0.0.1", 0)], pages=pages.routes()) as ((_, port),),
        aiohttp.ClientSession() as session,
    ):
        yield Browser(world, session, port)
