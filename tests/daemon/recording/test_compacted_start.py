"""A start from a ledger whose oldest months are in files of their own knows what it knew before: figures, counters, heads."""

from pathlib import Path
from random import Random

import pytest

from daemon.ledger import verified
from tests.daemon.ledger.compacted import compacted
from tests.daemon.recording.test_start_snapshot import known_at_start, lived, put


async def assert_the_same_after_it(path: Path, seed: int, steps: int) -> None:
    now, snapshots = await lived(path, seed, steps)
    whole, _ = await known_at_start(path, now)
    before = verified(path)
    chance = Random(seed)
    compacted(path, *sorted(chance.sample(range(1, before.head.seq + 1), k=2)))
    assert verified(path) == before
    assert await known_at_start(path, now) == (whole, 0)
    for seq in chance.sample(sorted(snapshots), k=3):
        put(path, snapshots[seq])
        assert await known_at_start(path, now) == (whole, seq), seq


@pytest.mark.parametrize("seed", range(200, 206))
async def test_with_a_snapshot_of_before_it_and_without(tmp_path: Path, seed: int) -> None:
    await assert_the_same_after_it(tmp_path / "ledger.db", seed, 25)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(300, 340))
async def test_so_it_does_over_long_lives(tmp_path: Path, seed: int) -> None:
    await assert_the_same_after_it(tmp_path / "ledger.db", seed, 80)
