"""The snapshot for the next start, beside the ledger: what is known of its records up to one, so that they need not be read again.

It is a cache and never believed: a start uses it only where it is whole, written by the same slad for the same observer, and of a
record that the ledger has. What it holds of the past is as good as the folder's permissions, as the ledger's tables are; that the
records themselves are what was acknowledged is verified behind the start (`daemon.recording.verifying`).
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Final

import structlog

from daemon.book import storing
from daemon.ledger import (
    NOTHING_READ,
    Extent,
    Head,
    Ledger,
    SnapshotFile,
    SnapshotSection,
    UnsoundSnapshotError,
    sections_in,
)
from daemon.os_faults import refused
from daemon.recording.recollection import Recollection
from probes.report import KnownEvent
from sla.instants import HOUR
from sla.rows import records_of, rows_of

FORMAT: Final = 2
"""To be raised with each change of what a snapshot holds, or of what follows from records."""
MOST_REPLAYED: Final = 10_000
"""So many records may be new before a snapshot is written at a seal, or a stop; a hundredth of all, where those are fewer."""
PAUSE_US: Final = HOUR
"""How long after a snapshot none is written but at a stop."""
_EVENTS_AT_ONCE: Final = 1_000

_log = structlog.get_logger()


def restore(path: Path, ledger: Ledger, recollection: Recollection) -> Extent:
    """Recollect what the snapshot beside a ledger at a path holds; the records that it is of, none where there is none.

    Raises UnsoundSnapshotError, and whatever else odd contents bring about: then the recollection is of no more use.
    """
    sections = sections_in(path)
    first = next(sections, None)
    if first is None:
        return NOTHING_READ
    about = json.loads(first.content)
    check_writer(about, recollection.book.observer)
    extent = Extent(Head(about["seq"], bytes.fromhex(about["chain"])), about["settled_crc"])
    lacks = ledger.lacks(extent)
    if lacks:
        raise UnsoundSnapshotError(f"is not of this ledger: {lacks}")
    restore_recollection(recollection, about, sections)
    return extent


def sections_of(recollection: Recollection, extent: Extent) -> Iterator[SnapshotSection]:
    """What a snapshot holds, each section made in about a millisecond. The recollection must not change meanwhile."""
    seq, chain, settled_crc = extent.head.seq, extent.head.chain.hex(), extent.settled_crc
    return recollection_sections(recollection, {"seq": seq, "chain": chain, "settled_crc": settled_crc})


def recollection_sections(recollection: Recollection, of: Mapping[str, Any]) -> Iterator[SnapshotSection]:
    """What is recollected `of` some records, which those JSON values name, and by whom it was written."""
    about = {**_writer(recollection.book.observer), **of, "begun_at": recollection.begun_at}
    yield SnapshotSection("about", json.dumps(about).encode())
    for some in recollection.kept():
        yield SnapshotSection("records", rows_of(some).encode())
    for source, kept, events in recollection.transitions.positions():
        for first in range(0, len(events), _EVENTS_AT_ONCE):
            told = [source, kept, events[first : first + _EVENTS_AT_ONCE]]
            yield SnapshotSection("events", json.dumps(told).encode())
    yield SnapshotSection("statements", json.dumps(recollection.register.stored()).encode())
    yield from storing.sections_of(recollection.book)


def tell_refused(error: Exception, otherwise: str) -> None:
    """Say in the log why a snapshot is not used, whatever kept a start from it, and what is done instead."""
    why = str(error) if isinstance(error, UnsoundSnapshotError) else f"cannot be used: {error!r}"
    _log.warning("start_snapshot_refused", message=f"the snapshot {why}; {otherwise}")


def check_writer(about: Mapping[str, Any], observer: str) -> None:
    """Raises UnsoundSnapshotError for one that another slad wrote, or that is of another observer."""
    for key, own in _writer(observer).items():
        if about.get(key) != own:
            raise UnsoundSnapshotError(f"is of another {key}: {about.get(key)}, and this is {own}")


def restore_recollection(
    recollection: Recollection, about: Mapping[str, Any], sections: Iterator[SnapshotSection]
) -> None:
    """Recollect what is in the sections that follow the first, and `about` is that one. Raises UnsoundSnapshotError."""
    recollection.begun_at = about["begun_at"]
    for restorer, some in groupby(sections, lambda section: _RESTORERS.get(section.name, _restore_book)):
        restorer(recollection, some)
    if recollection.reader.faults:
        raise UnsoundSnapshotError(f"holds a record that is none: {recollection.reader.faults[0].problem}")


class StartSnapshots:
    """Writes them when they are due. To be asked by the task that commits, between two commits."""

    def __init__(
        self,
        path: Path,
        seq: Callable[[], int],
        sections: Callable[[], Iterator[SnapshotSection]],
        read: int,
    ) -> None:
        """`path`: the ledger's; `seq`: the number of its last record that is recollected; `sections`: what to write then. `read`: the
        last record that this start had from a snapshot.
        """
        self._path = path
        self._seq = seq
        self._sections = sections
        self._written = read
        """The last record that is in the newest snapshot."""
        self._written_at_us: int | None = None
        """When this process wrote it, by the monotonic clock."""
        self._is_wanted = seq() - self._written > MOST_REPLAYED
        """Whether there was a seal since, or the start read so much that the next one is not to do that again."""
        self._fault = ""

    def want(self) -> None:
        """Have one written as soon as there is enough that is new, and none was written of late."""
        self._is_wanted = True

    async def write_if_due(self, now_us: int, *, is_last: bool) -> None:
        """Write one that is wanted; `is_last`: nothing more comes, so it does not matter when one was written last.

        It is written in slices, with the event loop's turn in between. That it cannot be written is told once, and harms nobody.
        """
        if not (self._is_wanted and self._is_worth_it()):
            return
        if not is_last and self._written_at_us is not None and now_us - self._written_at_us < PAUSE_US:
            return
        self._is_wanted, self._written_at_us = False, now_us
        seq = self._seq()
        try:
            await self._write()
        except OSError as error:
            self._tell(refused(error))
        except Exception as error:  # noqa: BLE001  a defect here must not keep anything from being recorded
            self._tell(repr(error))
        else:
            self._written, self._fault = seq, ""
            _log.info("start_snapshot_written", records=seq)

    def _is_worth_it(self) -> bool:
        new = self._seq() - self._written
        return new > min(MOST_REPLAYED, self._written // 100)

    async def _write(self) -> None:
        file = await asyncio.to_thread(SnapshotFile, self._path)
        try:
            for section in self._sections():
                await asyncio.to_thread(file.write, section)
            await asyncio.to_thread(file.finish)
        finally:
            file.abandon()

    def _tell(self, fault: str) -> None:
        if fault != self._fault:
            self._fault = fault
            _log.warning("start_snapshot_failed", message=fault)


def _writer(observer: str) -> Mapping[str, Any]:
    """Who can read what it wrote, and nobody else."""
    return {"format": FORMAT, "slad": version("slad"), "byteorder": sys.byteorder, "observer": observer}


def _restore_records(recollection: Recollection, sections: Iterable[SnapshotSection]) -> None:
    for section in sections:
        for seq, record in records_of(section.content):
            recollection.take_again(seq, record)


def _restore_events(recollection: Recollection, sections: Iterable[SnapshotSection]) -> None:
    for (source, kept), told in groupby(map(_loaded, sections), lambda told: tuple(told[:2])):
        events = chain.from_iterable(events for _, _, events in told)
        recollection.transitions.restore_position(source, kept, (KnownEvent(*each) for each in events))


def _loaded(section: SnapshotSection) -> Any:
    return json.loads(section.content)


def _restore_statements(recollection: Recollection, sections: Iterable[SnapshotSection]) -> None:
    for section in sections:
        told = _loaded(section)
        recollection.register.restore(told["changed"], told["sealed"])


def _restore_book(recollection: Recollection, sections: Iterable[SnapshotSection]) -> None:
    storing.restore(recollection.book, sections)


_RESTORERS: Final = {
    "records": _restore_records,
    "events": _restore_events,
    "statements": _restore_statements,
}
