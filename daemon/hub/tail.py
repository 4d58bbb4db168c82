"""What arrives in the store, in its order and without a gap, whatever becomes of the connection; and who is the active hub.

Invariants: what was given out is followed by the line that arrived next. How far witnesses have seen is given out with the last
of the lines on which it rests, never before. The lock of the active hub is that of the session that reads and writes.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Never

import structlog

from daemon.clock import Clock
from daemon.config.hub import HubTable
from daemon.hub.own_end import OwnEnd
from daemon.hub.schema import HUB
from daemon.hub.session import IDLE_S, Arrived, HubSession, LastLine
from daemon.hub.states import HubError, HubState, instance_name
from daemon.ledger import Chained, Head, LedgerDamagedError, LedgerFaultError, RequestKey
from daemon.metrics.hub import TailMetrics
from daemon.pacing import waited
from sla.decoding import LineError, parse_line
from sla.instants import MINUTE, SECOND, Instant
from sla.records import ServerId, Witness

MOST_AT_ONCE: Final = 2_000
"""Lines that are asked for at once."""
MOST_HELD: Final = 20_000
"""Lines that wait to be taken: then the store has to wait."""
AHEAD_US: Final = MINUTE
"""How far ahead of this hub's clock a monitor's may be, for what it tells of how far it sees to be believed."""
POLL_S: Final = 0.5
"""How often the store is asked for what is new; far below the time after which it ends a session that is idle."""
FIRST_RETRY_S: Final = 0.5
LAST_RETRY_S: Final = 2.0
"""A takeover waits for this at most, besides what the store needs to notice that a session has gone."""

_SERVER: Final = '{"kind":"server",'

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
    heads: Mapping[str, Head] = field(default_factory=dict)
    """The last record of each ledger where there are no more to come: all up to it was given out, as far as it is the shard's."""
    earlier: Mapping[int, Sequence[Arrived]] = field(default_factory=dict)
    """By the arrival of a record that makes a server that of another client: all lines of that server before it."""


class Tail:
    """Owns the session with the store. `run` it for ever; nothing waits for the store but who asks it to write or to read."""

    def __init__(
        self,
        *,
        clock: Clock,
        table: HubTable,
        metrics: TailMetrics,
        on_backlog: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_backlog`: there is so much to take that it ought not to wait for a tick."""
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
        self._on_backlog = on_backlog
        self._session: HubSession | None = None
        self._held: list[Arrived] = []
        self._keys: dict[int, RequestKey] = {}
        self._earlier: dict[int, Sequence[Arrived]] = {}
        self._seen: Seen | None = None
        self._heads: Mapping[str, Head] = {}
        self._disbelieved: frozenset[Witness] = frozenset()
        """The witnesses that cannot have seen as far as the store has it."""
        self._after = 0
        """The number of the last line that came, given out or held."""
        self._last_lines: dict[str, LastLine] = {}
        """Where the last line of each ledger is that came."""
        self._own_end = OwnEnd()
        self._newest = 0
        """The number of the last line that is known to have arrived."""
        self._passed = 0
        """Up to which there is nothing more for this shard."""
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
        return max(0, self._newest - max(self._after, self._passed)) + len(self._held)

    @property
    def behind_s(self) -> float:
        """How long ago all that had arrived was here."""
        return (self._clock.monotonic_us() - self._level_us) / SECOND

    def go_on_after(self, last_lines: Mapping[str, LastLine]) -> None:
        """Give out only what arrived after these last lines of ledgers; before `run`."""
        self._last_lines.update(last_lines)
        self._after = max((last.arrival for last in last_lines.values()), default=0)

    def take(self) -> Arrivals:
        """What came since this was last asked."""
        lines, keys, earlier, seen = self._held, self._keys, self._earlier, self._seen
        self._held, self._keys, self._earlier, self._seen = [], {}, {}, None
        self.is_level = seen is not None or (not lines and self.is_level)
        self._wake.set()
        heads = {} if seen is None else self._heads
        return Arrivals(lines=lines, keys=keys, seen=seen, heads=heads, earlier=earlier)

    async def append(
        self, lines: Sequence[Chained], key: RequestKey | None, documents: Sequence[bytes]
    ) -> str:
        """Append to the hub's ledger as the active hub; the outcome as `HubSession.append_as_active` has it. Raises HubError."""
        outcome = await self._asked().append_as_active(lines, key, documents, self._table.shard)
        self._wake.set()
        return outcome

    async def writes_next_after(self, seq: int) -> bool:
        """See `HubSession`; False where the store does not answer."""
        try:
            return await self._asked().writes_next_after(seq, self._table.shard)
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
        """A replica that was promoted may lack lines, or have others in their place; a snapshot may be of another store: then the
        last of some ledger is not where it was. Raises StoreChangedError, HubError.
        """
        lacking = await session.lacking(self._last_lines)
        await self._own_end.bring_back(session)
        if lacking:
            raise StoreChangedError(
                f"The store no longer has {lacking}, as it was: what it has is read anew."
            )

    async def _ask_who_is_active(self, session: HubSession) -> None:
        shard = self._table.shard
        was_active, asked_us = self.is_active, self._clock.boottime_us()
        self._active_until_us = asked_us + IDLE_S * SECOND if await session.is_active(shard) else 0
        self.active_name = self.instance if self.is_active else await session.active_name(shard)
        if self.is_active and not was_active:
            _log.warning("hub_became_active", instance=self.instance)
        elif was_active and not self.is_active:
            _log.warning("hub_became_standby", instance=self.instance, active=self.active_name)

    async def _read_on(self, session: HubSession) -> None:
        """What arrived until now, as far as there is room."""
        # How far was seen first, then the lines: what it rests on has arrived by then.
        seen, heads = self._believed(await session.seen()), await session.heads()
        self._newest = await session.newest_arrival()
        while len(self._held) < MOST_HELD:
            lines = await session.tail(self._after, MOST_AT_ONCE, self._table.shard)
            own = [line.seq for line in lines if line.ledger == HUB]
            await self._own_end.keep_up(session, max([*own, heads[HUB].seq if HUB in heads else 0]))
            if lines:
                earlier = await self._read_earlier(session, lines)
                keys = await session.request_keys(self._after, lines[-1].arrival)
                # Together, without a turn of the loop in between: whoever takes the lines has what belongs to them.
                self._earlier |= earlier
                self._keys |= keys
                self._held += lines
                self._last_lines |= {
                    line.ledger: LastLine(line.arrival, line.seq, line.chain) for line in lines
                }
                self._after, self._seen = lines[-1].arrival, None
                self._newest = max(self._newest, self._after)
            is_all = len(lines) < MOST_AT_ONCE
            if is_all:
                self._seen, self._heads = seen, heads
                self._level_us, self._passed = self._clock.monotonic_us(), self._newest
            if not (is_all and self.is_level):
                self._on_backlog()
            if is_all:
                return

    def _believed(self, seen: Seen) -> Seen:
        """How far was seen, without what cannot be: nobody saw before 1970, or what is yet to come."""
        until = self._clock.now() + AHEAD_US
        odd = {
            witness: at for marks in seen.values() for witness, at in marks.items() if not 0 <= at <= until
        }
        for witness in sorted(odd.keys() - self._disbelieved):
            _log.warning(
                "hub_watermark_not_believed",
                witness=f"{witness.observer}/{witness.source}",
                message=f"it cannot have seen until {odd[witness]} µs after 1970: look at that monitor's clock, and at this hub's",
            )
        self._disbelieved = frozenset(odd)
        return {
            name: {witness: at for witness, at in marks.items() if witness not in odd}
            for name, marks in seen.items()
        }

    async def _read_earlier(
        self, session: HubSession, lines: Sequence[Arrived]
    ) -> dict[int, Sequence[Arrived]]:
        """Of servers that had another client before, what they bring along: a shard has the lines of its own clients alone."""
        if self._table.shard.is_whole:
            return {}
        told: dict[ServerId, int] = {}
        for line in lines:
            if line.body.startswith(_SERVER):
                # One that is no evidence is told of where it is taken.
                with suppress(LineError):
                    said = parse_line(line.body.encode())
                    if self._table.shard.has(str(said.get("client"))):
                        told.setdefault(ServerId(str(said.get("id"))), line.arrival)
        return {
            told[server]: await session.earlier(server, told[server], MOST_AT_ONCE)
            for server in (await session.moved(list(told)) if told else ())
        }

    def _reach(self) -> None:
        if self.fault:
            _log.info("hub_store_reached", behind_records=self.behind_records)
        self.fault, self._state = "", HubState.SHIPPING

    def _lose(self, error: HubError) -> None:
        self._metrics.failed(error.state.value)
        if error.state is not self._state:
            _log.warning("hub_store_lost", state=error.state.value, message=str(error))
        self.fault, self._state = str(error), error.state
