"""The monitor's evidence on its way to the store: after the commit, in order, at least once, and never in anybody's way.

The ledger itself is the backlog: what the store has tells where to go on. A store that is away, slow or hostile costs this one
task its time, and nobody else's; what it refuses is tried again, later each time.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Final

import structlog

from daemon.clock import Clock
from daemon.config.config import Config
from daemon.config.hub import HubTable
from daemon.hub.states import HubError, HubState, instance_name
from daemon.ledger import Chained, Ledger, LedgerDamagedError, LedgerError, issued_in
from daemon.metrics.hub import HubMetrics
from daemon.pacing import waited
from sla.instants import SECOND, Instant

if TYPE_CHECKING:
    from daemon.hub.store import HubStore

MOST_AT_ONCE: Final = 2_000
"""Records in one append."""
LEAST_AT_ONCE: Final = 50
"""The same at a store that is too slow for more."""
MOST_BYTES: Final = 4_000_000
"""Of bodies and issued statements in one append, unless a single record has more."""
DOCUMENT_BYTES: Final = 64 * 1024 * 1024
"""Of an issued statement: the store keeps no longer one (`tables-3.sql`)."""
HEARTBEAT_S: Final = 30.0
"""How long the store hears nothing at most, while nothing is committed."""
FIRST_RETRY_S: Final = 1.0
LAST_RETRY_S: Final = 60.0
FINISH_S: Final = 5.0
"""How long a stop has what is left shipped."""
GIVE_UP_S: Final = FINISH_S + 1.0
"""And how long it waits at most."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStanding:
    """How a monitor stands with the store since when, and why. `level_at`: when the store last had all; None while it has."""

    state: HubState
    since: Instant
    why: str
    level_at: Instant | None


class Shipper:
    """Owns the connection to the store. Runs until `finish`, also while no store is configured."""

    def __init__(self, *, clock: Clock, ledger: Ledger, observer: str, metrics: HubMetrics) -> None:
        self._clock = clock
        self._ledger = ledger
        self._observer = observer
        self._instance = instance_name()
        self._metrics = metrics
        self._table: HubTable | None = None
        self._store: HubStore | None = None
        self._is_finishing = False
        self._wake = asyncio.Event()
        """Something was committed, or is to be followed."""
        self._turned = asyncio.Event()
        """There is another configuration, or the end."""
        self._at_once = MOST_AT_ONCE
        self._failures = 0
        """In a row."""
        self._state: HubState | None = None
        self._state_since = Instant(0)
        self._why = ""
        self._has: int | None = None
        """The number of the last record that the store is known to have."""
        self._level_us = clock.monotonic_us()
        """When the store last had all, by the monotonic clock."""
        metrics.measure_behind(self._behind_records, self._behind_s)

    @property
    def standing(self) -> HubStanding | None:
        """None where no store is configured, or none was tried yet."""
        if self._table is None or self._state is None:
            return None
        behind_us = int(self._behind_s() * SECOND)
        return HubStanding(
            state=self._state,
            since=self._state_since,
            why=self._why,
            level_at=Instant(self._clock.now() - behind_us) if behind_us else None,
        )

    def adopt(self, config: Config) -> None:
        self.follow(config.hub)

    def follow(self, table: HubTable | None) -> None:
        """Ship there from now on; None: nowhere."""
        if table != self._table:
            self._table = table
            self._state, self._has, self._level_us = None, None, self._clock.monotonic_us()
            self._metrics.forget()
            self._turn()

    def wake(self) -> None:
        """Something was committed: it can be shipped now."""
        self._wake.set()

    def finish(self) -> None:
        """Have `run` ship what is left, for `FINISH_S` at most, and return."""
        self._is_finishing = True
        self._turn()
        asyncio.get_running_loop().call_later(FINISH_S, self._cut_off)

    async def run(self) -> None:
        while not (self._is_finishing and (self._table is None or self._failures)):
            self._turned.clear()
            if self._table is None:
                await self._turned.wait()
                continue
            pause_s = await self._tried(self._table)
            if self._is_finishing:
                return
            await waited(self._turned, pause_s)

    async def _tried(self, table: HubTable) -> float:
        """Ship to a store for as long as it goes well; how long to wait then."""
        try:
            await self._ship_to(table)
        except HubError as error:
            self._fail(error)
        except LedgerError as error:
            self._fail(HubError(HubState.LEDGER_UNREADABLE, str(error)))
        except Exception as error:  # noqa: BLE001  whatever it is, the monitor goes on
            _log.exception("hub_shipping_failed")
            self._fail(HubError(HubState.FAILED, f"A defect of slad keeps it from shipping: {error!r}."))
        else:
            return 0.0
        return min(FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 10), LAST_RETRY_S)

    async def _ship_to(self, table: HubTable) -> None:
        """Raises HubError, LedgerError; returns when there is another configuration, or the end."""
        from daemon.hub.comparing import agreed, chain_in
        from daemon.hub.store import HubStore

        store = self._store = await HubStore.open(table, self._observer, self._instance)
        try:
            before, head = self._has, self._ledger.head
            self._has = (await agreed(store, self._observer, head, chain_in(self._ledger))).seq
            if before is not None and self._has < before:
                _log.warning("hub_lost_records", acknowledged=before, found=self._has)
            await self._ship_documents(store)
            while self._table is table:
                self._wake.clear()
                is_last = self._is_finishing
                await self._ship_what_is_new(store)
                if is_last:
                    return
                await waited(self._wake, HEARTBEAT_S)
        finally:
            if self._table is not table:  # what this store has says nothing of another
                self._has = None
            self._store = None
            await store.close()

    async def _ship_what_is_new(self, store: "HubStore") -> None:
        """What is committed until now, and then how far witnesses have seen, which rests on it."""
        watermarks = self._ledger.watermarks
        upto = self._ledger.head.seq
        while self._has is not None and self._has < upto:
            self._has = await self._append(store, await self._ledger.read(self._has, self._at_once))
        self._level_us = self._clock.monotonic_us()
        await store.put_watermarks(upto, watermarks)
        self._succeed(store)

    async def _append(self, store: "HubStore", lines: Sequence[Chained]) -> int:
        """The number of the last record that the store has afterwards."""
        lines, documents = await self._parcel(lines)
        try:
            outcome, head = await store.append(lines, documents)
        except HubError as error:
            if error.state is HubState.UNANSWERED:
                self._at_once = max(LEAST_AT_ONCE, self._at_once // 2)
            raise
        if outcome != "appended":
            raise HubError(
                HubState.FAILED,
                f"The store has {head.seq} records, to which {lines[0].seq} and the following were not added: {outcome}. What both"
                " have is compared anew.",
            )
        self._at_once = min(MOST_AT_ONCE, 2 * self._at_once)
        self._metrics.shipped.inc(len(lines))
        self._succeed(store)
        return head.seq

    async def _ship_documents(self, store: "HubStore") -> None:
        """The bytes of statements whose records the store has without them: it did not keep any then, or they came here later."""
        for seq in await store.bare():
            lines, documents = await self._parcel(await self._ledger.read(seq - 1, 1))
            if documents:
                await store.append(lines, documents)

    async def _parcel(self, lines: Sequence[Chained]) -> tuple[Sequence[Chained], Sequence[bytes]]:
        """As many of the lines as may go together, at least one, and the bytes of the statements that they issue."""
        documents: list[bytes] = []
        size = 0
        for number, line in enumerate(lines):
            document = await self._issued_by(line)
            size += len(line.body) + len(document or b"")
            if number and size > MOST_BYTES:
                return lines[:number], documents
            if document is not None:
                documents.append(document)
        return lines, documents

    async def _issued_by(self, line: Chained) -> bytes | None:
        """The bytes of the statement that a line issues; None where there are none that the store would keep."""
        digest = issued_in(line.body)
        if digest is None:
            return None
        try:
            document = await self._ledger.document(digest)
        except LedgerDamagedError as error:
            _log.error("statement_not_shipped", sha256=digest, message=str(error))
            return None
        if document is not None and len(document) > DOCUMENT_BYTES:
            _log.warning("statement_not_shipped", sha256=digest, message=f"it has {len(document):,} bytes")
            return None
        return document

    def _succeed(self, store: "HubStore") -> None:
        self._failures = 0
        self._metrics.last_success.set(self._clock.now() / SECOND)
        if store.is_shared:
            self._stand(
                HubState.SHARED_NAME,
                f"Another monitor goes by the observer name {self._observer}, and its records are mixed up with these: give one of"
                " them another observer name.",
            )
        else:
            self._stand(HubState.SHIPPING, "")

    def _fail(self, error: HubError) -> None:
        self._failures += 1
        self._metrics.failed(error.state.value)
        self._stand(error.state, str(error))

    def _stand(self, state: HubState, why: str) -> None:
        if state is not self._state:
            if state is HubState.SHIPPING:
                _log.info("hub_reached", behind_records=self._behind_records())
            else:
                _log.warning("hub_not_reached", state=state.value, message=why)
            self._state, self._state_since = state, self._clock.now()
            self._metrics.show_state(state.value, (each.value for each in HubState))
        self._why = why

    def _turn(self) -> None:
        self._turned.set()
        self._wake.set()

    def _cut_off(self) -> None:
        if self._store is not None:
            self._store.cut_off()

    def _behind_records(self) -> float:
        if self._table is None:
            return 0
        return nan if self._has is None else max(0, self._ledger.head.seq - self._has)

    def _behind_s(self) -> float:
        is_level = self._table is None or self._has == self._ledger.head.seq
        return 0.0 if is_level else (self._clock.monotonic_us() - self._level_us) / SECOND
