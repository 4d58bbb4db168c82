"""The ledger's records in an order in which a start takes them faster: what is said of one server is put together.

What is counted of a server rests on the order of what is said of it, not on what is said of others in between. So observations
wait until many are there, or until a record comes by which they would be taken otherwise. The steps are what `marshal` knows:
they may come from another process (`daemon.recording.reading_ahead`).
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Literal, NamedTuple

from daemon.book.live_book import Told
from daemon.ledger import Stored
from sla.instants import BEGINNING, Instant
from sla.usual_lines import Stems, decoded_each, said_in

FEWEST: Final = 20_000
MOST: Final = 240_000
"""Records of a slice: of the first, and of any. What is said of one server in many is counted faster, and who waits for the first is idle."""
AT_ONCE: Final = 1_000
"""Records that are decoded together."""
_SERVER: Final = re.compile(r'\{"kind":"server","id":"([^"\\]*)"')
_CHANGES_NOTHING: Final = tuple(
    f'{{"kind":"{kind}"' for kind in ("blind", "cause", "event", "observed_until", "proposal")
)
"""What the bodies begin with before which observations need not be taken: how witnesses saw is known from the start."""


RECORD: Final = 0
TRACK: Final = 1
RUN: Final = 2
"""What a step is: its first number."""

RecordStep = tuple[Literal[0], int, str, Instant | None]
"""A record that is no usual observation: as `Stored`."""
TrackStep = tuple[Literal[1], str, str, str, str]
"""Tracks are numbered from 0 as they come: server, leg, observer, source."""
RunStep = tuple[Literal[2], Instant, list[Told]]
"""What is said of one server, in its order, and the oldest instant of it."""
Step = RecordStep | TrackStep | RunStep


class Slice(NamedTuple):
    """So many of the ledger's records, as steps."""

    records: int
    steps: list[Step]


def slices(records: Iterable[Stored], *, tracks: int = 0, fewest: int = FEWEST) -> Iterator[Slice]:
    """The records as steps, many at a time: twice as many each time. `tracks`: so many are known before."""
    sorter, rest, most = _Sorter(tracks), iter(records), fewest
    while some := sorter.take(rest, most):
        yield some
        most = min(2 * most, MOST)


class _Sorter:
    def __init__(self, tracks: int) -> None:
        self._tracks = tracks
        self._stems = Stems(self._begun)
        self._runs: dict[str, list[Told]] = {}
        """By server; each stays the same list, for stems go by it."""
        self._steps: list[Step] = []

    def take(self, records: Iterator[Stored], most: int) -> Slice | None:
        """The next slice; None at the end."""
        count = 0
        while count < most and (some := list(islice(records, min(AT_ONCE, most - count)))):
            count += len(some)
            self._sort(some)
        self._release_all()
        steps, self._steps = self._steps, []
        return Slice(count, steps) if count else None

    def _sort(self, records: list[Stored]) -> None:
        usual = decoded_each([body for _, body, _ in records], self._stems)
        for (seq, body, settled), said in zip(records, usual, strict=True):
            if said is None:
                self._release_before(body)
                self._steps.append((RECORD, seq, body, settled))
            else:
                (number, run), at, state, reason = said
                run.append((number, at, int(state), reason, BEGINNING if settled is None else settled))

    def _begun(self, stem: bytes) -> tuple[int, list[Told]] | None:
        said = said_in(stem)
        if said is None:
            return None
        self._steps.append((TRACK, said.server, said.leg.value, *said.witness))
        self._tracks += 1
        return self._tracks - 1, self._runs.setdefault(said.server, [])

    def _release_before(self, body: str) -> None:
        """Let go of what has to be taken before a record."""
        if body.startswith(_CHANGES_NOTHING):
            return
        server = _SERVER.match(body)
        if server is None:
            self._release_all()
        elif server[1] in self._runs:
            self._release(self._runs[server[1]])

    def _release_all(self) -> None:
        for run in self._runs.values():
            self._release(run)

    def _release(self, run: list[Told]) -> None:
        if run:
            self._steps.append((RUN, min(said[1] for said in run), run[:]))
            run.clear()
