"""Nothing enters that cannot come out: what the reader would refuse at the next start is quarantined, whatever made it."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.ledger import Batch, Entry, Ledger, LedgerFaultError
from daemon.ledger import store as stores
from daemon.ledger.gate import EntryGate
from daemon.ledger.schema import MIGRATIONS
from daemon.ledger.store import MOST_QUARANTINED, Store
from sla.evidence import encode
from sla.instants import Instant, parse_instant
from sla.reader import LONGEST_WRITTEN, EvidenceReader
from sla.records import (
    Category,
    Client,
    ClientId,
    Event,
    Exclusion,
    ExclusionEnded,
    ExclusionId,
    Leg,
    Observation,
    Record,
    Server,
    ServerId,
    ServiceRequest,
    SolutionId,
    State,
    Witness,
)
from tests.daemon.ledger.ledgers import batch_of, batches_in, closing, opened, written

AT = parse_instant("2026-03-10T12:00:00Z")
CLIENT = Client(id=ClientId("acme"), name="ACME", timezone="UTC", tech_admins=("ann",), recorded_at=AT)
SERVER = Server(
    id=ServerId("s1"),
    name="web",
    client=ClientId("acme"),
    solution=None,
    in_service_from=AT,
    in_service_until=None,
    recorded_at=AT,
)
EVENT = Event(
    source="v", key="1", type="VmEvent", at=AT, server=ServerId("s1"), user="", text="", recorded_at=AT
)
SEEN = Observation(witness=Witness("m", "v"), server=ServerId("s1"), leg=Leg.RUNNING, state=State.UP, at=AT)
EXCLUSION = Exclusion(
    id=ExclusionId("x1"), category=Category.FORCE_MAJEURE, start=AT, end=None, recorded_at=AT
)

BAD: dict[str, tuple[Record, str]] = {
    "a text of megabytes": (replace(EVENT, text="A" * 1_100_000), "longer than"),
    "half a surrogate pair": (replace(EVENT, user="\ud800"), "surrogates"),
    "half a surrogate pair in a reason": (replace(SEEN, reason="\ud800"), "surrogates"),
    "a user given twice": (replace(EVENT, user=["a", "b"]), "user: must be a text"),  # type: ignore[arg-type]
    "a text that is a table": (replace(EVENT, text={"b": "x"}), "text: must be a text"),  # type: ignore[arg-type]
    "a key that cannot be written": (replace(EVENT, key={1, 2}), "cannot be written"),  # type: ignore[arg-type]
    "an instant beyond the calendar": (replace(EVENT, at=Instant(2**62)), "cannot be written"),
    "an observation beyond the calendar": (replace(SEEN, at=Instant(-(2**62))), "cannot be written"),
    "a server that nobody defined": (replace(SEEN, server=ServerId("nobody")), "no server"),
    "an event of one": (replace(EVENT, server=ServerId("nobody")), "no server"),
    "no server": (replace(SEEN, server=ServerId("")), "must not be empty"),
    "no witness": (replace(SEEN, witness=Witness("m", "")), "must not be empty"),
    "a client that nobody defined": (replace(SERVER, client=ClientId("nobody")), "no client"),
    "a server without an id": (replace(SERVER, id=ServerId("")), "id: must not be empty"),
    "a server whose id is a number": (replace(SERVER, id=5), "id: must be a text"),  # type: ignore[arg-type]
    "a server whose name is a number": (replace(SERVER, name=5), "name: must be a text"),  # type: ignore[arg-type]
    "a server whose name is half a pair": (replace(SERVER, name="\udfff"), "surrogates"),
    "a server of no client": (replace(SERVER, client=ClientId("")), "client: must not be empty"),
    "a server of a solution without a name": (
        replace(SERVER, solution=SolutionId("")),
        "solution: must not be",
    ),
    "a server of a solution that is one": (
        replace(SERVER, solution=SolutionId("s1")),
        "is the id of a server",
    ),
    "a server without legs": (replace(SERVER, legs=()), "legs: must be a list"),
    "a server with a leg that is none": (replace(SERVER, legs=("disk",)), "legs: must be one of"),  # type: ignore[arg-type]
    "a server that was recorded before": (replace(SERVER, recorded_at=Instant(AT - 1)), "recorded_at"),
    "a server since no instant": (replace(SERVER, in_service_from=None), "in_service_from"),  # type: ignore[arg-type]
    "a server until no instant": (replace(SERVER, in_service_until="now"), "cannot be written"),  # type: ignore[arg-type]
    "a server by nobody": (replace(SERVER, recorded_by={"a": 1}), "cannot be written"),  # type: ignore[arg-type]
    "a server with a key twice": (replace(SERVER, extra=(("id", '"s2"'),)), "id: is given twice"),
    "a server of megabytes": (replace(SERVER, name="A" * LONGEST_WRITTEN), "longer than"),
    "a time zone that there is not": (replace(CLIENT, timezone="Mars/Olympus"), "timezone"),
    "an end before its beginning": (replace(EXCLUSION, end=AT), "until"),
    "what was recorded before": (replace(EVENT, recorded_at=Instant(AT - 1)), "recorded_at"),
    "the end of nothing": (ExclusionEnded(id=ExclusionId("none"), at=AT, recorded_at=AT), "no exclusion"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def replayed(ledger: Ledger) -> EvidenceReader:
    """Read it as the daemon does at its start, and judge by that from then on."""
    reader = EvidenceReader()
    for _, body, _ in ledger.replay():
        reader.read(body.encode())
    assert reader.faults == []
    ledger.judge_by(reader)
    return reader


def batch(*records: Record) -> Batch:
    return Batch(entries=[Entry(record=record) for record in records])


def quarantine(path: Path) -> list[tuple[int, str, str]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT after_seq, problem, body FROM quarantine ORDER BY number").fetchall()


@pytest.mark.parametrize("what", BAD)
async def test_what_the_reader_would_refuse_is_quarantined_and_the_others_enter(
    path: Path, what: str
) -> None:
    bad, why = BAD[what]
    ledger = opened(path)
    replayed(ledger)
    await ledger.commit(batch(CLIENT, SERVER))
    assert len(ledger.quarantined) == 0
    await ledger.commit(batch(EVENT, bad, SEEN))
    (found,) = ledger.quarantined
    assert (found.place, why in found.problem) == (1, True), found.problem
    await ledger.commit(batch(replace(EVENT, key="2")))
    assert len(ledger.quarantined) == 0
    await ledger.close()
    ((after, problem, body),) = quarantine(path)
    assert (after, problem, body[:1] in "{EOCS") == (4, found.problem, True)
    again = opened(path)
    replayed(again)
    assert again.head.seq == 5
    await again.close()


@pytest.mark.parametrize("what", [what for what, (bad, _) in BAD.items() if isinstance(bad, Server)])
def test_what_is_wrong_with_a_server_alone_is_seen_before_the_ledger_was_read(what: str) -> None:
    bad, why = BAD[what]
    _, quarantined = EntryGate().admitted(batch(bad).entries)
    assert bool(quarantined) == (why not in ("no client", "recorded_at", "is the id of a server"))


async def test_what_was_not_let_in_defines_nothing(path: Path) -> None:
    ledger = opened(path)
    replayed(ledger)
    await ledger.commit(batch(CLIENT))
    await ledger.commit(batch(replace(SERVER, name="A" * LONGEST_WRITTEN), SEEN, EVENT))
    assert [each.place for each in ledger.quarantined] == [0, 1, 2]
    await ledger.commit(batch(replace(SERVER, client=ClientId("nobody")), SEEN))
    assert [each.place for each in ledger.quarantined] == [0, 1]
    await ledger.commit(batch(replace(EXCLUSION, servers=(ServerId("s1"),))))
    await ledger.commit(batch(SERVER, SEEN, EVENT, EXCLUSION))
    assert list(ledger.quarantined) == []
    assert ledger.head.seq == 5
    await ledger.close()


async def test_a_batch_that_failed_is_judged_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its first attempt defined is not defined twice, nor known though it never landed."""

    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    ledger = opened(path)
    replayed(ledger)
    whole = batch(CLIENT, SERVER, EXCLUSION)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", fails)
        with pytest.raises(Exception, match="disk I/O error"):
            await ledger.commit(whole)
    assert not await ledger.reopen()
    await ledger.commit(batch(SEEN))
    assert len(ledger.quarantined) == 1
    await ledger.commit(whole)
    assert list(ledger.quarantined) == []
    await ledger.commit(batch(SEEN, EXCLUSION))
    assert ["is an exclusion" in each.problem for each in ledger.quarantined] == [True]
    await ledger.close()


async def test_a_batch_that_landed_after_all_is_known(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written_well = Store.write

    def lands_and_fails(store: Store, plan: stores.WritePlan) -> None:
        written_well(store, plan)
        raise sqlite3.OperationalError("disk I/O error")

    ledger = opened(path)
    replayed(ledger)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", lands_and_fails)
        with pytest.raises(Exception, match="disk I/O error"):
            await ledger.commit(batch(CLIENT, SERVER, replace(EVENT, server=ServerId("nobody"))))
    assert await ledger.reopen()
    assert [each.place for each in ledger.quarantined] == [2]
    await ledger.commit(batch(SEEN))
    assert list(ledger.quarantined) == []
    await ledger.close()


def test_a_request_by_nobody_known_and_other_rules_over_lines_are_undone() -> None:
    reader, gate = EvidenceReader(), EntryGate()
    gate.judge_by(reader)
    request = ServiceRequest(
        id="r1",  # type: ignore[arg-type]
        client=ClientId("acme"),
        solution="shop",  # type: ignore[arg-type]
        opened_at=AT,
        opened_by="mallory",
        channel="phone",  # type: ignore[arg-type]
        recorded_at=AT,
    )
    _, refused = gate.admitted(batch(CLIENT, request, replace(request, opened_by="ann")).entries)
    assert [each.place for each in refused] == [1]
    gate.take_back()
    _, refused = gate.admitted(batch(request).entries)
    assert "no client" in refused[0].problem


def test_the_quarantine_keeps_the_newest(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST_QUARANTINED", 5)
    store = Store.open(path, make=True)
    for number in range(8):
        store.write(store.plan(batch(replace(SEEN, server=ServerId(""), reason=str(number))), EntryGate()))
    store.close()
    assert [f'"{number}"' in body for number, (_, _, body) in enumerate(quarantine(path), 3)] == [True] * 5
    assert MOST_QUARANTINED > 100


ANY = st.text(st.characters(), max_size=20)
RECORDS = st.one_of(
    st.builds(
        Observation,
        witness=st.builds(Witness, st.sampled_from(["m", "", "é"]), ANY),
        server=st.sampled_from([ServerId("s1"), ServerId("s2"), ServerId("")]),
        leg=st.sampled_from(Leg),
        state=st.sampled_from(State),
        at=st.integers(-(2**61), 2**61).map(Instant),
        reason=ANY,
        noticed_at=st.none() | st.integers(-(2**57), 2**57).map(Instant),
    ),
    st.builds(
        Event,
        source=ANY,
        key=ANY,
        type=ANY,
        at=st.integers(-(2**57), 2**57).map(Instant),
        server=st.none() | st.sampled_from([ServerId("s1"), ServerId("s2")]),
        user=ANY,
        text=ANY,
        recorded_at=st.just(AT),
    ),
)


@settings(max_examples=400)
@given(RECORDS)
def test_the_gate_lets_in_what_the_reader_takes_and_nothing_else(record: Record) -> None:
    gate, judging, reading = EntryGate(), EvidenceReader(), EvidenceReader()
    for reader in (judging, reading):
        for known in (CLIENT, SERVER):
            assert reader.read(encode(known).encode()) is not None
    gate.judge_by(judging)
    lines, quarantined = gate.admitted([Entry(record=record)])
    try:
        taken = reading.read(encode(record).encode())
    except (OverflowError, UnicodeEncodeError):
        taken = None
    assert (len(lines), len(quarantined)) == ((1, 0) if taken is not None else (0, 1))


SERVERS = st.builds(
    Server,
    id=st.sampled_from(["s1", "s2", "shop", "", 5]) | ANY,
    name=ANY | st.sampled_from([5, None, "A" * LONGEST_WRITTEN]),
    client=st.sampled_from(["acme", "acme", "nobody", ""]),
    solution=st.none() | st.sampled_from(["shop", "s2", "", 5]) | ANY,
    in_service_from=st.just(AT) | st.integers(-(2**57), 2**57) | st.sampled_from([1.5, None, True]),
    in_service_until=st.none() | st.just(AT) | st.integers(-(2**57), 2**57),
    legs=st.lists(st.sampled_from([*Leg, Leg.RUNNING.value, "disk"]), max_size=3).map(tuple),
    observer=st.just("m") | ANY,
    recorded_at=st.integers(AT - 1, AT + 2) | st.just(2**57),
    recorded_by=st.just("slad") | ANY,
    extra=st.sampled_from([(), (), (("provisional", "true"),), (("id", '"s9"'),), (("x", "nan"),)]),
)
"""Sound ones, and some that nothing but a defect could make."""


@settings(max_examples=400)
@given(st.lists(st.tuples(st.lists(SERVERS | RECORDS, max_size=5), st.booleans()), max_size=3))
def test_the_gate_admits_what_the_reader_admits_of_servers_one_after_the_other(
    batches: list[tuple[list[Record], bool]],
) -> None:
    gate, judging, reading = EntryGate(), EvidenceReader(), EvidenceReader()
    for reader in (judging, reading):
        assert reader.read(encode(CLIENT).encode()) is not None
    gate.judge_by(judging)
    for records, lands in batches:
        lines, quarantined = gate.admitted(batch(*records).entries)
        problems = [_problem_of(record, reading) for record in records]
        assert [each.place for each in quarantined] == [at for at, problem in enumerate(problems) if problem]
        assert all(
            each.problem == problems[each.place] for each in quarantined if problems[each.place] != "?"
        )
        assert lines == [encode(record) for record, why in zip(records, problems, strict=True) if not why]
        for judge in (gate, reading):
            judge.keep() if lands else judge.take_back()
    assert (judging.recorded_at, judging.faults) == (reading.recorded_at, [])


def _problem_of(record: Record, reader: EvidenceReader) -> str | None:
    """Why a reader would not take the line of a record; "?" where it has none."""
    try:
        line = encode(record).encode()
    except Exception:  # noqa: BLE001  whatever it is, nobody can read it
        return "?"
    return reader.admit(line)


# What older ledgers hold


def older(path: Path) -> Path:
    """A ledger as the first version made it, with a text that no ledger takes any more."""
    written(path, 2)
    with contextlib.closing(sqlite3.connect(path)) as db:
        drop = [
            f"DROP TABLE {table}"
            for table in ("sealed", "document", "trace", "request", "object", "quarantine")
        ]
        for statement in (*drop, "PRAGMA user_version = 1"):
            db.execute(statement)
    assert len(MIGRATIONS) == 5
    return path


def test_an_older_ledger_gets_a_quarantine_and_keeps_its_copy(path: Path) -> None:
    with closing(opened(older(path))) as ledger:
        assert batches_in(ledger.replay()) == {0: [0, 1, 2], 1: [0, 1, 2]}
    assert quarantine(path) == []
    assert path.with_name("ledger.db.before-v2").exists()


def test_a_text_as_long_as_vcenter_told_it_is_read_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = replace(EVENT, text="QUFB" * 800_000)
    store = Store.open(path, make=True)
    with monkeypatch.context() as patched:
        patched.setattr(
            EntryGate, "admitted", lambda _, entries: ([encode(each.record) for each in entries], [])
        )
        store.write(store.plan(batch(CLIENT, SERVER, long), EntryGate()))
    store.close()
    with closing(opened(path)) as ledger:
        reader = EvidenceReader()
        read = [reader.read(body.encode()) for _, body, _ in ledger.replay()]
    assert read[2] == long


async def test_a_batch_of_nothing_but_bad_records_moves_the_watermarks(path: Path) -> None:
    ledger = opened(path)
    replayed(ledger)
    head = await ledger.commit(replace(batch_of(0, 3), lags=[], seal=False))
    assert (head.seq, len(ledger.quarantined)) == (0, 3)
    assert ledger.watermarks
    assert list(ledger.replay()) == []
    await ledger.close()


async def test_a_ledger_that_is_closed_lets_nothing_in(path: Path) -> None:
    ledger = opened(path)
    await ledger.close()
    with pytest.raises((LedgerFaultError, RuntimeError)):
        await ledger.commit(batch(CLIENT))
