"""A list without a row says so, whatever it is of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.daemon.cli.issuing import Issuer, issuer
from tests.daemon.cli.test_help import COMMANDS

NEVER_EMPTY: Final = ("client", "list")
"""Whoever has no client has one that is called unassigned."""
LISTS: Final = [
    path
    for path in COMMANDS
    if path[-1] in ("list", "links", "calendar", "servers", "outages") and path != NEVER_EMPTY
]
NARROWED: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("servers",): ("--name", "nothing"),
    ("outages",): ("--client", "quiet"),
}


@pytest.fixture(scope="module")
def issuing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """A daemon with servers, on whose ledger nobody has recorded anything."""
    folder: Path = tmp_path_factory.mktemp("empty")
    with issuer(folder) as running:
        yield running


@pytest.mark.parametrize("path", LISTS, ids=" ".join)
def test_a_list_without_a_row_says_so(path: tuple[str, ...], issuing: Issuer) -> None:
    said = issuing.done(*path, *NARROWED.get(path, ()))
    assert len(said.splitlines()) == 1, said
    assert said.startswith(("No ", "There is no "))


def test_the_lists_are_these() -> None:
    assert {"statement list", "notice list", "client links", "outages"} <= {" ".join(path) for path in LISTS}
