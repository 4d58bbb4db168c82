"""A client who hangs up, wherever in a request or an answer, is no defect (issue #12, kind 5)."""

import asyncio
import logging
import socket
import struct
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.daemon.web.door import visit
from tests.daemon.web.doors import AUTHORIZED, DOORS, OpenDoor, open_door, request
from tests.daemon.web.test_doors_stay_open import LONG_ANSWER
from tests.daemon.web.test_web import raw
from tests.waiting import until_told

RESET = struct.pack("ii", 1, 0)
CUTS = {
    "before a word": b"",
    "in the head": b"GET / HTTP/1.1\r\nHost: loc",
    "in the body": request("/v1/maintenance", AUTHORIZED, "Content-Length: 99", method="POST", body="{"),
    "in a chunk": request(
        "/v1/maintenance", AUTHORIZED, "Transfer-Encoding: chunked", method="POST", body="9\r\n{"
    ),
    "before the answer": request("/v1/status", AUTHORIZED),
    "while slad works": request("/v1/solutions", AUTHORIZED) * 20,
}


async def _hang_up(door: OpenDoor, said: bytes, read: int, *, by_reset: bool) -> None:
    reader, writer = await door.came_in()
    writer.write(said)
    await reader.readexactly(read)
    if by_reset:
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@pytest.mark.parametrize("by_reset", [True, False], ids=["by reset", "by end"])
@pytest.mark.parametrize("name", DOORS)
async def test_who_hangs_up_leaves_no_error(
    name: str, by_reset: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = request(LONG_ANSWER[name], AUTHORIZED)
    with capture_logs() as logged, caplog.at_level(logging.INFO):
        async with open_door(name, tmp_path) as door:
            for said, read in (*((cut, 0) for cut in CUTS.values()), (long, 1), (long, 100_000)):
                await _hang_up(door, said, read, by_reset=by_reset)
                assert await door.is_open()

            async def is_empty() -> bool:
                others = asyncio.all_tasks() - {asyncio.current_task()}
                return not [task for task in others if "RequestHandler" in repr(task)]

            await until_told(is_empty, "the end of every connection")
    assert [each for each in logged if each["log_level"] in ("warning", "error", "critical")] == []
    assert caplog.records == []


async def test_a_handler_that_meets_the_end_of_its_connection_has_not_failed() -> None:
    def met_the_end() -> list[str]:
        raise ConnectionResetError

    with capture_logs() as logged:
        async with visit() as door:
            door.site.readiness = met_the_end  # type: ignore[method-assign]
            assert await raw(door.address, request("/-/ready")) == b""
    assert [each for each in logged if each["log_level"] == "error"] == []


@pytest.mark.parametrize("name", DOORS)
async def test_a_body_that_cannot_be_read_is_the_callers_fault(name: str, tmp_path: Path) -> None:
    said = request("/v1/maintenance", AUTHORIZED, "Transfer-Encoding: chunked", method="POST", body="zz\r\n")
    with capture_logs() as logged:
        async with open_door(name, tmp_path) as door:
            assert b" 400 " in (await door.asked(said)).splitlines()[0]
    assert [each for each in logged if each["log_level"] == "error"] == []
