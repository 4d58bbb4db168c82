"""Statements of the running daemon: made of what the live book says of one client at one record of the ledger."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from daemon.believed_clock import BelievedClock
from daemon.book.live_book import LiveBook
from daemon.config.config import Config
from daemon.config.letterhead import Letterhead, letterhead_of
from daemon.ledger import Head, ReadableLedger
from daemon.pacing import paced
from daemon.statements.judging import imprint_of, judged
from sla.book import Book
from sla.calendars import Month
from sla.client_document import LedgerHead, NoDocumentError, client_document
from sla.instants import Instant, format_instant
from sla.records import ClientId

AT_ONCE: Final = 2
"""So many documents are made at a time; others wait."""
_ATTEMPTS: Final = 20
_WAIT_S: Final = 0.1


class MovingError(Exception):
    """The evidence changes faster than it can be copied."""


class Documents:
    """Makes documents beside the loop: of a copy, for the book goes on."""

    def __init__(
        self,
        config: Config,
        *,
        clock: BelievedClock,
        ledger: ReadableLedger,
        book: LiveBook,
        head_in_book: Callable[[], Head],
        seal: Callable[[], Awaitable[None]],
    ) -> None:
        """`head_in_book`: the record up to which the book has taken the ledger; `seal` puts the watermarks on record."""
        self._clock = clock
        self._ledger = ledger
        self._book = book
        self._head_in_book = head_in_book
        self._seal = seal
        self._making = asyncio.Semaphore(AT_ONCE)
        self._letterhead = Letterhead()
        self._letterheads: Mapping[ClientId, Letterhead] = {}
        self.adopt(config)

    def adopt(self, config: Config) -> None:
        """Have letterheads be those of another configuration."""
        self._letterhead = letterhead_of(config.provider)
        self._letterheads = {
            name: letterhead_of(config.provider, client) for name, client in config.clients.items()
        }

    def letterhead(self, client: ClientId) -> Letterhead:
        """That of a client, or of one that the configuration no longer names."""
        return self._letterheads.get(client, self._letterhead)

    async def document(
        self,
        client: ClientId,
        month: Month,
        as_of: Instant | None,
        *,
        version: int | None = None,
        for_figures: bool = False,
    ) -> bytes:
        """A client's document (`sla.client_document`), by default as known now. Raises NoDocumentError, MovingError.

        `version`: the one that it is to be issued as. `for_figures`: to be compared alone, so that the chain need not tell yet how
        far witnesses have seen, and nobody could make it again of the records that it names.
        """
        now = self._clock.now()
        if as_of is not None and as_of > now:
            raise NoDocumentError(f"What will be known at {format_instant(as_of)} is not known yet.")
        async with self._making:
            book, heads = await self._excerpt(client, for_figures=for_figures)
            judgement = partial(judged, book, month=month, as_of=now if as_of is None else as_of)
            imprint = imprint_of(self.letterhead(client), heads, version=version)
            return await asyncio.to_thread(lambda: client_document(judgement(), client, imprint).encode())

    async def _excerpt(self, client: ClientId, *, for_figures: bool) -> tuple[Book, tuple[LedgerHead, ...]]:
        """What the book says of a client, and the records up to which the chains tell all of it. Raises MovingError."""
        for _ in range(_ATTEMPTS):
            if not for_figures:
                await self._seal()
            head = self._ledger.head
            if (for_figures or self._ledger.is_sealed) and self._head_in_book() == head:
                excerpt = self._book.evidence.excerpt(client)
                async for server in paced(sorted(self._book.evidence.servers_of_clients((client,)))):
                    excerpt.take_over(server, self._book.evidence)
                if self._ledger.head == head:
                    return excerpt, tuple(
                        LedgerHead(ledger=name, seq=last.seq, head=last.chain)
                        for name, last in sorted(self._ledger.heads.items())
                    )
            await asyncio.sleep(_WAIT_S)
        raise MovingError("the evidence changes faster than it can be read: ask again in a while")
