"""What is to end ends, however often a library forgets that it was told to."""

import asyncio
from contextlib import suppress

import pytest

from daemon import ending
from daemon.ending import end


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_AGAIN_S", 0.001)


async def _forgetful(times: int) -> None:
    for _ in range(times):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
    await asyncio.sleep(3600)


async def test_a_cancel_that_was_forgotten_is_said_again() -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_forgetful(times)) for times in (0, 1, 5)]
        await asyncio.sleep(0)
        await end(tasks)
        assert all(task.cancelled() for task in tasks)


async def test_one_that_waits_with_a_library_of_python_3_11_ends_where_its_result_comes_at_the_same_time() -> (
    None
):
    result = asyncio.get_running_loop().create_future()

    async def waiting() -> None:
        await asyncio.wait_for(result, 3600)
        await asyncio.sleep(3600)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(waiting())
        await asyncio.sleep(0)
        result.set_result(None)
        await end([task])
        assert task.cancelled()


async def test_what_a_task_raises_is_its_own_to_tell() -> None:
    async def failing() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise OSError("gone")

    async def ended() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(failing())
            await asyncio.sleep(0)
            await end([task])

    with pytest.raises(ExceptionGroup) as raised:
        await ended()
    assert raised.group_contains(OSError, match="gone")


async def test_nothing_to_end_is_ended() -> None:
    await end([])
