"""A ledger of which months are in files of their own is the ledger that it was, whatever interrupts the taking out."""

import asyncio
import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing as closing_db
from pathlib import Path
from random import Random

import pytest

from daemon.ledger import (
    NOTHING_READ,
    Chained,
    Compaction,
    Head,
    Ledger,
    LedgerDamagedError,
    LedgerError,
    LedgerFaultError,
    LedgerLockedError,
    LedgerWentBackError,
    Restoration,
    Stored,
    note_of,
    verified,
)
from daemon.ledger.schema import APPLICATION_ID, MIGRATIONS
from tests.daemon.ledger.compacted import compacted
from tests.daemon.ledger.ledgers import batch_of, closing, opened, written
from tests.peers import require

ROOT = Path(__file__).parents[3]
BATCHES, SIZE = 30, 100
FIRST, SECOND = 1_250, 2_400
"""The last records of two months, of some 3,000; blocks of a thousand do not end there."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that nobody changes."""
    return written(tmp_path_factory.mktemp("whole") / "ledger.db", BATCHES, SIZE)


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    for name in (whole, note_of(whole)):
        shutil.copy(name, tmp_path)
    return tmp_path / whole.name


def months_beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir() if each.name.endswith(".gz"))


def stored(path: Path) -> tuple[list[Stored], Head, object, object]:
    with closing(opened(path)) as ledger:
        return list(ledger.replay()), ledger.head, dict(ledger.watermarks), list(ledger.lags)


def left_in_database(path: Path) -> int:
    with closing_db(sqlite3.connect(path)) as db:
        (count,) = db.execute("SELECT count(*) FROM record").fetchone()
    return int(count)


async def lines_of(ledger: Ledger, at_once: int) -> list[Chained]:
    lines: list[Chained] = []
    while some := await ledger.read(lines[-1].seq if lines else 0, at_once):
        lines += some
    return lines


async def all_lines(path: Path) -> list[Chained]:
    ledger = opened(path)
    try:
        return await lines_of(ledger, 10_000)
    finally:
        await ledger.close()


# It is what it was


def test_records_that_are_in_month_files_are_the_ledgers_as_before(path: Path) -> None:
    before, size = stored(path), path.stat().st_size
    first, second = compacted(path, FIRST, SECOND)
    assert (first.first, first.last, second.first, second.last) == (1, FIRST, FIRST + 1, SECOND)
    assert months_beside(path) == [first.file.name, second.file.name]
    assert [each.file.stat().st_size for each in (first, second)] == [first.size_bytes, second.size_bytes]
    assert left_in_database(path) == before[1].seq - SECOND
    assert path.stat().st_size < size / 2
    assert stored(path) == before
    assert verified(path).head == before[1]


def test_what_is_sealed_is_sealed_once_and_the_next_month_goes_on_from_there(path: Path) -> None:
    before = stored(path)
    assert [each.last for each in compacted(path, FIRST)] == [FIRST]
    assert [each.last for each in compacted(path, FIRST, SECOND)] == [SECOND]
    files = {name: path.with_name(name).read_bytes() for name in months_beside(path)}
    assert compacted(path, FIRST, SECOND) == []
    assert {name: path.with_name(name).read_bytes() for name in months_beside(path)} == files
    assert stored(path) == before


@pytest.mark.parametrize("at_once", [1, 250, 999, 10_000])
async def test_an_export_of_it_has_the_same_lines_in_slices_of_any_size(path: Path, at_once: int) -> None:
    before = await all_lines(path)
    compacted(path, FIRST, SECOND)
    ledger = opened(path)
    assert await lines_of(ledger, at_once) == before
    await ledger.close()


async def test_it_goes_on_over_them_and_is_verified_behind_a_start(path: Path) -> None:
    compacted(path, FIRST, SECOND)
    ledger = opened(path)
    extent, until = NOTHING_READ, ledger.extent
    while extent != until:
        extent = await ledger.verify(extent, until)
    for _ in ledger.replay():
        pass
    head = await ledger.commit(batch_of(BATCHES, SIZE))
    await ledger.close()
    assert verified(path).head == head
    assert head.seq == until.head.seq + SIZE + 1


def test_what_begins_with_a_text_is_found_on_both_sides(path: Path) -> None:
    with closing(opened(path)) as ledger:
        before = [ledger.bodies('{"kind":"observed_until",', after) for after in (0, 600, FIRST, 2_900)]
    compacted(path, FIRST, SECOND)
    with closing(opened(path)) as ledger:
        assert [
            ledger.bodies('{"kind":"observed_until",', after) for after in (0, 600, FIRST, 2_900)
        ] == before
    assert [len(each) for each in before] == sorted({len(each) for each in before}, reverse=True)


@pytest.mark.parametrize("jobs", [1, 2, 7])
async def test_its_heads_are_found_and_every_part_is_verified(path: Path, jobs: int) -> None:
    chains = {line.seq: line.chain for line in await all_lines(path) if line.seq in (1, FIRST, SECOND, 2_900)}
    compacted(path, FIRST, SECOND)
    result = verified(path, looked_for=chains.values(), jobs=jobs)
    assert result.found == {chain: seq for seq, chain in chains.items()}


def test_a_month_file_is_an_export_that_any_tool_for_gzip_reads(path: Path) -> None:
    require(shutil.which("gzip"), "gzip is not installed")
    compacted(path, FIRST, SECOND)
    unpacked = subprocess.run(
        ["gzip", "-dc", *months_beside(path)], cwd=path.parent, capture_output=True, check=True
    ).stdout
    lines = [json.loads(line) for line in unpacked.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, SECOND + 1))
    assert path.with_name(months_beside(path)[0]).stat().st_mode & 0o777 == 0o600


def test_the_smaller_file_is_a_ledger_of_the_same_version(path: Path) -> None:
    compacted(path, FIRST, SECOND)
    with closing_db(sqlite3.connect(path)) as db:
        found = [
            db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version", "page_size")
        ]
        assert found == [APPLICATION_ID, len(MIGRATIONS), 8192]
        assert db.execute("PRAGMA freelist_count").fetchone() == (0,)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_copy_that_gets_back_what_it_lacks_keeps_its_month_files(path: Path) -> None:
    compacted(path, FIRST)
    note_of(path).unlink()
    shutil.copy(path, path.with_name("older.db"))
    ledger = opened(path)
    for _ in ledger.replay():
        pass
    await ledger.commit(batch_of(BATCHES, SIZE))
    lines = await lines_of(ledger, 10_000)
    await ledger.close()
    path.with_name("older.db").replace(path)
    restoration = Restoration(path)
    had = restoration.head.seq
    assert restoration.chain_of(FIRST - 7) == lines[FIRST - 8].chain
    restoration.add(lines[had:])
    restoration.finish({})
    assert verified(path).head == Head(lines[-1].seq, lines[-1].chain)


@pytest.mark.parametrize("seed", range(8))
def test_wherever_months_end(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    path = written(tmp_path / "ledger.db", chance.randrange(1, 40), chance.choice((1, 3, 70)))
    before = stored(path)
    lasts = sorted(chance.sample(range(1, before[1].seq + 1), k=min(2, before[1].seq)))
    compacted(path, *lasts)
    assert stored(path) == before
    assert left_in_database(path) == before[1].seq - lasts[-1]


# Refused, and as it was


def test_beside_whoever_has_it(path: Path) -> None:
    with closing(opened(path)), pytest.raises(LedgerLockedError, match="in use by process"):
        Compaction(path)


def test_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LedgerFaultError, match="There is no ledger"):
        Compaction(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_one_that_went_back(path: Path) -> None:
    note = note_of(path).read_bytes()
    older = written(path.with_name("older.db"), 3, SIZE)
    note_of(older).write_bytes(note)
    with pytest.raises(LedgerWentBackError, match="are missing"):
        Compaction(older)


def _another_file(file: Path) -> None:
    file.write_bytes(gzip.compress(b"of somebody else\n"))


def _a_folder(file: Path) -> None:
    file.mkdir()


def _a_pipe(file: Path) -> None:
    os.mkfifo(file)


@pytest.mark.parametrize("make", [_another_file, _a_folder, _a_pipe])
def test_where_something_else_has_the_name_of_a_month_file(path: Path, make: Callable[[Path], None]) -> None:
    before = stored(path)
    make(path.with_name("ledger.db.2026-02.jsonl.gz"))
    with pytest.raises(LedgerFaultError, match=r"2026-02\.jsonl\.gz.*The month stays in the ledger"):
        compacted(path, FIRST, SECOND)
    assert left_in_database(path) == before[1].seq - FIRST, "the month before it is out"
    assert stored(path) == before
    assert not list(path.parent.glob("*.part"))


# A month file that is not what was sealed


def _nothing(_: Path) -> None:
    pass


def _cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _bit_flipped(file: Path) -> None:
    changed = bytearray(file.read_bytes())
    changed[len(changed) // 2] ^= 1
    file.write_bytes(changed)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_nothing, "No such file or directory. Records of the ledger are in it alone: put it back"),
        (_a_folder, "Is a directory. Records of the ledger are in it alone"),
        (_a_pipe, "Records of the ledger are in it alone"),
        (_another_file, "was changed, was cut off, or is another ledger's"),
    ],
)
def test_one_that_is_missing_or_another_is_told_wherever_it_is_read(
    path: Path, make: Callable[[Path], None], told: str
) -> None:
    first, _ = compacted(path, FIRST, SECOND)
    first.file.rename(first.file.with_suffix(".aside"))
    make(first.file)
    for read in (verified, stored, lambda path: compacted(path, FIRST, SECOND)):
        with pytest.raises(LedgerError) as refusal:
            read(path)
        assert told in str(refusal.value), read
        assert str(first.file) in str(refusal.value)
    for reading in (_exported, _verified_behind):
        with pytest.raises(LedgerError, match=r"2026-01\.jsonl\.gz"):
            asyncio.run(reading(path))


async def _exported(path: Path) -> None:
    ledger = opened(path)
    try:
        await ledger.read(0, 100)
    finally:
        await ledger.close()


async def _verified_behind(path: Path) -> None:
    ledger = opened(path)
    try:
        await ledger.verify(NOTHING_READ, ledger.extent)
    finally:
        await ledger.close()


@pytest.mark.parametrize("change", [_cut_off, _bit_flipped])
def test_one_that_was_changed_is_damage_until_its_copy_is_back(
    path: Path, change: Callable[[Path], None]
) -> None:
    before = stored(path)
    _, second = compacted(path, FIRST, SECOND)
    copy = second.file.read_bytes()
    change(second.file)
    for jobs in (1, 3):
        with pytest.raises(LedgerDamagedError, match=r"2026-02\.jsonl\.gz was changed"):
            verified(path, jobs=jobs)
    second.file.write_bytes(copy)
    assert stored(path) == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sealed WHERE last = 1000",
        "DELETE FROM sealed WHERE last = 2400",
        "DELETE FROM sealed",
        "UPDATE sealed SET start = start + 1 WHERE last = 2250",
        "UPDATE sealed SET settled = (SELECT settled FROM sealed WHERE last = 1000) WHERE last = 2250",
        "UPDATE sealed SET settled = x'00'",
    ],
)
def test_what_the_ledger_says_of_them_is_not_believed(path: Path, statement: str) -> None:
    compacted(path, FIRST, SECOND)
    with closing_db(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()
    for jobs in (1, 2):
        with pytest.raises(LedgerDamagedError):
            verified(path, jobs=jobs)


# Killed, or refused by the machine, at every step

PROGRAM = (sys.executable, "-m", "tests.daemon.ledger.compacted")


def strace(path: Path, call: str, fault: str, log: Path) -> subprocess.CompletedProcess[str]:
    require(shutil.which("strace"), "strace is not installed")
    names = [path.name, f"{path.name}-journal", f"{path.name}.part"]
    names += [
        f"{path.name}.{month}.jsonl.gz{end}" for month in ("2026-01", "2026-02") for end in ("", ".part")
    ]
    inject = () if not fault else ("-e", f"inject={call}:{fault}")
    watched = [f"-P{path.with_name(name)}" for name in names] + [f"-P{path.parent}"]
    command = ["strace", "-f", "-qq", "-o", str(log), *watched, "-e", f"trace={call}", *inject]
    return subprocess.run(
        [*command, *PROGRAM, str(path), str(FIRST), str(SECOND)],
        cwd=ROOT, timeout=120, check=False, capture_output=True, text=True,
    )  # fmt: skip


CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "unlink")


def steps_of(path: Path, tmp_path: Path, call: str) -> int:
    """How often a system call concerns the ledger's files, when nothing goes wrong."""
    folder = tmp_path / "counted"
    folder.mkdir()
    for name in (path, note_of(path)):
        shutil.copy(name, folder)
    ended = strace(folder / path.name, call, "", tmp_path / "calls")
    assert ended.returncode == 0, ended.stderr
    shutil.rmtree(folder)
    return len((tmp_path / "calls").read_text().splitlines())


def chosen(steps: int, most: int) -> Sequence[int]:
    """Which of them are tried: all, or the first and last and some between."""
    return sorted({1 + place * (steps - 1) // max(1, most - 1) for place in range(most)}) if steps else ()


@pytest.mark.parametrize("call", CALLS)
def test_killed_at_a_step_nothing_is_lost_and_the_next_attempt_ends_it(
    whole: Path, tmp_path: Path, call: str
) -> None:
    killed_everywhere(whole, tmp_path, call, "signal=KILL", 5)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.long
def test_refused_at_a_step_nothing_is_lost_and_the_next_attempt_ends_it(
    whole: Path, tmp_path: Path, call: str, error: str
) -> None:
    killed_everywhere(whole, tmp_path, call, f"error={error}", 6)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_every_step(whole: Path, tmp_path: Path, call: str) -> None:
    killed_everywhere(whole, tmp_path, call, "signal=KILL", 1_000)


def killed_everywhere(whole: Path, tmp_path: Path, call: str, fault: str, most: int) -> None:
    before = stored(whole)
    steps = steps_of(whole, tmp_path, call)
    assert steps, "it does that"
    for step in chosen(steps, most):
        folder = tmp_path / f"{step}"
        folder.mkdir()
        for name in (whole, note_of(whole)):
            shutil.copy(name, folder)
        path = folder / whole.name
        ended = strace(path, call, f"{fault}:when={step}", tmp_path / "log")
        if "KILL" in fault:
            assert ended.returncode != 0, (call, step)
        elif ended.returncode:
            assert "LedgerFaultError" in ended.stderr, (call, step, ended.stderr)
        assert stored(path) == before, (call, step)
        compacted(path, FIRST, SECOND)
        assert stored(path) == before, (call, step)
        assert left_in_database(path) == before[1].seq - SECOND, (call, step)
        assert sorted(each.name for each in folder.iterdir()) == [
            "ledger.db",
            "ledger.db.2026-01.jsonl.gz",
            "ledger.db.2026-02.jsonl.gz",
            "ledger.db.head",
            "ledger.db.lock",
        ], (call, step)
        shutil.rmtree(folder)


def test_a_full_disk_is_told_and_leaves_the_ledger_as_it_was(path: Path, tmp_path: Path) -> None:
    before = stored(path)
    ended = strace(path, "write", "error=ENOSPC:when=1+", tmp_path / "log")
    assert "cannot be written: No space left on device" in ended.stderr
    assert "The month stays in the ledger." in ended.stderr
    assert (stored(path), months_beside(path)) == (before, [])
