"""What arrives in the store, in its order and without a gap, whatever becomes of the connection; and who is the active hub.

Invariants: what was given out is followed by the line that arrived next. How far witnesses have seen is given out with the last
of the lines on which it rests, never before. The lock of the active hub is that of the session that reads and writes.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Never

import structlog

from daemon.clock import Clock
from daemon.config.hub import HubTable
from daemon.hub.schema import HUB
from daemon.hub.session import IDLE_S, Arrived, HubSession
from daemon.hub.states import HubError, HubState, instance_name
from daemon.ledger import Chained, LedgerDamagedError, LedgerFaultError, RequestKey
from daemon.metrics.hub import TailMetrics
from daemon.pacing import waited
from sla.instants import SECOND, Instant
from sla.records import Witness
from sla.texts import cleaned

MOST_AT_ONCE: Final = 2_000
"""Lines that are asked for at once."""
OWN_KEPT: Final = 2_000
"""Lines of the hub's own ledger that are remembered: a replica that is promoted lacks seconds, or minutes."""
MOST_HELD: Final = 20_000
"""Lines that wait to be taken: then the store has to wait."""
TOLD_BYTES: Final = 300
"""How much the log tells of a line that cannot be kept."""
POLL_S: Final = 0.5
"""How often the store is asked for what is new; far below the time after which it ends a session that is idle."""
FIRST_RETRY_S: Final = 0.5
LAST_RETRY_S: Final = 2.0
"""A takeover waits for this at most, besides what the store needs to notice that a session has gone."""

_log = structlog.get_logger()

Seen = Mapping[str, Mapping[Witness, Instant]]
"""By ledger, how far its witnesses have seen."""


class StoreChangedError(Exception):
    """The store no longer has the last line that was taken: whatever rests on it has to be made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Lines that arrived, in order. `seen` rests on them, and on all before; None while there are more to come."""

    lines: Sequence[Arrived]
    keys: Mapping[int, RequestKey]
    """By what the requests of some of the lines are known again, by the arrival of the first of each."""
    seen: Seen | None


class Tail:
    """Owns the session with the store. `run` it for ever; nothing waits for the store but who asks it to write or to read."""

    def __init__(self, *, clock: Clock, table: HubTable, metrics: TailMetrics) -> None:
        self.instance = instance_name()
        self.active_name = ""
        """Which hub has it; "" where nobody is known to."""
        self.fault = "the store was not reached yet"
        """Why the store cannot be read now; empty while it can."""
        self.is_level = False
        """Whether all that has arrived was given out, when the store was last asked."""
        self._clock = clock
        self._table = table
        self._metrics = metrics
        self._session: HubSession | None = None
        self._held: list[Arrived] = []
        self._keys: dict[int, RequestKey] = {}
        self._seen: Seen | None = None
        self._arrival = 0
        """The number of the last line that came, given out or held."""
        self._lasts: dict[str, Arrived] = {}
        """The same of each ledger, as it came."""
        self._own: deque[tuple[Chained, RequestKey | None]] = deque(maxlen=OWN_KEPT)
        """The last lines of the hub's own ledger, which nobody else could bring back; of the first of a request its key."""
        self._newest = 0
        """The number of the last line that is known to have arrived."""
        self._level_us = clock.monotonic_us()
        """When all that had arrived was here last, by the monotonic clock."""
        self._active_until_us = 0
        """How long this hub has the lock for certain, by the boot clock: until when PostgreSQL ends no session for its silence."""
        self._wake = asyncio.Event()
        self._state: HubState | None = None
        metrics.measure_behind(lambda: self.behind_records, lambda: self.behind_s, lambda: self.is_active)

    @property
    def is_active(self) -> bool:
        """Whether this hub has the lock: it had when it last asked, and that is not so long ago that another may have it.

        A hub that was stopped, or hears nothing of the store, is no longer active then, whatever it was told before.
        """
        return self._clock.boottime_us() < self._active_until_us

    @property
    def behind_records(self) -> int:
        """How many lines are known to have arrived and were not given out."""
        return self._newest - self._arrival + len(self._held)

    @property
    def behind_s(self) -> float:
        """How long ago all that had arrived was here."""
        return (self._clock.monotonic_us() - self._level_us) / SECOND

    def take(self) -> Arrivals:
        """What came since this was last asked."""
        lines, keys, seen = self._held, self._keys, self._seen
        self._held, self._keys, self._seen = [], {}, None
        self.is_level = seen is not None or (not lines and self.is_level)
        self._wake.set()
        return Arrivals(lines=lines, keys=keys, seen=seen)

    async def append(
        self, lines: Sequence[Chained], key: RequestKey | None, documents: Sequence[bytes]
    ) -> str:
        """Append to the hub's ledger as the active hub; the outcome as `HubSession.append_as_active` has it. Raises HubError."""
        outcome = await self._asked().append_as_active(lines, key, documents)
        self._wake.set()
        return outcome

    async def writes_next_after(self, seq: int) -> bool:
        """See `HubSession`; False where the store does not answer."""
        try:
            return await self._asked().writes_next_after(seq)
        except HubError:
            return False

    async def document(self, sha256: str) -> bytes | None:
        """The bytes of an issued statement, by their hash; None where the store has none. Raises LedgerFaultError, LedgerDamagedError."""
        try:
            found = await self._asked().document(sha256)
        except HubError as error:
            raise LedgerFaultError(str(error)) from error
        if found is not None and hashlib.sha256(found).hexdigest() != sha256:
            raise LedgerDamagedError(
                f"The store's bytes of the issued statement of SHA-256 {sha256} were changed. Look for who changed them, and restore"
                " the table slad.document from a backup."
            )
        return found

    async def read(self, after: int, limit: int) -> list[Chained]:
        """At most so many lines that arrived after a number. Raises LedgerFaultError."""
        try:
            found = await self._asked().tail(after, limit)
        except HubError as error:
            raise LedgerFaultError(str(error)) from error
        return [Chained(line.seq, line.body, line.chain, line.ledger, line.arrival) for line in found]

    def _asked(self) -> HubSession:
        """The session. Raises HubError."""
        if self._session is None:
            raise HubError(HubState.UNREACHABLE, self.fault)
        return self._session

    async def run(self) -> Never:
        """Follow the store. Raises StoreChangedError."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                await self._follow()
            except HubError as error:
                retry_s = FIRST_RETRY_S if not self.fault else min(2 * retry_s, LAST_RETRY_S)
                self._lose(error)
            await asyncio.sleep(retry_s)

    async def _follow(self) -> None:
        """Raises HubError, StoreChangedError."""
        session = await HubSession.open(self._table, HUB, self.instance)
        try:
            await self._check_it_goes_on(session)
            self._session = session
            while True:
                await self._ask_who_is_active(session)
                await self._read_on(session)
                self._reach()
                await waited(self._wake, POLL_S)
                self._wake.clear()
        finally:
            self._session, self._active_until_us = None, 0
            await session.close()

    async def _check_it_goes_on(self, session: HubSession) -> None:
        """A replica that was promoted may lack lines, or have others in their place: then the last of some ledger is not where it
        was. Raises StoreChangedError, HubError.
        """
        for last in self._lasts.values():
            if await session.tail(last.arrival - 1, 1) != [last]:
                await self._bring_back(session)
                raise StoreChangedError(
                    f"The store no longer has line {last.arrival}, record {last.seq} of ledger {last.ledger}, as it was: what it has"
                    " is read anew."
                )

    async def _bring_back(self, session: HubSession) -> None:
        """Append again what the store lost of the hub's own ledger, as monitors do with theirs; what has another record in its
        place by now is told. Raises HubError.

        It is what the store had, or nothing: so a hub may do it that stands by, and the active one as well.
        """
        for lines, key in _requests(await self._lost(session)):
            outcome = await session.append_as_active(lines, key)
            if outcome == "passive":
                outcome, _ = await session.append(lines)
            if outcome == "appended":
                _log.warning("hub_brought_back_records", first=lines[0].seq, last=lines[-1].seq)
            else:
                for line in lines:
                    _log.error("hub_lost_record", seq=line.seq, record=cleaned(line.body, TOLD_BYTES))

    async def _lost(self, session: HubSession) -> Sequence[tuple[Chained, RequestKey | None]]:
        """The last lines of the hub's own ledger that the store no longer has."""
        count = 0
        for line, _ in reversed(self._own):
            if await session.chain_of(line.seq) == line.chain:
                break
            count += 1
        return list(self._own)[len(self._own) - count :]

    async def _ask_who_is_active(self, session: HubSession) -> None:
        was_active, asked_us = self.is_active, self._clock.boottime_us()
        self._active_until_us = asked_us + IDLE_S * SECOND if await session.is_active() else 0
        self.active_name = self.instance if self.is_active else await session.active_name()
        if self.is_active and not was_active:
            _log.warning("hub_became_active", instance=self.instance)
        elif was_active and not self.is_active:
            _log.warning("hub_became_standby", instance=self.instance, active=self.active_name)

    async def _read_on(self, session: HubSession) -> None:
        """What arrived until now, as far as there is room."""
        # How far was seen first, then the lines: what it rests on has arrived by then.
        seen = await session.seen()
        self._newest = await session.newest_arrival()
        while len(self._held) < MOST_HELD:
            lines = await session.tail(self._arrival, MOST_AT_ONCE)
            if lines:
                keys = await session.request_keys(self._arrival)
                self._keys |= keys
                self._held += lines
                self._lasts |= {line.ledger: line for line in lines}
                self._own += [
                    (Chained(line.seq, line.body, line.chain), keys.get(line.arrival))
                    for line in lines
                    if line.ledger == HUB
                ]
                self._arrival, self._seen = lines[-1].arrival, None
                self._newest = max(self._newest, self._arrival)
            if len(lines) < MOST_AT_ONCE:
                self._seen, self._level_us = seen, self._clock.monotonic_us()
                return

    def _reach(self) -> None:
        if self.fault:
            _log.info("hub_store_reached", behind_records=self.behind_records)
        self.fault, self._state = "", HubState.SHIPPING

    def _lose(self, error: HubError) -> None:
        self._metrics.failed(error.state.value)
        if error.state is not self._state:
            _log.warning("hub_store_lost", state=error.state.value, message=str(error))
        self.fault, self._state = str(error), error.state


def _requests(
    lines: Iterable[tuple[Chained, RequestKey | None]],
) -> list[tuple[list[Chained], RequestKey | None]]:
    """Lines that follow each other, those of a request together."""
    found: list[tuple[list[Chained], RequestKey | None]] = []
    for line, key in lines:
        if key is not None or not found:
            found.append(([], key))
        found[-1][0].append(line)
    return found
