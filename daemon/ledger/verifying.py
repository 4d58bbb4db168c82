"""Whether a ledger that nobody has open is what was recorded: every record, and every byte of what was issued."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from daemon.ledger import documents
from daemon.ledger.batch import Head
from daemon.ledger.errors import LedgerFaultError, translating
from daemon.ledger.schema import FIND_CHAIN, check_identity
from daemon.ledger.store import Store, connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A ledger that holds: its head, and the numbers of the records whose chain values were looked for and are there.

    `bare`: the issued statements of which it has a record and no bytes, as an import leaves them.
    """

    head: Head
    found: Mapping[bytes, int]
    bare: Sequence[str]


def _unwatched(_: int) -> None:
    pass


def verified(
    path: Path, *, looked_for: Iterable[bytes] = (), progress: Callable[[int], None] = _unwatched
) -> Verified:
    """Verify all of the ledger at `path`, which is only read, and look for chain values that were its head once.

    `progress` is told the number of each record. Raises LedgerError.
    """
    if not path.exists():
        raise LedgerFaultError(f"There is no ledger {path}.")
    with translating(path), closing(connect(path, "ro")) as db:
        check_identity(db, path)
        store = Store(db, path)
        for seq, _, _ in store.replay():
            progress(seq)
        rows = {chain: db.execute(FIND_CHAIN, (chain,)).fetchone() for chain in looked_for}
        found = {chain: row[0] for chain, row in rows.items() if row is not None}
        return Verified(head=store.state.head, found=found, bare=documents.bare(store.bodies, store.document))
