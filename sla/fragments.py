"""Lines of evidence read apart from those before them, as by a process of its own; `EvidenceReader.read_fragment` puts them together.

What usual lines say is decoded here. Every other line stays as it is: what it means, and whether it is sound, depends on all
before it.
"""

from typing import Final

from sla.reader import LONGEST_LINE, InDoubtError, usual_in
from sla.timeline import Sight, Track
from sla.usual_lines import Fragment, Gathered, Stems

MOST_KEPT: Final = LONGEST_LINE
"""Bytes of lines that stay as they are: with more of them little is won, and much held twice."""


class FragmentReader:
    """Reads the lines of one fragment in order."""

    def __init__(self) -> None:
        """Before the first line."""
        self._pieces: list[bytes | tuple[bytes, Track]] = []
        self._stems = Stems(self._begun)
        self._sight = Sight()
        self._kept = 0

    def read_block(self, block: bytes) -> None:
        """Read the next lines, which a block holds whole. Raises InDoubtError where it is not worth while."""
        for line, said in usual_in(block, self._stems):
            if said is None:
                self._pieces.append(line)
                self._kept += len(line)
                if self._kept > MOST_KEPT:
                    raise InDoubtError
            else:
                track, at, state, reason = said
                track.add(at, state, reason)

    def fragment(self) -> Fragment:
        """All that was read."""
        return [piece if isinstance(piece, bytes) else _gathered(*piece) for piece in self._pieces]

    def _begun(self, stem: bytes) -> Track:
        track = Track(self._sight)
        self._pieces.append((stem, track))
        return track


def _gathered(stem: bytes, track: Track) -> Gathered:
    instants, states, reasons = track.stored()
    return Gathered(stem, instants.tobytes(), states, reasons)
