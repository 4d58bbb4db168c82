"""The ledger when nothing fails, and when it is refused."""

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.ledger import (
    Batch,
    Entry,
    Head,
    Lag,
    LedgerDamagedError,
    LedgerFaultError,
    LedgerLockedError,
    LedgerTooNewError,
    Trace,
    verified,
)
from daemon.ledger.files import connect
from daemon.ledger.schema import MIGRATIONS, migrate, set_pragmas
from daemon.ledger.store import Store, _back_up
from probes.report import ManagedObject
from sla.chain import GENESIS, SALT_BYTES, digest_of, linked, salted
from sla.evidence import encode
from sla.instants import Instant
from sla.records import Blind, ServerId, Witness
from tests.daemon.ledger.ledgers import WITNESS, batch_of, batches_in, closing, observation, opened, written

ROOT = Path(__file__).parents[3]

NEXT = (*MIGRATIONS, ("ALTER TABLE record ADD COLUMN note TEXT", "UPDATE record SET note = 'migrated'"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def test_a_new_ledger_is_empty(path: Path) -> None:
    ledger = opened(path)
    assert list(ledger.replay()) == []
    assert (ledger.head, ledger.watermarks, ledger.lags) == (Head(0, GENESIS), {}, [])
    await ledger.close()


async def test_which_objects_servers_were_last_is_kept_beside_the_chain(path: Path) -> None:
    first, second = ManagedObject("vc", "vm-1"), ManagedObject("vc", "vm-2")
    one, two = ("vc1", ServerId("u1")), ("vc1", ServerId("u2"))
    ledger = opened(path)
    assert ledger.objects() == {}
    head = await ledger.commit(Batch(objects={one: first, two: second}))
    await ledger.commit(Batch(objects={one: second}))
    await ledger.close()

    ledger = opened(path)
    assert (ledger.objects(), ledger.head) == ({one: second, two: second}, head)
    assert head == Head(0, GENESIS)
    await ledger.close()


async def test_traces_are_kept_beside_the_chain_until_they_are_let_go(path: Path) -> None:
    lasting = Trace("a", Instant(1), None, "x")
    ended, other = lasting._replace(end=Instant(5), detail="y"), Trace("b", Instant(1), Instant(6), "z")
    ledger = opened(path)
    assert ledger.traces() == []
    head = await ledger.commit(Batch(traces=[lasting, other]))
    await ledger.commit(Batch(traces=[ended]))
    assert (ledger.traces(), head) == ([ended, other], Head(0, GENESIS))
    await ledger.commit(Batch(traces=[Trace("c", Instant(2), None, "")], traces_since=Instant(6)))
    await ledger.close()

    ledger = opened(path)
    assert ledger.traces() == [other, Trace("c", Instant(2), None, "")]
    await ledger.close()


def test_only_its_owner_may_read_a_ledger(path: Path) -> None:
    written(path, 1)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_what_was_committed_comes_back_in_order_from_the_next_process(path: Path) -> None:
    ledger = opened(path)
    blind = Blind(witness=WITNESS, start=Instant(1), end=Instant(2), reason="Brücke")
    heads = [
        await ledger.commit(
            Batch(entries=[Entry(record=observation(0, 0), settled=Instant(7)), Entry(record=blind)])
        ),
        await ledger.commit(Batch(entries=[Entry(record=observation(1, 0))])),
    ]
    assert [head.seq for head in heads] == [2, 3]
    await ledger.close()

    ledger = opened(path)
    (one, two, three) = ledger.replay()
    assert [(seq, settled) for seq, _, settled in (one, two, three)] == [
        (1, Instant(7)),
        (2, None),
        (3, None),
    ]
    salts = [json.loads(body)["salt"] for _, body, _ in (one, two, three)]
    assert len(set(salts)) == 3, "each record has its own, in one batch too (spec/evidence.md, Proof)"
    assert {len(salt) for salt in salts} == {2 * SALT_BYTES}
    assert two[1] == salted(encode(blind), salts[1])
    chain = GENESIS
    for _, body, _ in (one, two, three):
        chain = linked(chain, digest_of(body))
    assert ledger.head == heads[-1] == Head(3, chain)
    await ledger.close()


async def test_a_watermark_is_one_row_whatever_the_number_of_ticks(path: Path) -> None:
    other = Witness("monitor", "internet")
    ledger = opened(path)
    for tick in range(5):
        await ledger.commit(Batch(watermarks={WITNESS: Instant(tick), other: Instant(9)}))
    assert ledger.watermarks == {WITNESS: 4, other: 9}
    assert ledger.head.seq == 0
    await ledger.close()
    ledger = opened(path)
    assert ledger.watermarks == {WITNESS: 4, other: 9}
    await ledger.close()


async def test_a_seal_puts_into_the_chain_what_the_chain_does_not_say_yet(path: Path) -> None:
    other = Witness("monitor", "internet")
    ledger = opened(path)
    await ledger.commit(Batch(watermarks={WITNESS: Instant(5), other: Instant(9)}))
    await ledger.commit(Batch(watermarks={WITNESS: Instant(6)}, seal=True))
    await ledger.commit(Batch(seal=True))
    await ledger.close()
    ledger = opened(path)
    await ledger.commit(Batch(seal=True))
    await ledger.commit(Batch(watermarks={WITNESS: Instant(7)}, seal=True))
    sealed = [json.loads(body) for _, body, _ in ledger.replay()]
    assert [(record["source"], record["at"][-4:]) for record in sealed] == [
        ("internet", "009Z"),
        ("vc1", "006Z"),
        ("vc1", "007Z"),
    ]
    await ledger.close()


async def test_lags_are_kept_beside_the_chain(path: Path) -> None:
    lags = [Lag(witness=WITNESS, start=Instant(n), end=Instant(n + 1)) for n in (5, 1)]
    ledger = opened(path)
    await ledger.commit(Batch(lags=lags[:1]))
    await ledger.commit(Batch(lags=lags[1:]))
    assert ledger.lags == lags
    assert ledger.head.seq == 0
    await ledger.close()
    ledger = opened(path)
    assert ledger.lags == lags
    await ledger.close()


async def test_reading_gives_bounded_slices_with_their_chain_values(path: Path) -> None:
    ledger = opened(path)
    head = await ledger.commit(batch_of(1, 10))
    rows = [*await ledger.read(0, 4), *await ledger.read(4, 4), *await ledger.read(8, 4)]
    assert [row.seq for row in rows] == list(range(1, 11))
    assert rows[-1].chain == head.chain
    assert await ledger.read(10, 4) == []
    with pytest.raises(AssertionError):
        await ledger.read(0, 1_000_000)
    await ledger.close()


async def test_a_read_that_fails_keeps_nobody_from_writing_and_may_be_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = opened(path)
    await ledger.commit(batch_of(1, 10))
    monkeypatch.setattr("daemon.ledger.store.connect", lambda *_: connect(path.parent, "ro"))
    with pytest.raises(LedgerFaultError, match="failed to read"):
        await ledger.read(0, 10)
    await ledger.commit(batch_of(2, 10))
    monkeypatch.undo()
    assert len(await ledger.read(0, 100)) == 20
    await ledger.close()


async def test_bodies_of_one_kind_are_found_by_how_they_begin(path: Path) -> None:
    ledger = opened(path)
    blind = Blind(witness=WITNESS, start=Instant(1), end=Instant(2))
    await ledger.commit(Batch(entries=[Entry(record=observation(0, 0)), Entry(record=blind)]))
    (body,) = ledger.bodies('{"kind":"blind",')
    assert json.loads(body)["kind"] == "blind"
    await ledger.close()


async def test_a_commit_that_nobody_waits_for_any_more_is_durable_all_the_same(path: Path) -> None:
    ledger = opened(path)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.shield(ledger.commit(batch_of(1, 100)))
    assert len(await ledger.read(0, 1000)) == 100, "a later turn sees what the earlier one wrote"
    assert ledger.head.seq == 100
    await ledger.close()


async def test_reads_and_commits_at_once_take_turns(path: Path) -> None:
    ledger = opened(path)
    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(ledger.commit(batch_of(number, 5)))
            tasks.create_task(ledger.read(0, 100))
    assert batches_in(ledger.replay()) == {number: list(range(5)) for number in range(20)}
    await ledger.close()


def test_a_second_daemon_is_refused_and_told_who_holds_the_ledger(path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", f"{HOLD}\nhold({str(path)!r})"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    with pytest.raises(LedgerLockedError, match=f"in use by process {child.pid}"):
        opened(path)
    with pytest.raises(LedgerLockedError, match="Another program"):
        verified(path)
    child.communicate("go\n", timeout=30)
    with closing(opened(path)):
        pass


HOLD = """
import asyncio, sys
from pathlib import Path
from tests.daemon.ledger.ledgers import opened
def hold(path):
    ledger = opened(Path(path))
    print("open", flush=True)
    sys.stdin.readline()
    asyncio.run(ledger.close())
"""


async def test_within_one_process_a_second_opener_is_refused_too(path: Path) -> None:
    ledger = opened(path)
    with pytest.raises(LedgerLockedError, match=f"process {os.getpid()}"):
        opened(path)
    await ledger.close()
    await opened(path).close()


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerFaultError, match=r"missing/ledger\.db\.lock cannot be taken"):
        opened(tmp_path / "missing" / "ledger.db")


def test_a_connection_on_which_a_pragma_does_not_take_is_refused() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(LedgerFaultError, match="PRAGMA journal_mode = DELETE: it answers 'memory'"):
        set_pragmas(db)
    db.close()


def test_every_pragma_holds_on_the_handle_that_writes(path: Path) -> None:
    store = Store.open(path, make=True)
    for name, expected in (("synchronous", 3), ("journal_mode", "delete"), ("locking_mode", "exclusive")):
        assert store._db.execute(f"PRAGMA {name}").fetchall() == [(expected,)]
    store.close()


def test_a_ledger_that_somebody_switched_to_wal_is_switched_back(path: Path) -> None:
    written(path, 2)
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    db.close()
    with closing(opened(path)) as ledger:
        assert batches_in(ledger.replay()) == {0: [0, 1, 2], 1: [0, 1, 2]}
    assert path.read_bytes()[18:20] == b"\x01\x01", "a rollback journal, by the file's own header"


# Versions


@contextmanager
def migrated(path: Path, migrations: Sequence[Sequence[str]]) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(connect(path, "rw")) as db:
        set_pragmas(db)
        migrate(db, path, lambda version: _back_up(db, path, version), migrations)
        yield db


def test_an_older_ledger_is_migrated_after_a_backup_of_it_was_made(path: Path) -> None:
    written(path, 3)
    with migrated(path, NEXT) as db:
        assert db.execute("SELECT DISTINCT note FROM record").fetchall() == [("migrated",)]
        assert db.execute("PRAGMA user_version").fetchone() == (len(NEXT),)

    backup = path.with_name(f"ledger.db.before-v{len(NEXT)}")
    assert backup.stat().st_mode & 0o777 == 0o600
    backup.rename(path)
    with closing(opened(path)) as ledger:
        assert batches_in(ledger.replay()) == {number: [0, 1, 2] for number in range(3)}


def test_a_migration_that_fails_in_the_middle_leaves_the_ledger_as_it_was(path: Path) -> None:
    written(path, 3)
    broken = (*MIGRATIONS, (NEXT[-1][0], "UPDATE nothing SET there = 1"))
    with pytest.raises(sqlite3.OperationalError), migrated(path, broken):
        pass
    with closing(opened(path)) as ledger:
        assert len(list(ledger.replay())) == ledger.head.seq > 9


def test_a_migration_that_is_killed_in_the_middle_leaves_the_ledger_as_it_was(path: Path) -> None:
    written(path, 3, size=2000)
    before = verified(path)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_MIGRATION, str(path)], cwd=ROOT, timeout=60, check=False
    )
    assert killed.returncode == -9
    assert path.with_name("ledger.db-journal").exists(), "it was killed with a transaction under way"
    with closing(opened(path)) as ledger:
        assert len(list(ledger.replay())) == before.head.seq
    with migrated(path, NEXT) as db:
        notes = db.execute("SELECT count(*) FROM record WHERE note = 'migrated'").fetchone()
    assert notes == (before.head.seq,)


KILLED_MIGRATION = """
import os, signal, sys
from pathlib import Path
from daemon.ledger.schema import migrate, set_pragmas
from daemon.ledger.files import connect
from daemon.ledger.store import _back_up
from tests.daemon.ledger.test_ledger import NEXT
path = Path(sys.argv[1])
db = connect(path, "rw")
db.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
set_pragmas(db)
db.execute("PRAGMA cache_size = 10")
(*before, last) = NEXT
migrate(db, path, lambda version: _back_up(db, path, version), (*before, (*last, "SELECT die()")))
"""


def test_a_ledger_of_a_newer_slad_is_refused(path: Path) -> None:
    written(path, 1)
    with migrated(path, NEXT):
        pass
    known = len(MIGRATIONS)
    with pytest.raises(
        LedgerTooNewError, match=rf"version {known + 1}; this slad knows versions up to {known}"
    ):
        opened(path)
    with pytest.raises(LedgerTooNewError):
        verified(path)


def test_a_database_of_something_else_is_no_ledger(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE places (url TEXT)")
    db.close()
    with pytest.raises(LedgerDamagedError, match="its header does not say that it is one"):
        opened(path)


def test_an_empty_file_is_no_ledger(path: Path) -> None:
    path.touch()
    with pytest.raises(LedgerDamagedError, match="remove it if it is meant to be made anew"):
        opened(path)
