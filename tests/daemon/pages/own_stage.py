"""A public door with links over a book that lines of evidence made, without disk, watches and clock."""

import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, cast

import aiohttp
from yarl import URL

from daemon.book.live_book import LiveBook
from daemon.config.config import Config
from daemon.ledger import Head
from daemon.live.figures import LiveFigures
from daemon.new_tokens import digest_of_token
from daemon.pages.own import OWN_FILES
from daemon.pages.site import OWN_PAGES, STATEMENT, Pages
from daemon.pages.statements import ENDINGS
from daemon.records.idempotency import RecordedRequests
from daemon.records.links import REVOKED, ClientLink, ClientLinks, LinkGrant
from daemon.servers.policy import policy_of
from daemon.servers.registry import ServerRegistry
from daemon.statements.documents import Documents
from daemon.statements.issuing import Issuing
from daemon.statements.register import StatementRegister
from daemon.web.server import public_http
from sla.instants import DAY, Instant, parse_instant
from sla.reader import EvidenceReader
from sla.records import Blind, ClientId, Event, ObservedUntil
from tests.daemon.config.configured import WHOLE, read
from tests.daemon.pages.world import sources_of
from tests.daemon.web.door import StandingSite
from tests.sla.stories import Line

HEAD = Head(7, bytes(32))
TOKENS: Mapping[str, str] = {client: f"slad_token-of-{client}" for client in ("a", "b", "c", "d")}


def live_book_of(lines: Iterable[Line], settled_at: Instant) -> LiveBook:
    """The live book of lines in their order."""
    reader, book = EvidenceReader(), LiveBook("m1")
    for line in lines:
        record = reader.read(json.dumps(line).encode())
        assert record is not None, (reader.faults[-1].problem, line)
        match record:
            case ObservedUntil():
                book.take_watermarks({record.witness: record.at}, (), ())
            case Blind():
                book.take_watermarks({}, (), (record,))
            case _:
                book.take_record(record, None)
    book.settle(settled_at)
    return book


@dataclass
class Stage:
    """Everything behind the door; it is its clock and its ledger, too."""

    lines: Iterable[Line]
    config: Config
    at: Instant
    monotonic: int = 0
    links: ClientLinks = field(default_factory=ClientLinks)
    sealed: int = 0
    head: Head = HEAD
    heads: Mapping[str, Head] = field(default_factory=lambda: {"": HEAD})
    is_sealed: bool = True

    def __post_init__(self) -> None:
        self.book = live_book_of(self.lines, self.at)
        self.figures = LiveFigures(self.book)
        self.documents = Documents(
            self.config,
            clock=cast(Any, self),
            ledger=cast(Any, self),
            book=self.book,
            head_in_book=lambda: self.head,
            seal=self.seal,
        )
        registry = ServerRegistry("m1", policy_of(self.config), self.book.last_said)
        issuing = Issuing(
            clock=self,
            book=self.book.evidence,
            ledger=cast(Any, self),
            register=StatementRegister(self.book.evidence),
            documents=self.documents,
            recorded_requests=RecordedRequests(),
        )
        self.sources = sources_of(self.book, registry, self.figures, self, self.documents, issuing)
        for client, token in TOKENS.items():
            self.give(client, token)

    def give(self, client: str, token: str, until: int = 30 * DAY) -> None:
        """Have a link on record."""
        grant = LinkGrant(
            client=ClientId(client),
            name="",
            sha256=digest_of_token(token),
            expires_at=Instant(self.at + until),
        )
        self.links.take(self._event(f"ln-{token}"), grant)

    def take_back(self, token: str) -> None:
        self.links.take(self._event(f"ln-{token}"), REVOKED)

    def _event(self, key: str) -> Event:
        return Event(
            source="slad",
            key=key,
            type="slad.Recorded",
            at=self.at,
            server=None,
            user="uid:0",
            text="",
            recorded_at=self.at,
            recorded_by="slad",
        )

    def opened_by(self, token: str) -> ClientLink | None:
        return self.links.opened_by(token, self.at)

    async def work_out(self) -> None:
        assert await self.figures.catch_up(self.at, inf)

    async def seal(self) -> None:
        self.sealed += 1

    def now(self) -> Instant:
        return self.at

    def monotonic_us(self) -> int:
        return self.monotonic

    def boottime_us(self) -> int:
        return self.monotonic


@dataclass
class Opened:
    """The door, and somebody before it."""

    stage: Stage
    client: aiohttp.ClientSession
    root: str

    async def get(self, path: str, **options: Any) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body."""
        async with self.client.get(
            URL(f"{self.root}{path}", encoded=True), allow_redirects=False, **options
        ) as response:
            return response.status, response.headers, await response.read()

    async def under(self, client: str, path: str) -> bytes:
        """What a client's link shows."""
        status, _, body = await self.get(f"/c/{TOKENS[client]}/{path}")
        assert status == 200, (path, status, body)
        return body


@asynccontextmanager
async def opened(stage: Stage, web_config: Path | None = None) -> AsyncIterator[Opened]:
    routes = Pages(stage.sources).routes
    async with (
        public_http(
            StandingSite(),
            stage,
            [("127.0.0.1", 0)],
            pages=routes,
            opened_by=stage.opened_by,
            web_config=web_config,
        ) as [(host, port)],
        aiohttp.ClientSession() as session,
    ):
        yield Opened(stage, session, f"http://{host}:{port}")


def stage_of(lines: Iterable[Line], folder: Path, at: str) -> Stage:
    """A stage with a configuration that names none of the clients of the evidence."""
    if not (folder / "east.password").exists():
        (folder / "east.password").write_text("secret")
        (folder / "east.password").chmod(0o600)
    return Stage(lines, read(folder, WHOLE), parse_instant(at))


def paths() -> list[str]:
    """All routes under a link, as they are written."""
    return [path.removeprefix("/").replace(":[^/]+", "") for path in (*OWN_PAGES, *OWN_FILES, STATEMENT)]


async def everything(door: Opened, client: str, *, with_pdf: bool = False) -> dict[str, bytes]:
    """All that a client's link shows, by its path; each route has a path in it at least."""
    status = json.loads(await door.under(client, "status.json"))
    months = await door.stage.sources.own.months(ClientId(client))
    files = [f"{month}.{each}" for month in months for each in ENDINGS if with_pdf or each != "pdf"]
    incidents = [
        found.decode()
        for month in months
        for found in re.findall(
            rb'href="/c/[^/]+/incidents/([^"]+)"', await door.under(client, f"outages?month={month}")
        )
    ]
    named = {
        "{server}/{start}": sorted(set(incidents))[:2],
        "{server}": [row["id"] for row in status["servers"]],
        "{client}/{solution}": [
            f"{client}/{each}" for each in {row["solution"] or row["id"] for row in status["servers"]}
        ],
        "{file}": [*files, *(f"{month}-outages.csv" for month in months)],
    }
    found: dict[str, bytes] = {}
    for path in paths():
        variable = next((each for each in named if each in path), "")
        for name in named[variable] if variable else [""]:
            made = path.replace(variable, name) if variable else path
            found[made] = await door.under(client, made)
    return found
