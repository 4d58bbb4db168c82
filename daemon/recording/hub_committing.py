"""What people ask a hub to record, made durable in the hub's own ledger in the store, by the active hub alone.

A record is judged by a book that holds the whole ledger: where the store has more of it by then, nothing is appended, and what
somebody asks for is judged anew once that is here. So a monitor may be retired (`daemon.hub.retiring`) at any time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from daemon.clock import Clock
from daemon.hub.merged_ledger import MergedLedger
from daemon.hub.schema import HUB
from daemon.hub.session import next_lines
from daemon.hub.shipping import DOCUMENT_BYTES
from daemon.hub.states import HubError
from daemon.hub.tail import Tail
from daemon.ledger import Batch, RequestKey
from daemon.recording.committing import ANSWER_S, AskedRecords, OwnBatch
from daemon.recording.merging import Merging
from daemon.records.idempotency import AskedDraft, Draft, NumberedDraft
from daemon.records.refusals import NOTHING_RECORDED, FieldFault, NotRecordingError, RefusedError
from sla.evidence import encode
from sla.instants import Instant
from sla.reader import EvidenceReader
from sla.records import ObservedUntil, Record

ARRIVES_S: Final = 5.0
"""How long what was appended may need to come back."""
ATTEMPTS: Final = 8
"""How often a request is judged that others forestall: about as many shards there may be that record at once."""
TOO_FAR_BEHIND_S: Final = 60.0
"""From then on figures are old, and a hub is not ready."""

_log = structlog.get_logger()


class _OvertakenError(NotRecordingError):
    """Nothing was appended: the store has more of the ledger than the book holds."""


class HubCommitter:
    """The one way into the hub's ledger. What it commits comes into the book as all else does: by the tail."""

    def __init__(
        self,
        *,
        clock: Clock,
        tail: Tail,
        ledger: MergedLedger,
        merging: Merging,
        reader: EvidenceReader,
        keep_up: Callable[[], Awaitable[None]],
        on_waiting: Callable[[], None],
    ) -> None:
        """`reader`: which has read what the book holds. `keep_up` takes what arrived; `on_waiting`: something is to be committed."""
        self.held = ""
        """Why nothing may be committed for now though the store takes records; empty while it may."""
        self.committed_at: Instant | None = None
        """When something last became durable by this process."""
        self._clock = clock
        self._tail = tail
        self._ledger = ledger
        self._merging = merging
        self._reader = reader
        self._keep_up = keep_up
        self._on_waiting = on_waiting
        self._waiting: list[AskedRecords | OwnBatch] = []
        self._trouble = ""
        """Why what the hub itself wants could not be committed when it was tried last."""

    @property
    def fault(self) -> str:
        """Why figures are not those of now; empty while they are."""
        behind = self._tail.behind_records
        if self._tail.fault:
            return self._tail.fault
        if not self._merging.has_caught_up:
            return f"the hub reads what the store has: {behind} lines are left"
        if self._tail.behind_s > TOO_FAR_BEHIND_S:
            return f"the hub is {self._tail.behind_s:.0f} s and {behind} lines behind the store"
        return ""

    def why_not(self) -> str:
        """Why nothing can be recorded here now; empty while it can."""
        if self.fault or self.held:
            return self.fault or self.held
        if not self._tail.is_active:
            return f"this hub stands by: {self._tail.active_name or 'another one'} is active, and records"
        return ""

    async def writes_next(self) -> bool:
        """As `Committer`, by what the store says now: whoever was stopped, and lost the lock, does not know it yet."""
        return not self.why_not() and await self._tail.writes_next_after(self._ledger.hub_head.seq)

    async def changed(self, make: Callable[[Instant], Awaitable[Batch]]) -> None:
        """Have records of the hub's own made and committed; returns once they are durable, though it has to be active again first.

        They are made anew for each attempt: one of which nobody knows how it ended may be in the book by the next. Of the
        batch the entries count alone.
        """
        own = OwnBatch(make, asyncio.Event())
        self._waiting.append(own)
        self._on_waiting()
        await own.committed.wait()

    async def record(self, make: Callable[[Instant], AskedDraft]) -> NumberedDraft:
        """Have what somebody asks for made and committed. Raises what `make` raises, and NotRecordingError."""
        why_not = self.why_not()
        if why_not:
            raise NotRecordingError(f"{NOTHING_RECORDED}: {why_not}")
        request = AskedRecords(make, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._on_waiting()
        try:
            async with asyncio.timeout(ANSWER_S):
                return await request.recorded
        except TimeoutError:
            raise NotRecordingError("it may yet be recorded: the store is slow") from None

    async def commit_waiting(self, now: Instant) -> None:
        """Commit what waits, each in a transaction of its own; what the hub itself wants waits on where it fails."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            match each:
                case OwnBatch():
                    await self._commit_own(each, now)
                case AskedRecords() if not each.recorded.done():
                    await self._commit_request(each, now)
                case AskedRecords():
                    pass  # nobody waits for it any more

    async def commit(
        self, records: Sequence[Record], key: RequestKey | None = None, documents: Sequence[bytes] = ()
    ) -> int:
        """Have records in the store's ledger and in the book; the place of the first. Raises NotRecordingError.

        `documents`: the bytes of statements that they issue.
        """
        why_not = self.why_not()
        if why_not:
            raise NotRecordingError(f"{NOTHING_RECORDED}: {why_not}")
        encoded = [encode(record) for record in records]
        self._check(encoded)
        lines = next_lines(self._ledger.hub_head, encoded)
        try:
            outcome = await self._tail.append(lines, key, documents)
        except HubError as error:
            raise NotRecordingError(f"it may yet be recorded: {error}") from error
        if outcome == "passive":
            raise NotRecordingError(
                f"{NOTHING_RECORDED}: {self._tail.active_name or 'another hub'} is active, and records"
            )
        if outcome in ("gap", "diverged"):
            raise _OvertakenError(f"{NOTHING_RECORDED}: the ledger got another record meanwhile")
        assert outcome == "appended", outcome
        self.committed_at = self._clock.now()
        return await self._arrived(lines[0].seq, lines[-1].seq)

    async def seal(self) -> bool:
        """Have the ledger tell how far witnesses have seen; whether it does."""
        unsealed = self._ledger.unsealed()
        if not unsealed:
            return True
        try:
            await self.commit(
                [ObservedUntil(witness=witness, at=at) for witness, at in sorted(unsealed.items())]
            )
        except NotRecordingError:
            return False
        return self._ledger.is_sealed

    async def _commit_own(self, own: OwnBatch, now: Instant) -> None:
        try:
            records = [entry.record for entry in (await own.make(now)).entries]
            if records:
                await self.commit(records)
        except NotRecordingError as error:
            self._waiting.append(own)
            if str(error) != self._trouble:
                self._trouble = str(error)
                _log.warning("hub_did_not_record", message=self._trouble)
        else:
            self._trouble = ""
            own.committed.set()

    async def _commit_request(self, request: AskedRecords, now: Instant) -> None:
        try:
            recorded = await self._recorded(request.make, now)
        except Exception as error:  # noqa: BLE001  a request that cannot be judged stops nobody else's
            if not request.recorded.done():
                request.recorded.set_exception(error)
            return
        if not request.recorded.done():
            request.recorded.set_result(recorded)

    async def _recorded(self, make: Callable[[Instant], AskedDraft], now: Instant) -> NumberedDraft:
        """Make and commit what somebody asks for. Raises what `make` raises, and NotRecordingError."""
        for attempts_left in reversed(range(ATTEMPTS)):
            # One ledger's records are in the order of their instants, whichever hub's clock they are of.
            at = max(now, self._reader.recorded_at.get(HUB, now))
            asked, next_seq = make(at), self._ledger.hub_head.seq + 1
            try:
                place = await self.commit(
                    (asked.event(at), *asked.draft.records), asked.key, _documents(asked.draft)
                )
            except _OvertakenError:
                if not attempts_left or not await self._is_here(next_seq):
                    raise
                now = self._clock.now()
            else:
                return asked.numbered(place)
        raise AssertionError("the last attempt raises")

    def _check(self, lines: Sequence[str]) -> None:
        """Raises NotRecordingError for what could not be read with the rest of the evidence."""
        try:
            for line in lines:
                problem = self._reader.admit(f'{line[:-1]},"ledger":"hub"}}'.encode())
                if problem is not None:
                    raise NotRecordingError(
                        f"{NOTHING_RECORDED}: the store could not be read again: {problem}"
                    )
        finally:
            self._reader.take_back()
            self._reader.keep()

    async def _arrived(self, first: int, last: int) -> int:
        """The place of a record of the hub's ledger, once the book holds it and those after it. Raises NotRecordingError."""
        if not await self._is_here(last):
            raise NotRecordingError("it is recorded, and not back from the store yet")
        return self._ledger.hub_place(first)

    async def _is_here(self, seq: int) -> bool:
        """Wait until the book holds a record of the hub's ledger; whether it does in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ARRIVES_S):
                while self._ledger.hub_head.seq < seq:
                    await asyncio.sleep(0.01)
                    await self._keep_up()
        return self._ledger.hub_head.seq >= seq


def _documents(draft: Draft) -> tuple[bytes, ...]:
    """The bytes of the statement that a draft issues, if it issues one. Raises RefusedError where the store would not keep them."""
    if draft.document is None:
        return ()
    if len(draft.document) > DOCUMENT_BYTES:
        raise RefusedError(
            [
                FieldFault(
                    "",
                    f"it has {len(draft.document):,} bytes, and the store keeps {DOCUMENT_BYTES:,} at most",
                )
            ]
        )
    return (draft.document,)
