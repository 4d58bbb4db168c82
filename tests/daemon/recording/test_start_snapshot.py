"""A start from a snapshot knows what a start from all records knows; and one that is not of this ledger is never believed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from structlog.testing import capture_logs

from daemon.app.wiring import replayed
from daemon.believed_clock import BelievedClock
from daemon.config.config import Config
from daemon.config.loading import load
from daemon.ledger import (
    Ledger,
    SnapshotFile,
    SnapshotSection,
    UnsoundSnapshotError,
    sections_in,
    snapshot_of,
)
from daemon.recording import start_snapshot
from daemon.recording.start_snapshot import PAUSE_US, StartSnapshots, sections_of
from sla.instants import HOUR, Instant
from tests.daemon.hand import Hand
from tests.daemon.recording.lives import Life, everything, started
from tests.peers import require

ROOT = Path(__file__).parents[3]


def put(path: Path, sections: Sequence[SnapshotSection]) -> Path:
    """Have these be the snapshot beside a ledger."""
    file = SnapshotFile(path)
    for section in sections:
        file.write(section)
    file.finish()
    return snapshot_of(path)


async def lived(path: Path, seed: int, steps: int) -> tuple[Instant, dict[int, list[SnapshotSection]]]:
    """A ledger from a seed, and the snapshot after each step, by its last record."""
    life = Life(path, seed)
    await life.begin()
    snapshots: dict[int, list[SnapshotSection]] = {}
    for _ in range(steps):
        await life.step()
        extent, sections = life.sections()
        snapshots[extent.head.seq] = sections
    now = life.now
    await life.ledger.close()
    return now, snapshots


async def known_at_start(path: Path, now: Instant) -> tuple[object, int]:
    ledger, known, unread = started(path, now)
    await ledger.close()
    return everything(known), unread.head.seq


# As if it had read all


async def assert_the_same_from_each(path: Path, seed: int, steps: int) -> None:
    sys.stdout.write(f"seed {seed}\n")
    now, snapshots = await lived(path, seed, steps)
    whole, read = await known_at_start(path, now)
    assert read == 0
    for seq, sections in snapshots.items():
        put(path, sections)
        assert await known_at_start(path, now) == (whole, seq)


@pytest.mark.parametrize("seed", range(6))
async def test_from_a_snapshot_at_any_record_a_start_knows_what_it_knows_from_all_records(
    tmp_path: Path, seed: int
) -> None:
    await assert_the_same_from_each(tmp_path / "ledger.db", seed, 25)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(100, 140))
async def test_so_it_does_over_long_lives(tmp_path: Path, seed: int) -> None:
    await assert_the_same_from_each(tmp_path / "ledger.db", seed, 80)


@pytest.mark.parametrize("seed", range(3))
async def test_a_start_from_a_snapshot_writes_the_same_one_as_a_start_from_all_records(
    tmp_path: Path, seed: int
) -> None:
    """So nothing is lost bit by bit from one start to the next."""
    path = tmp_path / "ledger.db"
    now, snapshots = await lived(path, seed, 25)
    written = []
    for sections in (None, snapshots[min(snapshots)]):
        if sections is not None:
            put(path, sections)
        ledger, known, _ = started(path, now)
        written.append(list(sections_of(known, ledger.extent)))
        await ledger.close()
    # Of groups of servers nobody asks which was first.
    one, other = (sorted((section.name, len(section.content)) for section in each) for each in written)
    assert one == other


# Never believed


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "slad.toml"
    file.write_text(f'observer = "mon"\n[ledger]\npath = "{tmp_path / "ledger.db"}"\n')
    return load(file, {})


async def refusal(config: Config, now: Instant) -> str:
    """Why a start did not use the snapshot; it has read all records then."""
    ledger = Ledger.open(config.ledger.path)
    try:
        with capture_logs() as logs:
            evidence = await replayed(config, BelievedClock(Hand(wall=now)), ledger)
        *_, read = (log for log in logs if log["event"] == "ledger_replayed")
        refused = [log["message"] for log in logs if log["event"] == "start_snapshot_refused"]
        if not refused:
            return ""
        assert evidence.unread.head.seq == read["after"] == 0
        assert read["records"] == ledger.head.seq
        return str(refused[0])
    finally:
        await ledger.close()


async def test_one_that_is_sound_is_used(config: Config) -> None:
    now, snapshots = await lived(config.ledger.path, 1, 10)
    put(config.ledger.path, snapshots[max(snapshots)])
    assert await refusal(config, now) == ""


async def test_no_bit_of_it_flips_unnoticed(config: Config) -> None:
    path = config.ledger.path
    now, snapshots = await lived(path, 2, 12)
    file = put(path, snapshots[max(snapshots)])
    sound, chance = file.read_bytes(), Random(20261130)
    places = [0, len(sound) - 1, *(chance.randrange(len(sound)) for _ in range(200))]
    for place in places:
        changed = bytearray(sound)
        changed[place] ^= 1 << chance.randrange(8)
        file.write_bytes(changed)
        with pytest.raises(UnsoundSnapshotError):
            list(sections_in(path))
    for length in (0, 1, 31, 32, 33, 60, len(sound) // 2, len(sound) - 1):
        file.write_bytes(sound[:length])
        with pytest.raises(UnsoundSnapshotError):
            list(sections_in(path))
    for more in (b"\0", sound):
        file.write_bytes(sound + more)
        assert "does not hash" in await refusal(config, now)


def as_a_folder(file: Path) -> None:
    file.mkdir()


def as_a_pipe(file: Path) -> None:
    os.mkfifo(file)


def as_a_link_to_itself(file: Path) -> None:
    file.symlink_to(file)


def as_text(file: Path) -> None:
    file.write_text("counters\n" * 100)


@pytest.mark.parametrize("make", [as_a_folder, as_a_pipe, as_a_link_to_itself, as_text])
async def test_what_stands_in_its_place_is_told_and_passed_over(
    config: Config, make: Callable[[Path], None]
) -> None:
    now, _ = await lived(config.ledger.path, 3, 5)
    make(snapshot_of(config.ledger.path))
    assert (await refusal(config, now)).startswith("the snapshot ")


async def test_of_another_ledger(config: Config, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    _, snapshots = await lived(other, 4, 8)
    now, own = await lived(config.ledger.path, 5, 30)
    assert min(snapshots) < max(own)
    put(config.ledger.path, snapshots[min(snapshots)])
    assert "is not the one that was acknowledged: it is another ledger" in await refusal(config, now)


async def test_of_records_that_an_older_copy_of_the_ledger_does_not_have(config: Config) -> None:
    path = config.ledger.path
    life = Life(path, 6)
    await life.begin()
    await life.step()
    shutil.copy(path, path.with_name("copy.db"))
    for _ in range(10):
        await life.step()
    _, sections = life.sections()
    await life.ledger.close()
    path.with_name("copy.db").rename(path)
    path.with_name("ledger.db.head").unlink()
    put(path, sections)
    assert "are missing" in await refusal(config, life.now)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b'"slad": "', b'"slad": "0.0.9+'),
        (b'"slad": "', b'"slad": "9'),
        (b'"format": ', b'"format": 9'),
        (b'"observer": "', b'"observer": "another-'),
        (b'"byteorder": "', b'"byteorder": "un'),
        (b'"seq": ', b'"sequence": '),
        (b'"settled_crc": ', b'"settled_crc": null, "x": '),
        (b"{", b""),
    ],
)
async def test_of_another_slad_or_observer_or_with_a_head_that_says_nothing(
    config: Config, was: bytes, becomes: bytes
) -> None:
    now, snapshots = await lived(config.ledger.path, 7, 8)
    first, *rest = snapshots[max(snapshots)]
    assert was in first.content
    put(config.ledger.path, [SnapshotSection(first.name, first.content.replace(was, becomes, 1)), *rest])
    assert await refusal(config, now)


@pytest.mark.parametrize("odd", [b"", b"null", b"[[1]]", b"[7,7,7]\n", b"\xff", b'{"kind":1}'])
async def test_one_whose_contents_are_odd_though_its_digest_is_right(config: Config, odd: bytes) -> None:
    """Not by chance; but whoever made it, it costs the time to read all, and nothing else."""
    now, snapshots = await lived(config.ledger.path, 8, 20)
    sections = snapshots[max(snapshots)]
    for place, (name, _) in enumerate(sections):
        put(config.ledger.path, [*sections[:place], SnapshotSection(name, odd), *sections[place + 1 :]])
        assert await refusal(config, now), name


async def test_one_with_more_than_is_known(config: Config) -> None:
    now, snapshots = await lived(config.ledger.path, 8, 20)
    put(config.ledger.path, [*snapshots[max(snapshots)], SnapshotSection("unheard of", b"{}\n")])
    assert "cannot be used" in await refusal(config, now)


# When it is written


class Written:
    """A life, and what of it was written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.life = Life(path, 9)

    async def begin(self) -> StartSnapshots:
        await self.life.begin()
        await self.life.step()
        ledger, known = self.life.ledger, self.life.known
        return StartSnapshots(
            self.path, lambda: ledger.head.seq, lambda: sections_of(known, ledger.extent), 0
        )

    def is_there(self) -> bool:
        """Whether one was written since this was asked last."""
        try:
            snapshot_of(self.path).unlink()
        except FileNotFoundError:
            return False
        return True


async def test_it_is_written_at_a_seal_not_oftener_than_once_an_hour_and_at_a_stop(tmp_path: Path) -> None:
    written = Written(tmp_path / "ledger.db")
    snapshots = await written.begin()
    await snapshots.write_if_due(0, is_last=False)
    assert not written.is_there(), "nothing was sealed"
    snapshots.want()
    await snapshots.write_if_due(0, is_last=False)
    assert written.is_there()
    for _ in range(5):
        await written.life.step()
    snapshots.want()
    await snapshots.write_if_due(PAUSE_US - 1, is_last=False)
    assert not written.is_there()
    await snapshots.write_if_due(PAUSE_US, is_last=False)
    assert written.is_there()
    snapshots.want()
    await snapshots.write_if_due(2 * PAUSE_US, is_last=True)
    assert not written.is_there(), "nothing is new"
    for _ in range(5):
        await written.life.step()
    snapshots.want()
    await snapshots.write_if_due(PAUSE_US + 1, is_last=True)
    assert written.is_there()
    await written.life.ledger.close()


async def test_after_a_start_that_read_much_it_is_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Written(tmp_path / "ledger.db")
    monkeypatch.setattr(start_snapshot, "MOST_REPLAYED", 2)
    snapshots = await written.begin()
    await snapshots.write_if_due(0, is_last=False)
    assert written.is_there()
    await written.life.ledger.close()


async def test_one_that_cannot_be_written_is_told_once_and_leaves_the_one_before(tmp_path: Path) -> None:
    written = Written(tmp_path / "ledger.db")
    snapshots = await written.begin()
    snapshot, part = snapshot_of(written.path), tmp_path / "ledger.db.snapshot.part"
    snapshot.write_text("the one before")
    part.mkdir()
    with capture_logs() as logs:
        for hour in range(3):
            snapshots.want()
            await snapshots.write_if_due(hour * HOUR, is_last=False)
    assert [log["event"] for log in logs] == ["start_snapshot_failed"]
    assert snapshot.read_text() == "the one before"
    part.rmdir()
    snapshots.want()
    await snapshots.write_if_due(4 * HOUR, is_last=False)
    assert snapshot.read_bytes().startswith(b"slad snapshot")
    await written.life.ledger.close()


# Killed while it is written


def written_under(path: Path, call: str, fault: str) -> int:
    """What the program ends with that writes one, where a system call fails on the file that it writes, or is its last."""
    require(shutil.which("strace"), "strace is not installed")
    inject = ("-e", f"trace={call}", "-e", f"inject={call}:{fault}")
    strace = ("strace", "-f", "-qq", "-o", "/dev/null", f"-P{snapshot_of(path)}.part", *inject)
    program = (sys.executable, "-m", "tests.daemon.recording.writing", str(path))
    return subprocess.run([*strace, *program], cwd=ROOT, timeout=60, check=False).returncode


@pytest.mark.parametrize("fault", ["signal=KILL", "error=EIO", "error=ENOSPC"])
async def test_whichever_step_of_it_fails_or_is_the_last_one_the_next_start_has_the_one_before(
    tmp_path: Path, fault: str
) -> None:
    path = tmp_path / "ledger.db"
    now, snapshots = await lived(path, 10, 12)
    whole, _ = await known_at_start(path, now)
    before, newest = min(snapshots), max(snapshots)
    for call in ("openat", "write", "fsync", "rename"):
        put(path, snapshots[before])
        assert (written_under(path, call, fault) == 0) == ("KILL" not in fault), call
        assert await known_at_start(path, now) == (whole, before), call
    assert written_under(path, "symlink", fault) == 0, "it makes none"
    assert await known_at_start(path, now) == (whole, newest)
    assert not path.with_name("ledger.db.snapshot.part").exists()
