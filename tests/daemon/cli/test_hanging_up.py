"""Who has read enough of a command's output hangs up, and nothing went wrong."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.daemon.control.fixed import FixedControl, fixed_api
from tests.daemon.web.doors import LONG_EXPORT


@pytest.mark.parametrize(
    "arguments", [("export",), ("status",), ("status", "--format", "json")], ids=" ".join
)
@pytest.mark.parametrize("read", [1, 0])
async def test_a_command_ends_as_by_sigpipe_and_says_nothing(
    arguments: tuple[str, ...], read: int, tmp_path: Path
) -> None:
    path = tmp_path / "control.sock"
    ours, theirs = os.pipe()
    asks = ("--socket", str(path))
    if not read:
        os.close(ours)
    async with fixed_api(path, FixedControl(lines=LONG_EXPORT)):
        command = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "daemon", *arguments, *asks, stdout=theirs, stderr=asyncio.subprocess.PIPE
        )
        os.close(theirs)
        if read:
            await asyncio.to_thread(os.read, ours, 1)
            os.close(ours)
        async with asyncio.timeout(60):
            _, said = await command.communicate()
    assert said == b""
    if not read or arguments == ("export",):
        assert command.returncode == 128 + signal.SIGPIPE
