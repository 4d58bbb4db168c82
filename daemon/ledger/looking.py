"""A look into a ledger that another process may hold: nothing is verified, and nothing written."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from daemon.ledger.batch import Trace
from daemon.ledger.errors import LedgerFaultError, translating
from daemon.ledger.files import OWN_BYTES, connect
from daemon.ledger.store import Store


def read_traces(path: Path) -> list[Trace]:
    """The traces of the ledger at `path`. Raises LedgerError."""
    if not path.exists():
        raise LedgerFaultError(f"There is no ledger {path}.")
    with translating(path), closing(connect(path, "ro")) as db:
        return Store(db, path).traces()


@contextmanager
def reading(path: Path) -> Iterator[Store]:
    """The ledger at `path` by the file's own bytes, though this process's parent holds it, and writes nothing. Raises LedgerError."""
    with translating(path), closing(connect(path, OWN_BYTES)) as db:
        yield Store(db, path)
