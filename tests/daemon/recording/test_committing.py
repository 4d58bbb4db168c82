"""What waits is committed in its order; a ledger that fails is tried again, and nobody waits for it in vain."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from daemon.ledger import Batch, Entry, Head, LedgerFaultError, Quarantined, let_in
from daemon.metrics import ProcessMetrics
from daemon.recording.committing import ANSWER_S, GIVE_UP_S, RETRY_S, Committer
from daemon.recording.recollection import Recollection
from daemon.records.idempotency import (
    AskedDraft,
    Draft,
    NumberedDraft,
    RequestIdentity,
)
from daemon.records.refusals import NotRecordingError
from sla.instants import SECOND, Instant, parse_instant
from sla.records import CancellationNotice, ClientId, Record, SolutionId
from tests import virtual
from tests.daemon.monitor import policy

START = parse_instant("2026-03-10T12:00:00Z")


def notice(name: str) -> CancellationNotice:
    return CancellationNotice(
        client=ClientId("acme"),
        solution=SolutionId(name),
        given_at=START,
        recorded_at=START,
        recorded_by="test",
    )


def numbered(seq: int, name: str) -> NumberedDraft:
    """It, after the event that names who asked for it."""
    return NumberedDraft(seq, Draft.of(notice(name)))


class Disk:
    """A ledger in memory that fails as often as it is told to. A commit takes `slow_s`."""

    def __init__(self) -> None:
        self.head = Head(0, b"")
        self.quarantined: tuple[Quarantined, ...] = ()
        self.records: list[Record] = []
        self.failures = 0
        self.slow_s = 0.0
        self.lands_although_it_failed = False
        self._doubtful: Batch | None = None

    async def commit(self, batch: Batch) -> Head:
        await asyncio.sleep(self.slow_s)
        if self.failures:
            self.failures -= 1
            self._doubtful = batch
            raise LedgerFaultError("disk full")
        return self._landed(batch)

    async def reopen(self) -> bool:
        if self.lands_although_it_failed and self._doubtful is not None:
            self._landed(self._doubtful)
            return True
        return False

    def _landed(self, batch: Batch) -> Head:
        names = [getattr(entry.record, "solution", "") for entry in batch.entries]
        self.quarantined = tuple(
            Quarantined(place=place, problem="it is odd", body="{}")
            for place, name in enumerate(names)
            if name == "odd" or (batch.request is not None and "odd" in names)
        )
        self.records += [entry.record for entry in let_in(batch.entries, self.quarantined)]
        self.head = Head(len(self.records), b"")
        return self.head


class LoopClock:
    """The loop's time."""

    def now(self) -> Instant:
        return Instant(START + self.monotonic_us())

    def monotonic_us(self) -> int:
        return int(asyncio.get_running_loop().time() * SECOND)

    def boottime_us(self) -> int:
        return self.monotonic_us()


class Office:
    """A committer, its disk, and what it told others."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.recollection = Recollection("mon", policy())
        self.book = self.recollection.book
        self.wakes = self.faults = 0
        self.families = CollectorRegistry()
        self.committer = Committer(
            clock=LoopClock(),
            ledger=self.disk,  # type: ignore[arg-type]  # as far as it is asked
            recollection=self.recollection,
            metrics=ProcessMetrics(self.families),
            on_waiting=self._wake,
            on_fault=self._fail,
            on_committed=lambda: None,
        )

    def _wake(self) -> None:
        self.wakes += 1

    def _fail(self) -> None:
        self.faults += 1

    def names(self) -> list[str]:
        return [record.solution for record in self.disk.records if isinstance(record, CancellationNotice)]

    def change(self, name: str) -> None:
        async def make(now: Instant) -> Batch:
            return Batch(entries=[Entry(record=notice(name))])

        self.committer.change(make)

    async def record(self, name: str) -> NumberedDraft | str:
        """What came of it; the message of a refusal."""

        def make(now: Instant) -> AskedDraft:
            if name == "bad":
                raise ValueError("it cannot be judged")
            return AskedDraft(RequestIdentity("me", name, ""), "POST /", Draft.of(notice(name)))

        try:
            return await self.committer.record(make)
        except (NotRecordingError, ValueError) as error:
            return str(error)


async def tick(office: Office) -> None:
    await asyncio.sleep(0)  # whoever asks has asked
    await office.committer.commit_waiting(START)


def test_changes_and_requests_are_committed_in_the_order_in_which_they_came() -> None:
    async def play() -> None:
        office = Office()
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(office.record("a"))
            await asyncio.sleep(0)
            office.change("b")
            bad = tasks.create_task(office.record("bad"))
            last = tasks.create_task(office.record("c"))
            await tick(office)
        assert office.names() == ["a", "b", "c"]
        assert (first.result(), bad.result(), last.result()) == (
            numbered(2, "a"),
            "it cannot be judged",
            numbered(5, "c"),
        )
        assert office.wakes == 4
        assert {solution for solution, _ in office.book.evidence.notices} == {"a", "b", "c"}

    virtual.run(play())


def test_what_the_ledger_does_not_let_in_is_told_and_is_not_in_the_book() -> None:
    async def play() -> None:
        office = Office()
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(office.record("odd"))
            good = tasks.create_task(office.record("c"))
            await tick(office)
        assert "could not be read again: it is odd" in str(asked.result())
        assert good.result() == numbered(2, "c")
        assert office.committer.quarantined == (START, "it is odd")
        first = await office.committer.commit(
            Batch(entries=[Entry(record=notice(name)) for name in ("d", "odd", "e")])
        )
        assert (first, office.names()) == (3, ["c", "d", "e"])
        assert {solution for solution, _ in office.book.evidence.notices} == {"c", "d", "e"}
        count = office.families.get_sample_value("slad_ledger_quarantined_records_total")
        assert count == 3, "with it the event that named who asked for it"

    virtual.run(play())


def test_what_is_asked_during_a_commit_waits_for_the_next_tick() -> None:
    async def play() -> None:
        office = Office()
        office.disk.slow_s = 1.0
        office.change("a")
        async with asyncio.TaskGroup() as tasks:
            ticking = tasks.create_task(tick(office))
            await asyncio.sleep(0.5)
            later = tasks.create_task(office.record("b"))
            await ticking
            assert office.names() == ["a"]
            await tick(office)
            assert await later == numbered(3, "b")

    virtual.run(play())


def test_a_fault_sends_people_away_at_once_and_the_batch_lands_later() -> None:
    async def play() -> None:
        office = Office()
        office.disk.failures = 2
        async with asyncio.TaskGroup() as tasks:
            under_way = tasks.create_task(office.record("a"))
            behind = tasks.create_task(office.record("b"))
            ticking = tasks.create_task(tick(office))
            assert await under_way == "it may yet be recorded: disk full"
            assert await behind == "nothing was recorded: disk full"
            assert await office.record("c") == "nothing was recorded: disk full"
            assert asyncio.get_running_loop().time() < RETRY_S
            await ticking
        assert (office.names(), office.committer.fault, office.faults) == (["a"], "", 2)
        assert asyncio.get_running_loop().time() == pytest.approx(2 * RETRY_S)

    virtual.run(play())


def test_a_batch_that_landed_although_its_commit_failed_is_not_committed_again() -> None:
    async def play() -> None:
        office = Office()
        office.disk.failures, office.disk.lands_although_it_failed = 1, True
        assert await office.committer.commit(Batch(entries=[Entry(record=notice("a"))])) == 1
        assert (office.names(), office.committer.fault) == (["a"], "")
        assert {solution for solution, _ in office.book.evidence.notices} == {"a"}

    virtual.run(play())


def test_a_ledger_that_stays_broken_is_given_up() -> None:
    async def play() -> None:
        office = Office()
        office.disk.failures = 1000
        office.change("a")
        with pytest.raises(LedgerFaultError, match="disk full"):
            await tick(office)
        assert asyncio.get_running_loop().time() == pytest.approx(GIVE_UP_S)

    virtual.run(play())


def test_at_the_end_nothing_is_tried_again_and_nobody_is_taken_any_more() -> None:
    async def play() -> None:
        office = Office()
        office.committer.finish()
        assert await office.record("a") == "nothing was recorded: slad is about to stop"
        office.disk.failures = 1
        with pytest.raises(LedgerFaultError):
            await office.committer.commit(Batch())
        assert asyncio.get_running_loop().time() < RETRY_S

    virtual.run(play())


def test_who_has_waited_for_too_long_is_told_that_it_may_yet_be_recorded() -> None:
    async def play() -> None:
        office = Office()
        assert await office.record("a") == "it may yet be recorded: the ledger is slow"
        assert asyncio.get_running_loop().time() == pytest.approx(ANSWER_S)
        await tick(office)
        assert office.names() == [], "nobody waits for it any more"

    virtual.run(play())


def test_a_commit_goes_on_though_whoever_began_it_is_cancelled() -> None:
    async def play() -> None:
        office = Office()
        office.disk.slow_s = 1.0
        async with asyncio.TaskGroup() as tasks:
            committing = tasks.create_task(
                office.committer.commit(Batch(entries=[Entry(record=notice("a"))]))
            )
            await asyncio.sleep(0.5)
            committing.cancel()
            await asyncio.sleep(1.0)
        assert office.names() == ["a"]
        assert {solution for solution, _ in office.book.evidence.notices} == {"a"}

    virtual.run(play())


def test_what_is_held_refuses_requests_and_keeps_what_the_daemon_itself_wants() -> None:
    async def play() -> None:
        office = Office()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(office.record("waits"))
            await asyncio.sleep(0)
            office.change("own")
            office.committer.hold("the clock is in doubt")
            assert await waiting == "nothing was recorded: the clock is in doubt"
        assert await office.record("later") == "nothing was recorded: the clock is in doubt"
        assert office.names() == []
        office.committer.hold("")
        await tick(office)
        assert office.names() == ["own"]

    virtual.run(play())
