"""The store as a hub uses it: it reads all ledgers, and writes its own."""

import secrets
from collections.abc import Iterable

from daemon.hub.store import HubStore
from daemon.ledger import Chained, Head
from sla.chain import SALT_BYTES, digest_of, linked, salted
from sla.instants import Instant
from sla.records import Witness


class HubSession(HubStore):
    """A connection to the store as a hub, by its own role."""

    async def seen(self) -> dict[str, dict[Witness, Instant]]:
        """By ledger, how far its witnesses have seen. Raises HubError."""
        rows = await self._asked(
            "SELECT l.name, w.observer, w.source, w.at FROM slad.ledger l"
            " LEFT JOIN slad.watermark w ON w.ledger = l.number ORDER BY l.name"
        )
        found: dict[str, dict[Witness, Instant]] = {}
        for ledger, observer, source, at in rows:
            marks = found.setdefault(ledger, {})
            if at is not None:
                marks[Witness(observer, source)] = Instant(at)
        return found


def next_lines(head: Head, lines: Iterable[str]) -> list[Chained]:
    """Records that follow a head, each with a salt of its own."""
    found: list[Chained] = []
    for line in lines:
        body = salted(line, secrets.token_hex(SALT_BYTES))
        head = Head(head.seq + 1, linked(head.chain, digest_of(body)))
        found.append(Chained(head.seq, body, head.chain))
    return found
