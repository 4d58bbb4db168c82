"""A file of evidence read by several processes at once, each a part of it, with what one alone would read.

Only for what is sound: of whatever is not, or is in doubt, nothing is said here, and whoever reads the lines one after the other
(`daemon.evidence.files`) says what is wrong.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from gzip import GzipFile
from io import BufferedReader, RawIOBase
from itertools import pairwise
from stat import S_ISREG
from typing import Final, NamedTuple

from daemon.evidence.files import EvidenceSource, blocks_of, link_on
from daemon.jobs import cores, shared_out
from sla.book import Book
from sla.chain import ChainBrokenError, Chains, Link
from sla.fragments import FragmentReader
from sla.reader import EvidenceReader, InDoubtError, lines_in
from sla.records import Record
from sla.usual_lines import Fragment

BYTES_A_JOB: Final = 8 * 1_048_576
"""A process for less would cost more than it saves."""
_BEYOND: Final = 2**62
"""No file is so long."""
_STEP: Final = 65_536


class ReadInParts(NamedTuple):
    """What a file holds, and the head of each ledger's chain where the chains were verified."""

    book: Book
    heads: Mapping[str, Link]


def read_in_parts(
    source: EvidenceSource, jobs: int | None, *, verify: bool, progress: Callable[[int], None]
) -> ReadInParts | None:
    """What `jobs` read, each a part; None: by how much there is to do. None is given back where one has to read all of it.

    The place in the file stays where it is. `progress` is told how many lines were read of the first part. Raises JobLostError.
    """
    size = _size_of(source)
    if size is None:
        return None
    if jobs is None:
        jobs = min(cores(), size // BYTES_A_JOB)
    if jobs < 2:
        return None
    bounds = list(pairwise(_cuts(source, size, jobs)))
    all_parts = _AllParts()

    def read(number: int) -> _PartRead | None:
        section, apart = _section(source, *bounds[number]), FragmentReader()
        try:
            if number:
                chains = _read(section, apart.read_block, _unwatched, verify=verify)
            else:  # nothing stands before it
                chains = _read(section, all_parts.read_block, progress, verify=verify)
        except (ChainBrokenError, InDoubtError, OSError):
            return None
        return _PartRead(apart.fragment(), chains)

    parts = shared_out(jobs, read)
    try:
        return all_parts.joined(parts)
    except (ChainBrokenError, InDoubtError):
        return None


class _PartRead(NamedTuple):
    fragment: Fragment
    """Empty of the first part, which was read at once."""
    chains: Chains


class _AllParts:
    """What the first part says, and then all of them."""

    def __init__(self) -> None:
        self._book = Book()
        self._reader = EvidenceReader(self._book.track)

    def read_block(self, block: bytes) -> None:
        self._add(self._reader.read_block(block))
        if self._reader.faults:
            raise InDoubtError

    def joined(self, parts: Iterable[_PartRead | None]) -> ReadInParts:
        chains = Chains()
        for part in parts:
            if part is None:
                raise InDoubtError
            chains.join(part.chains)
            self._add(self._reader.read_fragment(part.fragment))
        return ReadInParts(self._book, chains.heads)

    def _add(self, records: Iterable[Record]) -> None:
        for record in records:
            self._book.add(record)


def _read(
    section: EvidenceSource,
    take: Callable[[bytes], None],
    progress: Callable[[int], None],
    *,
    verify: bool,
) -> Chains:
    chains, read = Chains(), 0
    for block in blocks_of(section):
        take(block)
        for line in lines_in(block) if verify else ():
            link = link_on(line)
            if link is None:
                raise InDoubtError
            chains.take(link)
        read += block.count(b"\n")
        progress(read)
    return chains


def _size_of(source: EvidenceSource) -> int | None:
    """How many bytes there are to read; None of what can only be read from one end to the other."""
    if isinstance(source.stream, GzipFile):
        return None
    try:
        about = os.fstat(source.stream.fileno())
        return about.st_size - source.stream.tell() if S_ISREG(about.st_mode) else None
    except OSError:
        return None


def _cuts(source: EvidenceSource, size: int, parts: int) -> list[int]:
    """Where each part begins, behind the end of a line, and where the last ends: a part may be empty."""
    start = source.stream.tell()
    cuts = [start]
    for number in range(1, parts):
        cuts.append(_next_line(source, max(cuts[-1], start + size * number // parts)))
    return [*cuts, _BEYOND]


def _next_line(source: EvidenceSource, at: int) -> int:
    """Where the first line begins that does not begin before `at`, or the end of the file."""
    fileno = source.stream.fileno()
    at = max(at - 1, 0)
    while block := os.pread(fileno, _STEP, at):
        end = block.find(b"\n")
        if end >= 0:
            return at + end + 1
        at += len(block)
    return at


def _section(source: EvidenceSource, start: int, end: int) -> EvidenceSource:
    stream = BufferedReader(_FileRange(source.stream.fileno(), start, end))
    return EvidenceSource(name=source.name, stream=stream)


class _FileRange(RawIOBase):
    """The bytes `[start, end)` of an open file, whose own place in it stays where it is."""

    def __init__(self, fileno: int, start: int, end: int) -> None:
        super().__init__()
        self._fileno, self._at, self._end = fileno, start, end

    def readable(self) -> bool:
        """See io: it is."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """See io: it reads at most that much, and nothing at the end."""
        room = memoryview(buffer)[: self._end - self._at]
        count = os.preadv(self._fileno, [room], self._at)
        self._at += count
        return count


def _unwatched(_: int) -> None:
    pass
