"""The daemon in the past: all that records, on a clock that is set by hand, without doors.

It is wired as the running daemon is, and watches the simulated vCenter through the same watch over loopback. That one looks when
something happens; so whoever lets time pass has something happen. The rounds of the Internet leg, one every two seconds, would be
two million in six weeks: what they would have come to is reported in their place.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from typing import Any, Final

from daemon.app.opening import NOTHING_LOST, opened
from daemon.app.wiring import Parts, replayed, wired
from daemon.believed_clock import BelievedClock
from daemon.book.live_book import LiveBook
from daemon.config.config import Config
from daemon.demo.past_clock import PastClock
from daemon.demo.past_scenes import DESK, UPLINK, Asked, PastUplink
from daemon.metrics import Metrics
from daemon.records.service import RecordCall
from daemon.watching.internet import Internet
from probes.report import INTERNET, Report
from probes.simulation import SimulatedVCenter
from sla.instants import Instant
from sla.reasons import PlainReason
from sla.records import Leg, Observation, ServerId, State, Witness

SEEN_S: Final = 30.0
"""How long the watch has for what it is to see."""


class PastInternet(Internet):
    """Follows who has the leg as ever; what is said of it is the uplink's state."""

    def __init__(self, uplink: PastUplink, **wiring: Any) -> None:
        super().__init__(**wiring)
        self._uplink = uplink
        self._said: dict[ServerId, State] = {}
        self._is_new = True

    def uplinks_down(self) -> Mapping[str, Instant]:
        return {UPLINK: self._uplink.since} if self._uplink.state is State.DOWN else {}

    def report(self, observer: str, now: Instant) -> Report:
        """What is new since the last."""
        uplink, fresh = self._uplink, self._is_new
        self._is_new = False
        others = [server for server in self.servers() if self._said.get(server) is not uplink.state]
        self._said |= dict.fromkeys(others, uplink.state)
        down = uplink.state is State.DOWN
        return Report(
            source=INTERNET,
            fresh=fresh,
            observed_until=now,
            observations=tuple(
                Observation(
                    witness=Witness(observer, INTERNET),
                    server=server,
                    leg=Leg.INTERNET,
                    state=uplink.state,
                    at=now,
                    reason=PlainReason.TOO_FEW_ANSWER if down else PlainReason.NONE,
                    noticed_at=now,
                )
                for server in others
            ),
        )


class PastMonitor:
    """One run of the daemon in the past."""

    def __init__(
        self, parts: Parts, config: Config, vcenter: SimulatedVCenter, clock: PastClock, book: LiveBook
    ) -> None:
        self._book = book
        self._parts = parts
        self._observer = config.observer
        self._vcenter = vcenter
        self._clock = clock
        self._keys = count()

    async def look(self) -> None:
        """Put on record what happened until now, and what follows from it."""
        async with asyncio.timeout(SEEN_S):
            while not self._vcenter.world.sessions.are_quiet:  # noqa: ASYNC110  the watch is a thread
                await asyncio.sleep(0.001)
        internet = self._parts.internet
        assert isinstance(internet, PastInternet)
        await self._parts.queue.send(internet.report(self._observer, self._clock.now()))
        await self._parts.recorder.record()

    async def ask(self, asked: Asked) -> None:
        """Have something recorded as somebody asks for it. Raises RefusedError."""
        call = RecordCall(
            by=DESK,
            key=f"past-{next(self._keys)}-{self._clock.now()}",
            dry_run=False,
            confirmed=True,
            operation=asked.record.__name__,
            said=asked.said,
        )
        about = (asked.about,) if asked.about else ()
        async with asyncio.TaskGroup() as tasks:
            answer = tasks.create_task(asked.record(self._parts.records, *about, call), name="record")
            while not answer.done():
                await asyncio.sleep(0)
                await self._parts.recorder.record()

    def pending_proposal(self, server: str) -> str:
        """The newest proposal for a server, by its name, of which nothing was decided."""
        evidence = self._book.evidence
        pending = [
            pages.record
            for pages in evidence.proposals.values()
            if pages.decided is None
            and server in (self._book.record_of(each).name for each in pages.record.servers)
        ]
        assert pending, f"nothing is proposed for {server}"
        return max(pending, key=lambda proposal: proposal.recorded_at).id


@asynccontextmanager
async def past_monitor(
    config: Config, vcenter: SimulatedVCenter, clock: PastClock, uplink: PastUplink
) -> AsyncIterator[PastMonitor]:
    """A run of the daemon, from its first look to a stop in good order. Raises LedgerError."""
    believed, metrics = BelievedClock(clock), Metrics()
    async with AsyncExitStack() as stack:
        ledger = await opened(config.ledger.path, NOTHING_LOST)
        stack.push_async_callback(ledger.close)
        evidence = await replayed(config, believed, ledger)
        parts = wired(config, believed, metrics, evidence, stack, make_internet=partial(PastInternet, uplink))
        for follower in (parts.recorder, parts.records, parts.internet, parts.sources):
            follower.adopt(config)
        async with asyncio.TaskGroup() as tasks:
            await parts.recorder.record()
            watching = tasks.create_task(parts.sources.run(), name="sources")
            monitor = PastMonitor(parts, config, vcenter, clock, evidence.recollection.book)
            try:
                yield monitor
            finally:
                watching.cancel()
                await parts.sources.stop()
            parts.recorder.finish()
            await parts.recorder.run()
