"""What a start took from a snapshot is verified behind it: readiness does not wait, and damage found there is a fault."""

import asyncio
import sqlite3
from pathlib import Path
from typing import cast

import pytest

from daemon.ledger import (
    NOTHING_READ,
    Extent,
    Head,
    Ledger,
    LedgerDamagedError,
    LedgerFaultError,
    snapshot_of,
)
from daemon.recording import verifying
from daemon.recording.verifying import MOST_FAILURES, Verifier
from tests import virtual
from tests.daemon.harness import Daemon, Samples, fetched, running_app, scraped, simulated, write_config
from tests.daemon.ledger.ledgers import opened, written
from tests.waiting import until

END = Extent(Head(3_000, b"chain"), 7)


class Disk:
    """A ledger of three thousand records that fails as it is told to."""

    def __init__(self, *faults: Exception | None) -> None:
        self.head = Head(3_500, b"newer")
        self.faults = list(faults)
        self.tries = 0

    async def verify(self, after: Extent, until: Extent) -> Extent:
        self.tries += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        seq = after.head.seq + 1_000
        return until if seq == until.head.seq else Extent(Head(seq, b""), 0)


def verified_by(disk: Disk, path: Path, unread: Extent = END) -> Verifier:
    return Verifier(path, cast(Ledger, disk), unread)


def run_for(verifier: Verifier, seconds: float) -> None:
    async def run() -> None:
        async with asyncio.timeout(seconds):
            await verifier.run()

    with pytest.raises(TimeoutError):
        virtual.run(run())


def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    disk = Disk()
    verifier = verified_by(disk, tmp_path / "ledger.db")
    assert verifier.until_seq() == 0
    run_for(verifier, 2.5 * verifying.PAUSE_S)
    assert verifier.until_seq() == 2_000
    verifier = verified_by(disk, tmp_path / "ledger.db")
    run_for(verifier, 3600)
    assert verifier.until_seq() == 3_500, "what came since this process wrote itself"


def test_where_all_was_read_there_is_nothing_to_verify(tmp_path: Path) -> None:
    disk = Disk()
    verifier = verified_by(disk, tmp_path / "ledger.db", NOTHING_READ)
    run_for(verifier, 60)
    assert (disk.tries, verifier.until_seq()) == (0, 3_500)


def test_a_disk_that_refuses_for_a_while_is_asked_again(tmp_path: Path) -> None:
    fault = LedgerFaultError("the disk failed to read")
    disk = Disk(*[fault] * (MOST_FAILURES - 1), None, *[fault] * (MOST_FAILURES - 1))
    snapshot_of(tmp_path / "ledger.db").touch()
    verifier = verified_by(disk, tmp_path / "ledger.db")
    run_for(verifier, 3600)
    assert verifier.until_seq() == 3_500
    assert snapshot_of(tmp_path / "ledger.db").exists()


@pytest.mark.parametrize(
    ("faults", "tries"),
    [
        ([LedgerFaultError("the disk failed to read")] * MOST_FAILURES, MOST_FAILURES),
        ([None, LedgerDamagedError("record 1,500 was changed")], 2),
    ],
)
def test_what_does_not_hold_ends_it_and_the_next_start_reads_all(
    tmp_path: Path, faults: list[Exception | None], tries: int
) -> None:
    disk = Disk(*faults)
    snapshot_of(tmp_path / "ledger.db").touch()
    verifier = verified_by(disk, tmp_path / "ledger.db")
    with pytest.raises((LedgerFaultError, LedgerDamagedError)):
        virtual.run(verifier.run())
    assert disk.tries == tries
    assert not snapshot_of(tmp_path / "ledger.db").exists()


# On a real ledger


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            "UPDATE record SET body = replace(body, 'kind', 'kinD') WHERE seq = 1501",
            "record 1501 was changed",
        ),
        ("UPDATE record SET chain = zeroblob(32) WHERE seq = 700", "record 700 was changed"),
        ("DELETE FROM record WHERE seq = 40", "record 40 is missing"),
        ("UPDATE record SET settled = settled + 1 WHERE seq = 90", "settled"),
        ("DELETE FROM record", "it ends with record 0"),
    ],
)
async def test_each_record_up_to_the_snapshots_is_looked_at(tmp_path: Path, change: str, says: str) -> None:
    path = await asyncio.to_thread(written, tmp_path / "ledger.db", 16, 125)
    ledger = opened(path)
    unread = ledger.extent
    verified = NOTHING_READ
    while verified != unread:
        verified = await ledger.verify(verified, unread)
    await ledger.close()
    with sqlite3.connect(path) as db:
        db.execute(change)
    db.close()
    ledger = opened(path)
    with pytest.raises(LedgerDamagedError, match=says):
        await Verifier(path, ledger, unread).run()
    await ledger.close()


# The whole daemon


VERIFIED = ("slad_ledger_verified_until_seq", frozenset[tuple[str, str]]())
RECORDS = ("slad_ledger_records", frozenset[tuple[str, str]]())


async def test_readiness_does_not_wait_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with simulated(4) as vcenter:
        config = write_config(tmp_path, vcenter)

        async def shown(app_pause_s: float, found: int | None) -> None:
            monkeypatch.setattr(verifying, "PAUSE_S", app_pause_s)
            async with running_app(config) as app:
                port = app.addresses[0][1]
                await until(lambda: fetched(port, "/-/ready")[0] == 200, "readiness")

                def is_as_expected() -> bool:
                    samples: Samples = scraped("127.0.0.1", port)
                    told = samples.get(VERIFIED)
                    return told is not None and told == (samples[RECORDS] if found is None else found)

                await until(is_as_expected, "how far it was verified")

        await shown(3600, None)  # a first start has nothing to verify
        await shown(3600, 0)
        await shown(0, None)


@pytest.mark.timeout(120)
def test_damage_that_is_found_ends_the_daemon_and_the_next_start_says_it_too(tmp_path: Path) -> None:
    with simulated(4) as vcenter:
        daemon = Daemon(write_config(tmp_path, vcenter))
        daemon.start()
        daemon.wait(lambda shown: shown.get(RECORDS, 0) > 4, "some records")
        assert daemon.terminate() == 0
        path = tmp_path / "ledger.db"
        assert snapshot_of(path).exists()
        with sqlite3.connect(path) as db:
            db.execute("UPDATE record SET body = replace(body, 'client', 'clIent') WHERE seq = 1")
        db.close()
        daemon.launch()
        status, said = daemon.wait_ended()
        assert status == 1
        assert '"event": "ledger_replayed"' in said
        assert "is damaged: record 1 was changed" in said.splitlines()[-1]
        assert not snapshot_of(path).exists()
        daemon.log.clear()
        daemon.launch()
        status, said = daemon.wait_ended()
        assert status == 1
        assert "is damaged: record 1 was changed" in said.splitlines()[-1]
        assert '"event": "ledger_replayed"' not in said
