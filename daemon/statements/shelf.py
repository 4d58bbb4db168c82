"""Statements as files, for whoever may ask for them as often as he likes."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from daemon.clock import Clock
from daemon.statements.documents import Documents
from daemon.statements.issuing import Issuing
from daemon.statements.layouts import Files, Layout, laid_out
from sla.calendars import Month
from sla.instants import MINUTE
from sla.records import ClientId

KEPT_US: Final = MINUTE
MOST_KEPT: Final = 32
"""How long documents are kept, and how many."""


class _WantedDocument(NamedTuple):
    client: ClientId
    month: Month
    version: int | None


@dataclass(slots=True, kw_only=True)
class _KeptDocument:
    """A document, and the formats of it that somebody asked for."""

    document: bytes
    made_us: int
    files: dict[Layout, Files] = field(default_factory=dict)


class Shelf:
    """In a minute a document is made once, and each format of it once: one at a time, whoever waits."""

    def __init__(self, clock: Clock, documents: Documents, issuing: Issuing) -> None:
        self._clock = clock
        self._documents = documents
        self._issuing = issuing
        self._laying_out = asyncio.Lock()
        self._kept: dict[_WantedDocument, _KeptDocument] = {}
        """In the order in which they were made."""

    async def files(self, client: ClientId, month: Month, version: int | None, layout: Layout) -> Files:
        """A version of a statement, or None for it as it was known a minute ago at most.

        Raises NoDocumentError, NotFoundError for a version that is none, MovingError, LayoutError, LedgerDamagedError.
        """
        async with self._laying_out:
            kept = await self._taken(_WantedDocument(client, month, version))
            if layout not in kept.files:
                letterhead = self._documents.letterhead(client)
                kept.files[layout] = await asyncio.to_thread(laid_out, kept.document, layout, letterhead)
            return kept.files[layout]

    async def _taken(self, wanted: _WantedDocument) -> _KeptDocument:
        now_us = self._clock.monotonic_us()
        self._kept = {key: kept for key, kept in self._kept.items() if now_us - kept.made_us < KEPT_US}
        if wanted not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            document = await self._document(wanted)
            self._kept[wanted] = _KeptDocument(document=document, made_us=now_us)
        return self._kept[wanted]

    async def _document(self, wanted: _WantedDocument) -> bytes:
        if wanted.version is None:
            return await self._documents.document(wanted.client, wanted.month, None)
        return await self._issuing.document(wanted.client, wanted.month, wanted.version)
