"""Pings under way: what was asked for, what was sent, under which number, and how fast more may be."""

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from probes.targets.ping.echo_socket import BATCH, Memory
from probes.targets.result import Result

_MS: Final = 1_000_000
_LATE_NS: Final = 3_000 * _MS
"""How long the number of a ping that timed out rests before it is used again."""
_SEQUENCES: Final = 1 << 16
_PACKET_BYTES: Final = 2_304
"""What a packet takes of the socket's buffer, until we have seen it: half a page of a network card, and its header."""
_PACKET_BYTES_MOST: Final = 8_192
_MEASURED_PACKETS: Final = 8
_TOGETHER_NS: Final = _MS
_ANSWER_NS: Final = (20 * _MS, 250 * _MS)
"""For how long after a ping its answer may come at any moment: at least, at most."""


class PingRequest:
    """Pings that were asked for together: socket addresses, one time-out, and where in `results` theirs belong."""

    __slots__ = ("done", "left", "names", "next", "places", "refusals", "results", "timeout_ns")

    def __init__(
        self,
        names: Sequence[bytes],
        places: Sequence[int],
        results: list[Result | None],
        timeout_ns: int,
        done: asyncio.Future[None],
    ) -> None:
        self.names = names
        self.places = places
        self.results = results
        self.timeout_ns = timeout_ns
        self.done = done
        self.next = 0
        self.left = len(names)
        self.refusals = 0

    @property
    def all_sent(self) -> bool:
        """Whether nothing is left to send: all went out, or nobody waits for it any more."""
        return self.next == len(self.names) or self.done.done()

    def conclude(self, place: int, result: Result) -> None:
        """Note the result of one ping."""
        assert self.results[place] is None, "a ping is concluded once"
        self.results[place] = result
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


class Burst:
    """Pings that one call sent. `dropped`: how many packets the socket had dropped by then."""

    __slots__ = ("dropped", "expected", "pings", "request", "sent_ns", "unanswered")

    def __init__(self, request: PingRequest, sent_ns: int, dropped: int) -> None:
        self.request = request
        self.sent_ns = sent_ns
        self.dropped = dropped
        self.pings: list[Ping] = []
        self.unanswered = 0
        self.expected = True


class Ping(NamedTuple):
    """One echo request in flight."""

    burst: Burst
    place: int
    name: bytes
    sequence: int
    cookie: bytes
    sent_ns: int


class Numbers:
    """Sequence numbers. The one that was given back longest ago is taken first."""

    def __init__(self) -> None:
        self._free = deque(range(_SEQUENCES))
        self._resting: deque[tuple[int, int]] = deque()

    def free(self, now_ns: int) -> int:
        """How many can be taken."""
        while self._resting and self._resting[0][0] <= now_ns:
            self._free.append(self._resting.popleft()[1])
        return len(self._free)

    def take(self, count: int) -> list[int]:
        """Take so many; there must be."""
        return [self._free.popleft() for _ in range(count)]

    def untake(self, numbers: Sequence[int]) -> None:
        """Give back, in their order, those that were taken last and not used."""
        self._free.extendleft(reversed(numbers))

    def give_back(self, number: int) -> None:
        """Of a ping that was answered: nothing more is to come."""
        self._free.append(number)

    def rest(self, number: int, now_ns: int) -> None:
        """Of a ping that was not: its answer may come yet."""
        self._resting.append((now_ns + _LATE_NS, number))


class SendRate:
    """How many pings may be sent now, so that answers which come all at once fit into half of the socket's buffer.

    An answer is expected for twice as long as answers took lately. `gap_ns` is the least time between pings, on average:
    those of a millisecond go together, for a call that sends one costs nearly what it costs to send many.
    """

    def __init__(self, *, buffer_bytes: int, gap_ns: int) -> None:
        self._buffer_bytes = buffer_bytes
        self._gap_ns = gap_ns
        self._together = min(BATCH, max(1, _TOGETHER_NS // gap_ns)) if gap_ns else 1
        self._next_ns = 0
        self._packet_bytes = 0
        self._bursts: deque[Burst] = deque()
        self._expected = 0
        self._answer_ns = _ANSWER_NS[1] // 2

    @property
    def next_ns(self) -> int:
        """The earliest at which the rate allows a ping."""
        return self._next_ns

    @property
    def window(self) -> int:
        """How many answers may be expected at a time."""
        return max(1, self._buffer_bytes // (self._packet_bytes or _PACKET_BYTES) // 2)

    def allowance(self, now_ns: int) -> int:
        """How many may be sent at once, at most BATCH."""
        while self._bursts and self._bursts[0].sent_ns + self._patience_ns() <= now_ns:
            burst = self._bursts.popleft()
            burst.expected = False
            self._expected -= burst.unanswered
            self._answer_ns -= self._answer_ns >> 6
        room = min(BATCH, self.window - self._expected)
        if not self._gap_ns:
            return room
        self._next_ns = max(self._next_ns, now_ns - BATCH * self._gap_ns)
        allowed = max(0, (now_ns - self._next_ns) // self._gap_ns)
        return min(room, allowed) if allowed >= self._together else 0

    def sent(self, burst: Burst) -> None:
        """Take note of what went out."""
        burst.unanswered = len(burst.pings)
        self._expected += burst.unanswered
        self._bursts.append(burst)
        self._next_ns += self._gap_ns * burst.unanswered

    def ended(self, burst: Burst, took_ns: int) -> None:
        """Take note of the end of a ping, and of how long its answer took; 0 if none came."""
        burst.unanswered -= 1
        if burst.expected:
            self._expected -= 1
        if took_ns > self._answer_ns:
            self._answer_ns = took_ns

    def measure(self, memory: Memory, received: int) -> None:
        """Learn what a packet takes, from what waited and how many packets were then received: that many, or more."""
        if received >= _MEASURED_PACKETS and memory.waiting_bytes:
            taken = min(memory.waiting_bytes // received, _PACKET_BYTES_MOST)
            self._packet_bytes = max(self._packet_bytes, taken)

    def _patience_ns(self) -> int:
        least, most = _ANSWER_NS
        return max(least, min(2 * self._answer_ns, most))


def cookies(count: int) -> list[bytes]:
    """Eight random bytes for each ping."""
    random = os.urandom(8 * count)
    return [random[at : at + 8] for at in range(0, 8 * count, 8)]
