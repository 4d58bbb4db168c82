"""Statements of the running daemon: made of what the live book says of one client at one record of the ledger."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from daemon.believed_clock import BelievedClock
from daemon.book.live_book import LiveBook
from daemon.config import Config
from daemon.config.letterhead import Letterhead, letterhead_of
from daemon.ledger import Head, Ledger
from daemon.pacing import paced
from daemon.statements.judging import imprint_of, judged
from daemon.statements.layouts import Files, Layout, laid_out
from sla.book import Book
from sla.calendars import Month
from sla.client_document import LedgerHead, NoDocumentError, client_document
from sla.instants import MINUTE, Instant, format_instant
from sla.records import ClientId

AT_ONCE: Final = 2
"""So many documents are made at a time; others wait."""
KEPT_US: Final = MINUTE
MOST_KEPT: Final = 32
"""How long documents are kept that are laid out here, and how many."""
_ATTEMPTS: Final = 20
_WAIT_S: Final = 0.1


class MovingError(Exception):
    """The evidence changes faster than it can be copied."""


@dataclass(slots=True, kw_only=True)
class _KeptDocument:
    """A document, and the formats of it that somebody asked for."""

    document: bytes
    made_us: int
    files: dict[Layout, Files] = field(default_factory=dict)


class Documents:
    """Makes documents beside the loop: of a copy, for the book goes on."""

    def __init__(
        self,
        config: Config,
        *,
        clock: BelievedClock,
        ledger: Ledger,
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
        self._laying_out = asyncio.Lock()
        self._documents: dict[tuple[ClientId, Month], _KeptDocument] = {}
        """In the order in which they were made."""
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

    async def document(self, client: ClientId, month: Month, as_of: Instant | None) -> bytes:
        """A client's document (`sla.client_document`), by default as known now. Raises NoDocumentError, MovingError."""
        now = self._clock.now()
        if as_of is not None and as_of > now:
            raise NoDocumentError(f"What will be known at {format_instant(as_of)} is not known yet.")
        async with self._making:
            await self._seal()
            book, head = await self._excerpt(client)
            return await asyncio.to_thread(
                _made, book, head, client, month, now if as_of is None else as_of, self.letterhead(client)
            )

    async def laid_out(self, client: ClientId, month: Month, layout: Layout) -> Files:
        """The document in a format, as it was a minute ago at most. Raises NoDocumentError, MovingError, LayoutError.

        For whoever may ask as often as he likes: in that minute all formats are of one document, which is made once.
        """
        async with self._laying_out:
            kept = await self._kept(client, month)
            if layout not in kept.files:
                kept.files[layout] = await asyncio.to_thread(
                    laid_out, kept.document, layout, self.letterhead(client)
                )
            return kept.files[layout]

    async def _kept(self, client: ClientId, month: Month) -> "_KeptDocument":
        now_us = self._clock.monotonic_us()
        self._documents = {
            key: kept for key, kept in self._documents.items() if now_us - kept.made_us < KEPT_US
        }
        kept = self._documents.get((client, month))
        if kept is None:
            if len(self._documents) >= MOST_KEPT:
                del self._documents[next(iter(self._documents))]
            document = await self.document(client, month, None)
            kept = self._documents[client, month] = _KeptDocument(document=document, made_us=now_us)
        return kept

    async def _excerpt(self, client: ClientId) -> tuple[Book, Head]:
        """What the book says of a client, and the record up to which it does. Raises MovingError."""
        for _ in range(_ATTEMPTS):
            head = self._ledger.head
            if self._head_in_book() == head:
                excerpt = self._book.evidence.excerpt(client)
                async for server in paced(sorted(self._book.evidence.servers_of_client(client))):
                    excerpt.take_over(server, self._book.evidence)
                if self._ledger.head == head:
                    return excerpt, head
            await asyncio.sleep(_WAIT_S)
        raise MovingError("the evidence changes faster than it can be read: ask again in a while")


def _made(
    book: Book, head: Head, client: ClientId, month: Month, as_of: Instant, letterhead: Letterhead
) -> bytes:
    judgement = judged(book, month=month, as_of=as_of)
    of_ledger = LedgerHead(ledger="", seq=head.seq, head=head.chain)
    return client_document(judgement, client, imprint_of(letterhead, (of_ledger,))).encode()
