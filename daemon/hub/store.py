"""The store as a monitor uses it: one connection, every answer within a deadline, every failure a `HubError`.

Nothing here waits for longer than `CONNECT_S` and `ANSWER_S`, whatever PostgreSQL or the network does: a connection that does not
answer is cut off, and of no more use.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Final, Self

import psycopg

from daemon.config.hub import HubTable
from daemon.config.secrets import SecretError
from daemon.hub.faults import told
from daemon.hub.schema import VERSION
from daemon.hub.states import HubError, HubState
from daemon.ledger import Chained, Head
from sla.instants import Instant
from sla.records import Witness

CONNECT_S: Final = 10.0
"""For all hosts of a DSN together."""
ANSWER_S: Final = 30.0
"""For one question; PostgreSQL itself gives it up a little before."""
_SETTINGS: Final = (
    f"SET statement_timeout = {int(ANSWER_S * 900)};"
    " SET idle_in_transaction_session_timeout = 10000; SET client_min_messages = warning"
)


class HubStore:
    """A connection to the store as one observer's monitor. Made by `open`; `close` it."""

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        observer: str,
        instance: str,
        where: str,
        within_s: float,
    ) -> None:
        self.is_shared = False
        """Whether another process speaks for the same observer, by the last answer."""
        self._ends_at = asyncio.get_running_loop().time() + within_s
        self._connection = connection
        self._turn = asyncio.Lock()
        """One question at a time: the time for an answer begins when it is asked."""
        self._observer = observer
        self._instance = instance
        self._where = where

    @classmethod
    async def open(cls, table: HubTable, observer: str, instance: str, *, within_s: float = inf) -> Self:
        """Connect, and see that the store is of this slad's version. Raises HubError.

        `instance` tells this process from any other of the same observer. After `within_s` nothing is answered any more.
        """
        connection = await connected(table, within_s=within_s)
        store = cls(connection, observer, instance, str(table.dsn), within_s)
        try:
            await store._begin()
        except BaseException:
            await store.close()
            raise
        return store

    async def _begin(self) -> None:
        await self._asked(_SETTINGS)
        ((version,),) = await self._asked("SELECT slad.slad_version()")
        check_version(version, self._where)

    async def head(self) -> Head:
        """The last record that the store has of the observer's ledger. Raises HubError."""
        ((seq, chain, self.is_shared),) = await self._asked(
            "SELECT * FROM slad.slad_head(%s, %s)", self._observer, self._instance
        )
        return Head(seq, chain)

    async def append(self, lines: Sequence[Chained], documents: Sequence[bytes] = ()) -> tuple[str, Head]:
        """Append records that follow each other; the outcome, as `slad_append` has it, and the store's head. Raises HubError.

        `documents`: the bytes of statements that these records issue, or earlier ones.
        """
        ((outcome, seq, chain),) = await self._asked(
            "SELECT * FROM slad.slad_append(%s, %s, %b::text[], %b, %b::bytea[])",
            self._observer,
            lines[0].seq,
            [line.body for line in lines],
            lines[-1].chain,
            list(documents),
        )
        return outcome, Head(seq, chain)

    async def bare(self) -> list[int]:
        """The records that issue a statement of which the store has no bytes, by number. Raises HubError."""
        return [seq for (seq,) in await self._asked("SELECT slad.slad_bare(%s)", self._observer)]

    async def document(self, sha256: str) -> bytes | None:
        """The bytes of a statement that a record issues, by their hash; None where the store has none. Raises HubError.

        Nobody has hashed them yet.
        """
        ((content,),) = await self._asked(
            "SELECT slad.slad_document(%s, decode(%s, 'hex'))", self._observer, sha256
        )
        return content if isinstance(content, bytes) else None

    async def put_watermarks(self, upto_seq: int, watermarks: Mapping[Witness, Instant]) -> None:
        """How far witnesses have seen, which holds once the store has the records up to one. Raises HubError."""
        ((self.is_shared,),) = await self._asked(
            "SELECT slad.slad_watermarks(%s, %s, %s, %s::text[], %s::text[], %s::bigint[])",
            self._observer,
            self._instance,
            upto_seq,
            [witness.observer for witness in watermarks],
            [witness.source for witness in watermarks],
            list(watermarks.values()),
        )

    async def watermarks(self) -> dict[Witness, Instant]:
        """How far the store says that witnesses have seen. Raises HubError."""
        rows = await self._asked("SELECT * FROM slad.slad_own_watermarks(%s)", self._observer)
        return {Witness(observer, source): Instant(at) for observer, source, at in rows}

    async def lines(self, after_seq: int, most: int) -> list[Chained]:
        """At most so many records that follow one. Raises HubError."""
        rows = await self._asked("SELECT * FROM slad.slad_lines(%s, %s, %s)", self._observer, after_seq, most)
        return [Chained(*row) for row in rows]

    async def chain_of(self, seq: int) -> bytes | None:
        """The chain value of a record; None where the store has none of that number. Raises HubError."""
        ((chain,),) = await self._asked("SELECT slad.slad_chain(%s, %s)", self._observer, seq)
        return chain if isinstance(chain, bytes) else None

    async def close(self) -> None:
        """Give the connection back."""
        with suppress(psycopg.Error):
            await self._connection.close()

    def cut_off(self) -> None:
        """Have whoever waits for an answer know that none comes."""
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self._connection.fileno())) as way:
            way.shutdown(socket.SHUT_RDWR)

    async def _asked(
        self, sql: str, *parameters: object, within_s: float | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows of an answer that comes in time, by default in ANSWER_S. Raises HubError."""
        is_late = False

        def give_up() -> None:
            nonlocal is_late
            is_late = True
            self.cut_off()

        loop = asyncio.get_running_loop()
        async with self._turn:
            patience_s = ANSWER_S if within_s is None else within_s
            timer = loop.call_later(min(patience_s, self._ends_at - loop.time()), give_up)
            try:
                cursor = await self._connection.execute(sql.encode(), parameters or None)
                return await cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                if is_late:
                    raise _unanswered(self._where) from error
                raise told(error, self._where) from error
            finally:
                timer.cancel()


async def connected(table: HubTable, *, within_s: float = CONNECT_S) -> psycopg.AsyncConnection[Any]:
    """A connection by what a configuration says. Raises HubError."""
    dsn = table.dsn
    try:
        password = None if table.password is None else table.password.read().get_secret_value()
    except SecretError as error:
        raise HubError(HubState.NO_SECRET, f"The store {dsn} is not asked: {error}.") from error
    budget_s = min(CONNECT_S, within_s)
    try:
        async with asyncio.timeout(budget_s):
            return await psycopg.AsyncConnection.connect(
                "",
                host=",".join(dsn.hosts),
                port=",".join(dsn.ports),
                user=dsn.user,
                dbname=dsn.database,
                password=password,
                sslmode=dsn.sslmode,
                sslrootcert=_authorities(table),
                gssencmode="disable",
                target_session_attrs="read-write",
                client_encoding="UTF8",
                application_name="slad",
                connect_timeout=int(budget_s / len(dsn.hosts)),  # one that is dead leaves time for the next
                keepalives_idle=30,
                autocommit=True,
                prepare_threshold=None,
            )
    except TimeoutError as error:
        raise _unanswered(str(dsn)) from error
    except psycopg.Error as error:
        raise told(error, str(dsn)) from error


def _authorities(table: HubTable) -> str | None:
    """Who vouches for the server, as libpq has it: it verifies whatever the way of TLS where any are given. None: nobody has to."""
    if table.ca_file is not None:
        return str(table.ca_file)
    return (ssl.get_default_verify_paths().cafile or "system") if table.dsn.is_verified else None


def check_version(version: int, where: str) -> None:
    """Raises HubError where the store is of another version than this slad."""
    if version > VERSION:
        raise HubError(
            HubState.SCHEMA_NEWER,
            f"The store {where} has version {version}; this slad knows versions up to {VERSION}. Run the newer slad.",
        )
    if version < VERSION:
        raise HubError(
            HubState.SCHEMA_OLDER,
            f"The store {where} has version {version}, and this slad needs {VERSION}: run 'slad hub init' with the"
            " role that owns the store.",
        )


def _unanswered(where: str) -> HubError:
    return HubError(
        HubState.UNANSWERED,
        f"The store {where} did not answer in time. Look at PostgreSQL, and at the way to it.",
    )
