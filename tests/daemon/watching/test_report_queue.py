"""The queue of reports: bounded, and quiet while nobody takes."""

import asyncio

import pytest

from daemon.watching.report_queue import ReportQueue
from tests.virtual import run


def test_items_that_are_left_in_it_wake_nobody_a_second_time() -> None:
    async def play() -> None:
        queue: ReportQueue[str] = ReportQueue()
        await queue.send("one")
        await queue.wait(60)
        assert len(queue) == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await queue.wait(60)
        await queue.send("another")
        async with asyncio.timeout(30):
            await queue.wait(60)
        assert queue.take() == ["one", "another"]

    run(play())
