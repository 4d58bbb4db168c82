"""A store for tests: a database of a real PostgreSQL with monitors in it, and ledgers that are shipped there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from daemon.config.hub import HubTable
from daemon.config.values import Surroundings
from daemon.hub import schema
from daemon.hub.store import HubStore, connected
from daemon.ledger import Batch, Chained, Entry, Ledger
from sla.chain import GENESIS, digest_of, linked, salted
from sla.evidence import encode
from sla.instants import SECOND, Instant
from sla.records import Client, ClientId, Leg, Observation, Record, Server, ServerId, State, Witness
from tests.peers.postgres import OWNER, Postgres

PASSWORD = "not-a-secret"
START = Instant(1_772_000_000_000_000)


@dataclass(frozen=True)
class TestStore:
    """A database with a store."""

    __test__ = False

    server: Postgres
    name: str
    folder: Path

    def table(
        self, observer: str = "mon1", *, at: tuple[str, int] | None = None, more: str = "", **keys: object
    ) -> HubTable:
        """`[hub]` of a monitor: by the socket, or at a host and port of TCP, without TLS unless `more` says otherwise."""
        user = OWNER if observer == OWNER else f"slad-{observer}"
        query = (
            f"host={self.server.folder}&port={self.server.port}" if at is None else more or "sslmode=disable"
        )
        place = "" if at is None else f"{at[0]}:{at[1]}"
        (self.folder / "hub.password").write_text(PASSWORD)
        (self.folder / "hub.password").chmod(0o600)
        return HubTable.model_validate(
            {
                "dsn": f"postgresql://{user}@{place}/{self.name}?{query}",
                "password_file": "hub.password",
                **keys,
            },
            context=Surroundings(folder=self.folder, env={}),
        )

    def toml(self, observer: str = "mon1", **keys: Any) -> str:
        """The same as text of a slad.toml."""
        return f'[hub]\ndsn = "{self.table(observer, **keys).dsn}"\npassword_file = "hub.password"'

    async def open(self, observer: str = "mon1", instance: str = "one") -> HubStore:
        return await HubStore.open(self.table(observer), observer, instance)

    def owner(self) -> "psycopg.Connection[Any]":
        """A connection that may do everything."""
        return psycopg.connect(self.server.conninfo(self.name), autocommit=True)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.owner() as connection:
            return connection.execute(query.encode()).fetchall()

    def lines(self, observer: str = "mon1") -> list[Chained]:
        """All that the store has of a ledger, in the order of arrival."""
        with self.owner() as connection:
            found = connection.execute(
                "SELECT l.seq, l.body, l.chain FROM slad.line l JOIN slad.ledger o ON o.number = l.ledger WHERE o.name = %s"
                " ORDER BY l.arrival",
                (observer,),
            )
            return [Chained(*row) for row in found]


async def make_store(server: Postgres, folder: Path, *observers: str) -> TestStore:
    """A new database with a store for these observers."""
    store = TestStore(server, server.database(), folder)
    await init(store)
    for observer in observers:
        await add_monitor(store, observer)
    return store


async def init(store: TestStore) -> bool:
    async with await connected(store.table(OWNER)) as connection:
        return await schema.init(connection, "here")


async def add_monitor(store: TestStore, observer: str, role: str = "") -> bool:
    async with await connected(store.table(OWNER)) as connection:
        return await schema.add_monitor(
            connection, "here", observer, role or f"slad-{observer}", SecretStr(PASSWORD)
        )


async def add_hub(store: TestStore) -> None:
    """Let hubs in, as `slad-hub`."""
    async with await connected(store.table(OWNER)) as connection:
        await schema.add_hub(connection, "here", "slad-hub", SecretStr(PASSWORD))


def chained(bodies: Sequence[str], before: bytes = GENESIS, first: int = 1) -> list[Chained]:
    """Lines with their chain values."""
    lines = []
    for seq, body in enumerate(bodies, first):
        before = linked(before, digest_of(body))
        lines.append(Chained(seq, body, before))
    return lines


def body(number: int, observer: str = "mon1", server: str = "s1", salt: str = "") -> str:
    """The body of an observation."""
    return salted(encode(observation(number, observer, server)), salt or f"{number:032x}")


def observation(number: int, observer: str = "mon1", server: str = "s1") -> Observation:
    return Observation(
        witness=Witness(observer, "vc1"),
        server=ServerId(server),
        leg=Leg.RUNNING,
        state=State.DOWN if number % 2 else State.UP,
        at=Instant(START + number * SECOND),
        reason="poweredOff",
        noticed_at=Instant(START + number * SECOND),
    )


def founding(client: str = "acme", server: str = "s1", observer: str = "mon1") -> list[Record]:
    """What has to be on record before a server can be observed."""
    return [
        Client(
            id=ClientId(client),
            name=client,
            timezone="UTC",
            tech_admins=(),
            recorded_at=START,
            recorded_by="slad",
        ),
        Server(
            id=ServerId(server),
            name=server,
            client=ClientId(client),
            solution=None,
            in_service_from=START,
            in_service_until=None,
            legs=(Leg.RUNNING,),
            observer=observer,
            recorded_at=START,
            recorded_by="slad",
        ),
    ]


def observed(first: int, count: int, observer: str = "mon1") -> Batch:
    """So many observations, and how far their witness has seen."""
    return Batch(
        entries=[Entry(record=observation(number, observer)) for number in range(first, first + count)],
        watermarks={Witness(observer, "vc1"): Instant(START + (first + count) * SECOND)},
    )


async def begun_ledger(path: Path, observer: str = "mon1") -> Ledger:
    """An open ledger that holds what has to be on record."""
    ledger = await asyncio.to_thread(Ledger.open, path)
    for _ in ledger.replay():
        pass
    if ledger.head.seq == 0:
        await ledger.commit(Batch(entries=[Entry(record=each) for each in founding(observer=observer)]))
    return ledger
