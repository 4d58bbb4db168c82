"""The store as the hub uses it: one session that reads what arrives, holds the lock of the active hub, and writes under it.

The lock is PostgreSQL's, and ends with the session. A session that says nothing for `IDLE_S` is ended by PostgreSQL: so a hub
that was stopped, or whose way to the store was cut, loses it, and whoever was woken later finds its session gone. And a hub that
is not answered for so long, as by a machine that died, ends the session itself.
"""

import secrets
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from daemon.hub.schema import HUB
from daemon.hub.store import HubStore
from daemon.ledger import Chained, Head, RequestKey
from sla.chain import SALT_BYTES, digest_of, linked, salted
from sla.instants import Instant
from sla.records import Witness

IDLE_S: Final = 8
"""After which PostgreSQL ends a session that asks nothing, and a hub one that does not answer what waits for no lock; a hub asks
each tick.
"""
_NAMED: Final = "slad hub "
"""What the names of sessions begin with, as PostgreSQL shows them."""


class Arrived(NamedTuple):
    """A line of the store: its number there, and what it is in its ledger."""

    arrival: int
    ledger: str
    seq: int
    body: str
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

    async def is_active(self) -> bool:
        """Whether this session has the lock, which it takes where nobody has it. Raises HubError."""
        ((has_it,),) = await self._read("SELECT slad.slad_hub_active()")
        return bool(has_it)

    async def active_name(self) -> str:
        """The name of the process that has the lock; "" where none has. Raises HubError."""
        rows = await self._read(
            "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
            " JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database()"
            " AND l.locktype = 'advisory' AND l.objid = slad.hub_lock() AND l.granted"
        )
        return str(rows[0][0] or "").removeprefix(_NAMED) if rows else ""

    async def append_as_active(
        self, lines: Sequence[Chained], key: RequestKey | None, documents: Sequence[bytes] = ()
    ) -> str:
        """Append to the hub's ledger in one transaction that has the lock; the outcome as `append` has it, or "passive": another
        hub has the lock. `key`: of the request that asked for them. `documents`: as `append`.

        Raises HubError: then it may have been appended, or not.
        """
        ((outcome,),) = await self._asked(
            "SELECT slad.slad_hub_append(%s, %b::text[], %b, %s, %s, %b::bytea[])",
            lines[0].seq,
            [line.body for line in lines],
            lines[-1].chain,
            *((None, None) if key is None else key),
            list(documents),
        )
        return str(outcome)

    async def writes_next_after(self, seq: int) -> bool:
        """Whether this session has the lock, and the hub's ledger ends with a record: nobody else can have written more of it.

        Raises HubError.
        """
        ((is_so,),) = await self._asked(
            "SELECT slad.slad_hub_active() AND EXISTS (SELECT FROM slad.ledger l WHERE l.name = %s AND l.seq = %s)",
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

    async def request_keys(self, after: int) -> dict[int, RequestKey]:
        """By what requests are known again whose first line arrived after a number. Raises HubError."""
        rows = await self._read("SELECT * FROM slad.request r WHERE r.arrival > %s", after)
        return {arrival: RequestKey(key, digest) for arrival, key, digest in rows}

    async def tail(self, after: int, most: int) -> list[Arrived]:
        """At most so many lines that arrived after a number, in order. Raises HubError."""
        return [
            Arrived(*row)
            for row in await self._read("SELECT * FROM slad.slad_tail(%s, NULL, %s)", after, most)
        ]

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
