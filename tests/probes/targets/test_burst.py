"""Many tries at once, and never more than allowed."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest

from probes.targets.burst import STARTS_A_TURN, burst


async def test_every_item_is_worked_on_and_never_too_many_at_once() -> None:
    done: list[int] = []
    under_way = most = 0

    async def work(item: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        done.append(item)

    await burst(range(1_000), work, at_once=7)
    assert sorted(done) == list(range(1_000))
    assert most == 7


async def test_the_loop_has_its_turn_while_many_start() -> None:
    turns: list[int] = []
    started = 0

    async def work(item: int) -> None:
        nonlocal started
        started += 1

    async def turn() -> None:
        while True:
            turns.append(started)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        turning = group.create_task(turn())
        await burst(range(1_000), work, at_once=1_000)
        turning.cancel()
    assert max(later - earlier for earlier, later in pairwise(turns)) <= STARTS_A_TURN


async def test_items_are_taken_when_there_is_room_for_them() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(100):
            taken += 1
            yield item

    hold = asyncio.Event()

    async def work(item: int) -> None:
        await hold.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(burst(items(), work, at_once=3))
        for _ in range(50):
            await asyncio.sleep(0)
        assert taken <= 4
        hold.set()
    assert taken == 100


async def test_an_error_ends_all_of_it() -> None:
    async def work(item: int) -> None:
        if item == 5:
            raise LookupError
        await asyncio.sleep(60)

    with pytest.raises(ExceptionGroup) as caught:
        await burst(range(100), work, at_once=10)
    assert caught.group_contains(LookupError)
