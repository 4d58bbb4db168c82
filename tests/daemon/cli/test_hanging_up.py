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


async def test_so_does_a_daemon_that_tells_what_it_does(tmp_path: Path) -> None:
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daemon", "demo", "--servers", "10", "--port", "0", "--dir", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert demo.stdout is not None
    assert demo.stderr is not None
    async with asyncio.timeout(60):
        await demo.stdout.readline()
        demo.stdout._transport.close()  # type: ignore[attr-defined]  # there is no other way to hang up
        said = await demo.stderr.read()
        assert (await demo.wait(), said) == (128 + signal.SIGPIPE, b"")


async def test_a_folder_that_cannot_be_made_is_told_and_ends_a_demo_with_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daemon", "demo", "--dir", str(tmp_path / "file" / "demo")),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, said = await demo.communicate()
    assert demo.returncode == 1
    assert said.decode().startswith("slad: ")
