"""The daemon that the commands ask."""

from collections.abc import Iterator

import pytest

from daemon.cli import asking
from tests.daemon.cli.recording import Slad, watching


@pytest.fixture(scope="module")
def slad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slad]:
    """One daemon for all tests, each of which leaves its records."""
    with watching(tmp_path_factory.mktemp("slad")) as running:
        yield running


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause before a retry."""
    monkeypatch.setattr(asking, "RETRY_S", 0)
