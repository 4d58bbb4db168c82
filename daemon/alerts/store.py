"""Which alerts fire, which were resolved of late, and who is to be told of a change.

Whoever puts alerts there names what they are of, and puts all of it at once: what it no longer names is resolved, at once or
after the time for which it is kept.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

import structlog

from daemon.alerts.alert import Alert, Labels, Severity, is_of_server
from sla.instants import MINUTE, Instant

RESOLVED_KEPT_US: Final = 15 * MINUTE
"""How long a resolved alert is sent on, so that an Alertmanager that was away learns of it."""
FORGOTTEN_AT_ONCE: Final = 4_000
MOST_OF_SERVERS: Final = 100_000
"""How many alerts of virtual servers may fire at a time; the others are few."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Posted:
    """An alert in the store. `ended_at` None: it fires."""

    alert: Alert
    starts_at: Instant
    ended_at: Instant | None = None


class AlertStore:
    """The alerts that there are. Invariant: no two have the same labels."""

    def __init__(self) -> None:
        self.posted: dict[Labels, Posted] = {}
        """By labels: what fires, and what ended a while ago. Disjoint parts: what fires, `kept`, `_resolved`."""
        self.firing = 0
        """How many of those posted have not ended."""
        self._of: dict[Hashable, dict[Labels, None]] = {}
        """By what they are about: the labels of its alerts that fire."""
        self.kept: OrderedDict[Labels, Instant] = OrderedDict()
        """What fires on though its condition is over, and since when it is."""
        self._resolved: OrderedDict[Labels, Instant] = OrderedDict()
        """What has ended, in order, and when it is forgotten."""
        self._of_servers = 0
        """How many of those that fire are of single servers, of which there may be too many."""
        self._is_full = False
        """Whether alerts of servers were left out because there were too many."""
        self._listeners: list[Callable[[Labels, Severity], None]] = []

    def listen(self, told: Callable[[Labels, Severity], None]) -> None:
        """Have somebody told of every alert that begins or ends from now on."""
        self._listeners.append(told)

    def leave(self) -> None:
        """Nobody listens any more."""
        self._listeners.clear()

    def put(self, what: Hashable, alerts: Iterable[Alert], at: Instant) -> None:
        """Let these be all the alerts of something, as of an instant."""
        before = self._of.pop(what, None) or {}
        now: dict[Labels, None] = {}
        for alert in alerts:
            if alert.labels in before or alert.labels in self.kept or self._has_room(alert.labels):
                now[alert.labels] = None
                self._fire(alert, at)
        for labels in before:
            if labels in now:
                continue
            if self.posted[labels].alert.keep_us:
                self.kept[labels] = at
            else:
                self._resolve(labels, at)
        if now:
            self._of[what] = now
        assert self.firing == len(self.posted) - len(self._resolved), (
            "an alert was counted twice, or not at all"
        )

    def has(self, what: Hashable) -> bool:
        """Whether anything of it fires."""
        return what in self._of

    def pass_to(self, now: Instant) -> None:
        """Resolve what was kept for long enough, and let go of what was resolved long ago; of a great deal, of some at a time."""
        for labels, over_at in list(islice(self.kept.items(), FORGOTTEN_AT_ONCE)):
            if now - over_at >= self.posted[labels].alert.keep_us:
                del self.kept[labels]
                self._resolve(labels, now)
        for _ in range(min(len(self._resolved), FORGOTTEN_AT_ONCE)):
            labels = next(iter(self._resolved))
            if now - self._resolved[labels] < RESOLVED_KEPT_US:
                break
            del self._resolved[labels], self.posted[labels]
        assert self.firing == len(self.posted) - len(self._resolved), (
            "an alert was counted twice, or not at all"
        )

    def clear(self) -> None:
        """Let go of everything: nobody is to be told."""
        self.posted.clear()
        self._of.clear()
        self.kept.clear()
        self._resolved.clear()
        self.firing = self._of_servers = 0

    def _fire(self, alert: Alert, at: Instant) -> None:
        labels = alert.labels
        self.kept.pop(labels, None)
        before = self.posted.get(labels)
        if before is not None and before.ended_at is None:
            self.posted[labels] = Posted(alert, before.starts_at)  # words may be others; its start stays
            return
        self._resolved.pop(labels, None)
        self.posted[labels] = Posted(alert, at if alert.since is None else min(at, alert.since))
        self.firing += 1
        self._of_servers += is_of_server(labels)
        self._tell(labels, alert.severity)

    def _resolve(self, labels: Labels, at: Instant) -> None:
        before = self.posted[labels]
        self.posted[labels] = Posted(before.alert, before.starts_at, max(at, before.starts_at))
        self._resolved[labels] = at
        self.firing -= 1
        self._of_servers -= is_of_server(labels)
        self._tell(labels, before.alert.severity)

    def _has_room(self, labels: Labels) -> bool:
        is_full = self._of_servers >= MOST_OF_SERVERS
        if is_full and not self._is_full:
            _log.error("alerts_left_out", firing=self.firing)
        self._is_full = is_full
        return not is_full or not is_of_server(labels)

    def _tell(self, labels: Labels, severity: Severity) -> None:
        for told in self._listeners:
            told(labels, severity)
