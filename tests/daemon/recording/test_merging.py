"""What arrived is in the book as the strict reader has it, however it came, and only what is no evidence is left out."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from daemon.hub.session import Arrived
from daemon.recording.recollection import Recollection
from sla.chain import exported
from sla.records import Blind
from tests.daemon.recording.lives import everything
from tests.daemon.recording.merged import Hub, lines_of_a_life, nothing


def read_strictly(lines: Sequence[Arrived]) -> Recollection:
    known = nothing()
    records = [
        (line.seq, known.reader.read(exported(line.body, line.seq, line.chain, line.ledger).encode()))
        for line in lines
    ]
    assert not known.reader.faults
    known.book.take_watermarks({}, (), [record for _, record in records if isinstance(record, Blind)])
    for seq, record in records:
        assert record is not None
        known.take(seq, record, None)
    return known


@pytest.mark.parametrize("seed", range(4))
async def test_however_lines_arrive_the_book_is_as_the_strict_reader_has_it(
    tmp_path: Path, seed: int
) -> None:
    lines, _ = await lines_of_a_life(tmp_path / "ledger.db", seed, 40)
    hub, chance, first = Hub(), Random(seed), 0
    while first < len(lines):
        last = first + chance.randrange(1, 40)
        await hub.take(lines[first:last])
        first = last
    assert hub.ledger.head.seq == len(lines)
    assert everything(hub.known) == everything(read_strictly(lines))


async def test_an_observation_of_a_server_that_nobody_defined_is_left_out(tmp_path: Path) -> None:
    lines, _ = await lines_of_a_life(tmp_path / "ledger.db", 1, 10)
    usual = next(line for line in lines if line.body.startswith('{"kind":"observation"'))
    hub = Hub()
    await hub.take([usual])
    assert not hub.known.book.evidence.servers
    assert hub.metrics.unread._value.get() == 1
