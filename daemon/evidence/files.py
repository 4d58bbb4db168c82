"""Evidence in files: lines of bounded length, every fault of a file at once, and the proof (`spec/evidence.md`)."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile, GzipFile
from io import BufferedReader
from typing import IO, Any, Final, cast

from sla.chain import ChainBrokenError, Link, link_of, verified_heads
from sla.reader import LONGEST_LINE, EvidenceReader, TrackOf, lines_in
from sla.records import Record

_BLOCK = 262_144
_PACKED: Final = b"\x1f\x8b"
"""How a file begins that is compressed."""


class EvidenceError(Exception):
    """A file that must not be used. `messages` are lines for people, each naming its place."""

    def __init__(self, messages: Iterable[str]) -> None:
        """All that is wrong with it, as far as that is of use."""
        self.messages = tuple(messages)
        super().__init__("\n".join(self.messages))


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSource:
    """An open file and the name by which messages call it."""

    name: str
    stream: IO[bytes]


@contextmanager
def evidence_in(name: str, stream: Any) -> Iterator[EvidenceSource]:
    """The evidence in an open file, which may be compressed by gzip: so month files of a ledger are."""
    buffered = BufferedReader(stream)
    try:
        is_packed = buffered.peek(len(_PACKED)).startswith(_PACKED)
        held = GzipFile(fileobj=buffered) if is_packed else buffered
        yield EvidenceSource(name=name, stream=cast(IO[bytes], held))
    finally:
        buffered.detach()  # whoever opened the file closes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """What takes records: `take` all of them, or, with `track_of`, all but most observations, which go to their tracks.

    With `for_ledger`, evidence is bad that cannot become a ledger.
    """

    take: Callable[[Record], None]
    track_of: TrackOf | None = None
    for_ledger: bool = False


def blocks_of(source: EvidenceSource) -> Iterator[bytes]:
    """The lines of a file, many at a time, none of them in two.

    Of one that is too long only what shows that, whatever its length: memory stays bounded. Raises EvidenceError.
    """
    try:
        yield from _blocks_of(source.stream)
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise EvidenceError([f"{source.name}: is cut off, or was changed: it cannot be unpacked"]) from error


def _blocks_of(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        if not block.endswith(b"\n"):
            block += stream.readline(LONGEST_LINE + 1)
            if not block.endswith(b"\n"):
                while (rest := stream.readline(_BLOCK)) and not rest.endswith(b"\n"):
                    pass
        yield block


def lines_of(source: EvidenceSource) -> Iterator[bytes]:
    """The lines of a file, without their newlines; of one that is too long only what shows that. Raises EvidenceError."""
    for block in blocks_of(source):
        yield from lines_in(block)


def read_records(source: EvidenceSource, taker: Taker, *, progress: Callable[[int], None]) -> None:
    """Hand every record of a file to `taker`, in order. Raises EvidenceError: then nothing that was taken may be used.

    `progress` is told how many lines were read.
    """
    for _ in sound_lines(source, taker, progress):
        pass


def read_verified(
    source: EvidenceSource, taker: Taker, *, progress: Callable[[int], None]
) -> Mapping[str, Link]:
    """The same for an export that has to prove itself: the head of each ledger's chain, none for an empty file."""
    try:
        return verified_heads(
            proof_on(line, source, number)
            for first, lines in sound_lines(source, taker, progress)
            for number, line in enumerate(lines, first)
        )
    except ChainBrokenError as error:
        raise EvidenceError([f"{source.name}: {error}"]) from None


def sound_lines(
    source: EvidenceSource, taker: Taker, progress: Callable[[int], None]
) -> Iterator[tuple[int, Sequence[bytes]]]:
    """The lines up to the first bad one, many at a time, with the number of the first; the bad ones are told of at the end."""
    reader = EvidenceReader(taker.track_of, for_ledger=taker.for_ledger)
    before = 0
    for block in blocks_of(source):
        was_sound = not reader.faults
        for record in reader.read_block(block):
            if not reader.faults:
                taker.take(record)
        lines = lines_in(block)
        if was_sound:
            yield before + 1, lines[: reader.faults[0].line - before - 1] if reader.faults else lines
        if reader.has_enough_faults:
            break
        before += len(lines)
        progress(before)
    if reader.faults:
        messages = [fault.shown(source.name) for fault in reader.faults]
        if reader.has_enough_faults:
            messages.append(f"{source.name}: and perhaps more: reading stopped here")
        raise EvidenceError(messages)


def link_on(line: bytes) -> Link | None:
    """The place in the chain that a line of a file claims; None for one that carries no proof."""
    return link_of(line.decode(errors="replace"))


def proof_on(line: bytes, source: EvidenceSource, number: int) -> Link:
    """The same of a line that has to carry one. Raises EvidenceError."""
    link = link_on(line)
    if link is None:
        raise EvidenceError(
            [
                f"{source.name}:{number}: carries no proof: no seq and chain at its end, as slad export writes them"
            ]
        )
    return link
