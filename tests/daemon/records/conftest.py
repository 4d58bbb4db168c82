"""The office, and somebody at its door."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.daemon.records.office import Caller, Office, at_the_door


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def caller(office: Office, tmp_path: Path) -> AsyncIterator[Caller]:
    async with at_the_door(office, tmp_path / "control.sock") as somebody:
        yield somebody
