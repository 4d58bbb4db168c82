"""The store as the hub uses it: one session that reads what arrives, holds the lock of the active hub, and writes under it.

The lock is PostgreSQL's, and ends with the session. A session that says nothing for `IDLE_S` is ended by PostgreSQL: so a hub
that was stopped, or whose way to the store was cut, loses it, and whoever was woken later finds its session gone. And a hub that
is not answered for so long, as by a machine that died, ends the session itself.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from daemon.config.hub import WHOLE, Shard
from daemon.hub.schema import HUB
from daemon.hub.store import HubStore
from daemon.ledger import Chained, Head, RequestKey
from sla.chain import SALT_BYTES, digest_of, linked, salted
from sla.instants import Instant
from sla.records import ServerId, Witness

IDLE_S: Final = 8
"""After which PostgreSQL ends a session that asks nothing, and a hub one that does not answer what waits for no lock; a hub asks
each tick.
"""
LOOKED_THROUGH: Final = 1_000_000
"""Lines among which those of a server are looked for at once: no index has them, and an answer has to come in time."""
_NAMED: Final = "slad hub "
"""What the names of sessions begin with, as PostgreSQL shows them."""


class Arrived(NamedTuple):
    """A line of the store: its number there, and what it is in its ledger."""

    arrival: int
    ledger: str
    seq: int
    body: str
    chain: bytes


class LastLine(NamedTuple):
    """Where the last line of a ledger is that is known, and its chain value, by which it is known again."""

    arrival: int
    seq: int
    chain: bytes


class HubSession(HubStore):
    """A connection to the store as a hub, by its own role."""

    async def _begin(self) -> None:
        await super()._begin()
        idle_ms = IDLE_S * 1000
        await self._asked(f"SET idle_session_timeout = {idle_ms}; SET tcp_user_timeout = {idle_ms}")
        await self._asked(
            "SELECT set_config('application_name', %s, false)", f"{_NAMED}{self._instance}"[:63]
        )

    async def is_active(self, shard: Shard = WHOLE) -> bool:
        """Whether this session has the locks of a shard, which it takes where nobody has any of them. Raises HubError."""
        ((has_it,),) = await self._read("SELECT slad.slad_hub_active(%s::smallint[])", list(shard.buckets))
        return bool(has_it)

    async def active_name(self, shard: Shard = WHOLE) -> str:
        """The name of the process that has the shard's first lock; "" where none has. Raises HubError."""
        rows = await self._read(
            "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
            " JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database()"
            " AND l.locktype = 'advisory' AND l.classid::bigint = slad.hub_lock() AND l.objid::bigint = %s AND l.granted",
            shard.buckets[0],
        )
        return str(rows[0][0] or "").removeprefix(_NAMED) if rows else ""

    async def append_as_active(
        self,
        lines: Sequence[Chained],
        key: RequestKey | None,
        documents: Sequence[bytes] = (),
        shard: Shard = WHOLE,
    ) -> str:
        """Append to the hub's ledger in one transaction that has a shard's locks; the outcome as `append` has it, or "passive": another
        hub has the lock. `key`: of the request that asked for them. `documents`: as `append`.

        Raises HubError: then it may have been appended, or not.
        """
        return await self._append_own(shard.buckets, lines, key, documents)

    async def append_again(
        self, lines: Sequence[Chained], key: RequestKey | None, documents: Sequence[bytes]
    ) -> str:
        """Append to the hub's ledger what was in it before, whoever is active; otherwise as `append_as_active`. Raises HubError."""
        return await self._append_own((), lines, key, documents)

    async def _append_own(
        self,
        buckets: Sequence[int],
        lines: Sequence[Chained],
        key: RequestKey | None,
        documents: Sequence[bytes],
    ) -> str:
        """As the active hub of the buckets. Raises HubError."""
        ((outcome,),) = await self._asked(
            "SELECT slad.slad_hub_append(%s::smallint[], %s, %b::text[], %b, %s, %s, %b::bytea[])",
            list(buckets),
            lines[0].seq,
            [line.body for line in lines],
            lines[-1].chain,
            *((None, None) if key is None else key),
            list(documents),
        )
        return str(outcome)

    async def writes_next_after(self, seq: int, shard: Shard = WHOLE) -> bool:
        """Whether this session has a shard's locks, and the hub's ledger ends with a record: nobody else can have written more of
        that shard.

        Raises HubError.
        """
        ((is_so,),) = await self._asked(
            "SELECT slad.slad_hub_active(%s::smallint[])"
            " AND EXISTS (SELECT FROM slad.ledger l WHERE l.name = %s AND l.seq = %s)",
            list(shard.buckets),
            HUB,
            seq,
        )
        return bool(is_so)

    async def document(self, sha256: str) -> bytes | None:
        """As `HubStore.document`, of whichever ledger. Raises HubError."""
        rows = await self._asked(
            "SELECT d.content FROM slad.document d WHERE d.sha256 = decode(%s, 'hex')", sha256
        )
        return bytes(rows[0][0]) if rows else None

    async def request_keys(self, after: int, upto: int) -> dict[int, RequestKey]:
        """By what requests are known again whose first line arrived after a number, and up to another. Raises HubError."""
        rows = await self._read(
            "SELECT * FROM slad.request r WHERE r.arrival > %s AND r.arrival <= %s", after, upto
        )
        return {arrival: RequestKey(key, digest) for arrival, key, digest in rows}

    async def keys_of_own(self, after: int, most: int) -> list[tuple[int, int, RequestKey]]:
        """By what the last requests are known again, those at most whose first line arrived after a number: its arrival, and what it is
        in the hub's ledger. In order. Raises HubError.
        """
        rows = await self._read(
            "SELECT t.arrival, t.seq, r.key, r.digest FROM"
            " (SELECT * FROM slad.request WHERE arrival > %s ORDER BY arrival DESC LIMIT %s) AS r"
            " CROSS JOIN LATERAL slad.slad_tail(r.arrival - 1, NULL, 1) AS t ORDER BY t.arrival",
            after,
            most,
        )
        return [(arrival, seq, RequestKey(key, digest)) for arrival, seq, key, digest in rows]

    async def tail(self, after: int, most: int, shard: Shard = WHOLE) -> list[Arrived]:
        """At most so many lines that arrived after a number, in order: of a shard's clients, and those for all. Raises HubError."""
        buckets = None if shard.is_whole else list(shard.buckets)
        sql = "SELECT * FROM slad.slad_tail(%s, %s::smallint[], %s)"
        return [Arrived(*row) for row in await self._read(sql, after, buckets, most)]

    async def moved(self, servers: Sequence[ServerId]) -> list[ServerId]:
        """Those of the servers that had several clients. Raises HubError."""
        rows = await self._read("SELECT slad.slad_moved(%s::text[])", list(servers))
        return [ServerId(server) for (server,) in rows]

    async def earlier(self, server: ServerId, before: int, most: int) -> list[Arrived]:
        """All lines of such a server that arrived before a number, asked for so many at a time. Raises HubError."""
        found: list[Arrived] = []
        after = 0
        while after + 1 < before:
            end = min(after + 1 + LOOKED_THROUGH, before)
            rows = await self._asked(
                "SELECT * FROM slad.slad_earlier(%s, %s, %s, %s)", server, after, end, most
            )
            found += (Arrived(*row) for row in rows)
            after = found[-1].arrival if len(rows) == most else end - 1
        return found

    async def heads(self) -> dict[str, Head]:
        """The last record of each ledger. Raises HubError."""
        rows = await self._read("SELECT l.name, l.seq, l.chain FROM slad.ledger l")
        return {name: Head(seq, chain) for name, seq, chain in rows}

    async def lacking(self, last_lines: Mapping[str, LastLine]) -> str:
        """The first of the last lines of ledgers that is not where it was, in words; "" where all are. Raises HubError."""
        rows = await self._asked(
            "SELECT t.ledger, t.arrival, t.seq, t.chain FROM unnest(%s::bigint[]) AS last (arrival)"
            " CROSS JOIN LATERAL slad.slad_tail(last.arrival - 1, NULL, 1) AS t",
            [last.arrival for last in last_lines.values()],
        )
        found = {(ledger, LastLine(*last)) for ledger, *last in rows}
        gone = sorted((last, ledger) for ledger, last in last_lines.items() - found)
        return "".join(
            f"line {last.arrival}, record {last.seq} of ledger {ledger}" for last, ledger in gone[:1]
        )

    async def newest_arrival(self) -> int:
        """The number of the last line of all. Raises HubError."""
        ((number,),) = await self._read("SELECT slad.slad_arrival()")
        return int(number)

    async def now(self) -> Instant:
        """What PostgreSQL's clock shows. Raises HubError."""
        ((at,),) = await self._read("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        return Instant(at)

    async def seen(self) -> dict[str, dict[Witness, Instant]]:
        """By ledger, how far its witnesses have seen. Raises HubError."""
        rows = await self._read(
            "SELECT l.name, w.observer, w.source, w.at FROM slad.ledger l"
            " LEFT JOIN slad.watermark w ON w.ledger = l.number ORDER BY l.name"
        )
        found: dict[str, dict[Witness, Instant]] = {}
        for ledger, observer, source, at in rows:
            marks = found.setdefault(ledger, {})
            if at is not None:
                marks[Witness(observer, source)] = Instant(at)
        return found

    async def _read(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What needs no lock of another's. Raises HubError."""
        return await self._asked(sql, *parameters, within_s=IDLE_S)


def next_lines(head: Head, lines: Iterable[str]) -> list[Chained]:
    """Records that follow a head, each with a salt of its own."""
    found: list[Chained] = []
    for line in lines:
        body = salted(line, secrets.token_hex(SALT_BYTES))
        head = Head(head.seq + 1, linked(head.chain, digest_of(body)))
        found.append(Chained(head.seq, body, head.chain))
    return found
