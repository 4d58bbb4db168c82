"""The end of the hub's own ledger, which nobody but hubs could bring back to a store that lost it.

Every hub keeps it as the store has it, other shards' records among it: each record rests on the one before. A request comes back whole,
with its key and the bytes of what it issued.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Final

import structlog

from daemon.hub.session import HubSession
from daemon.hub.shipping import DOCUMENT_BYTES
from daemon.ledger import Chained, RequestKey, issued_in
from sla.texts import cleaned

LINES_KEPT: Final = 2_000
"""A replica that is promoted lacks seconds, or minutes."""
KEYS_ASKED: Final = 200
"""Requests whose keys are asked for at once, the last of them: each is looked for in every partition, in milliseconds."""
DOCUMENTS_KEPT: Final = 100
"""Of as many statements that were issued last the bytes are kept, and `DOCUMENT_BYTES` of them at most."""
TOLD_BYTES: Final = 300
"""How much the log tells of a line that cannot be kept."""

_log = structlog.get_logger()


class OwnEnd:
    """The last lines of the hub's ledger. To be kept up before what rests on them is given out."""

    def __init__(self) -> None:
        self._lines: deque[Chained] = deque(maxlen=LINES_KEPT)
        self._keys: dict[int, RequestKey] = {}
        """Of requests, by the number of the first record of each."""
        self._keys_until = 0
        """The arrival of the last of those records."""
        self._documents: dict[str, bytes] = {}
        """The bytes of statements by their hash, in the order in which they were issued."""

    async def keep_up(self, session: HubSession, upto: int) -> None:
        """Have the lines up to a record that the store has. Raises HubError."""
        while self._newest < upto:
            after = max(self._newest, upto - LINES_KEPT)
            lines = await session.lines(after, LINES_KEPT)
            if not lines:
                return  # lost since
            documents = await self._read_documents(session, lines)
            keys = await session.keys_of_own(self._keys_until, KEYS_ASKED)
            self._lines += lines
            self._documents |= documents
            for arrival, seq, key in keys:
                self._keys[seq], self._keys_until = key, arrival
            self._forget()

    async def bring_back(self, session: HubSession) -> None:
        """Append again what the store has no more; where it has another record by now, what is lost is told. Raises HubError.

        It is what the store had, or nothing: so a hub may do it that stands by, and the active one as well.
        """
        lost = await self._lost(session)
        self._keys_until = 0  # what arrives now may have numbers that others had
        for lines in self._by_request(lost):
            documents = [
                self._documents[digest]
                for digest in map(issued_in, (line.body for line in lines))
                if digest in self._documents
            ]
            if await session.append_again(lines, self._keys.get(lines[0].seq), documents) != "appended":
                break
            _log.warning("hub_brought_back_records", first=lines[0].seq, last=lines[-1].seq)
            lost = lost[len(lines) :]
        for line in lost:
            _log.error("hub_lost_record", seq=line.seq, record=cleaned(line.body, TOLD_BYTES))
            self._lines.pop()
            self._keys.pop(line.seq, None)

    @property
    def _newest(self) -> int:
        return self._lines[-1].seq if self._lines else 0

    async def _lost(self, session: HubSession) -> Sequence[Chained]:
        count = 0
        for line in reversed(self._lines):
            if await session.chain_of(line.seq) == line.chain:
                break
            count += 1
        return list(islice(self._lines, len(self._lines) - count, None))

    def _by_request(self, lines: Sequence[Chained]) -> Iterator[Sequence[Chained]]:
        """Those of a request together."""
        firsts = [number for number, line in enumerate(lines) if not number or line.seq in self._keys]
        for first, end in pairwise([*firsts, len(lines)]):
            yield lines[first:end]

    async def _read_documents(self, session: HubSession, lines: Sequence[Chained]) -> dict[str, bytes]:
        """The bytes of the last statements that lines issue, as far as the store has them as they were."""
        issued = [digest for line in lines if (digest := issued_in(line.body)) is not None]
        found = {digest: await session.document(digest) for digest in issued[-DOCUMENTS_KEPT:]}
        return {
            digest: content
            for digest, content in found.items()
            if content is not None and hashlib.sha256(content).hexdigest() == digest
        }

    def _forget(self) -> None:
        """What is of older lines, and of more statements than are kept."""
        oldest = self._lines[0].seq
        self._keys = {seq: key for seq, key in self._keys.items() if seq >= oldest}
        while (
            len(self._documents) > DOCUMENTS_KEPT or sum(map(len, self._documents.values())) > DOCUMENT_BYTES
        ):
            del self._documents[next(iter(self._documents))]
