"""All pings over one socket: sent, matched with what comes back, and concluded.

What always holds:
- No two pings in flight have one sequence number, and that of one that timed out rests for a while.
- A ping is down by time-out only after the socket was read empty past its deadline, if nothing was dropped there while
  it was in flight and this host's own path to the address stood. Else it is unknown.
- An answer counts by the instant at which the kernel received it: one that we read late is not late.
"""

import asyncio
import errno
import socket
import time
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count, repeat
from typing import Final

from probes.targets.path import Paths
from probes.targets.ping.echo_socket import FULL, EchoSocket, IcmpError
from probes.targets.ping.flight import Burst, Numbers, Ping, PingRequest, SendRate, cookies
from probes.targets.ping.results import failed_here, timed_out, unreachable, up
from probes.targets.result import Reason, Result, unknown
from sla.records import State

_MS: Final = 1_000_000
_SLICE_NS: Final = 2 * _MS
"""How long the event loop is held at a time."""
_TICK_NS: Final = 10 * _MS
_GRACE_TICKS: Final = 5
"""How long past its deadline a ping is concluded: what the kernel has by then is in the socket."""
_RETRY_NS: Final = _MS
_FULL_TRIES: Final = 20
"""For a ping for which there is no room to send, and for all after it until one goes out."""
_HELD_UP_NS: Final = _MS
_CLOCK_STEP_NS: Final = _MS
_READINGS: Final = 5
STAMPING_STARTS_NS: Final = 1_000 * _MS
"""For so long after a socket was opened, the kernel may stamp its packets only when they are read."""
_DROPPED_MODULUS: Final = 1 << 32


def wall_offset_ns() -> int:
    """Wall time less monotonic time. The kernel's stamps are wall time; nothing here is dated by it."""
    for _ in range(_READINGS):
        before_ns = time.monotonic_ns()
        wall_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        took_ns = time.monotonic_ns() - before_ns
        if took_ns < _CLOCK_STEP_NS // 10:  # else this process was held up between the two, which is no step
            break
    return wall_ns - before_ns - took_ns // 2


class SocketEngine:
    """The pings of one socket, on the running loop. `gap_ns`: the least time between two, on average.

    `dropped`: packets for which the socket had no room. `strays`: packets that answered no ping in flight. `unusable`:
    the engine is to be closed, and another opened.
    """

    def __init__(
        self,
        sock: EchoSocket,
        paths: Paths,
        gap_ns: int,
        *,
        stamping_starts_ns: int = STAMPING_STARTS_NS,
        offset_ns: Callable[[], int] = wall_offset_ns,
    ) -> None:
        self.dropped = 0
        self.unusable = False
        self.strays = 0
        self._socket = sock
        self._paths = paths
        self._loop = asyncio.get_running_loop()
        self._rate = SendRate(buffer_bytes=sock.receive_buffer_bytes, gap_ns=gap_ns)
        self._numbers = Numbers()
        self._waiting: deque[PingRequest] = deque()
        """Requests of which pings wait to be sent; each in its turn has a burst of them sent."""
        self._in_flight: dict[int, Ping] = {}
        """By its sequence number: every ping that was sent and is not concluded."""
        self._due: dict[int, deque[Burst]] = {}
        """By tick of the monotonic clock: the bursts whose pings are overdue then."""
        self._ticks: list[int] = []
        """The keys of `_due` as a heap."""
        self._pause_until_ns = 0
        """Until when nothing is sent, since the kernel had no room, by the monotonic clock."""
        self._emptied_ns = time.monotonic_ns()
        """When the socket was last read until nothing was left in it."""
        self._stamped_from_ns = self._emptied_ns + stamping_starts_ns
        """From when on every packet bears the kernel's own time of arrival."""
        self._read_offset_ns = offset_ns
        self._wall_offset_ns = offset_ns()
        """The wall clock less the monotonic one: the kernel stamps by the wall clock."""
        self._kernel_dropped = 0
        """What the kernel's counter of dropped packets showed last."""
        self._timer: asyncio.TimerHandle | None = None
        """When the engine wakes though no packet comes; None where it need not."""
        self._loop.add_reader(sock.fileno(), self._work)

    def close(self, result: Result) -> None:
        """Send and hear no more. What is not concluded yet has this result."""
        self._stop()
        for request in self._requests():
            for place in request.places:
                if request.results[place] is None:
                    request.conclude(place, result)

    def _stop(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        if self._timer is not None:
            self._timer.cancel()
        self._socket.close()

    def add(self, request: PingRequest) -> None:
        self._waiting.append(request)
        self._work()

    def _work(self) -> None:
        try:
            self._turn()
        except BaseException as error:
            self._fail(error)
            raise

    def _fail(self, error: BaseException) -> None:
        """Whoever waits learns that we are wrong, instead of waiting for ever."""
        self.unusable = True
        for request in self._requests():
            if not request.done.done():
                request.done.set_exception(error)
        self._waiting.clear()
        self._in_flight.clear()
        self._stop()

    def _requests(self) -> set[PingRequest]:
        return {*self._waiting, *(ping.burst.request for ping in self._in_flight.values())}

    def _turn(self) -> None:
        """Receive, conclude and send for a slice of time, and come back for the rest."""
        until_ns = time.monotonic_ns() + _SLICE_NS
        while True:
            idle = self._receive() and not self._settle_errors()
            if idle:
                self._expire(until_ns)
            if not self._send() and idle:
                self._rest()
                return
            if time.monotonic_ns() >= until_ns:
                self._wake_at(0)
                return

    def _rest(self) -> None:
        """Come back when a ping is due, or one may be sent. Packets that arrive wake us too."""
        if self._ticks:
            self._wake_at(self._ticks[0] * _TICK_NS)
        if self._waiting:
            soon_ns = time.monotonic_ns() + _RETRY_NS
            self._wake_at(max(soon_ns, self._rate.next_ns, self._pause_until_ns))

    def _wake_at(self, at_ns: int) -> None:
        """The loop's clock is the monotonic one."""
        at_s = at_ns / 1e9
        if self._timer is not None:
            if self._timer.when() <= at_s:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at_s, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._work()

    # Sending

    def _send(self) -> bool:
        """Send what may be sent at once. False if nothing more can be done now."""
        while self._waiting and self._waiting[0].all_sent:
            self._waiting.popleft()
        now_ns = time.monotonic_ns()
        if not self._waiting or now_ns < self._pause_until_ns:
            return False
        request = self._waiting[0]
        allowed = min(
            self._rate.allowance(now_ns), self._numbers.free(now_ns), len(request.names) - request.next
        )
        if allowed <= 0:
            return False
        if request.refusals:
            allowed = 1
        self._waiting.rotate(-1)
        numbers, randoms = self._numbers.take(allowed), cookies(allowed)
        names = request.names[request.next : request.next + allowed]
        self._socket.load(names, numbers, randoms)
        before_ns = time.monotonic_ns()
        try:
            sent = self._socket.send(allowed)
        except OSError as error:
            self._numbers.untake(numbers)
            return self._refused(request, error.errno or errno.EIO)
        took_ns = time.monotonic_ns() - before_ns
        self._numbers.untake(numbers[sent:])
        places = request.places[request.next : request.next + sent]
        request.next += sent
        request.refusals = 0
        burst = Burst(request, before_ns, self.dropped)
        # Evenly, unless this process was held up in the middle: then too early rather than too late.
        apart_ns = took_ns // sent + 1 if took_ns < _HELD_UP_NS else 1
        sent_ns = count(before_ns, apart_ns)
        burst.pings = list(map(Ping, repeat(burst), places, names, numbers, randoms, sent_ns))
        self._in_flight.update(zip(numbers, burst.pings, strict=False))
        self._rate.sent(burst)
        self._await(burst, before_ns + took_ns + request.timeout_ns)
        return True

    def _await(self, burst: Burst, deadline_ns: int) -> None:
        tick = deadline_ns // _TICK_NS + _GRACE_TICKS
        if tick not in self._due:
            self._due[tick] = deque()
            heappush(self._ticks, tick)
        self._due[tick].append(burst)

    def _refused(self, request: PingRequest, error: int) -> bool:
        """The first ping to be sent could not be: try again soon, or conclude it. False if there is nothing to do now."""
        result = failed_here(error)
        request.refusals += 1
        if error in FULL:
            now_ns = time.monotonic_ns()
            self._paths.listen(now_ns)
            trouble = self._paths.trouble(request.names[request.next][self._socket.protocol.address], now_ns)
            if trouble:  # a link without carrier refuses packets as a full one does
                result = unknown(Reason.NO_ROUTE, trouble)
            else:
                self._pause_until_ns = now_ns + _RETRY_NS
                if request.refusals < _FULL_TRIES:
                    return False
        self.unusable = self.unusable or error == errno.ENODEV  # an interface that goes comes back as another
        place = request.places[request.next]
        request.next += 1
        request.conclude(place, result)
        return True

    # Receiving

    def _receive(self) -> bool:
        """Receive up to BATCH packets. True if the socket was empty."""
        memory = self._socket.memory()
        self.dropped += (memory.dropped - self._kernel_dropped) % _DROPPED_MODULUS
        self._kernel_dropped = memory.dropped
        now_ns, offset_before_ns = time.monotonic_ns(), self._wall_offset_ns
        offset_ns = self._wall_offset_ns = self._read_offset_ns()
        stepped = abs(offset_ns - offset_before_ns) > _CLOCK_STEP_NS
        try:
            received = self._socket.receive()
        except BlockingIOError:
            self._emptied_ns = now_ns
            return True
        except OSError:  # what an ICMP error left on the socket
            self._settle_errors()
            return False
        heard_ns = time.monotonic_ns()
        self._rate.measure(memory, received)
        in_flight, of_peer, emptied_ns = self._in_flight, self._socket.protocol.peer, self._emptied_ns
        for peer, sequence, cookie, stamp_ns in self._socket.replies(received):
            ping = in_flight.get(sequence)
            if ping is None or ping.cookie != cookie or ping.name[of_peer] != peer:
                self.strays += 1
                continue
            received_ns = stamp_ns - offset_ns if stamp_ns else heard_ns
            if not emptied_ns <= received_ns <= heard_ns:  # it was, whatever the wall clock says
                received_ns = min(max(received_ns, emptied_ns), heard_ns)
            self._answered(ping, max(0, received_ns - ping.sent_ns), stepped)
        return False

    def _answered(self, ping: Ping, took_ns: int, stepped: bool) -> None:
        """The answer took so long, unless the wall clock stepped meanwhile, or the kernel had just begun to stamp."""
        timeout_ns = ping.burst.request.timeout_ns
        if took_ns <= timeout_ns:
            result = up(None if stepped else took_ns // 1_000)
        elif (
            stepped or ping.sent_ns < self._stamped_from_ns
        ) and self._emptied_ns - ping.sent_ns <= timeout_ns:
            result = Result(state=State.UP, text="read late, on an uncertain clock")
        else:
            result = timed_out(f"answered after {took_ns // _MS} ms")
        self._conclude(ping, result, took_ns)
        self._numbers.give_back(ping.sequence)

    def _settle_errors(self) -> bool:
        """Conclude pings of which an ICMP error says that they will not be answered. False if there was no error."""
        errors = self._socket.errors()
        for error in errors:
            ping = self._in_flight.get(error.sequence)
            if (
                ping is None
                or ping.name[self._socket.protocol.peer] != error.peer
                or error.cookie not in (b"", ping.cookie)
            ):
                self.strays += 1
                continue
            self._conclude(ping, self._judge(ping, error), 0)
            self._numbers.rest(ping.sequence, self._emptied_ns)
        return bool(errors)

    def _judge(self, ping: Ping, error: IcmpError) -> Result:
        """What an ICMP error makes of a ping. One that this host itself sent is no news from the far side.

        But that nobody on our own, standing link owns the address is.
        """
        if not error.offender:
            return failed_here(error.number)
        protocol = self._socket.protocol
        text = f"{error.offender}: {error.says}"
        if self._paths.is_local(socket.inet_pton(protocol.family, error.offender)):
            self._paths.listen(self._emptied_ns)
            route = self._paths.route(ping.name[protocol.address])
            silent = error.says == protocol.neighbour_silent and route is not None and not route.by_gateway
            trouble = self._paths.trouble(ping.name[protocol.address], ping.sent_ns)
            if trouble or not silent:
                return unknown(Reason.NO_ROUTE, trouble or text)
        return unreachable(text)

    # Concluding

    def _expire(self, until_ns: int) -> None:
        """Conclude what was due when the socket was last empty."""
        if self._ticks and self._ticks[0] * _TICK_NS <= self._emptied_ns:
            self._paths.listen(self._emptied_ns)
        while self._ticks and self._ticks[0] * _TICK_NS <= self._emptied_ns:
            bursts = self._due[self._ticks[0]]
            while bursts:
                self._expire_burst(bursts.popleft())
                if time.monotonic_ns() >= until_ns:
                    return
            del self._due[heappop(self._ticks)]

    def _expire_burst(self, burst: Burst) -> None:
        for ping in burst.pings:
            if self._in_flight.get(ping.sequence) is ping:
                self._conclude(ping, self._silence(ping), 0)
                self._numbers.rest(ping.sequence, self._emptied_ns)

    def _silence(self, ping: Ping) -> Result:
        """What it means that nothing came in time."""
        if self.dropped != ping.burst.dropped:
            return unknown(Reason.DROPPED_HERE, "the socket dropped packets while an answer was awaited")
        trouble = self._paths.trouble(ping.name[self._socket.protocol.address], ping.sent_ns)
        return unknown(Reason.NO_ROUTE, trouble) if trouble else timed_out("")

    def _conclude(self, ping: Ping, result: Result, took_ns: int) -> None:
        del self._in_flight[ping.sequence]
        self._rate.ended(ping.burst, took_ns)
        if not ping.burst.unanswered:
            ping.burst.pings = []  # it waits for its deadline, and the garbage collector would walk them until then
        ping.burst.request.conclude(ping.place, result)
