"""`slad import --from-hub`: what the store has of a monitor's ledger, brought back into it, record by record as it was."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from daemon.config.hub import HubTable
from daemon.hub.comparing import compared
from daemon.hub.states import HubError, HubState, instance_name
from daemon.hub.store import HubStore
from daemon.ledger import LedgerDamagedError, Restoration
from sla.reader import EvidenceReader

AT_ONCE: Final = 1_000
"""Records that are asked for at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredLedger:
    """`had` and `has`: the number of its last record, before and now; `lost`: what was acknowledged and is nowhere, or "".

    `bare`: the issued statements of which neither has the bytes, as people name them.
    """

    had: int
    has: int
    lost: str
    bare: Sequence[str]


async def restored(
    table: HubTable, observer: str, path: Path, progress: Callable[[int], None]
) -> RestoredLedger:
    """Bring the ledger at `path` up to what the store has of it; make it where there is none. Every record is verified.

    `progress` is told the number of each record. Raises HubError, LedgerError: then the ledger is as it was.
    """
    store = await HubStore.open(table, observer, instance_name())
    try:
        restoration = await asyncio.to_thread(Restoration, path)
        try:
            had = restoration.head.seq
            await _fill(restoration, store, observer, progress)
            bare = await _bare_after_filling(restoration, store)
            watermarks = await store.watermarks()
        except BaseException:
            restoration.abandon()
            raise
        lost = restoration.finish(watermarks)
        return RestoredLedger(had=had, has=restoration.head.seq, lost=lost, bare=bare)
    finally:
        await store.close()


async def _fill(
    restoration: Restoration, store: HubStore, observer: str, progress: Callable[[int], None]
) -> None:
    async def chain_of(seq: int) -> bytes | None:
        return restoration.chain_of(seq)

    theirs = await compared(store, observer, restoration.head, chain_of)
    reader = EvidenceReader(for_ledger=True)
    _check(reader, ((seq, body) for seq, body, _ in restoration.replay()))
    while restoration.head.seq < theirs.seq:
        lines = await store.lines(restoration.head.seq, AT_ONCE)
        try:
            restoration.add(lines)
        except LedgerDamagedError as error:
            raise HubError(
                HubState.FAILED,
                f"What the store has of observer {observer} does not hold after record {restoration.head.seq}; nothing was"
                " brought back. Look for who changed it, and restore the database from its backup.",
            ) from error
        _check(reader, ((line.seq, line.body) for line in lines))
        progress(restoration.head.seq)


async def _bare_after_filling(restoration: Restoration, store: HubStore) -> list[str]:
    """Bring back the bytes of issued statements; those of which the store has none, or others, as people name them."""
    bare = restoration.bare()
    for digest in list(bare):
        document = await store.document(digest)
        if document is not None and sha256(document).hexdigest() == digest:
            restoration.keep(document)
            del bare[digest]
    return list(bare.values())


def _check(reader: EvidenceReader, lines: Iterable[tuple[int, str]]) -> None:
    """Raises HubError for a line that the next start could not read."""
    for seq, body in lines:
        reader.read(body.encode())
        if reader.faults:
            fault = reader.faults[0]
            raise HubError(
                HubState.FAILED,
                f"Record {seq} cannot be read: {fault.key or 'it'}: {fault.problem}; nothing was brought back.",
            )
