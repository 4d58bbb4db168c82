"""Whether a ledger that nobody has open is what was recorded: every record, and every byte of what was issued."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from daemon.jobs import cores, shared_out
from daemon.ledger import documents
from daemon.ledger.batch import Extent, Head
from daemon.ledger.errors import LedgerError, LedgerFaultError, translating
from daemon.ledger.files import connect
from daemon.ledger.schema import check_identity
from daemon.ledger.store import Store
from daemon.ledger.sums import crc_of_parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A ledger that holds: its head, and the numbers of the records whose chain values were looked for and are there.

    `bare`: the issued statements of which it has a record and no bytes, as an import leaves them.
    """

    head: Head
    found: Mapping[bytes, int]
    bare: Sequence[str]


_BEYOND: Final = 2**62
"""No record has this number."""
RECORDS_A_JOB: Final = 50_000
"""A process for fewer would cost more than it saves."""


def _unwatched(_: int) -> None:
    pass


def verified(
    path: Path,
    *,
    looked_for: Iterable[bytes] = (),
    progress: Callable[[int], None] = _unwatched,
    jobs: int | None = None,
) -> Verified:
    """Verify all of the ledger at `path`, which is only read, and look for chain values that were its head once.

    `progress` is told the number of each record, or of each of the first part, where several `jobs` share the work; None: by how
    much there is. Raises LedgerError, and JobLostError.
    """
    if not path.exists():
        raise LedgerFaultError(f"There is no ledger {path}.")
    with translating(path):
        with closing(connect(path, "ro")) as db:
            check_identity(db, path)
            extent = Store(db, path).state.extent
        # No connection may be open where processes are forked.
        if jobs is None:
            jobs = max(1, min(cores(), extent.head.seq // RECORDS_A_JOB))
        holds = jobs > 1 and _holds_in_parts(path, extent, jobs, progress)
    with translating(path), closing(connect(path, "ro")) as db:
        store = Store(db, path)
        if holds and store.state.extent == extent:
            store.check_structure()
        else:  # one after the other, to say which record is the first that does not hold
            for seq, _, _ in store.replay():
                progress(seq)
        return Verified(
            head=store.state.head,
            found=store.found(set(looked_for)),
            bare=list(documents.bare(store.bodies, store.document).values()),
        )


def _holds_in_parts(path: Path, extent: Extent, jobs: int, progress: Callable[[int], None]) -> bool:
    """Whether every record follows from the one before it up to the extent, looked at in parts at once."""
    last = extent.head.seq
    # The last part goes on to the end of the file, whatever its head says.
    bounds = list(pairwise([*(last * number // jobs for number in range(jobs)), _BEYOND]))

    def part(number: int) -> tuple[Head, Head, bytes] | None:
        try:
            with translating(path), closing(connect(path, "ro")) as db:
                return Store(db, path).part(*bounds[number], _unwatched if number else progress)
        except LedgerError:
            return None

    parts = [found for found in shared_out(jobs, part) if found is not None]
    if len(parts) < jobs or any(end != start for (_, end, _), (start, _, _) in pairwise(parts)):
        return False
    return Extent(parts[-1][1], crc_of_parts(settled for _, _, settled in parts)) == extent
