"""What tests of several rooms stand on."""

from collections.abc import Iterator

import pytest

from tests.peers.postgres import Postgres, postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL of a module's own: it may be killed and started again."""
    with postgres() as running:
        yield running
