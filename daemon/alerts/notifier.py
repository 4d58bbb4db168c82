"""Every configured Alertmanager is kept told of what is in the store, each by a task of its own.

A change is sent at once, changes that come together at most once a second; what fires is sent again every `resend`, and
what was resolved for as long as the store keeps it. Nothing waits twice: what is sent is what stands in the store at that
moment, so a queue never holds more than there are labels. One that hangs or fails delays nobody else.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Never

import structlog

from daemon.alerts.alert import Alert, Labels, Severity
from daemon.alerts.alertmanager import Alertmanager, PostError, encoded, open_alertmanager
from daemon.alerts.conditions.definitions import Lasting, Subject, alerts
from daemon.alerts.conditions.shared import (
    BEGUN_ALERTS,
    CLOCK_ALERTS,
    DISAGREEMENT_ALERTS,
    HUB_ALERTS,
    LEDGER_ALERTS,
    MONITOR_ALERTS,
    QUARANTINE_ALERTS,
    TOLD_US,
    Differing,
    MonitorSight,
    Shipping,
)
from daemon.alerts.evaluator import SLAD
from daemon.alerts.store import AlertStore, Posted
from daemon.believed_clock import ClockDoubt
from daemon.clock import Clock
from daemon.config.alertmanager import AlertmanagerTable, BaseUrl
from daemon.config.config import Config
from daemon.ending import end
from daemon.hub.shipping import HubStanding
from daemon.metrics.alerts import AlertMetrics
from daemon.pacing import paced, waited
from daemon.replies.hub import SPOKEN_KINDS
from sla.disagreements import DisagreementKind
from sla.instants import SECOND, Instant

MOST_AT_ONCE: Final = 256
"""Alerts in one request."""
COALESCE_S: Final = 1.0
"""The least time between two rounds of sending."""
PAUSE_S: Final = 0.01
"""Between two requests of a round, so that a storm of alerts leaves the loop to others."""
STANDBY_S: Final = 0.5
"""How soon one that may not tell looks again."""
FIRST_RETRY_S: Final = 1.0
LAST_RETRY_S: Final = 30.0

_log = structlog.get_logger()


class Notifier:
    """Owns the tasks that send."""

    def __init__(
        self,
        *,
        clock: Clock,
        store: AlertStore,
        metrics: AlertMetrics,
        fault: Callable[[], str],
        clock_doubt: Callable[[], ClockDoubt | None],
        quarantined: Callable[[], tuple[Instant, str] | None],
        hub: Callable[[], HubStanding | None],
        begun_at: Instant,
        on_wanted: Callable[[bool], None],
        monitors: Callable[[], Mapping[str, Instant]] = dict,
        disagreements: Callable[[], Mapping[DisagreementKind, tuple[int, Instant]]] = dict,
        may_tell: Callable[[], bool] = lambda: True,
        of_itself: Subject = SLAD,
    ) -> None:
        """`fault` says why the ledger takes no records, empty while it does; `on_wanted` hears whether to keep the store.

        `clock_doubt`: why the clock is not believed, None while it is. `quarantined`: when the ledger last did not let a record in, and why; None where it never did. `begun_at`: when
        the ledger was begun. `hub`: how it stands with the store, None where there is none. `monitors`: of a hub,
        how far each has seen. `disagreements`: of a hub, how many there are of a kind, and since when the oldest lasts.
        `may_tell`: whether it is the active one. One that is not keeps the store all the same: once it is, all is told that
        fires, and what ended meanwhile. `of_itself`: how alerts call this slad.
        """
        self._clock = clock
        self._store = store
        self._metrics = metrics
        self._fault = fault
        self._clock_doubt = clock_doubt
        self._quarantined = quarantined
        self._hub = hub
        self._begun_at = begun_at
        self._on_wanted = on_wanted
        self._monitors = monitors
        self._disagreements = disagreements
        self._may_tell = may_tell
        self._of_itself = of_itself
        self._table: AlertmanagerTable | None = None
        self._changed = asyncio.Event()
        metrics.count_firing(lambda: store.firing)

    def adopt(self, config: Config) -> None:
        self.follow(config.alertmanager)

    def follow(self, table: AlertmanagerTable | None) -> None:
        """Tell other Alertmanagers from now on; None: nobody is to be told."""
        if table != self._table:
            self._table = table
            self._on_wanted(table is not None)
            self._changed.set()

    async def run(self) -> Never:
        while True:
            self._changed.clear()
            table = self._table
            if table is None:
                await self._changed.wait()
            else:
                await self._send_to(table)

    async def _send_to(self, table: AlertmanagerTable) -> None:
        """Send to the Alertmanagers of a configuration until there is another."""
        senders = [
            Sender(
                url,
                table,
                clock=self._clock,
                store=self._store,
                metrics=self._metrics,
                may_tell=self._may_tell,
            )
            for url in table.urls
        ]
        for sender in senders:
            self._metrics.known(sender.name)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(sender.run(), name=f"alerts-{sender.name}") for sender in senders
                ]
                running.append(tasks.create_task(self._watch_the_ledger(), name="alerts-ledger"))
                try:
                    await self._changed.wait()
                finally:
                    await end(running)
        finally:
            self._store.leave()
            still_told = {str(url.address) for url in self._table.urls} if self._table is not None else ()
            for sender in senders:
                if sender.name not in still_told:
                    self._metrics.forget(sender.name)

    async def _watch_the_ledger(self) -> Never:
        """The alerts that must not wait for a commit."""
        while True:
            now, fault, last = self._clock.now(), self._fault(), self._quarantined()
            found = alerts(LEDGER_ALERTS, Lasting(at=now, why=fault), self._of_itself) if fault else ()
            self._store.put("ledger", found, now)
            doubt, found = self._clock_doubt(), ()
            if doubt is not None:
                found = alerts(
                    CLOCK_ALERTS, Lasting(at=now, since=doubt.since, why=doubt.why), self._of_itself
                )
            self._store.put("clock", found, now)
            found = ()
            if last is not None and now - last[0] < TOLD_US:
                found = alerts(
                    QUARANTINE_ALERTS, Lasting(at=now, since=last[0], why=last[1]), self._of_itself
                )
            self._store.put("quarantine", found, now)
            found = ()
            if now - self._begun_at < TOLD_US:
                found = alerts(BEGUN_ALERTS, Lasting(at=now, since=self._begun_at), self._of_itself)
            self._store.put("begun", found, now)
            self._store.put("hub", self._of_hub(now), now)
            self._store.put("monitors", self._of_monitors(now), now)
            self._store.put("disagreements", self._of_disagreements(now), now)
            await asyncio.sleep(COALESCE_S)

    def _of_hub(self, now: Instant) -> Iterable[Alert]:
        standing = self._hub()
        if standing is None:
            return ()
        shipping = Shipping(
            at=now,
            level_at=standing.level_at,
            refused_at=standing.since if standing.state.is_refusal else None,
            why=standing.why,
        )
        return alerts(HUB_ALERTS, shipping, SLAD)

    def _of_monitors(self, now: Instant) -> Iterator[Alert]:
        for observer, seen_until in self._monitors().items():
            sight = MonitorSight(at=now, observer=observer, seen_until=seen_until)
            yield from alerts(
                MONITOR_ALERTS, sight, Subject(text=f"monitor {observer}", labels={"observer": observer})
            )

    def _of_disagreements(self, now: Instant) -> Iterator[Alert]:
        for kind, (count, since) in self._disagreements().items():
            differing = Differing(at=now, count=count, since=since)
            subject = Subject(
                text=SPOKEN_KINDS[kind].capitalize(), labels={"kind": kind.value, **self._of_itself.labels}
            )
            yield from alerts(DISAGREEMENT_ALERTS, differing, subject)


class Sender:
    """Keeps one Alertmanager told. What waits is sent in the order of severity."""

    def __init__(
        self,
        url: BaseUrl,
        table: AlertmanagerTable,
        *,
        clock: Clock,
        store: AlertStore,
        metrics: AlertMetrics,
        may_tell: Callable[[], bool],
    ) -> None:
        self.name = str(url.address)
        self._url = url
        self._table = table
        self._clock = clock
        self._store = store
        self._metrics = metrics
        self._may_tell = may_tell
        self._pending: dict[Severity, OrderedDict[Labels, None]] = {
            severity: OrderedDict() for severity in Severity
        }
        """By severity, the worst first: the labels that wait to be sent, in the order in which they came."""
        self._wake = asyncio.Event()
        """Set when something waits."""
        self._trouble = ""
        """What sending failed with last; empty while it works."""
        self._failures = 0
        """How often in a row it failed."""
        self._failing_since_us = 0
        """Since when it fails, by the monotonic clock."""

    async def run(self) -> Never:
        self._store.listen(self._told)
        async with open_alertmanager(self._url, self._table) as alertmanager:
            resend_at_us = self._clock.monotonic_us()
            while True:
                await self._wait(resend_at_us)
                now_us = self._clock.monotonic_us()
                if not self._may_tell():
                    resend_at_us = now_us  # all of it, once it may
                    await asyncio.sleep(STANDBY_S)
                    continue
                if now_us >= resend_at_us:
                    resend_at_us = now_us + self._table.resend.us
                    await self._tell_all()
                has_arrived = await self._round(alertmanager, resend_at_us)
                await asyncio.sleep(COALESCE_S if has_arrived else self._retry_s())

    async def _tell_all(self) -> None:
        """Have all that is in the store sent."""
        async for labels in paced(list(self._store.posted)):
            posted = self._store.posted.get(labels)
            if posted is not None:
                self._told(labels, posted.alert.severity)

    def _told(self, labels: Labels, severity: Severity) -> None:
        self._pending[severity][labels] = None
        self._wake.set()

    async def _wait(self, until_us: int) -> None:
        """Wait for something to send, or until what fires is to be sent again."""
        await waited(self._wake, max(0, until_us - self._clock.monotonic_us()) / SECOND)

    async def _round(self, alertmanager: Alertmanager, until_us: int) -> bool:
        """Send what waits; whether that went well. What failed waits on, unless it never will go well.

        Full batches follow each other at once, the worst that came meanwhile among them, until all is to be sent again:
        then the worst come first again, before they end for one that is slow. The rest waits for the next round.
        """
        self._wake.clear()
        failures_before, has_sent = self._failures, False
        batch = self._taken()
        while batch and self._may_tell():
            standing = [self._store.posted[labels] for labels in batch if labels in self._store.posted]
            if standing and not await self._sent(alertmanager, standing):
                return False
            has_sent = has_sent or bool(standing)
            await asyncio.sleep(PAUSE_S)
            if len(batch) < MOST_AT_ONCE or self._clock.monotonic_us() >= until_us:
                break
            batch = self._taken()
        if any(self._pending.values()):
            self._wake.set()
        if has_sent and self._failures == failures_before:
            self._note_success()
        return True

    async def _sent(self, alertmanager: Alertmanager, standing: Sequence[Posted]) -> bool:
        """Send a batch; False: whatever is sent now would fail, too."""
        try:
            await alertmanager.post(encoded(standing, self._table, self._clock.now()))
        except PostError as error:
            self._metrics.failed(self.name, len(standing))
            self._note_trouble(str(error))
            if error.is_final:
                return True
            for posted in standing:
                self._told(posted.alert.labels, posted.alert.severity)
            return False
        self._metrics.sent(self.name, len(standing))
        return True

    def _taken(self) -> Sequence[Labels]:
        batch: list[Labels] = []
        for pending in self._pending.values():
            while pending and len(batch) < MOST_AT_ONCE:
                batch.append(pending.popitem(last=False)[0])
        return batch

    def _retry_s(self) -> float:
        resend_s = self._table.resend.us / SECOND
        return min(FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 10), LAST_RETRY_S, resend_s)

    def _note_trouble(self, text: str) -> None:
        if not self._failures:
            self._failing_since_us = self._clock.monotonic_us()
        self._failures += 1
        if text != self._trouble:
            _log.warning("alertmanager_failed", alertmanager=self.name, message=text)
            self._trouble = text

    def _note_success(self) -> None:
        if self._failures:
            lasted_us = self._clock.monotonic_us() - self._failing_since_us
            _log.info(
                "alertmanager_recovered",
                alertmanager=self.name,
                failed_attempts=self._failures,
                failing_s=round(lasted_us / SECOND, 1),
            )
        self._failures, self._trouble = 0, ""
