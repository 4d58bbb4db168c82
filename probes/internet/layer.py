"""A layer on the way to the Internet that one check tells of: an uplink, or the way to a server's own address.


The layers: the vantage lies before every uplink, a server's uplink (or the vantage, where it has none) before its own
address. A round proves something only where what lies before was up when it ran; when that returns, the way is unknown
until its own rounds tell. So a round waits until it is settled how what lies before was at that instant.
"""

from collections import deque
from typing import Final

from probes.internet.check import Check, Confirmation, Round
from probes.internet.state_history import StateHistory
from probes.internet.vantage import Vantage
from sla.instants import Instant
from sla.reasons import DetailedReason, PlainReason
from sla.records import State

MOST_WAITING: Final = 64
"""Rounds that may wait. Of more the oldest are lost, and count as rounds that did not run."""


class Layer:
    """The rounds of one check, and what they come to."""

    __slots__ = ("_confirmation", "_waiting", "name")

    def __init__(self, name: str, check: Check, at: Instant) -> None:
        """Watched from `at` on. `name` is for people."""
        self.name = name
        self._confirmation = Confirmation(check, at)
        self._waiting: deque[Round] = deque(maxlen=MOST_WAITING)

    def adjust(self, check: Check) -> None:
        """Go on by other terms."""
        self._confirmation.adjust(check)

    @property
    def history(self) -> StateHistory:
        """What is decided. A reason tells who fell short, and why."""
        return self._confirmation.history

    @property
    def settled_until(self) -> Instant:
        """The last instant of which the state is decided."""
        return self._confirmation.settled_until

    def take(self, last: Round) -> None:
        """Take a round, which is later than every one before, or else has no time of its own and tells nothing."""
        newest_at = self._waiting[-1].at if self._waiting else self._confirmation.last_at
        if last.at > newest_at:
            self._waiting.append(last)

    def settle(self, before: StateHistory, until: Instant, vantage: Vantage) -> None:
        """Interpret the rounds up to `until`, so far as it is settled how what lies `before` was."""
        while self._waiting and self._waiting[0].at <= until:
            last = self._waiting.popleft()
            lost_at = before.lost_within(self._confirmation.last_at, last.at)
            if lost_at is not None:
                self._confirmation.lose(lost_at, last.at, self._named(PlainReason.NOT_TRIED_SINCE))
                if before.at(last.at).state is not State.UP:
                    last = Round(last.at, State.UNKNOWN, before.at(last.at).reason)
            if last.state is State.DOWN and not vantage.proves(last.at):
                last = Round(last.at, State.UNKNOWN, self._named(PlainReason.OWN_WAY_IN_DOUBT))
            self._confirmation.take(last, vantage.was_good)

    def _named(self, plain: PlainReason) -> DetailedReason:
        return DetailedReason(plain, f"{self.name}: {plain}")
