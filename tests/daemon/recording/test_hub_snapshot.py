"""A hub that goes on from a snapshot knows what one knows that read all; and one that does not fit is never believed."""

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from daemon.config.hub import WHOLE
from daemon.hub.session import Arrived
from daemon.ledger import RequestKey, SnapshotFile, SnapshotSection, UnsoundSnapshotError
from daemon.recording.hub_snapshot import sections_of
from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.records import Witness
from tests.daemon.recording.lives import OBSERVER, Life, everything
from tests.daemon.recording.merged import Hub, lines_of_a_life

SAW = Witness(OBSERVER, "vc1")


def put(path: Path, sections: Iterable[SnapshotSection]) -> None:
    """Have these be the snapshot beside a path."""
    file = SnapshotFile(path)
    for section in sections:
        file.write(section)
    file.finish()


@pytest.mark.parametrize("seed", range(6))
async def test_from_a_snapshot_after_any_line_a_hub_knows_what_it_knows_from_all_lines(
    tmp_path: Path, seed: int
) -> None:
    lines, now = await lines_of_a_life(tmp_path / "ledger.db", seed, 30)
    whole, path = Hub(), tmp_path / "hub.db"
    await whole.take(lines)
    whole.known.book.settle(now)
    for cut in Random(seed).sample(range(len(lines) + 1), k=8):
        before = Hub()
        await before.take(lines[:cut])
        put(path, sections_of(before.told, WHOLE, now))
        after = Hub(path, now)
        assert after.ledger.stored() == before.ledger.stored()
        await after.take(lines[cut:])
        after.known.book.settle(now)
        assert everything(after.known) == everything(whole.known)
        assert after.ledger.stored() == whole.ledger.stored()
        assert after.ledger.head == whole.ledger.head
        assert dict(after.told.disagreements.told()) == dict(whole.told.disagreements.told())


async def lived(path: Path) -> tuple[Hub, list[Arrived], Instant]:
    """A hub that has caught up, and has counted since."""
    lines, now = await lines_of_a_life(path, 11, 30)
    hub = Hub()
    await hub.take(lines, {OBSERVER: {SAW: now}})
    hub.known.book.settle(now)
    return hub, lines, now


async def test_counters_go_on_where_they_were_and_never_back(tmp_path: Path) -> None:
    """What was counted while it ran is no other thing for who starts again, whatever comes late meanwhile."""
    hub, lines, now = await lived(tmp_path / "ledger.db")
    path = tmp_path / "hub.db"
    put(path, sections_of(hub.told, WHOLE, now))
    later = Instant(now + HOUR)
    started = Hub(path, later)
    assert started.ledger.watermarks == {SAW: now}
    first = next(line for line in lines if '"server":"' in line.body and '"state":"up"' in line.body)
    server = json.loads(first.body)["server"]
    said = json.loads(first.body) | {"state": "down", "at": "2026-02-24T00:00:00Z"}
    late = Arrived(
        len(lines) + 1, OBSERVER, len(lines) + 1, json.dumps(said, separators=(",", ":")), bytes(32)
    )
    counted = {each: hub.known.book.counts(each) for each in hub.known.book.places}
    for each in (hub, started):
        await each.take([late])
        assert {key: each.known.book.counts(key) for key in counted} == counted
        await each.take([], {OBSERVER: {SAW: later}})
        each.known.book.settle(later)
    assert server in counted
    assert everything(started.known)[1:] == everything(hub.known)[1:]


async def test_what_the_hub_knows_of_requests_and_of_monitors_that_ended_goes_with_it(tmp_path: Path) -> None:
    hub, _, now = await lived(tmp_path / "ledger.db")
    hub.ledger.retired.add("mon9")
    hub.ledger.requests[1] = RequestKey("key", "digest")
    put(tmp_path / "hub.db", sections_of(hub.told, WHOLE, now))
    started = Hub(tmp_path / "hub.db", now)
    assert started.ledger.retired == {"mon9"}
    assert started.ledger.requests == {1: RequestKey("key", "digest")}


async def test_one_from_the_future_is_refused(tmp_path: Path) -> None:
    hub, _, now = await lived(tmp_path / "ledger.db")
    put(tmp_path / "hub.db", sections_of(hub.told, WHOLE, Instant(now + MINUTE)))
    with pytest.raises(UnsoundSnapshotError, match="is from the future: it was written at 2026-"):
        Hub(tmp_path / "hub.db", Instant(now + MINUTE - SECOND))


async def test_that_of_a_ledger_in_its_place_is_no_use(tmp_path: Path) -> None:
    life = Life(tmp_path / "ledger.db", 3)
    await life.begin()
    _, sections = life.sections()
    await life.ledger.close()
    put(tmp_path / "hub.db", sections)
    with pytest.raises(UnsoundSnapshotError, match="is of another observer: mon, and this is hub"):
        Hub(tmp_path / "hub.db")


@pytest.mark.parametrize("odd", [b"", b"null", b"[[1]]", b"[7,7,7]\n", b"\xff", b'{"kind":1}'])
async def test_one_whose_contents_are_odd_though_its_digest_is_right_is_refused(
    tmp_path: Path, odd: bytes
) -> None:
    hub, _, now = await lived(tmp_path / "ledger.db")
    sections = list(sections_of(hub.told, WHOLE, now))
    for place, (name, _) in enumerate(sections):
        put(tmp_path / "hub.db", [*sections[:place], SnapshotSection(name, odd), *sections[place + 1 :]])
        with pytest.raises(Exception):  # noqa: B017  whatever it is, the start reads all lines then
            Hub(tmp_path / "hub.db", now)
