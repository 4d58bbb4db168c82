"""What tests of hubs stand on."""

import asyncio
from pathlib import Path

import pytest

from tests.daemon.hub.stores import TestStore, add_hub, make_store
from tests.peers.postgres import Postgres


@pytest.fixture
def store(server: Postgres, tmp_path: Path) -> TestStore:
    """A store of two monitors, and of hubs."""

    async def made() -> TestStore:
        store = await make_store(server, tmp_path, "mon1", "mon2")
        await add_hub(store)
        return store

    return asyncio.run(made())
