"""What tests of several rooms stand on."""

from collections.abc import Iterator

import pytest

from tests.peers.postgres import Postgres, postgres


@pytest.fixture(scope="module")
def module_server() -> Iterator[Postgres]:
    """A PostgreSQL of a module's own."""
    with postgres() as running:
        yield running


@pytest.fixture
def server(module_server: Postgres) -> Postgres:
    """The same, with nothing in it that another test left: it may be killed and started again."""
    module_server.clear()
    return module_server
