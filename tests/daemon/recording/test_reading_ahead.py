"""However a start reads a ledger, it knows the same: records one by one or sorted into runs, here or in a process beside it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO

import pytest
from structlog.testing import capture_logs

from daemon.ledger import NOTHING_READ, Extent, Ledger, LedgerDamagedError, Stored, reading
from daemon.ledger.sums import followed
from daemon.recording import reading_ahead, sorting
from daemon.recording.reading_ahead import read_ahead
from daemon.recording.sorting import RECORD, RUN, TRACK, Slice, Step, slices
from sla.instants import Instant
from tests.daemon.recording.lives import everything, started
from tests.daemon.recording.test_start_snapshot import known_at_start, lived


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short a ledger is, a process of its own reads it."""
    monkeypatch.setattr(reading_ahead, "WORTH_IT", 1)
    monkeypatch.setattr(reading_ahead, "cores", lambda: 2)


# Sorted


def said(server: str, leg: str = "running", state: str = "down") -> str:
    return (
        f'{{"kind":"observation","observer":"m","source":"v","server":"{server}","leg":"{leg}","state":"{state}"'
        ',"at":"1970-01-01T00:00:01Z","salt":"00"}'
    )


def sorted_steps(*bodies: str) -> list[Step]:
    records: list[Stored] = [(seq, body, Instant(seq)) for seq, body in enumerate(bodies, 1)]
    return [step for each in slices(records) for step in each.steps]


def run(*numbered: tuple[int, int]) -> Step:
    """A run of observations of tracks, by their numbers in the ledger."""
    return (
        RUN,
        Instant(1_000_000),
        [(track, Instant(1_000_000), 1, "", Instant(seq)) for track, seq in numbered],
    )


def test_what_is_said_of_one_server_is_put_together() -> None:
    assert sorted_steps(said("a"), said("b"), said("a", "san"), said("b"), said("a")) == [
        (TRACK, "a", "running", "m", "v"),
        (TRACK, "b", "running", "m", "v"),
        (TRACK, "a", "san", "m", "v"),
        run((0, 1), (2, 3), (0, 5)),
        run((1, 2), (1, 4)),
    ]


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ('{"kind":"event","source":"m"}', ["record", "a", "b"]),
        ('{"kind":"cause","server":"a"}', ["record", "a", "b"]),
        ('{"kind":"server","id":"a","name":"A"}', ["a", "record", "b"]),
        ('{"kind":"server","id":"c","name":"C"}', ["record", "a", "b"]),
        ('{"kind":"server","id":"\\u0061"}', ["a", "b", "record"]),
        ('{"kind":"observer_retired","observer":"m"}', ["a", "b", "record"]),
        ('{"kind":"issued","client":"c"}', ["a", "b", "record"]),
        ('{"id":"a","kind":"event"}', ["a", "b", "record"]),
        ("not\nwhat was written", ["a", "b", "record"]),
    ],
)
def test_what_a_record_may_bear_on_is_taken_before_it(body: str, order: list[str]) -> None:
    steps = [step for step in sorted_steps(said("a"), said("b"), body) if step[0] != TRACK]
    if "\n" in body:  # then no line of these records is looked at but by the strict reader
        assert [step[0] for step in steps] == [RECORD] * 3
        return
    names = {(RECORD, 3): "record", (RUN, 0): "a", (RUN, 1): "b"}
    assert [names[step[0], step[1] if step[0] == RECORD else step[2][0][0]] for step in steps] == order


@pytest.mark.parametrize("seed", range(400, 406))
async def test_in_whatever_slices_records_come_the_same_is_known(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    now, _ = await lived(path, seed, 25)
    in_runs = await known_at_start(path, now)
    for most in (1, 7):
        monkeypatch.setattr(sorting, "MOST", most)
        monkeypatch.setattr(reading_ahead, "slices", partial(slices, fewest=most))
        assert await known_at_start(path, now) == in_runs


# Beside


def told(ledger: Ledger, after: Extent) -> list[Step]:
    with read_ahead(ledger, after) as read:
        return [step for each in read for step in each.steps]


@pytest.mark.usefixtures("beside")
async def test_a_process_beside_reads_what_this_one_would(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    now, _ = await lived(path, 1, 25)
    ledger, known, _ = started(path, now)
    for after in (NOTHING_READ, middle_of(ledger)):
        with capture_logs() as logs:
            steps = told(ledger, after)
        assert logs == []
        assert steps == [step for each in slices(ledger.replay(after)) for step in each.steps]
    whole = everything(known)
    await ledger.close()
    assert await known_at_start(path, now) == (whole, 0)


def middle_of(ledger: Ledger) -> Extent:
    """How far half of its records go."""
    store = ledger._opened()
    half = ledger.head.seq // 2
    return followed(ledger.path, NOTHING_READ, store.rows(0, half))


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("instead", ["/nowhere/python", "/bin/false", "/bin/true", "/bin/echo"])
async def test_where_that_process_cannot_be_this_one_reads(
    tmp_path: Path, instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    now, _ = await lived(path, 2, 25)
    with monkeypatch.context() as alone:
        alone.setattr(reading_ahead, "WORTH_IT", 10**9)
        whole = await known_at_start(path, now)
    monkeypatch.setattr("sys.executable", instead)
    with capture_logs() as logs:
        assert await known_at_start(path, now) == whole
    assert [each["event"] for each in logs] == ["reader_lost", "ledger_replayed"]


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("lost_after", [0, 1, 3])
async def test_where_it_is_killed_this_one_goes_on(
    tmp_path: Path, lost_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    now, _ = await lived(path, 3, 25)
    whole = await known_at_start(path, now)

    def some(stream: IO[bytes], _: Extent) -> Iterator[Slice]:
        read = slices(records(), fewest=4)
        yield from (next(read) for _ in range(lost_after))
        stream.close()
        raise EOFError("it ended")

    def records() -> Iterator[Stored]:
        with reading(path) as store:
            yield from store.replay()

    monkeypatch.setattr(reading_ahead, "_sent", some)
    with capture_logs() as logs:
        assert await known_at_start(path, now) == whole
    assert logs[0]["event"] == "reader_lost"


@pytest.mark.usefixtures("beside")
async def test_a_record_that_does_not_hold_is_named_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    now, _ = await lived(path, 4, 25)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE record SET body = body || ' ' WHERE seq = 9")
    with pytest.raises(LedgerDamagedError, match="record 9 was changed"):
        started(path, now)
