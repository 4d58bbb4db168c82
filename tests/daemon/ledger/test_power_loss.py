"""Power loss: the ledger's own statements on a disk that forgets what was not synced (design, Durable)."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw
import pytest

from daemon.ledger import LedgerError, Stored
from daemon.ledger.gate import EntryGate
from daemon.ledger.schema import PAGE_SIZE, migrate, set_pragmas
from daemon.ledger.store import Store
from tests.daemon.ledger.ledgers import batch_of, batches_in, closing, opened
from tests.daemon.ledger.lossy_disk import Disk, PowerFailure

# Without power SQLite fails again in its roll-back, where apsw can only report and not raise.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

NAME = "/ledger.db"
SIZE = 40
ENOUGH = 100_000


def opened_on(vfs: str, *pragmas: str) -> Store:
    db = apsw.Connection(NAME, vfs=vfs)
    db.execute(PAGE_SIZE)
    set_pragmas(db)
    for pragma in pragmas:
        db.execute(pragma)
    migrate(db, Path(NAME), back_up=None)
    store = Store(db, Path(NAME))
    store.settle()
    return store


def new_ledger() -> Disk:
    disk = Disk({}, operations_left=ENOUGH)
    with disk.mounted() as vfs:
        opened_on(vfs).close()
    return disk


def commit_until_it_fails(disk: Disk, durable: int, *pragmas: str) -> int:
    """Commit batch after batch until the disk fails; how many are known to be durable, `durable` of them before."""
    with disk.mounted() as vfs, suppress(PowerFailure, apsw.Error):
        store = opened_on(vfs, *pragmas)
        with closing_without_power(store):
            durable = len(batches(store.replay()))
            while True:
                store.write(store.plan(batch_of(durable, SIZE), EntryGate()))
                durable += 1
    return durable


@contextmanager
def closing_without_power(store: Store) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(PowerFailure, apsw.Error):
            store.close()


def batches(records: Iterable[Stored]) -> list[int]:
    found = batches_in(records)
    assert all(numbers == list(range(SIZE)) for numbers in found.values()), "each batch is whole"
    return list(found)


def durable_after_all(folder: Path, files: dict[str, bytes]) -> int:
    """How many batches the daemon finds when it starts after the failure."""
    for name, data in files.items():
        (folder / name.lstrip("/")).write_bytes(data)
    with closing(opened(folder / NAME.lstrip("/"))) as ledger:
        found = batches(ledger.replay())
    assert found == list(range(len(found)))
    return len(found)


@pytest.mark.parametrize("seed", range(30))
def test_power_loss_takes_nothing_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    files, durable = new_ledger().after_power_failure(rng), 0
    for _ in range(2):
        disk = Disk(files, operations_left=rng.randrange(5, 260))
        durable = commit_until_it_fails(disk, durable)
        files = disk.after_power_failure(rng)
    assert durable <= durable_after_all(tmp_path, files) <= durable + 1


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30, 1030))
def test_a_thousand_power_losses_take_nothing_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    test_power_loss_takes_nothing_that_was_acknowledged(tmp_path, seed)


@pytest.mark.parametrize("operations", range(5, 80))
def test_power_loss_takes_nothing_that_a_restarted_process_found(tmp_path: Path, operations: int) -> None:
    disk = new_ledger()
    disk.operations_left = operations
    commit_until_it_fails(disk, 0)  # the process ends here, and the power stays on
    disk.operations_left = ENOUGH
    with disk.mounted() as vfs:
        store = opened_on(vfs)
        found = len(batches(store.replay()))
        disk.operations_left = 0
        with closing_without_power(store):
            pass
    assert durable_after_all(tmp_path, disk.after_power_failure(random.Random(operations))) == found


def test_without_syncs_the_same_power_losses_do_take_something(tmp_path: Path) -> None:
    harmed = 0
    for seed in range(10):
        rng = random.Random(seed)
        disk = Disk(new_ledger().after_power_failure(rng), operations_left=rng.randrange(5, 260))
        durable = commit_until_it_fails(disk, 0, "PRAGMA synchronous = OFF")
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            harmed += durable_after_all(folder, disk.after_power_failure(rng)) < durable
        except LedgerError:
            harmed += 1
    assert harmed >= 5
