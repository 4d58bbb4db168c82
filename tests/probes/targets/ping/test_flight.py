"""Sequence numbers are not reused too early, and no burst is larger than the socket's buffer."""

import asyncio
from collections.abc import Iterator

import pytest

from probes.targets.ping.echo_socket import BATCH, Memory
from probes.targets.ping.flight import Burst, Numbers, Ping, PingRequest, SendRate

SECOND = 1_000_000_000
NAME = bytes(16)


@pytest.fixture
def pings() -> Iterator[PingRequest]:
    loop = asyncio.new_event_loop()
    yield PingRequest([NAME], [0], [None], SECOND, loop.create_future())
    loop.close()


def burst_of(pings: PingRequest, count: int, sent_ns: int) -> Burst:
    burst = Burst(pings, sent_ns, 0)
    burst.pings = [Ping(burst, 0, NAME, number, bytes(8), sent_ns) for number in range(count)]
    return burst


def test_there_are_as_many_numbers_as_the_header_has_room_for() -> None:
    numbers = Numbers()
    assert numbers.free(0) == 65_536
    assert sorted(numbers.take(65_536)) == list(range(65_536))
    assert numbers.free(0) == 0


def test_a_number_whose_answer_may_still_come_rests() -> None:
    numbers = Numbers()
    taken = numbers.take(65_536)
    numbers.rest(taken[7], 10 * SECOND)
    assert numbers.free(12 * SECOND) == 0
    assert numbers.free(13 * SECOND) == 1
    assert numbers.take(1) == [taken[7]]


def test_the_number_given_back_last_is_taken_last() -> None:
    numbers = Numbers()
    first = numbers.take(1)[0]
    numbers.give_back(first)
    assert numbers.take(65_536)[-1] == first


def test_numbers_that_were_not_used_are_next() -> None:
    numbers = Numbers()
    taken = numbers.take(64)
    numbers.untake(taken[10:])
    assert numbers.take(54) == taken[10:]


def test_more_is_not_sent_than_half_of_the_buffer_holds_answers_for(pings: PingRequest) -> None:
    pace = SendRate(buffer_bytes=2_304 * 100, gap_ns=0)
    assert pace.window == 50
    pace.sent(burst_of(pings, pace.allowance(0), 0))
    assert pace.allowance(0) == 0


def test_answers_make_room(pings: PingRequest) -> None:
    pace = SendRate(buffer_bytes=2_304 * 100, gap_ns=0)
    burst = burst_of(pings, 50, 0)
    pace.sent(burst)
    for _ in range(20):
        pace.ended(burst, SECOND // 100)
    assert pace.allowance(0) == 20


def test_answers_that_do_not_come_are_expected_no_longer(pings: PingRequest) -> None:
    pace = SendRate(buffer_bytes=2_304 * 100, gap_ns=0)
    burst = burst_of(pings, 50, 0)
    pace.sent(burst)
    assert pace.allowance(SECOND // 100) == 0
    assert pace.allowance(SECOND // 2) == 50
    pace.ended(burst, 0)
    assert pace.allowance(SECOND // 2) == 50


def test_what_packets_really_take_is_learnt_from_those_that_wait() -> None:
    pace = SendRate(buffer_bytes=800 * 1_000, gap_ns=0)
    pace.measure(Memory(800 * 3, 0), 3)
    assert pace.window < 200
    pace.measure(Memory(800 * 20, 0), 20)
    assert pace.window == 500
    pace.measure(Memory(800 * 20, 0), 40)
    assert pace.window == 500
    pace.measure(Memory(1_600 * 20, 0), 20)
    assert pace.window == 250


def test_a_buffer_of_less_than_a_packet_lets_one_ping_through_at_a_time() -> None:
    assert SendRate(buffer_bytes=1_000, gap_ns=0).window == 1


def test_pings_keep_to_the_rate_and_never_catch_up_by_more_than_a_batch(pings: PingRequest) -> None:
    gap_ns = SECOND // 1_000
    pace = SendRate(buffer_bytes=1 << 30, gap_ns=gap_ns)
    now_ns = 100 * SECOND
    assert pace.allowance(now_ns) == BATCH
    sent = 0
    for step in range(1_001):
        allowed = pace.allowance(now_ns + step * gap_ns)
        pace.sent(burst_of(pings, allowed, now_ns + step * gap_ns))
        sent += allowed
    assert sent == BATCH + 1_000


def test_pings_of_a_millisecond_go_together(pings: PingRequest) -> None:
    gap_ns = SECOND // 25_000
    pace = SendRate(buffer_bytes=1 << 30, gap_ns=gap_ns)
    now_ns = 100 * SECOND
    pace.sent(burst_of(pings, pace.allowance(now_ns), now_ns))
    assert [pace.allowance(now_ns + number * gap_ns) for number in (1, 24, 25, 40)] == [0, 0, 25, 40]
