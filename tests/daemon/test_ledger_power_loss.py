"""Power loss: the ledger's own statements on a disk that forgets what was not synced (design, Durable)."""

import random
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from daemon.ledger import LedgerError, Stored
from daemon.ledger.schema import PAGE_SIZE, migrate, set_pragmas
from daemon.ledger.store import Store
from tests.daemon.ledgers import batch_of, batches_in, closing, opened
from tests.daemon.lossy_disk import Disk, PowerFailure

# Without power SQLite fails again in its roll-back, where apsw can only report and not raise.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

NAME = "/ledger.db"
SIZE = 40


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


def new_ledger() -> dict[str, bytes]:
    disk = Disk({}, operations_left=10_000)
    with disk.mounted() as vfs:
        opened_on(vfs).close()
    return {name: bytes(file.seen) for name, file in disk.files.items()}


def run_until_power_fails(
    files: dict[str, bytes], rng: random.Random, *pragmas: str
) -> tuple[dict[str, bytes], int]:
    """Commit batch after batch; what is on the disk after the failure, and how many batches were known to be durable."""
    disk, durable = Disk(files, operations_left=rng.randrange(5, 260)), 0
    with disk.mounted() as vfs, suppress(PowerFailure, apsw.Error):
        store = opened_on(vfs, *pragmas)
        durable = len(batches(store.replay()))
        while True:
            store.write(store.plan(batch_of(durable, SIZE)))
            durable += 1
    return disk.after_power_failure(rng), durable


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
    files, first = run_until_power_fails(new_ledger(), rng)
    files, second = run_until_power_fails(files, rng)
    assert second >= first
    assert second <= durable_after_all(tmp_path, files) <= second + 1


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30, 1030))
def test_a_thousand_power_losses_take_nothing_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    test_power_loss_takes_nothing_that_was_acknowledged(tmp_path, seed)


def test_without_syncs_the_same_power_losses_do_take_something(tmp_path: Path) -> None:
    harmed = 0
    for seed in range(10):
        files, durable = run_until_power_fails(new_ledger(), random.Random(seed), "PRAGMA synchronous = OFF")
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            harmed += durable_after_all(folder, files) < durable
        except LedgerError:
            harmed += 1
    assert harmed >= 5
