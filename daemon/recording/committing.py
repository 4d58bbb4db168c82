"""Making things durable: batches one after another, each again on a new handle until it lands, and then into the book.

A commit that fails stops all publishing; the same batch is tried again, while the watches wait with what they see, until
it lands or `GIVE_UP_S` have passed: then the process ends, for systemd to start another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import structlog

from daemon.clock import Clock
from daemon.ledger import Batch, Entry, Ledger, LedgerFaultError, let_in
from daemon.metrics.process import ProcessMetrics
from daemon.pacing import for_good, paced
from daemon.recording.recollection import Recollection
from daemon.records.idempotency import AskedDraft, NumberedDraft
from daemon.records.refusals import NOTHING_RECORDED, NotRecordingError
from sla.instants import SECOND, Instant
from sla.records import Blind
from sla.texts import cleaned

RETRY_S: Final = 2.0
GIVE_UP_S: Final = 60.0
MOST_TOLD: Final = 10
"""How many records of one batch the log tells of that the ledger did not let in."""
TOLD_BYTES: Final = 300
"""And how much of each."""
ANSWER_S: Final = 10.0
"""How long people wait for a commit before they are told that it is late."""

_log = structlog.get_logger()


class OwnBatch(NamedTuple):
    """A batch of the daemon's own that waits for its turn."""

    make: Callable[[Instant], Awaitable[Batch]]
    committed: asyncio.Event


class AskedRecords(NamedTuple):
    """Records that somebody waits for."""

    make: Callable[[Instant], AskedDraft]
    recorded: asyncio.Future[NumberedDraft]


class Committer:
    """The one way into the ledger and the book. Invariant: between two commits the book is what the ledger holds."""

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: Ledger,
        recollection: Recollection,
        metrics: ProcessMetrics,
        on_waiting: Callable[[], None],
        on_fault: Callable[[], None],
        on_committed: Callable[[], None],
    ) -> None:
        """`on_waiting`: called when something waits to be committed; `on_fault`: after each commit that failed; `on_committed`:
        after each that is durable.
        """
        self.fault = ""
        """Why the ledger takes no records now; empty while it does."""
        self.held = ""
        """Why nothing may be committed for now though the ledger takes records; empty while it may."""
        self.quarantined: tuple[Instant, str] | None = None
        """When the ledger last did not let a record in, and why; None where it never did."""
        self.head_in_book = ledger.head
        """The record up to which the book has taken the ledger; the ledger's own is ahead while a batch is being taken."""
        self.committed_at: Instant | None = None
        """When a batch last became durable in this process."""
        self._clock = clock
        self._ledger = ledger
        self._recollection = recollection
        self._metrics = metrics
        self._on_waiting = on_waiting
        self._on_fault = on_fault
        self._on_committed = on_committed
        self._waiting: list[OwnBatch | AskedRecords] = []
        """In the order in which they came; how many requests wait at once is bounded by the doors."""
        self._under_way: AskedRecords | None = None
        """The request whose commit was begun."""
        self._is_finishing = False

    def finish(self) -> None:
        """Take no more requests, and try no commit again that fails."""
        self._is_finishing = True

    def hold(self, why: str) -> None:
        """Refuse requests from now on, because of `why`; what the daemon itself wants waits. Empty: go on."""
        self.held = why
        if why:
            self._send_requests_away(why)

    def change(self, make: Callable[[Instant], Awaitable[Batch]]) -> None:
        """Have a batch of the daemon's own made and committed with the next tick, which comes at once."""
        self._put(make)

    async def writes_next(self) -> bool:
        """Whether the book has all that is on record, and what is committed now comes next: nobody else can have recorded more."""
        return not (self.fault or self.held)

    async def changed(self, make: Callable[[Instant], Awaitable[Batch]]) -> None:
        """As `change`; returns once it is durable."""
        await self._put(make).wait()

    def _put(self, make: Callable[[Instant], Awaitable[Batch]]) -> asyncio.Event:
        own = OwnBatch(make, asyncio.Event())
        self._waiting.append(own)
        self._on_waiting()
        return own.committed

    async def record(self, make: Callable[[Instant], AskedDraft]) -> NumberedDraft:
        """Have what somebody asks for made and committed with the next tick, which comes at once.

        Returns it once it is durable. `make` judges by the book as committed; what it raises keeps it from being recorded
        and is raised here. Raises NotRecordingError while nothing can be committed. Whoever no longer waits has nothing
        recorded, unless its commit was under way.
        """
        if self.fault or self.held or self._is_finishing:
            raise NotRecordingError(f"{NOTHING_RECORDED}: {self._why_not()}")
        request = AskedRecords(make, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._on_waiting()
        try:
            async with asyncio.timeout(ANSWER_S):
                return await request.recorded
        except TimeoutError:
            raise NotRecordingError(f"it may yet be recorded: {self._why_not()}") from None

    async def commit_waiting(self, now: Instant) -> None:
        """Commit what waits, each in a transaction of its own; what comes meanwhile waits for the next tick."""
        for _ in range(len(self._waiting)):
            if not self._waiting:
                return  # a fault sent the requests away
            match self._waiting.pop(0):
                case OwnBatch(make, committed):
                    await self.commit(await make(now))
                    committed.set()
                case AskedRecords() as request:
                    await self._commit_request(request, now)

    async def commit(self, batch: Batch) -> int:
        """Make a batch durable and put it into the book; the number of its first record.

        Once begun it goes on to its end, whoever is cancelled. Raises LedgerFaultError when it is given up.
        """
        return await asyncio.shield(self._commit_and_take(batch))

    async def _commit_request(self, request: AskedRecords, now: Instant) -> None:
        if request.recorded.done():
            return  # nobody waits for it any more
        try:
            asked = request.make(now)
        except Exception as error:  # noqa: BLE001  a request that cannot be judged stops nobody else's
            request.recorded.set_exception(error)
            return
        self._under_way = request
        records = (asked.event(now), *asked.draft.records)
        document = asked.draft.document
        batch = Batch(
            entries=[Entry(record=record) for record in records],
            request=asked.key,
            documents=() if document is None else (document,),
        )
        seq = await self.commit(batch)
        self._under_way = None
        quarantined = self._ledger.quarantined
        if quarantined:
            _refuse(
                request, f"{NOTHING_RECORDED}: the ledger could not be read again: {quarantined[0].problem}"
            )
        elif not request.recorded.done():
            request.recorded.set_result(asked.numbered(seq))

    async def _commit_and_take(self, batch: Batch) -> int:
        began_us = self._clock.monotonic_us()
        first = self._ledger.head.seq + 1
        await self._commit_until_it_lands(batch)
        entries = self._let_in(batch)
        recorded = self._ledger.head.seq + 1 - first
        assert recorded == len(entries) or (batch.seal and recorded > len(entries))
        self._metrics.ledger_commit_duration.observe((self._clock.monotonic_us() - began_us) / SECOND)
        self.committed_at = self._clock.now()
        self._on_committed()
        blind = (entry.record for entry in entries if isinstance(entry.record, Blind))
        self._recollection.book.take_watermarks(
            batch.watermarks, ((lag.witness, lag.start, lag.end) for lag in batch.lags), blind
        )
        self._recollection.register.see(batch.watermarks)
        if batch.request is not None:
            self._recollection.requests.keep(first, batch.request)
        with for_good(len(entries)):
            async for seq, entry in paced(enumerate(entries, first)):
                self._recollection.take(seq, entry.record, entry.settled)
        if batch.seal:
            self._recollection.register.seal()
        self.head_in_book = self._ledger.head
        return first

    def _let_in(self, batch: Batch) -> Sequence[Entry]:
        """The entries that are in the ledger; the others are a defect of ours, counted and told."""
        quarantined = self._ledger.quarantined
        if not quarantined:
            return batch.entries
        self._metrics.ledger_quarantined.inc(len(quarantined))
        self.quarantined = (self._clock.now(), quarantined[-1].problem)
        for each in quarantined[:MOST_TOLD]:
            _log.error("record_quarantined", problem=each.problem, record=cleaned(each.body, TOLD_BYTES))
        return let_in(batch.entries, quarantined)

    async def _commit_until_it_lands(self, batch: Batch) -> None:
        give_up_us = self._clock.monotonic_us() + int(GIVE_UP_S * SECOND)
        while True:
            try:
                await self._ledger.commit(batch)
            except LedgerFaultError as error:
                self._fail(error)
                if self._is_finishing or self._clock.monotonic_us() >= give_up_us:
                    raise
                await asyncio.sleep(RETRY_S)
                if await self._reopened():
                    break
            else:
                break
        if self.fault:
            _log.info("commit_recovered")
            self.fault = ""
        self._metrics.ledger_commits.inc()

    def _fail(self, error: LedgerFaultError) -> None:
        self._metrics.ledger_commit_failures.inc()
        if not self.fault:
            _log.error("commit_failed", message=str(error))
        self.fault = str(error)
        self._send_requests_away(self.fault)
        self._on_fault()

    async def _reopened(self) -> bool:
        """A new handle; whether it shows that the failed batch had landed after all."""
        try:
            return await self._ledger.reopen()
        except LedgerFaultError as error:
            self.fault = str(error)
            return False

    def _send_requests_away(self, why: str) -> None:
        """Nobody has to wait for what may take long: whose commit is under way may yet be recorded, the others not."""
        requests = [waiting for waiting in self._waiting if isinstance(waiting, AskedRecords)]
        self._waiting = [waiting for waiting in self._waiting if isinstance(waiting, OwnBatch)]
        for request in requests:
            _refuse(request, f"{NOTHING_RECORDED}: {why}")
        if self._under_way is not None:
            _refuse(self._under_way, f"it may yet be recorded: {why}")

    def _why_not(self) -> str:
        return (
            self.fault
            or self.held
            or ("slad is about to stop" if self._is_finishing else "the ledger is slow")
        )


def _refuse(request: AskedRecords, why: str) -> None:
    if not request.recorded.done():
        request.recorded.set_exception(NotRecordingError(why))
