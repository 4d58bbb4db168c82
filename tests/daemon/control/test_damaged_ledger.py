"""A ledger that turns out to be damaged while it is exported is no defect of slad's: whoever asked is told what is damaged."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from daemon.control.client import BrokenOffError, ControlClient, RefusedByDaemonError
from daemon.evidence.export import exported
from daemon.ledger import Chained, LedgerDamagedError
from sla.records import ClientId
from tests.daemon.control.fixed import FixedControl, fixed_api

DAMAGE = "The ledger ledger.db is damaged: record 23 is none."
LINE = '{"kind":"client","seq":1}'


class Damaged(FixedControl):
    """Of its ledger so many lines can be read."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines

    async def export(self, *_: Any) -> AsyncIterator[str]:
        for _line in range(self._lines):
            yield LINE
        raise LedgerDamagedError(DAMAGE)


async def test_before_the_first_line_it_is_the_answer(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logged, pytest.raises(BrokenOffError, match=DAMAGE):
        assert await lines_of(tmp_path, Damaged(0)) == []
    assert [(event["event"], event["error"]) for event in logged if event["log_level"] == "error"] == [
        ("control_failed", DAMAGE)
    ]


@pytest.mark.parametrize("lines", [1, 5000])
async def test_later_it_is_the_last_line_before_the_answer_breaks_off(tmp_path: Path, lines: int) -> None:
    got: list[str] = []
    with structlog.testing.capture_logs(), pytest.raises(RefusedByDaemonError, match=DAMAGE):
        await lines_of(tmp_path, Damaged(lines), got)
    assert got == [LINE] * lines


async def lines_of(folder: Path, control: FixedControl, got: list[str] | None = None) -> list[str]:
    path, got = folder / "control.sock", [] if got is None else got
    async with fixed_api(path, control), ControlClient(path) as client:
        async for line in client.export():
            got.append(line)
    return got


@pytest.mark.parametrize("body", ["\x00", "[]", '{"kind"', '{"name":"x"}', ""])
async def test_a_record_that_is_none_is_named(body: str) -> None:
    async def read(after: int, _limit: int) -> list[Chained]:
        client = json.dumps({"kind": "client", "id": "acme"})
        return [Chained(1, client, b""), Chained(2, body, b"")] if after == 0 else []

    with pytest.raises(LedgerDamagedError, match="record 2 is none"):
        async for _ in exported(read, client=ClientId("acme")):
            pass
