"""What is acknowledged is there after any crash, once (design, Durable): killed processes, full disks, failing syncs."""

import asyncio
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.ledger import Batch, Ledger, LedgerDamagedError, LedgerFaultError
from tests.daemon.ledger.ledgers import WITNESS, batch_of, batches_in, closing, opened, written
from tests.peers import require

ROOT = Path(__file__).parents[3]
WRITER = (sys.executable, "-m", "tests.daemon.ledger.ledgers")
SIZE = 400

Said = list[list[str]]


def writer(path: Path, count: int, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    command = (*before, *WRITER, str(path), str(SIZE), str(count))
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def injected(calls: str, fault: str) -> tuple[str, ...]:
    """What lets a program's system calls fail."""
    require(shutil.which("strace"), "strace is not installed")
    return ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={fault}")


def numbers(said: Said, word: str) -> list[int]:
    return [int(words[1]) for words in said if words[0] == word]


def assert_whole_and_once(path: Path, acknowledged: list[int]) -> None:
    """All that was acknowledged is there, at most one batch more, each batch whole and once."""
    with closing(opened(path)) as ledger:
        found = batches_in(ledger.replay())
        newest = max(found, default=None)
        assert ledger.watermarks == (
            {} if newest is None else {WITNESS: batch_of(newest, 0).watermarks[WITNESS]}
        )
        assert len(ledger.lags) == sum(number % 4 == 0 for number in found)
    assert all(records == list(range(SIZE)) for records in found.values())
    assert list(found) == list(range(len(found)))
    assert len(acknowledged) <= len(found) <= len(acknowledged) + 1


def killed_at_random(path: Path, seed: int) -> Said:
    """Kill the writer a random while after a random batch was begun; what it had said by then."""
    rng = random.Random(seed)
    child = writer(path, 10_000)
    assert child.stdout is not None
    said: Said = []
    last = rng.randrange(12)
    while not (said and said[-1] == ["begin", str(last)]):
        said.append(child.stdout.readline().split())
    time.sleep(rng.uniform(0, 0.04))  # some instant of the commit, or of one soon after
    child.kill()
    rest = child.stdout.read()  # `communicate` would pass over what was read ahead
    _, errors = child.communicate(timeout=30)
    assert errors == ""
    return [*said, *(line.split() for line in rest.splitlines())]


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path, seed: int) -> None:
    said = killed_at_random(tmp_path / "ledger.db", seed)
    assert_whole_and_once(tmp_path / "ledger.db", numbers(said, "done"))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5, 105))
def test_many_killed_processes_lose_nothing_that_they_acknowledged(tmp_path: Path, seed: int) -> None:
    said = killed_at_random(tmp_path / "ledger.db", seed)
    assert_whole_and_once(tmp_path / "ledger.db", numbers(said, "done"))


def test_a_process_that_is_killed_while_it_makes_the_ledger_leaves_none_or_a_sound_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.db"
    left = set()
    for call in (*(f"fdatasync:when={n}" for n in range(1, 7)), "rename:when=1", "fsync:when=1"):
        child = writer(path, 0, injected(call.partition(":")[0], f"{call}:signal=KILL"))
        child.communicate(timeout=60)
        assert child.returncode != 0
        left.add(path.exists())
        assert_whole_and_once(path, [])
        for file in tmp_path.iterdir():
            file.unlink()
    assert left == {False, True}, "it was killed before and after the ledger had its name"


# The disk is full


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    require(os.geteuid() == 0, "a small disk can be mounted by root only")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    require(mounted.returncode == 0, "a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def commit_until_it_fails(ledger: Ledger) -> int:
    """The first batch that could not be committed."""
    for number in range(1000):
        before = ledger.head, ledger.watermarks, ledger.lags
        try:
            await ledger.commit(batch_of(number, SIZE))
        except LedgerFaultError:
            assert (ledger.head, ledger.watermarks, ledger.lags) == before
            return number
    raise AssertionError("the disk never was full")


async def commit_the_same_again(ledger: Ledger, number: int) -> None:
    with pytest.raises(LedgerFaultError, match="closed until it is reopened"):
        await ledger.read(0, 1)
    assert not await ledger.reopen(), "nothing of the batch had landed"
    await ledger.commit(batch_of(number, SIZE))
    await ledger.close()


def test_when_a_full_disk_has_space_again_the_same_batch_lands_once(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        path = disk / "ledger.db"

        async def fill_and_free() -> int:
            ledger = opened(path)
            filler = disk / "filler"
            filler.write_bytes(bytes(1_000_000))
            failed = await commit_until_it_fails(ledger)
            with pytest.raises(LedgerFaultError, match="closed until it is reopened"):
                await ledger.commit(batch_of(failed, SIZE))
            filler.unlink()
            await commit_the_same_again(ledger, failed)
            return failed

        failed = asyncio.run(fill_and_free())
        assert failed > 1
        assert_whole_and_once(path, list(range(failed + 1)))


def test_a_file_that_may_not_grow_is_no_loss_either(tmp_path: Path) -> None:
    path = written(tmp_path / "ledger.db", 1, SIZE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def run_into_the_limit() -> None:
        ledger = opened(path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ledger.size_bytes + 200_000, hard))
        try:
            with pytest.raises(LedgerFaultError):
                await ledger.commit(batch_of(1, 5 * SIZE))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await commit_the_same_again(ledger, 1)

    asyncio.run(run_into_the_limit())
    assert_whole_and_once(path, [0, 1])


# Writes and syncs fail


@pytest.mark.parametrize(("calls", "most"), [("fdatasync", 12), ("pwrite64", 24)])
def test_a_batch_whose_write_failed_is_recorded_once_wherever_it_failed(
    tmp_path: Path, calls: str, most: int
) -> None:
    outcomes: set[str] = set()
    for call in range(1, most + 1, 2 if calls == "pwrite64" else 1):
        path = written(tmp_path / f"{call}.db", 0)
        child = writer(path, 3, injected(calls, f"{calls}:error=EIO:when={call}"))
        out, errors = child.communicate(timeout=60)
        said = [line.split() for line in out.splitlines()]
        outcomes.update(words[0] for words in said)
        assert errors == ""
        assert numbers(said, "done") == [0, 1, 2]
        assert_whole_and_once(path, [0, 1, 2])
    assert {"refused", "again"} <= outcomes, "the ledger could not be opened, or a batch was rolled back"
    assert calls != "fdatasync" or "landed" in outcomes, "a batch that had landed although its commit failed"


async def test_a_ledger_that_was_exchanged_behind_the_daemons_back_is_not_gone_on_with(
    tmp_path: Path,
) -> None:
    other = Batch(entries=batch_of(7, SIZE).entries)
    ledger = opened(tmp_path / "ledger.db")
    await ledger.commit(batch_of(1, SIZE))
    await ledger.close()
    (tmp_path / "copy.db").write_bytes((tmp_path / "ledger.db").read_bytes())
    ledger = opened(tmp_path / "ledger.db")
    await ledger.commit(other)
    (tmp_path / "copy.db").rename(tmp_path / "ledger.db")
    with pytest.raises(LedgerDamagedError, match="was acknowledged last"):
        await ledger.reopen()
    await ledger.close()
